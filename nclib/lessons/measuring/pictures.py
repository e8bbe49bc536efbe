"""Figures of notebook 02, measuring collapse."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from nclib.palette import INK, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.quantities import COLLAPSED, QUANTITIES

LEAST = 1e-3  # of a limit: what is smaller is drawn there
KINDS = {"with": True, "without": False}


@house_style
def what_it_takes(table: pd.DataFrame) -> Kept:
    """The yardstick in one cell of the grid, beside NC1 against decay at its rate.

    The function takes ``batch_norm``, ``"with"`` or ``"without"``, ``weight_decay`` and
    ``learning_rate``. Left, each measure in units of its limit, a dot a seed; right, NC1 of all
    decays, the lines through the seeds' medians.

    Args:
        table: as ``grid.load_grid``, of one number of epochs.
    """
    decays = sorted(table.weight_decay.unique())
    figure, (left, right) = picture(1, 2, size=(9, 4), width_ratios=(1, 1.15))
    _yardstick_axis(left)
    right.set(yscale="log", ylim=(1e-4, 100), xlabel="weight decay", xlim=(-0.4, len(decays) - 0.6))
    right.set_xticks(range(len(decays)), [f"{decay:g}" for decay in decays])
    right.axhline(COLLAPSED["nc1"], color=INK, lw=1)
    (dots,) = left.plot([], [], "o", mec=INK, mew=0.7, ms=7, zorder=4)
    (ring,) = right.plot([], [], "o", mfc="none", mec=INK, ms=17, mew=1.3)
    title, above = left.set_title(" "), right.set_title(" ")
    lines, seeds = {}, {}
    for kind, color, line, marker in zip(KINDS, RUN_COLORS, ("-", "--"), "os", strict=False):
        (lines[kind],) = right.plot([], [], line, color=color, label=f"{kind} batch norm")
        (seeds[kind],) = right.plot([], [], marker, color=color, ms=5, alpha=0.8)
    right.legend(loc="upper left", ncols=2)

    @kept(figure, dots, title, above, *lines.values(), *seeds.values(), ring)
    def at(batch_norm: str, weight_decay: float, learning_rate: float) -> str:
        same = table[table.learning_rate == learning_rate]
        for kind, has in KINDS.items():
            runs = same[same.batch_norm == has]
            middle = runs.groupby("weight_decay").nc1.median()
            lines[kind].set_data(range(len(decays)), middle.reindex(decays))
            seeds[kind].set_data([decays.index(decay) for decay in runs.weight_decay], runs.nc1)
        cell = same[(same.batch_norm == KINDS[batch_norm]) & (same.weight_decay == weight_decay)]
        dots.set_data(*_shares(cell))
        dots.set_markerfacecolor(RUN_COLORS[0 if KINDS[batch_norm] else 1])
        ring.set_data([decays.index(weight_decay)], [cell.nc1.median()])
        where = f"{batch_norm} batch norm, decay {weight_decay:g}, rate {learning_rate:g}"
        title.set_text(f"{cell.collapsed.sum()} of {len(cell)} seeds collapsed")
        learnt = f"{(cell.train_accuracy == 1).sum()} of {len(cell)} learnt"
        above.set_text(f"NC1 at rate {learning_rate:g}; ringed: {learnt}")
        said = "; ".join(f"{_short(name)} {_range(cell[name])}" for name in COLLAPSED)
        return f"{where}: {title.get_text()}, {learnt} without a mistake. {said}."

    return at


def _yardstick_axis(axis: Axes) -> None:
    """A line for each measure, in units of its limit, and a band where it is met."""
    axis.set(xscale="log", xlim=(LEAST / 2, 1000), ylim=(len(COLLAPSED) - 0.4, -0.7))
    axis.set(xlabel="in units of its limit (least 0.001); a dot for each seed")
    axis.set_yticks(range(len(COLLAPSED)), [_short(name) for name in COLLAPSED])
    axis.axvspan(LEAST / 2, 1, color=RUN_COLORS[2], alpha=0.12, lw=0)
    axis.axvline(1, color=INK, lw=1)
    axis.text(0.8, -0.5, "collapsed", ha="right", va="center", fontsize=8.5)


def _shares(cell: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Measures in units of their limits, and the heights of their dots."""
    shares = (cell[[*COLLAPSED]] / pd.Series(COLLAPSED)).clip(lower=LEAST)
    heights = np.arange(len(COLLAPSED)) + np.linspace(-0.14, 0.14, len(cell))[:, None]
    return shares.to_numpy().ravel(), heights.ravel()


def _short(column: str) -> str:
    """A measure's words, of its panel in the player."""
    return next(one.player[1] for one in QUANTITIES.values() if column in one.columns)


def _range(values: pd.Series) -> str:
    """From the least to the greatest over the seeds; NaN where class means coincide."""
    if values.isna().all():
        return "undefined"
    least, greatest = (f"{value:.2g}" for value in (values.min(), values.max()))
    said = least if least == greatest else f"{least} to {greatest}"
    return said + (f", undefined in {values.isna().sum()}" if values.isna().any() else "")
