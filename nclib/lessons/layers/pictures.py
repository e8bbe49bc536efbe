"""Layers by epochs, and what becomes of a deep head; figures of notebook 08."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D

from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, Picture, house_style, kept, label, picture
from nclib.runs.layer_runs import LayerRun

SCALE = {"norm": LogNorm(1e-3, 10), "cmap": "viridis"}  # dark is collapsed
SPLITS = ("train", "test")
WORDS = {"train": "training", "test": "test"}


def rows_of(report: CollapseReport, split: str = "train") -> pd.DataFrame:
    """The numbers of every layer in a report, a row each, from first to last."""
    rows = [row for row in report.layers if row["split"] == split]
    return pd.DataFrame(rows).set_index("layer")


def nc1_by_epoch(reports: Mapping[int, CollapseReport], split: str = "train") -> pd.DataFrame:
    """NC1 of every layer, a row each, in reports by epoch, a column each."""
    columns = {epoch: rows_of(report, split).nc1 for epoch, report in reports.items()}
    return pd.DataFrame(columns).rename_axis(columns="epoch")


def heat_maps(runs: Mapping[str, LayerRun]) -> Kept:
    """``heat_map`` of one of the runs: the function takes ``network`` and ``split``."""
    drawn = {name: heat_map(run, name) for name, run in runs.items()}
    for one in drawn.values():
        one(SPLITS[0]).png()  # now, and no slider has to wait for it

    def at(network: str, split: str) -> Picture:
        return drawn[network](split)

    return at


@house_style
def heat_map(run: LayerRun, name: str) -> Kept:
    """NC1 by layer and epoch; beside it the layers before training, at its end, and the control.

    The function takes ``split``, ``"train"`` or ``"test"``.

    Args:
        run: any.
        name: of the network, above the picture.
    """
    nc1, epochs = {split: run.values("nc1", split) for split in SPLITS}, run.epochs
    figure, (left, right) = picture(1, 2, size=(9, 4), width_ratios=(1.5, 1), sharey=True)
    image = left.imshow(nc1["train"].T, origin="lower", aspect="auto", **SCALE)
    ticks = _spaced(epochs)
    left.set_xticks(ticks, [str(epochs[tick]) for tick in ticks])
    left.set_yticks(range(len(run.layers)), [label(layer) for layer in run.layers])
    left.set_xlabel("epoch")
    left.grid(visible=False)
    figure.colorbar(image, ax=left, extend="both", pad=0.02)
    title, untrained = left.set_title(" "), _ends(right, run)

    @kept(figure, image, title, untrained)
    def at(split: str) -> str:
        image.set_data(nc1[split].T)
        untrained.set_xdata(nc1[split][0])
        title.set_text(f"{name}: NC1 on {WORDS[split]} images")
        said = "; ".join(
            f"at epoch {epochs[row]} {_listed(nc1[split][row])}"
            for row in (0, len(epochs) // 2, -1)
        )
        return f"{title.get_text()}, from the input to the last layer: {said}."

    return at


def _ends(axis: Axes, run: LayerRun) -> Line2D:
    """NC1 by layer at the end, and of shuffled labels; the line of the start, which moves."""
    places = range(len(run.layers))
    ends = [run.values("nc1", split)[-1] for split in SPLITS]
    shuffled = run.values("shuffled")[-1]
    axis.plot(shuffled, places, ":", color=MUTED, lw=1.4, label="labels shuffled")
    (start,) = axis.plot(shuffled, places, "s-", color=MUTED, lw=1, ms=3, label="untrained")
    styles = ("o-", "D--")
    for split, values, color, style in zip(SPLITS, ends, RUN_COLORS, styles, strict=False):
        axis.plot(values, places, style, color=color, ms=5, label=f"trained: {WORDS[split]} images")
    axis.set(xscale="log", xlabel="NC1", xlim=(3e-5, 5e6), xticks=10.0 ** np.arange(-4, 7, 2))
    axis.minorticks_off()
    axis.figure.legend(loc="outside lower right", ncols=4, fontsize=8)
    return start


def _spaced(epochs: Sequence[int], most: int = 9) -> list[int]:
    """Columns with a number below them."""
    return sorted({round(one) for one in np.linspace(0, len(epochs) - 1, most)})


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


# Deep neural collapse

PANELS = {  # quantity: title, the same in words, limits of its axis, deep neural collapse's value
    "quotient": ("DNC1: tr Σ_W / tr Σ_B", "DNC1, scatter within / between", (5e-3, 3), None),
    "dnc2": ("DNC2: σ₁ / σ_C of the means", "DNC2, largest / least singular value", (0.9, 40), 1),
    "dnc3": ("DNC3: weights off the means", "DNC3, weights off the means", (-0.03, 1.04), 0),
    "effective_rank": ("effective rank of the means", "effective rank", (0, 9.6), None),
}


def deep_collapse(
    reports: Mapping[str, CollapseReport], names: Mapping[str, Sequence[str]]
) -> Kept:
    """``layers_of_head`` of one of the reports: the function takes ``network``.

    Args:
        reports: by network, made with ``layers=``.
        names: of their layers, for readers.
    """
    drawn = {
        name: layers_of_head(report, names[name], name).finished()
        for name, report in reports.items()
    }

    def at(network: str) -> Picture:
        return drawn[network]

    return at


@house_style
def layers_of_head(report: CollapseReport, layers: Sequence[str], name: str) -> Picture:
    """DNC1 to DNC3 and the effective rank by layer, on the training set.

    Beside DNC1 stands NC1, thin; dashed is where deep neural collapse would be, and for the rank
    C-1, the most that the centred means can have.

    Args:
        report: made with ``layers=``.
        layers: their names for readers.
        name: of the network, above the picture.
    """
    rows, said = rows_of(report), []
    figure, axes = picture(1, 4, size=(9, 3.3))
    for axis, (quantity, panel) in zip(axes, PANELS.items(), strict=True):
        title, words, limits, goal = panel
        values = rows[quantity].to_numpy(float)
        axis.plot(values, "o-", color=RUN_COLORS[0], ms=5)
        axis.set_title(title, fontsize=8.5)
        axis.set(ylim=limits, yscale="log" if quantity in ("quotient", "dnc2") else "linear")
        axis.set_xticks(range(len(rows)), map(label, layers), rotation=55, ha="right")
        axis.set_xticks(axis.get_xticks(), axis.get_xticklabels(), rotation_mode="anchor")
        if (at := rows["rank"].max() if quantity == "effective_rank" else goal) is not None:
            axis.axhline(at, color=INK, lw=1, ls="--")
        said.append(f"{words}: {_listed(values)}")
    axes[0].plot(rows.nc1.to_numpy(float), color=RUN_COLORS[1], lw=1.1, ls="--", label="NC1")
    axes[0].legend(loc="lower left", fontsize=8)
    axes[1].set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes[1].minorticks_off()
    figure.suptitle(label(name, 60), x=0.01, ha="left", fontsize=9.5)
    of = ", ".join(map(str, layers))
    figure.alt = f"{name}, by layer ({of}): {'; '.join(said)}."
    return figure
