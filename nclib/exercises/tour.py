"""Exercises of notebook 00, the tour."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from nclib._shapes import Tensor
from nclib.collapse import max_angle, pair_cosines
from nclib.etf import simplex_etf
from nclib.exercises import check


@check
def check_angle(answer: Callable[[int], float]) -> str | None:
    """A function of C that gives the angle in degrees between two collapsed class means."""
    for num_classes in (2, 3, 4, 10, 100):
        goal = math.degrees(math.acos(-1 / (num_classes - 1)))
        found = float(answer(num_classes))
        if abs(found - goal) > 0.01:
            return f"for {num_classes} classes {goal:.2f}° was expected, {found:.2f}° found. " + (
                "math.acos gives radians: convert to degrees"
                if abs(math.degrees(found) - goal) < 0.01
                else "C unit vectors that sum to zero with equal cosines c: 0 = C + C(C-1)c"
            )
    return None


@check
def check_max_angle(answer: Callable[[Tensor], float]) -> str | None:
    """A function of (C, p) class means that gives the mean of abs(cos + 1/(C-1)) over pairs."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(5, 8, generator=generator, dtype=torch.float64)
    cases = {
        "a simplex ETF": simplex_etf(5, 8),
        "a simplex ETF moved away from the origin": simplex_etf(5, 8) + 3,
        "random means": noise,
    }
    for name, means in cases.items():
        centred = means - means.mean(0)
        expected = max_angle(pair_cosines(centred @ centred.T), len(means))
        found = float(answer(means))
        if abs(found - expected) > 1e-6:
            return f"for {name} {expected:.4f} was expected, {found:.4f} found. {_hint(name)}"
    return None


def _hint(case: str) -> str:
    if "moved" in case:
        return "Subtract the mean of the class means first"
    return "Leave out each vector with itself (cosine 1), and take absolute values before the mean"


@check
def check_counter_example(answer: Callable[[], Any]) -> str | None:
    """A function that returns a trajectory: no training error at the end, and NC1 above 0.01."""
    last = answer().metrics.iloc[-1]
    if last.train_accuracy < 1:
        return (
            f"training accuracy is {last.train_accuracy:.1%}, 100 % is asked for. "
            "Keep the learning rate, and change what pulls the features together"
        )
    if last.nc1 <= 0.01:
        return (
            f"NC1 is {last.nc1:.1e}: it collapsed; above 0.01 is asked for. "
            "Which knob made collapse come faster? Turn it the other way, or stop sooner"
        )
    return None
