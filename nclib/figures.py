"""Figures, one function each; every one returns a ``Picture`` that knows its alt text.

``FeaturePlane`` and ``PlaneWithCurve`` are pictures that are kept and redrawn, for sliders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nclib._curves import (
    ALL_THIN,
    QUANTITIES,
    draw,
    epoch_axis,
    legend,
    run_style,
    scale,
    when_right,
)
from nclib._plane import Plane, centred_and_scaled
from nclib.palette import MUTED, RUN_COLORS
from nclib.picture import Picture, house_style, picture
from nclib.trajectory import Trajectory

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
    named = {runs.title: runs} if isinstance(runs, Trajectory) else dict(runs)
    figure, axes = picture(2, 4, size=(9, 4.6))
    order = ("accuracy", "nc1", "equinorm", "equiangularity")
    order += ("loss", "max_angle", "self_duality", "ncc_mismatch")
    for axis, quantity in zip(axes.flat, (QUANTITIES[name] for name in order), strict=True):
        for index, (name, run) in enumerate(named.items()):
            draw(axis, run, quantity, *run_style(index), name)
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


# Features of two dimensions, as they are


@house_style
def feature_plane(run: Trajectory, *epochs: int | np.integer) -> Picture:
    """Two-dimensional features at measured epochs, centred and scaled, nothing projected.

    Fields show the classifier's decision, black lines where the nearest class mean changes: under
    NC4 they coincide. Class means are discs with their label, classifier rows are squares.

    Args:
        run: a trajectory of a network with p = 2.
        epochs: measured ones, a panel each; the last when none is given.

    Raises:
        ValueError: if the features are not two-dimensional, or an epoch was not measured.
    """
    indices = [_measured_index(run, epoch) for epoch in epochs or run.epochs[-1:].tolist()]
    size = (4.6, 4.6) if len(indices) == 1 else (9, 9 / len(indices) + 0.25)
    figure, axes = picture(1, len(indices), size=size, squeeze=False)
    planes = [Plane(axis, run) for axis in axes[0]]
    figure.alt = " ".join(p.show(run, index) for p, index in zip(planes, indices, strict=True))
    return figure


class FeaturePlane:
    """``feature_plane`` of one epoch, kept: ``at(epoch)`` redraws it, quickly.

    Args:
        run: a trajectory of a network with p = 2.

    Raises:
        ValueError: if the features are not two-dimensional.
    """

    @house_style
    def __init__(self, run: Trajectory) -> None:
        self._run = run
        self._figure, axis = picture(size=(4.6, 4.6))
        self._plane = Plane(axis, run)
        self._figure.keep_moving(self._plane.artists)

    @house_style
    def at(self, epoch: int | np.integer) -> Picture:
        """The picture, always the same one, at a measured epoch (ValueError for another)."""
        self._figure.alt = self._plane.show(self._run, _measured_index(self._run, epoch))
        return self._figure


class PlaneWithCurve:
    """The plane at the end of a run beside NC1 against epoch, with a reference run in grey; kept.

    Args:
        reference: a trajectory of a network with p = 2; runs to compare have its classes.
    """

    @house_style
    def __init__(self, reference: Trajectory) -> None:
        self._reference = reference
        self._figure, (plane, curve) = picture(1, 2, size=(9, 4.6), width_ratios=(1, 0.85))
        self._plane = Plane(plane, reference)
        label = f"weight decay {reference.settings['weight_decay']:g}"
        curve.plot(reference.epochs + 1, reference.metrics.nc1, color=MUTED, lw=1.2, label=label)
        (self._line,) = curve.plot([1], [1], color=RUN_COLORS[0], lw=2.2)
        self._zero = curve.axvline(1, color=RUN_COLORS[0], lw=0.9, ls="--")
        self._name = curve.text(0.97, 0.93, "", color=RUN_COLORS[0], ha="right", weight="bold")
        self._name.set_transform(curve.transAxes)
        title = "NC1 (dashed: zero training error)"
        curve.set(title=title, xscale="log", yscale="log", ylim=(1e-4, 10))
        curve.legend(loc="lower left")
        epoch_axis(np.array([[curve]]), int(reference.epochs[-1]))
        self._figure.keep_moving([*self._plane.artists, self._line, self._zero, self._name])

    @house_style
    def of(self, run: Trajectory) -> Picture:
        """The picture, always the same one, with another run."""
        self._line.set_data(run.epochs + 1, run.metrics.nc1)
        self._zero.set_visible(run.zero_error_epoch is not None)
        self._zero.set_xdata([(run.zero_error_epoch or 0) + 1] * 2)
        self._name.set_text(f"weight decay {run.settings['weight_decay']:g}")
        ends = [f"{one.metrics.nc1.iloc[-1]:.2g} at weight decay {one.settings['weight_decay']:g}"
                for one in (run, self._reference)]  # fmt: skip
        self._figure.alt = (
            f"{self._plane.show(run, len(run) - 1)} Beside it NC1 against epoch: it ends at "
            f"{ends[0]}; the reference in grey, at {ends[1]}."
        )
        return self._figure


def _measured_index(run: Trajectory, epoch: int | np.integer) -> int:
    epochs = run.epochs.tolist()
    if epoch not in epochs:
        raise ValueError(f"epoch {epoch} was not measured; measured are {epochs}")
    return epochs.index(epoch)


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
    figure, axes = picture(1, len(epochs), size=(9, 9 / max(3, len(epochs)) + 0.1), squeeze=False)
    means, goal = run.coordinates().class_means, -1 / (run.num_classes - 1)
    for axis, epoch in zip(axes[0], epochs, strict=True):
        centred = centred_and_scaled(means[_measured_index(run, epoch)])[0]
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, np.nan)
        image = axis.imshow(cosines, cmap="RdBu_r", vmin=goal - 0.8, vmax=goal + 0.8)
        axis.set(title=f"epoch {epoch}", xticks=range(len(unit)), yticks=range(len(unit)))
        axis.set_xticklabels(run.class_names), axis.set_yticklabels(run.class_names)
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes[0], shrink=0.75, label="cosine between class means")
    bar.set_ticks(
        [goal - 0.6, goal, goal + 0.6],
        labels=[f"{goal - 0.6:+.2f}", f"goal {goal:+.2f}", f"{goal + 0.6:+.2f}"],
    )
    spread = [run.metrics.equiangularity_means.iloc[_measured_index(run, e)] for e in epochs]
    figure.alt = (
        f"Matrices of cosines between class means at epochs {', '.join(map(str, epochs))}; "
        f"their spread goes from {spread[0]:.2f} to {spread[-1]:.2f} around -1/(C-1) = {goal:.2f}."
    )
    return figure
