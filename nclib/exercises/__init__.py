"""Checks of the notebooks' exercises, one module a notebook.

A check prints one of three things, and never raises, so that a wrong answer does not block what
follows: not done yet (and what is to be done), right, or what was found, what was expected and one
hint.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from nclib.exercises._answers import OtherKindError

NOT_DONE, RIGHT, WRONG = "○ not done yet", "✓ right", "✗ not yet"


def check(judge: Callable[..., str | None]) -> Callable[..., None]:
    """Turn a function that returns a hint (None for a right answer) into a check that prints."""

    @functools.wraps(judge)
    def printed(answer: object) -> None:
        print(_verdict(judge, answer))  # noqa: T201

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
