"""Exercises of notebook 00, the tour."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from nclib.formulas.collapse import max_angle, pair_cosines
from nclib.formulas.etf import simplex_etf
from nclib.lessons.answers import check, last_epoch, number, slip
from nclib.quantities import COLLAPSED
from nclib.shapes import Tensor


@check
def check_angle(answer: Callable[[int], float]) -> str | None:
    """A function of C that gives the angle in degrees between two collapsed class means."""
    for num_classes in (2, 3, 4, 10, 100):
        cosine = -1 / (num_classes - 1)
        goal = math.degrees(math.acos(cosine))
        found = number(answer(num_classes))
        if abs(found - goal) > 0.01:
            slips = {
                math.radians(goal): "math.acos gives radians: convert to degrees",
                cosine: "That is the cosine; the angle is its arccosine, in degrees",
                180 - goal: "The cosine is negative: the angle is wider than 90°",
            }
            return f"for {num_classes} classes {goal:.2f}° was expected, {found:.2f}° found. " + (
                slip(found, slips, within=0.01)
                or "C unit vectors that sum to zero with equal cosines c: 0 = C + C(C-1)c"
            )
    return None


@check
def check_max_angle(answer: Callable[[Tensor], float]) -> str | None:
    """A function of (C, p) class means that gives the mean of abs(cos + 1/(C-1)) over pairs."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(5, 8, generator=generator, dtype=torch.float64)
    cases = {
        "random means": noise,
        "a simplex ETF": simplex_etf(5, 8),
        "a simplex ETF moved away from the origin": simplex_etf(5, 8) + 3,
    }
    for name, means in cases.items():
        gram = _gram(means - means.mean(0))
        expected = max_angle(pair_cosines(gram), len(means))
        found = number(answer(means))
        if abs(found - expected) > 1e-6:
            return f"for {name} {expected:.4f} was expected, {found:.4f} found. " + (
                slip(abs(found), _slips(means, gram))
                or "Centre the means, divide each row by its norm, and take the products of "
                "different rows"
            )
    return None


def _gram(rows: Tensor) -> Tensor:
    return rows @ rows.T


def _slips(means: Tensor, gram: Tensor) -> dict[float, str]:
    """What is found when one step is left out, and the hint that names the step."""
    pairs = tuple(torch.triu_indices(len(means), len(means), 1))
    cosines, widest = pair_cosines(gram), -1 / (len(means) - 1)
    norms = gram.diagonal().sqrt()
    each = {
        "Subtract the mean of the class means first": pair_cosines(_gram(means)) - widest,
        "Divide each row by its norm: products of unit vectors are cosines": gram[pairs] - widest,
        "Leave out each vector with itself (cosine 1)": gram / norms / norms[:, None] - widest,
        "Take absolute values before the mean": (cosines - widest).mean(),
        "Add 1/(C-1): the widest cosine is -1/(C-1)": cosines,
        "Add 1/(C-1), do not subtract it: the widest cosine is negative": cosines + widest,
        "C-1, not C: the widest cosine is -1/(C-1)": cosines + 1 / len(means),
        "The mean over the pairs is asked for, not the largest": (cosines - widest).abs().max(),
    }
    return {float(off.abs().mean()): hint for hint, off in each.items()}


@check
def check_counter_example(answer: Callable[[], Any]) -> str | None:
    """A function that returns a trajectory: learnt without error, but not ``COLLAPSED``."""
    last = last_epoch(answer())
    if last.train_accuracy != 1:
        return (
            f"training accuracy is {last.train_accuracy:.1%}, 100 % is asked for. "
            "Train longer, or with less decay"
        )
    if all(last[name] < limit for name, limit in COLLAPSED.items()):
        return (
            f"every measure is below its limit (NC1 {last.nc1:.1e}): it collapsed. "
            "Which two knobs took collapse further? Turn both the other way"
        )
    return None
