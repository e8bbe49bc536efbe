"""Figures of one run or a few, one function each; each returns a ``Picture`` with its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nclib.pictures.curves import ALL_THIN, draw, epoch_axis, legend, run_style, scale, when_right
from nclib.pictures.picture import Picture, house_style, label, picture
from nclib.pictures.plane import centred_and_scaled
from nclib.quantities import QUANTITIES
from nclib.runs.trajectory import Trajectory

# The panels of Papyan, Han, Donoho 2020


@house_style
def collapse_panels(runs: Trajectory | Mapping[str, Trajectory]) -> Picture:
    """NC1-NC4 against epoch for one run or several named ones, the terminal phase marked.

    Epoch e stands at e + 1 on a log axis, so that epoch 0 (before training) is on it. Thin lines
    are the classifier's (NC2) or the test set's (accuracy, NC1 around its own class means, NC4
    against those of the training set); upright ones stand where 99.9 % of the training set is first
    right.

    Source: the panels of Papyan, Han, Donoho 2020, Figures 2-7.
    """
    alone = isinstance(runs, Trajectory)
    named = {runs.title: runs} if alone else dict(runs)
    figure, axes = picture(2, 4, size=(9, 4.6))
    order = ("accuracy", "nc1", "equinorm", "equiangularity")
    order += ("loss", "max_angle", "self_duality", "ncc_mismatch")
    for axis, quantity in zip(axes.flat, (QUANTITIES[name] for name in order), strict=True):
        for index, (name, run) in enumerate(named.items()):
            draw(axis, run, quantity, *run_style(index), label(name, 60) if alone else name)
        scale(axis, quantity)
        axis.set_title(quantity.title)
    epoch_axis(axes, max(int(run.epochs[-1]) for run in named.values()))
    legend(figure, axes, None, ALL_THIN)
    figure.alt = _panels_alt(named)
    return figure


def _panels_alt(runs: Mapping[str, Trajectory]) -> str:
    lines = []
    for name, run in runs.items():
        first, last = run.metrics.iloc[0], run.metrics.iloc[-1]
        lines.append(
            f"{name}: NC1 from {first.nc1:.2g} to {last.nc1:.2g}, self-duality from "
            f"{first.self_duality:.2g} to {last.self_duality:.2g}, nearest-mean mismatch from "
            f"{first.ncc_mismatch:.2g} to {last.ncc_mismatch:.2g} (test set: to "
            f"{last.test_ncc_mismatch:.2g}), {when_right(run)}"
        )
    return "Eight panels of collapse against epoch. " + "; ".join(lines) + "."


# Angles between class means


@house_style
def cosine_matrices(run: Trajectory, epochs: Sequence[int | np.integer] | None = None) -> Picture:
    """Cosines between centred class means at a few measured epochs; the goal is -1/(C-1).

    Args:
        run: a trajectory; the cosines are of the coordinates it keeps.
        epochs: measured ones; before training, at zero error and at the end when not given.
    """
    if epochs is None:
        middle = run.zero_error_epoch
        first, last = run.epochs[[0, -1]].tolist()
        epochs = sorted({first, last if middle is None else middle, last})
    import seaborn  # here, as it takes two seconds

    figure, axes = picture(1, len(epochs), size=(9, 9 / max(3, len(epochs)) + 0.1), squeeze=False)
    means, goal = run.coordinates().class_means, -1 / (run.num_classes - 1)
    named = [label(name) for name in run.class_names]
    names = {"xticklabels": named, "yticklabels": named}
    style = {"cmap": "RdBu_r", "vmin": goal - 0.8, "vmax": goal + 0.8, "linewidths": 0.5}
    style |= {"square": True, "cbar": False, "fmt": "", "annot_kws": {"fontsize": 6.3}}
    for axis, epoch in zip(axes[0], epochs, strict=True):
        centred = centred_and_scaled(means[run.index_of(epoch)])[0]
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        cosines = unit @ unit.T
        said = [[f"{one:.2f}".replace("0.", ".") for one in row] for row in cosines]
        said = said if len(unit) * max(3, len(epochs)) <= 30 else None  # no room for more
        seaborn.heatmap(cosines, mask=np.eye(len(unit)) > 0, annot=said, ax=axis, **style, **names)
        axis.grid(visible=False)
        axis.tick_params("y", rotation=0)
        axis.set_title(f"epoch {epoch}")
    image = axes[0, -1].collections[0]
    bar = figure.colorbar(image, ax=axes[0], shrink=0.75, label="cosine between class means")
    ticks = [goal - 0.6, goal, goal + 0.6]
    bar.set_ticks(ticks, labels=[f"{ticks[0]:+.2f}", f"goal {goal:+.2f}", f"{ticks[2]:+.2f}"])
    spread = [run.metrics.equiangularity_means.iloc[run.index_of(e)] for e in epochs]
    figure.alt = (
        f"Matrices of cosines between class means at epochs {', '.join(map(str, epochs))}; "
        f"their spread goes from {spread[0]:.2f} to {spread[-1]:.2f} around -1/(C-1) = {goal:.2f}."
    )
    return figure
