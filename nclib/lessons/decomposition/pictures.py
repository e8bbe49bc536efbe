"""Figures of the squared error and its three terms: L = L_NC1 + L_NC2/3 + L_LS^⊥ (notebook 04)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from nclib.formulas.mse import MSEDecomposition
from nclib.lessons.decomposition.sliders import TERMS, stack
from nclib.palette import MUTED
from nclib.pictures.curves import epoch_axis, run_style
from nclib.pictures.picture import Kept, Picture, house_style, kept, picture
from nclib.runs.tables import given
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Number


def terms_of(decompositions: Mapping[int, MSEDecomposition]) -> pd.DataFrame:
    """Decompositions by epoch as a table with the columns of ``Trajectory.metrics``."""
    rows = [
        {"epoch": epoch} | {f"mse_{name}": value for name, value in one.as_dict().items()}
        for epoch, one in decompositions.items()
    ]
    return pd.DataFrame(rows)


@house_style
def terms_over_time(epochs: int) -> Kept:
    """The three terms under the loss curve (left), and their shares of it (right).

    Call what is returned with a trajectory, or a table with its columns ``epoch`` and ``mse_…``,
    and maybe a few words for the right panel. An empty table leaves the picture as it is.

    Args:
        epochs: where the axis ends, at least 1.
    """
    figure, (left, right) = picture(1, 2, size=(9, 3.5))
    figure.alt = "Two empty panels: no epoch was measured yet."
    left.set(title="squared error $L$ and its terms", ylim=(0, 0.1))
    right.set(title="share of $L$", ylim=(0, 1))
    for axis in (left, right):
        axis.set(xscale="log", xlim=(1, epochs + 1))
    (show_terms, areas), (show_shares, parts) = stack(left), stack(right)
    epoch_axis(np.array([[left, right]]), epochs)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=4)
    words = right.text(0.02, 0.95, "", color="white", va="top", weight="bold")
    words.set_transform(right.transAxes)
    moving = [*areas, *parts, words]

    @kept(figure, *moving)
    def of(run: Trajectory | pd.DataFrame, name: str = "") -> str:
        table = _table(run)
        if table.empty:  # stopped at once
            return figure.alt
        terms = table[[f"mse_{term}" for term in TERMS]].to_numpy().T
        total, x = terms.sum(0), table.epoch.to_numpy() + 1
        if not 0.5 * left.get_ylim()[1] <= total.max() <= left.get_ylim()[1]:
            left.set_ylim(0, 1.15 * total.max())
            figure.keep_moving(moving)
        show_terms(x, terms)
        show_shares(x, terms / total)
        words.set_text(name)
        ends = zip(("NC1", "NC2/3", "the classifier's"), terms[:, -1] / total[-1], strict=True)
        said = ", ".join(f"{word} {share:.1%}" for word, share in ends)
        return (
            f"Squared error and its three terms against epoch{name and ', '}{name}: L from "
            f"{total[0]:.2g} to {total[-1]:.2g} at epoch {x[-1] - 1}; shares at the end: {said}."
        )

    return of


def _table(run: Trajectory | pd.DataFrame) -> pd.DataFrame:
    return run.metrics if isinstance(run, Trajectory) else run


def shares(run: Trajectory | pd.DataFrame, since: Number = 0) -> np.ndarray:
    """(E,) L_LS^⊥/L at the measured epochs since one; of a trajectory, at its training's decay."""
    table = _table(run)
    table = table[table.epoch >= since]
    return (table.mse_perpendicular / table.mse_total).to_numpy()


def share_table(runs: Mapping[str, Trajectory]) -> pd.DataFrame:
    """L_LS^⊥/L in percent: at the start, the largest, when 99.9 % are first right, at the end.

    A row for each run by its name (NaN where 99.9 % were not reached); then NC1 at the end.
    """
    rows = {}
    for name, run in runs.items():
        share = pd.Series(100 * shares(run), index=run.epochs)
        row = {"start": share.iloc[0], "largest": share.max()}
        row |= {"at 99.9 % right": share.get(run.terminal_epoch, np.nan), "end": share.iloc[-1]}
        rows[name] = row | {"NC1 at the end": run.metrics.nc1.iloc[-1]}
    return pd.DataFrame.from_dict(rows, orient="index")


def in_percent(table: pd.DataFrame) -> Styler:
    """``share_table`` as a notebook shows it."""
    *of_loss, nc1 = table
    return table.style.format("{:.1f} %", subset=of_loss).format("{:.1e}", subset=[nc1])


@house_style
def perpendicular_shares(runs: Iterable[Trajectory]) -> Picture:
    """L_LS^⊥/L against epoch for several runs; upright: where 99.9 % are first right.

    Runs of one cell (data and network) have one colour; below the dotted line is less than 2 %.

    Raises:
        ValueError: for no runs.

    Source: after Han, Papyan, Donoho 2022 (the proximity of training to the central path).
    """
    runs = given(runs)
    figure, axis = _share_axis(max(int(run.epochs[-1]) for run in runs))
    cells = list(dict.fromkeys(_cell(run) for run in runs))
    for run in runs:
        color, line = run_style(cells.index(_cell(run)))
        first = _cell(run) not in [line.get_label() for line in axis.lines]
        label = _cell(run) if first else None
        axis.plot(run.epochs + 1, shares(run), line, color=color, label=label)
        if run.terminal_epoch is not None:
            axis.axvline(run.terminal_epoch + 1, color=color, lw=0.8, alpha=0.7)
    figure.legend(loc="outside right upper")
    figure.alt = _said((run.title, run) for run in runs)
    return figure


@house_style
def shares_by_name(runs: Mapping[str, Trajectory | pd.DataFrame]) -> Picture:
    """L_LS^⊥/L against epoch, a line for each run or table by its name; empty tables are left out.

    Raises:
        ValueError: if nothing is left.
    """
    filled = {name: run for name, run in runs.items() if len(_table(run))}
    if not filled:
        raise ValueError("there are no runs to draw; give at least one that was measured")
    figure, axis = _share_axis(max(int(_table(run).epoch.max()) for run in filled.values()))
    for number, (name, run) in enumerate(filled.items()):
        color, line = run_style(number)
        axis.plot(_table(run).epoch + 1, shares(run), line, color=color, label=name)
    figure.legend(loc="outside right upper")
    figure.alt = _said(filled.items())
    return figure


def _share_axis(last: int) -> tuple[Picture, Axes]:
    figure, axis = picture(size=(8.5, 4.2))
    axis.axhline(0.02, color=MUTED, lw=1, ls=":")
    axis.set(xscale="log", yscale="log", ylim=(1e-3, 1.3), title=r"$L_{\mathrm{LS}}^{\perp}/L$")
    axis.set_yticks([1e-3, 1e-2, 0.02, 0.1, 1], ["0.1 %", "1 %", "2 %", "10 %", "100 %"])
    axis.set_xlim(0.9, 1.15 * (last + 1))
    epoch_axis(np.array([[axis]]), last)
    axis.minorticks_off()
    return figure, axis


def _said(runs: Iterable[tuple[str, Trajectory | pd.DataFrame]]) -> str:
    words = []
    for name, run in runs:
        epochs, share = _table(run).epoch.to_numpy(), shares(run)
        words.append(
            f"{name}: {share[0]:.2g} at epoch {epochs[0]}, at most {share.max():.2g}, "
            f"{share[-1]:.2g} at epoch {epochs[-1]}"
        )
    start = "Share of the classifier's distance term in the squared error against epoch. "
    return start + "; ".join(words)


def _cell(run: Trajectory) -> str:
    return f"{run.settings['data']} · {run.settings['network']}"
