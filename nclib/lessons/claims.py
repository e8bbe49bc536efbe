"""A claim is one line: what is claimed, the number found, the limit; asserted and printed."""

from __future__ import annotations

from typing import Any

import numpy as np


def claim(
    what: str,
    found: Any,
    *,
    below: float | None = None,
    above: float | None = None,
    near: float | None = None,
) -> None:
    """Print what was checked, with the number found and its limits, or raise AssertionError.

    Args:
        what: the claim in words.
        found: a number, or many (tensor, array, column, list): then every one must comply, and the
            one nearest to a limit is printed. Without limits: what must be true.
        below: what it must be less than.
        above: what it must exceed.
        near: with ``below``, the value from which it must be less than that away.

    Raises:
        AssertionError: where the claim fails, for NaN, and for no numbers at all.
    """
    values = np.ravel(np.asarray([float(one) for one in np.ravel(np.asarray(found))]))
    away = values if near is None else np.abs(values - near)
    good = len(values) > 0 and not np.isnan(values).any()
    good &= below is not None or above is not None or bool(values.all())
    good &= bool(below is None or (away < below).all()) and bool(
        above is None or (away > above).all()
    )
    limits = [
        f"{sign} {limit:g}" for sign, limit in (("<", below), (">", above)) if limit is not None
    ]
    worst = (away.min() if below is None else away.max()) if len(values) else np.nan
    number = f" = {worst:.3g}" + (f" from {near:g}" if near is not None else "") if limits else ""
    line = f"{what}{number}" + (f" (limit {', '.join(limits)})" if limits else "")
    if not good:
        raise AssertionError(f"does not hold: {line}")
    print(f"checked: {line}")  # noqa: T201
