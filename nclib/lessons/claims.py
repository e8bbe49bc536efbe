"""A claim is one line: what is claimed, the number found, the limit; asserted and printed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from nclib.quantities import COLLAPSED
from nclib.shapes import Number
from nclib.texts import say


def claim(
    what: str,
    found: Any,
    *,
    below: Number | None = None,
    above: Number | None = None,
    near: Number | None = None,
) -> None:
    """Print what was checked, with the number found and its limits, or raise AssertionError.

    Args:
        what: the claim in words.
        found: a number, or many (tensor, array, column, list): then every one must comply, and the
            one that comes nearest to failing is printed, with its name in a column. Without
            limits: what must be true.
        below: what it must be less than.
        above: what it must exceed.
        near: a value; ``below`` and ``above`` then limit the distance from it.

    Raises:
        AssertionError: where the claim fails, for NaN, and for no numbers at all.
        ValueError: for ``near`` without a limit.
    """
    if near is not None and below is None and above is None:
        raise ValueError(f"{what}: near is {near:g}; say with below how far away is near enough")
    values = _numbers(found)
    if not len(values):
        raise AssertionError(f"does not hold: {what}: there is nothing to check")
    away = values if near is None else np.abs(values - near)
    room = [limit - away for limit in (below,) if limit is not None]
    room += [away - limit for limit in (above,) if limit is not None]
    slack = np.min(room, axis=0) if room else values != 0
    worst = int(np.where(np.isnan(values), -np.inf, slack).argmin())
    signs = {"<": below, ">": above}
    limits = ", ".join(f"{sign} {limit:.3g}" for sign, limit in signs.items() if limit is not None)
    said = what
    if limits or np.isnan(values[worst]):
        said += f" = {values[worst]:.3g}"
    if near is not None:
        said += f", {away[worst]:.2g} from {near:.3g}"
    if isinstance(found, pd.Series):
        said += f" at {found.index[worst]}"
    if limits:
        said += f" (limit {limits})"
    if not slack[worst] > 0 or np.isnan(values[worst]):
        raise AssertionError(f"does not hold: {said}")
    say(f"checked: {said}")


def claim_collapsed(what: str, end: pd.Series) -> None:
    """Claim that a row of ``Trajectory.metrics`` is collapsed by the suite's yardstick.

    Raises:
        AssertionError: where one of the measures in ``quantities.COLLAPSED`` exceeds its limit.
    """
    for name, limit in COLLAPSED.items():
        claim(f"{what}: {name}", end[name], below=limit)


def _numbers(found: Any) -> np.ndarray:
    """One or many numbers or truths as float64 (N,)."""
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu()
    return np.ravel(np.asarray(found, dtype=float))
