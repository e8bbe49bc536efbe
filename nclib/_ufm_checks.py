"""Checks shared by the shallow and the deep unconstrained features model."""

from __future__ import annotations

import math
from numbers import Integral

from nclib._shapes import Number


def check_at_least(minimum: int, why: str = "", **sizes: int) -> None:
    """Raise ValueError naming the first of ``sizes`` that is not an integer ≥ ``minimum``."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or size < minimum:
            raise ValueError(f"{name} is {size}; give an integer of at least {minimum}{why}")


def check_decays(**decays: Number) -> None:
    """Raise ValueError naming the first of ``decays`` that is not a finite number ≥ 0."""
    for name, decay in decays.items():
        if not (math.isfinite(decay) and decay >= 0):
            raise ValueError(f"{name} is {decay}; give a finite number that is not negative")


def check_positive(why: str, **decays: Number) -> None:
    """The same for numbers > 0; ``why`` says what a zero would do."""
    check_decays(**decays)
    for name, decay in decays.items():
        if decay == 0:
            raise ValueError(f"{name} is 0; {why}")
