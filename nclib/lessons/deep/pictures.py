"""Pictures of the deep unconstrained features model, notebook 07's; each a ``Picture``.

Decays stand on the axes as Λ/Λ*, in units of the ``threshold``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss, existence_limit, partial_loss, threshold
from nclib.formulas.layers import layer_collapse
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, Picture, house_style, kept, picture
from nclib.shapes import Number

COLLAPSE, MERGED, FOUND, GRAPH = RUN_COLORS[:4]


@torch.no_grad()
def ends(models: Sequence[DeepUFM]) -> pd.DataFrame:
    """One row a model: what it is, where it stands and what collapse would cost.

    Columns: classes K, depth L, width d, decay λ_1, part Λ/Λ*, loss (the objective now), collapse
    (its value, or ½ where zero is better), rank (the least over all layers' class means, 0 where
    the outputs vanish).
    """
    return pd.DataFrame([_end(model) for model in models])


def _end(model: DeepUFM) -> dict[str, Number]:
    size = model.targets.shape[1], len(model.weights)
    ranks = [layer.rank for layer in layer_collapse(model)]
    return {
        "classes": size[0],
        "depth": size[1],
        "width": model.features.shape[1],
        "decay": model.weight_decays[0],
        "part": model.decay_product / threshold(*size),
        "loss": float(model.objective()),
        "collapse": collapse_loss(*size, model.decay_product)[0],
        "rank": min(ranks) if float(model().abs().max()) > 1e-2 else 0,
    }


# Two classes: value, threshold, trap


@house_style
def losses_against_theory(models: Sequence[DeepUFM]) -> Picture:
    """Objectives of trained models of two or more depths on the curves of their theory."""
    table = ends(models)
    figure, axis = picture(size=(7, 3.6))
    for (depth, rows), color in zip(table.groupby("depth"), RUN_COLORS, strict=False):
        classes, parts = int(rows.classes.iloc[0]), np.geomspace(*_range(table.part), 80)
        curve = [collapse_loss(classes, depth, p * threshold(classes, depth))[0] for p in parts]
        axis.plot(parts, curve, color=color, lw=1.2)
        axis.plot(rows.part, rows.loss, "o", color=color, ms=5)
        axis.text(parts[-1] * 1.06, curve[-1], f"L = {depth}", color=color, va="center")
    axis.set(xscale="log", xlabel="Λ / Λ*: decay, in units of the threshold")
    axis.set(title="lines: theory; dots: end of a descent from a random start", ylabel="objective")
    off = (table.loss - table.collapse).abs().max()
    figure.alt = (
        f"Objective against decay for depths {', '.join(map(str, sorted(set(table.depth))))}: "
        f"the ends of {len(table)} descents lie on the theoretical curves, at most {off:.1e} off."
    )
    return figure


def _range(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())


@house_style
def threshold_crossing(stayed: Sequence[DeepUFM], fallen: Sequence[DeepUFM]) -> Kept:
    """Cost against output scale, and values against decay with what descents found.

    Args:
        stayed: models that descended from the collapsed point, of any depths and decays.
        fallen: models that descended from close to zero.

    Returns:
        A kept picture that takes a depth L and a decay Λ/Λ*.
    """
    tables = ends(stayed), ends(fallen)
    figure, cost, values = _crossing_axes(*_range(tables[0].part))
    curve, best = cost.plot([0], [0], "-", [0], [0], "o", color=COLLAPSE, ms=9)
    says = cost.text(0.04, 0.05, "", va="bottom", color=INK, transform=cost.transAxes)
    below, above = values.plot([0], [0], "-", [0], [0], "--", color=COLLAPSE)
    (stays,) = values.plot([1], [0], "o", color=COLLAPSE, ms=7)
    (falls,) = values.plot([1], [0], "o", mfc="none", color=MERGED, ms=10)
    cursor = values.axvline(1, color=INK, lw=1.2)
    last = values.axvline(1, color=COLLAPSE, lw=1.2, ls=(0, (1, 2)))
    look = {"ha": "right", "clip_on": True, "bbox": {"fc": "white", "ec": "none", "pad": 1}}
    ceases = values.text(1, 0.02, "", color=COLLAPSE, **look)

    @kept(figure, curve, best, says, below, above, stays, falls, cursor, last, ceases)
    def at(depth: int, decay: Number) -> str:
        size = int(tables[0].classes.iloc[0]), depth
        unit, limit = threshold(*size), existence_limit(*size) / threshold(*size)
        scales = np.linspace(0, 1.1, 200)
        curve.set_data(scales, _cost(*size, scales, decay * unit))
        parts = np.geomspace(tables[0].part.min(), limit * (1 - 1e-9), 60)
        least = np.array([_local(*size, p * unit)[1] for p in parts])
        below.set_data(parts[parts <= 1], least[parts <= 1])
        above.set_data(parts[parts >= 1], least[parts >= 1])
        for dots, table in zip((stays, falls), tables, strict=True):
            rows = table[table.depth == depth]
            dots.set_data(rows.part, rows.loss)
        cursor.set_xdata([decay] * 2)
        last.set_xdata([limit] * 2)
        ceases.set(x=limit, text=f"ceases to exist at {limit:.2f} ")
        verdict = _verdict(decay, limit)
        scale, value = _local(*size, decay * unit) if decay < limit else (0.0, 0.5)
        best.set_data([scale], [value])
        says.set_text(f"L = {depth}, Λ = {decay:.2g} Λ*\n{verdict}")
        return (
            f"Depth {depth}, decay {decay:.3g} of the threshold: {verdict}; the minimum is at "
            f"scale {scale:.2f} and costs {value:.3f}, zero costs 0.5."
        )

    return at


def _crossing_axes(least: Number, most: Number) -> tuple[Picture, Axes, Axes]:
    """What stays: objective against scale, objective against decay from ``least`` to ``most``."""
    figure, (cost, values) = picture(1, 2, size=(9, 3.9), width_ratios=(1, 1.15))
    cost.set(xlim=(0, 1.1), ylim=(0, 0.85), xlabel="scale s of the outputs", ylabel="objective")
    cost.set(title="cost of collapse with outputs s·one-hot")
    values.set(xscale="log", xlim=(least / 1.3, most * 1.3), ylim=(0, 0.85))
    values.set(xlabel="Λ / Λ*: decay, in units of the threshold")
    values.set(title="● from collapse   ○ from close to zero")
    for axis in (cost, values):
        axis.axhline(0.5, color=MUTED, lw=0.9, ls=":")
    values.text(least / 1.2, 0.51, "zero: ½", color=MUTED, va="bottom")
    values.axvline(1, color=MUTED, lw=0.9, ls=":")
    return figure, cost, values


def _verdict(decay: Number, limit: Number) -> str:
    if decay >= limit:
        return "no minimum but zero"
    return "collapse a minimum, zero better" if decay > 1 else "collapse is the best"


def _cost(num_classes: int, depth: int, scales: np.ndarray, decay_product: Number) -> np.ndarray:
    """½(1-s)² + ½(L+1)K(Λs²)^{1/(L+1)}."""
    root = (decay_product * scales**2) ** (1 / (depth + 1))
    return (1 - scales) ** 2 / 2 + (depth + 1) / 2 * num_classes * root


def _local(num_classes: int, depth: int, decay_product: Number) -> tuple[float, float]:
    """Scale and cost of the collapsed minimum, also where zero is better (up to its limit)."""
    lowest = (depth - 1) / (2 * depth)
    scales = np.linspace(lowest, 1, 1601)
    costs = _cost(num_classes, depth, scales, decay_product)
    best = int(costs.argmin())
    return float(scales[best]), float(costs[best])


@house_style
def merging(models: Sequence[DeepUFM], title: str) -> Picture:
    """Ends of descents of two classes of one depth, on the values of collapse, merging and zero."""
    table = ends(models)
    depth = int(table.depth.iloc[0])
    figure, axis = picture(size=(7, 3.8))
    parts = np.geomspace(table.part.min() / 1.2, 1, 60)
    for rank, (name, color) in enumerate(
        [("zero", MUTED), ("merged: rank 1", MERGED), ("collapse: rank 2", COLLAPSE)]
    ):
        curve = [partial_loss(2, depth, p * threshold(2, depth), rank)[0] for p in parts]
        axis.plot(parts, curve, color=color, lw=1.2)
        axis.text(parts[0] * 0.96, curve[0], name, color=color, ha="right", va="center")
        ended = table[table["rank"] == rank]
        for _, losses in ended.groupby("part").loss:
            spread = np.exp(0.028 * (np.arange(len(losses)) - (len(losses) - 1) / 2))
            axis.plot(ended.part[losses.index] * spread, losses, "o", color=color, ms=6, alpha=0.75)
    counts = table["rank"].value_counts()
    said = ", ".join(
        f"{counts.get(r, 0)} {n}" for r, n in ((2, "collapsed"), (1, "merged"), (0, "zero"))
    )
    axis.set(
        xscale="log", ylim=(0.7 * curve[0], 0.53), ylabel="objective", title=f"{title}: {said}"
    )
    axis.set(xlim=(parts[0] ** 1.3 / 1.3, 1.1), xlabel="Λ / Λ*: decay, in units of the threshold")
    ticks = sorted(set(table.part.round(3)))
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    figure.alt = f"{title}, {len(table)} descents of depth {depth}: {said} at the end."
    return figure


# More classes


@house_style
def below_collapse(
    groups: Mapping[str, Sequence[DeepUFM]], others: Mapping[str, Mapping[str, Number]]
) -> Picture:
    """Histograms over seeds of the objectives at the end, against the value of collapse.

    Args:
        groups: models of equal settings by name, a panel each.
        others: by the same names, further values to draw, each with a word for it.
    """
    figure, axes = picture(1, len(groups), size=(9, 3.2), squeeze=False)
    said = []
    for axis, (name, models) in zip(axes[0], groups.items(), strict=True):
        table = ends(models)
        goals = {"collapse": float(table.collapse.iloc[0]), **others.get(name, {})}
        low, high = min(table.loss.min(), *goals.values()), max(table.loss.max(), *goals.values())
        margin = (high - low) * 0.12
        bins = np.linspace(low - margin, high + margin, 25)
        counts, *_ = axis.hist(table.loss, bins, color=FOUND)
        for (word, goal), color in zip(goals.items(), (COLLAPSE, GRAPH), strict=False):
            axis.axvline(goal, color=color, lw=1.6, ls="--")
            axis.text(
                goal, max(counts) * 1.32, f"{word} ", color=color, ha="right", va="top", rotation=90
            )
        axis.set(title=name, xlabel="objective at the end", xlim=bins[[0, -1]])
        axis.set_ylim(0, max(counts) * 1.35)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        below = int((table.loss < 0.999 * goals["collapse"]).sum())
        said.append(
            f"{name}: {below} of {len(table)} seeds below collapse, {goals['collapse']:.4f}"
        )
    axes[0, 0].set_ylabel("seeds")
    figure.alt = "Histograms of objectives over random starts. " + "; ".join(said) + "."
    return figure


@house_style
def least_rank(models: Sequence[DeepUFM]) -> Picture:
    """Least rank over the layers against the decay λ, a dot a seed."""
    table = ends(models)
    classes, middle = table.classes.iloc[0], table.groupby("decay")["rank"].mean()
    figure, axis = picture(size=(6, 3.1))
    axis.plot(middle.index, middle, color=FOUND, lw=1.2)
    for value, ranks in table.groupby("decay")["rank"]:
        spread = np.exp(0.03 * (np.arange(len(ranks)) - (len(ranks) - 1) / 2))
        axis.plot(value * spread, ranks, "o", color=FOUND, ms=5)
    axis.axhline(classes, color=COLLAPSE, ls="--", lw=1.2)
    axis.text(middle.index[0], classes, "collapse", color=COLLAPSE, va="bottom")
    axis.set(xscale="log", ylim=(0, classes * 1.12), ylabel="rank of the leanest layer")
    axis.set(xlabel=f"decay λ of all layers (width {models[0].features.shape[1]})")
    axis.set_title("more decay, lower rank")
    axis.minorticks_off()
    axis.set_xticks(middle.index, [f"{value:g}" for value in middle.index])
    said = ", ".join(f"{value:g}: {rank:.1f}" for value, rank in middle.items())
    figure.alt = f"Mean over seeds of the least rank in any layer, by decay {said}."
    return figure
