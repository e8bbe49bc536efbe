"""Quantities of a run against epoch on one axis: what figures of one and of many runs share."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nclib.palette import MUTED, RUN_COLORS
from nclib.quantities import Quantity
from nclib.runs.trajectory import Trajectory

RUN_LINES = ("-", "--", "-.", ":")
EPOCHS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000)  # with a number on the axis
ALL_THIN = "classifier (in NC2), test set (elsewhere)"


def run_style(index: int) -> tuple[str, str]:
    """Colour and line of the ``index``-th run: by the line alone four differ, by both eight."""
    return RUN_COLORS[index % len(RUN_COLORS)], RUN_LINES[index % len(RUN_LINES)]


def draw(
    axis: Axes, run: Trajectory, quantity: Quantity, color: str, line: str, label: str | None = None
) -> None:
    """The quantity's lines; dashed upright, where 99.9 % of the training set is first right."""
    table = run.metrics
    for column, width in zip(quantity.columns, (1.9, 0.8), strict=False):
        name = label if width > 1 else None
        axis.plot(table.epoch + 1, table[column], line, color=color, lw=width, label=name)
    if run.terminal_epoch is not None:
        axis.axvline(run.terminal_epoch + 1, color=color, lw=0.9, ls=line, alpha=0.7)


def when_right(run: Trajectory) -> str:
    """In words, where 99.9 % of the training set is first right."""
    if run.terminal_epoch is None:
        return "never 99.9 % of the training set right"
    return f"99.9 % of the training set right from epoch {run.terminal_epoch}"


def legend(figure: Figure, axes: np.ndarray, title: str | None, thin: str | None) -> None:
    """The lines of all axes, each name once, above the figure; and what thin ones are."""
    named = {}
    for axis in axes.flat:
        handles, names = axis.get_legend_handles_labels()
        named |= dict(zip(names, handles, strict=True))
    if thin is not None:
        named[f"thin: {thin}"] = Line2D([], [], color=MUTED, lw=0.8)
    style = {"loc": "outside upper left", "ncols": 4, "alignment": "left"}
    figure.legend(named.values(), named.keys(), title=title, title_fontsize=10, **style)


def scale(axis: Axes, quantity: Quantity) -> None:
    """Log epochs; the quantity's own axis below."""
    axis.set_xscale("log")
    if quantity.floor is None:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=quantity.floor)


def epoch_axis(axes: np.ndarray, last: int) -> None:
    """``epoch_ticks`` on all axes, and their name below each column."""
    for axis in axes.flat:
        epoch_ticks(axis, last)
    for column in axes.T:
        lowest = [axis for axis in column if axis.has_data()][-1:] or column[-1:]
        lowest[0].set_xlabel("epoch")


def epoch_ticks(axis: Axes, last: int) -> None:
    """Epoch e at e + 1, so that epoch 0 is on the log axis."""
    ticks = [e for e in EPOCHS if e <= last]
    axis.set_xticks([e + 1 for e in ticks], [str(e) for e in ticks])
    axis.minorticks_off()
