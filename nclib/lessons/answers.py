"""Checks of the notebooks' exercises, one module a notebook.

A check prints one of three things, and never raises, so that a wrong answer does not block what
follows: not done yet (and what is to be done), right, or what was found, what was expected and one
hint.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch

from nclib.shapes import Tensor
from nclib.texts import say

NOT_DONE, RIGHT, WRONG = "○ not done yet", "✓ right", "✗ not yet"


def check(judge: Callable[..., str | None]) -> Callable[..., None]:
    """Turn a function that returns a hint (None for a right answer) into a check that prints."""

    @functools.wraps(judge)
    def printed(answer: object) -> None:
        say(_verdict(judge, answer))

    return printed


def _verdict(judge: Callable[..., str | None], answer: object) -> str:
    try:
        hint = judge(answer)
    except NotImplementedError as todo:
        return f"{NOT_DONE}: {todo}" if str(todo) else NOT_DONE
    except OtherKindError as other:
        return f"{WRONG}: {other}"
    except Exception as error:  # the learner's function failed: say how, go on
        return f"{WRONG}: it raised {type(error).__name__}: {error}"
    return RIGHT if hint is None else f"{WRONG}: {hint}"


# What an answer must be before it can be judged, and what is said when it is something else


class OtherKindError(Exception):
    """The answer is of another kind than asked for; the message tells the learner."""


def number(found: Any) -> float:
    """The one finite number that an answer is."""
    try:
        value = float(found)
    except (TypeError, ValueError, RuntimeError):
        raise _other("one number", found) from None
    if not math.isfinite(value):
        raise OtherKindError(
            f"{value} was returned. Look for a division by zero, or for the root, the logarithm "
            "or the arccosine of a number that has none"
        )
    return value


def tensor(found: Any, *shape: int, called: str) -> Tensor:
    """The finite float64 tensor of this shape that an answer, or a part of it, is."""
    try:
        values = torch.as_tensor(found).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise _other(f"{called} of shape {shape}", found) from None
    if tuple(values.shape) != shape:
        raise _other(f"{called} of shape {shape}", values)
    if not values.isfinite().all():
        raise OtherKindError(f"{called} has entries that are infinite or nan")
    return values


def pair(found: Any, called: str) -> tuple[Any, Any]:
    """The two things that an answer is."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise _other(f"a pair, {called},", found)
    return found[0], found[1]


def last_epoch(found: Any) -> Any:
    """The last row of the metrics of the trajectory that an answer is."""
    metrics = getattr(found, "metrics", None)
    if not hasattr(metrics, "iloc"):
        raise _other("a trajectory", found)
    return metrics.iloc[-1]


def _other(asked: str, found: Any) -> OtherKindError:
    missing = ": is there a `return`?" if found is None else ""
    return OtherKindError(f"{asked} is asked for, {described(found)} was returned{missing}")


def described(found: Any) -> str:
    """An answer in a few words."""
    if found is None:
        return "nothing"
    if isinstance(found, tuple | list):
        return f"a {type(found).__name__} of {len(found)}"
    shape = getattr(found, "shape", None)
    size = f" and shape {tuple(shape)}" if shape is not None else ""
    return f"something of type {type(found).__name__}{size}"


def slip(found: float, slips: dict[float, str], within: float = 1e-6) -> str | None:
    """The hint of the known mistake whose value was found."""
    return next((hint for value, hint in slips.items() if abs(found - value) < within), None)
