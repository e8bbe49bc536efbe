"""The law of equal improvement: each layer separates the classes better by the same factor.

He and Su measure D = tr(Σ_W Σ_B⁺) at every layer; NC1 is D/C for equal class weights, so that log D
and log NC1 have one slope. A straight line says little by itself: an untrained network gives one,
too, but rising. So the factor a layer and R² belong together.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nclib.checks import plain_number
from nclib.shapes import Float, Int, Number

NEVER = -1


class LogLine(NamedTuple):
    """The least-squares line through log values over the numbers of their layers 0, 1, …, L-1.

    Attributes:
        ratio: factor from one layer to the next, exp of the slope; > 0, below 1 where values fall.
        r_squared: share of the variance of the log values on the line; in [0, 1], 1 for a line.
        intercept: the line's logarithm at layer 0.
    """

    ratio: float
    r_squared: float
    intercept: float

    def at(self, layers: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
        """The line's values at these layers."""
        return np.exp(self.intercept + math.log(self.ratio) * layers)


def log_linear(values: Float[np.ndarray, " L"]) -> LogLine:
    """The line through log values (L,), such as NC1 of each layer from first to last.

    All NaN where a value is not finite or not above 0. R² of equal values is NaN: any line through
    a constant explains nothing.

    Raises:
        ValueError: for fewer than three values: a line through two says nothing; and for what is
            not (L,) numbers.

    Source: He, Su 2023, A law of data separation in deep learning, equation (1).
    """
    values = _numbers(values, "L")
    if len(values) < 3:
        raise ValueError(f"values are {len(values)}; a line needs at least three layers")
    if not (np.isfinite(values) & (values > 0)).all():
        return LogLine(math.nan, math.nan, math.nan)
    logs, layers = np.log(values), np.arange(len(values))
    slope, intercept = np.polyfit(layers, logs, 1)
    spread = np.square(logs - logs.mean()).sum()
    explained = slope**2 * np.square(layers - layers.mean()).sum()
    r_squared = min(explained / spread, 1.0) if np.ptp(logs) else math.nan
    return LogLine(float(np.exp(slope)), float(r_squared), float(intercept))


# Over training: values (E, L), a row for each measured epoch, the first of them the start


def first_below(values: Float[np.ndarray, "E L"], share: Number = 0.1) -> Int[np.ndarray, " L"]:
    """First row in which a layer's value is below this share of its start; -1 for never.

    It need not stay there. Reading it from the last layer to the first shows the front by which
    collapse seems to move backwards. The start itself is never below for a share of at most 1.

    Raises:
        ValueError: for values that are not (E, L), and a share that is no number above 0.
    """
    values, share = _numbers(values, "E L"), plain_number("share", share, wanted=" above 0")
    if share <= 0:
        raise ValueError(f"share is {share}; give a number above 0")
    return _first(values < share * values[:1])


def half_of_fall(values: Float[np.ndarray, "E L"]) -> Int[np.ndarray, " L"]:
    """First row at which half of a layer's own logarithmic fall, start to end, is behind it.

    There the value is at most the geometric mean of its first and its last; -1 for a layer that
    ends no lower than it began.

    Raises:
        ValueError: for values that are not (E, L).
    """
    values = _numbers(values, "E L")
    half = np.sqrt(values[0]) * np.sqrt(values[-1])
    falls = values[-1] < values[0]
    return np.where(falls, _first(values <= half), NEVER)


def fall_after(values: Float[np.ndarray, "E L"], row: int) -> Float[np.ndarray, " L"]:
    """Logarithm of a layer's value in this row over its last; negative where it rises again.

    Raises:
        ValueError: for values that are not (E, L), and a row that they have not.
    """
    values = _numbers(values, "E L")
    if row not in range(-len(values), len(values)):
        raise ValueError(f"row is {row!r}; values have {len(values)} rows, from 0 on")
    return np.log(values[row] / values[-1])


def falls_with_depth(values: Float[np.ndarray, "E L"]) -> np.ndarray:
    """(E,) whether in each row every layer's value is below that of the layer before.

    Raises:
        ValueError: for values that are not (E, L).
    """
    values = _numbers(values, "E L")
    return (np.diff(values, axis=1) < 0).all(axis=1)


def _first(holds: np.ndarray) -> Int[np.ndarray, " L"]:
    """First row where it holds, by column."""
    return np.where(holds.any(axis=0), holds.argmax(axis=0), NEVER)


def _numbers(values: Any, axes: str) -> np.ndarray:
    """As float64 with these axes, or ValueError; a table of no rows or no layers is refused."""
    wanted = f"({', '.join(axes.split())}{',' * (axes == 'L')})"
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"values are {values!r}; give numbers {wanted}") from None
    if found.ndim != len(axes.split()) or (found.ndim == 2 and not found.size):
        raise ValueError(f"values have shape {found.shape}; give {wanted}, a layer each along L")
    return found
