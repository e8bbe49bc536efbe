"""Figures of the unconstrained features model: fitted minima beside their closed forms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from nclib.formulas.collapse import pair_cosines
from nclib.formulas.ufm import UFM, minimum_of
from nclib.lessons.unconstrained.margin import MarginPath
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.curves import run_style
from nclib.pictures.picture import Picture, house_style, picture
from nclib.shapes import Float, Number, Tensor


@torch.no_grad()
def ends(models: Iterable[UFM]) -> pd.DataFrame:
    """One row a model: what it is, where it stands, and its closed form.

    Columns: loss (its name), classes C, features p, theta, objective (now), least (the closed
    form's), gap (from there to the objective), scale s, directions used (0 where zero is best),
    lowest and highest cosine between class means.
    """
    return pd.DataFrame([_end(model) for model in models])


def _end(model: UFM) -> dict[str, Number | str]:
    best, value, cosines = minimum_of(model), float(model.objective()), pairs_of(model)
    return {
        "loss": model.loss,
        "classes": len(model.weight),
        "features": model.weight.shape[1],
        "theta": theta_of(model),
        "objective": value,
        "least": best.loss,
        "gap": value - best.loss,
        "scale": best.scale,
        "directions": best.rank,
        "lowest": float(cosines.min()),
        "highest": float(cosines.max()),
    }


def theta_of(model: UFM) -> float:
    """θ = √(λ_W λ_H n)."""
    per_class = len(model.features) / len(model.weight)
    return math.sqrt(model.weight_decay * model.feature_decay * per_class)


def pairs_of(model: UFM) -> Float[Tensor, " pairs"]:
    """Cosines between class means seen from the origin."""
    means = model.class_means()
    return pair_cosines(means @ means.T)


# One simplex for all losses


@house_style
def losses_and_cosines(
    before: Mapping[str, Sequence[UFM]], after: Mapping[str, Sequence[UFM]]
) -> Picture:
    """All cosines between class means at random starts (grey) and at the minima, a row a loss.

    Args:
        before: name of a loss → models at their starts, all of one C.
        after: the same names → models at their minima.
    """
    figure, axis = picture(size=(9, 0.95 + 0.55 * len(after)))
    num_classes = len(next(iter(after.values()))[0].weight)
    said = []
    for row, name in enumerate(after):
        start, end = (torch.cat([pairs_of(m) for m in side[name]]) for side in (before, after))
        axis.scatter(start, [row] * len(start), color=MUTED, s=12, zorder=2)
        axis.scatter(end, [row] * len(end), color=RUN_COLORS[0], s=70, ec=INK, zorder=3)
        said.append(f"{name}: {end.min():.4f} to {end.max():.4f}")
    for limit, text in ((-1 / (num_classes - 1), "simplex  "), (0, "  orthogonal frame")):
        axis.axvline(limit, color=INK, lw=1, ls="--", zorder=1)
        side = "right" if limit else "left"
        axis.text(limit, -0.62, text, ha=side, va="center", color=INK)
    axis.set_title("grey: random starts, blue: minima")
    axis.set(yticks=range(len(after)), xlabel="cosine between class means, seen from the origin")
    axis.set_yticklabels(list(after))
    axis.set(xlim=(-1.02, 1.02), ylim=(len(after) - 0.5, -1))
    figure.alt = "Cosines between class means at the minimum, for each loss. " + "; ".join(said)
    return figure


# Classifiers: least squares, margins


@house_style
def scatter_and_duality(curves: Mapping[str, tuple[Sequence[Number], Sequence[Number]]]) -> Picture:
    """NC3 of the least-squares classifier against NC1 of the features, a line a case.

    Args:
        curves: name → values of NC1, and of NC3 at the same features.
    """
    figure, axis = picture(size=(8, 3.7))
    for i, (name, (nc1, nc3)) in enumerate(curves.items()):
        seen = np.maximum(nc3, 1e-12)  # rounding below
        color, line = run_style(i)
        axis.plot(nc1, seen, line, marker="o", color=color, label=name)
    axis.set(xscale="log", yscale="log", ylim=(3e-13, 10), xlabel="NC1: classes shrink →")
    axis.set(title="NC3: classifier ≠ class means (values below 1e-12 are drawn there)")
    axis.invert_xaxis()
    figure.legend(loc="outside right center")
    ends = [f"{name}: NC3 ends at {nc3[-1]:.1e}" for name, (_, nc3) in curves.items()]
    figure.alt = "NC3 against NC1 while the scatter shrinks. " + "; ".join(ends)
    return figure


@house_style
def margins(paths: Mapping[str, MarginPath], limit: Float[Tensor, "C p"]) -> Picture:
    """Distance between the directions of W and of the max-margin classifier ``limit``, log-log.

    Thin lines fall like 1/ln t and like 1/t, through the last point of the slowest and the fastest.
    """
    figure, axis = picture(size=(8, 3.9))
    found = {name: path.gaps(limit) for name, path in paths.items()}
    for i, (name, path) in enumerate(paths.items()):
        color, line = run_style(i)
        axis.plot(path.steps, found[name], line, color=color, label=name)
    order = sorted(paths, key=lambda name: float(found[name][-1]))
    for name, law, text in ((order[-1], np.log, "∝ 1/ln t"), (order[0], np.asarray, "∝ 1/t")):
        last = int(paths[name].steps[-1])
        t = np.geomspace(10, last, 50)
        axis.plot(t, float(found[name][-1]) * law(last) / law(t), ":", color=MUTED, lw=1.2)
        axis.annotate(text, (last, float(found[name][-1])), xytext=(6, 0),
                      textcoords="offset points", color=MUTED, va="center")  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="step t", ylim=(None, 3))
    axis.set_title("‖W/‖W‖ - W*/‖W*‖‖, distance to the max-margin direction")
    axis.margins(x=0.12)
    axis.legend(loc="lower left")
    said = [f"{name}: {float(gap[-1]):.4f} at step {int(paths[name].steps[-1])}"
            for name, gap in found.items()]  # fmt: skip
    figure.alt = "Distance to the max-margin direction: " + "; ".join(said) + "."
    return figure
