"""Figures and tables over several runs: networks × data sets × losses, and what time brings.

Runs are told apart by what their settings say; each figure says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nclib.palette import INK
from nclib.pictures.curves import draw, epoch_axis, legend, run_style, scale, when_right
from nclib.pictures.picture import Picture, house_style, label, picture
from nclib.quantities import QUANTITIES
from nclib.runs.tables import accuracy_gain, given
from nclib.runs.trajectory import Trajectory
from nclib.texts import readable


def _styles(runs: Sequence[Trajectory]) -> dict[str, tuple[str, str]]:
    """Colour and line of each loss, always the same for the two of the papers."""
    losses = ["cross_entropy", "squared_error"]
    losses += sorted({run.settings["loss"] for run in runs} - set(losses))
    return {loss: run_style(index) for index, loss in enumerate(losses)}


@house_style
def small_multiples(runs: Iterable[Trajectory], quantity: str = "nc1") -> Picture:
    """One quantity in all runs: a row for each data set, in it a cell for each network.

    Losses have their colours, thin lines and upright ones are those of ``collapse_panels``; all
    axes are the same, so that cells can be compared.

    Args:
        runs: trajectories; several of one cell and loss (seeds) are drawn over one another.
        quantity: ``"accuracy"``, ``"loss"``, ``"nc1"``, ``"equinorm"``, ``"equiangularity"``,
            ``"max_angle"``, ``"self_duality"`` or ``"ncc_mismatch"``.

    Raises:
        ValueError: for no runs or an unknown quantity.

    Source: after Papyan, Han, Donoho 2020, Figures 2-7.
    """
    runs = given(runs)
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity {quantity!r} is unknown; choose from {', '.join(QUANTITIES)}")
    shown = QUANTITIES[quantity]
    places, styles = _places(runs), _styles(runs)
    rows, columns = (1 + max(place[axis] for place in places.values()) for axis in (0, 1))
    size = (min(9, 2 + 2.3 * columns), 0.7 + 1.75 * rows)
    figure, axes = picture(rows, columns, size=size, sharey=True, squeeze=False)
    said = []
    for run in runs:
        place, loss = places[run.settings["data"], run.settings["network"]], run.settings["loss"]
        draw(axes[place], run, shown, *styles[loss], loss.replace("_", " "))
        cell = f"{readable(run.settings['data'])} · {run.settings['network']}"
        axes[place].set_title(label(cell, 40))
        first, end = run.metrics[shown.columns[0]].iloc[[0, -1]]
        said.append(f"{run.title}: from {first:.2g} to {end:.2g}, {when_right(run)}")
    last = max(int(run.epochs[-1]) for run in runs)
    for axis in axes.flat:
        scale(axis, shown)
        axis.set_xlim(0.9, 1.15 * (last + 1))
        axis.set_visible(axis.has_data())
    epoch_axis(axes, last)
    legend(figure, axes, shown.title, shown.thin if len(shown.columns) > 1 else None)
    figure.alt = f"{shown.title} against epoch. {'; '.join(said)}."
    return figure


def _places(runs: Sequence[Trajectory]) -> dict[tuple[str, str], tuple[int, int]]:
    """(data, network) → (row, column), in the order of the runs."""
    cells = dict.fromkeys((run.settings["data"], run.settings["network"]) for run in runs)
    rows = list(dict.fromkeys(data for data, _ in cells))
    in_row = {data: [cell for cell in cells if cell[0] == data] for data in rows}
    return {cell: (rows.index(cell[0]), in_row[cell[0]].index(cell)) for cell in cells}


@house_style
def accuracy_after_zero_error(runs: Iterable[Trajectory]) -> Picture:
    """Change in test accuracy, in points, from zero training error (ring) to the end (disc).

    Raises:
        ValueError: for no runs, or if none reached zero training error before its last epoch.

    Source: Papyan, Han, Donoho 2020, Table 1, as a picture.
    """
    runs = given(runs)
    table = accuracy_gain(runs)
    if table.empty:
        raise ValueError(
            "no run reached zero training error before its last epoch; train longer, or with less "
            "decay"
        )
    figure, axis = picture(size=(9, 1 + 0.27 * len(table)))
    styles = _styles(runs)
    named = [(readable(r.data), r.network, r.loss) for r in table.itertuples()]
    names = [" · ".join(one).replace("_", " ") for one in named]
    said = [
        f"{r.at_zero_error:.2f} → {r.at_end:.2f} % (epochs {r.zero_error_epoch} → {r.last_epoch})"
        for r in table.itertuples()
    ]
    place = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8, "color": INK}
    for row, words in zip(table.itertuples(), said, strict=True):
        color = styles[row.loss][0]
        axis.plot([0, row.gain], [row.Index] * 2, color=color, lw=2)
        axis.plot(0, row.Index, "o", mfc="white", color=color, ms=6)
        axis.plot(row.gain, row.Index, "o", color=color, ms=6)
        axis.annotate(words, (1.01, row.Index), **place)
    axis.set_yticks(range(len(names)), [label(name, 60) for name in names])
    axis.set(xlabel="change in test accuracy, points; ring: zero training error, disc: the end")
    axis.invert_yaxis()
    figure.alt = "Test accuracy from zero training error to the end. " + "; ".join(
        f"{name}: {words}" for name, words in zip(names, said, strict=True)
    )
    return figure
