"""Figures of the squared error and its three terms: L = L_NC1 + L_NC2/3 + L_LS^⊥ (notebook 04).

The classes are pictures that are kept and redrawn, for sliders and while a network trains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from nclib.formulas.mse import MSEDecomposition
from nclib.lessons.decomposition.sliders import TERMS, AwayFromBest, NoiseAndShape, Stack
from nclib.palette import MUTED
from nclib.pictures.curves import epoch_axis, run_style
from nclib.pictures.picture import Picture, house_style, picture
from nclib.runs.trajectory import Trajectory

__all__ = ["TERMS", "AwayFromBest", "NoiseAndShape", "TermsOverTime", "perpendicular_shares"]
__all__ += ["share_table", "shares", "terms_of"]


def terms_of(decompositions: Mapping[int, MSEDecomposition]) -> pd.DataFrame:
    """Decompositions by epoch as a table with the columns of ``Trajectory.metrics``."""
    rows = [
        {"epoch": epoch} | {f"mse_{name}": value for name, value in one.as_dict().items()}
        for epoch, one in decompositions.items()
    ]
    return pd.DataFrame(rows)


class TermsOverTime:
    """The three terms under the loss curve (left), and their shares of it (right); kept.

    Args:
        epochs: where the axis ends.

    Attributes:
        picture: the one that is redrawn.
    """

    @house_style
    def __init__(self, epochs: int) -> None:
        self.picture, (left, right) = picture(1, 2, size=(9, 3.5))
        self.picture.alt = "Two empty panels: no epoch was measured yet."
        self._loss = left
        left.set(title="squared error $L$ and its terms", ylim=(0, 0.1))
        right.set(title="share of $L$", ylim=(0, 1))
        for axis in (left, right):
            axis.set(xscale="log", xlim=(1, epochs + 1))
        self._stacks = Stack(left), Stack(right)
        epoch_axis(np.array([[left, right]]), epochs)
        handles, names = left.get_legend_handles_labels()
        self.picture.legend(handles, names, loc="outside upper left", ncols=4)
        self._name = right.text(0.02, 0.95, "", color="white", va="top", weight="bold")
        self._name.set_transform(right.transAxes)
        self._artists = [a for stack in self._stacks for a in stack.artists] + [self._name]
        self.picture.keep_moving(self._artists)

    @house_style
    def of(self, run: Trajectory | pd.DataFrame, name: str = "") -> Picture:
        """The picture, always the same one, with the terms recorded so far.

        Args:
            run: a trajectory, or a table with its columns ``epoch`` and ``mse_…``.
            name: a few words written into the right panel.
        """
        table = run.metrics if isinstance(run, Trajectory) else run
        if table.empty:  # stopped at once
            return self.picture
        terms = table[[f"mse_{name}" for name in TERMS]].to_numpy().T
        total, x = terms.sum(0), table.epoch.to_numpy() + 1
        if total.max() > self._loss.get_ylim()[1] or total.max() < 0.5 * self._loss.get_ylim()[1]:
            self._loss.set_ylim(0, 1.15 * total.max())
            self.picture.keep_moving(self._artists)
        self._stacks[0].show(x, terms)
        self._stacks[1].show(x, terms / total)
        self._name.set_text(name)
        ends = zip(("NC1", "NC2/3", "the classifier's"), terms[:, -1] / total[-1], strict=True)
        said = ", ".join(f"{word} {share:.1%}" for word, share in ends)
        self.picture.alt = (
            f"Squared error and its three terms against epoch{name and ', '}{name}: L from "
            f"{total[0]:.2g} to {total[-1]:.2g} at epoch {x[-1] - 1}; shares at the end: {said}."
        )
        return self.picture


def shares(run: Trajectory | pd.DataFrame) -> np.ndarray:
    """(E,) L_LS^⊥/L at the measured epochs; of a trajectory, at the decay of its training."""
    table = run.metrics if isinstance(run, Trajectory) else run
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


@house_style
def perpendicular_shares(runs: Iterable[Trajectory]) -> Picture:
    """L_LS^⊥/L against epoch for several runs; upright: where 99.9 % are first right.

    Runs of one cell (data and network) have one colour; below the dotted line is less than 2 %.

    Raises:
        ValueError: for no runs.

    Source: after Han, Papyan, Donoho 2022 (the proximity of training to the central path).
    """
    runs = list(runs)
    if not runs:
        raise ValueError("there are no runs; give at least one trajectory")
    figure, axis = picture(size=(8.5, 4.2))
    cells = list(dict.fromkeys(_cell(run) for run in runs))
    for run in runs:
        color, line = run_style(cells.index(_cell(run)))
        first = _cell(run) not in [line.get_label() for line in axis.lines]
        label = _cell(run) if first else None
        axis.plot(run.epochs + 1, shares(run), line, color=color, label=label)
        if run.terminal_epoch is not None:
            axis.axvline(run.terminal_epoch + 1, color=color, lw=0.8, alpha=0.7)
    axis.axhline(0.02, color=MUTED, lw=1, ls=":")
    axis.set(xscale="log", yscale="log", ylim=(1e-3, 1.3), title=r"$L_{\mathrm{LS}}^{\perp}/L$")
    axis.set_yticks([1e-3, 1e-2, 0.02, 0.1, 1], ["0.1 %", "1 %", "2 %", "10 %", "100 %"])
    last = max(int(run.epochs[-1]) for run in runs)
    axis.set_xlim(0.9, 1.15 * (last + 1))
    epoch_axis(np.array([[axis]]), last)
    axis.minorticks_off()
    figure.legend(loc="outside right upper")
    figure.alt = "Share of the classifier's distance term in the squared error against epoch. "
    figure.alt += "; ".join(
        f"{run.title}: {shares(run)[0]:.2g} at epoch {run.epochs[0]}, at most "
        f"{shares(run).max():.2g}, {shares(run)[-1]:.2g} at epoch {run.epochs[-1]}"
        for run in runs
    )
    return figure


def _cell(run: Trajectory) -> str:
    return f"{run.settings['data']} · {run.settings['network']}"
