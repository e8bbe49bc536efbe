"""Two-dimensional features, nothing projected: fields of decision, means, classifier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb, to_rgba_array

from nclib.palette import INK, MUTED, RUN_COLORS, class_colors, ink_on
from nclib.pictures.curves import epoch_axis
from nclib.pictures.picture import Kept, Picture, house_style, kept, label, picture
from nclib.runs.trajectory import Trajectory


def _plane(axis: Axes, run: Trajectory) -> tuple[list[Artist], Callable[[Trajectory, int], str]]:
    """What moves on an axis of two-dimensional features; and what moves it, and says what is seen.

    The function takes a run of the same classes and the index of a measured epoch.
    """
    if run.num_features != 2:
        raise ValueError(
            f"the run has {run.num_features} features; this picture draws 2 (num_features=2)"
        )
    colors = class_colors(run.num_classes)
    axis.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    fields = axis.imshow(np.ones((2, 2, 3)), extent=(-1.9, 1.9) * 2, origin="lower", zorder=0)
    borders = axis.add_collection(LineCollection([], colors=INK, lw=0.8, zorder=1))
    dots = axis.scatter([], [], s=7, alpha=0.65, lw=0, zorder=2)
    spokes = axis.add_collection(LineCollection([], colors=INK, lw=1, ls=":", zorder=3))
    zeros = np.zeros(len(colors))
    discs = axis.scatter(zeros, zeros, s=170, color=colors, ec=INK, lw=1, zorder=4)
    squares = axis.scatter(zeros, zeros, s=250, marker="s", fc="none", ec=INK, lw=1.3, zorder=5)
    style = {"ha": "center", "va": "center", "weight": "bold", "zorder": 6}
    names = [
        axis.text(0, 0, label(name), color=ink_on(color), **style)
        for name, color in zip(run.class_names, colors, strict=True)
    ]
    title = axis.set_title(" ")

    def show(run: Trajectory, index: int) -> str:
        points, row = run.coordinates(), run.metrics.iloc[index]
        means, centre, scale = centred_and_scaled(points.class_means[index])
        weight = points.weight[index]
        fields.set_data(_tinted(lambda grid: (grid * scale + centre) @ weight.T + run.bias[index]))
        borders.set_segments(voronoi_borders(means))
        dots.set_offsets((points.features[index] - centre) / scale)
        dots.set_facecolor(to_rgba_array(colors)[run.labels])
        rows = weight / (np.linalg.norm(weight) or 1) * len(means) ** 0.5
        spokes.set_segments([[(0, 0), row] for row in rows])
        squares.set_offsets(rows)
        discs.set_offsets(means)
        for name, mean in zip(names, means, strict=True):
            name.set_position(mean)
        title.set_text(f"epoch {row.epoch:.0f} · NC1 {row.nc1:.2g} · NC4 {row.ncc_mismatch:.0%}")
        return (
            f"Features of {len(means)} classes in the plane at epoch {row.epoch:.0f}: "
            f"NC1 {row.nc1:.1e}, {row.ncc_mismatch:.1%} of the samples are decided differently by "
            "the nearest class mean."
        )

    return [fields, borders, dots, spokes, discs, squares, *names, title], show


def _tinted(outputs: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(240, 240, 3) light tints of the class with the largest output, over the whole axis."""
    line = np.linspace(-1.9, 1.9, 240)
    decision = outputs(np.stack(np.meshgrid(line, line), axis=-1))
    tints = np.array([to_rgb(color) for color in class_colors(decision.shape[-1])]) * 0.28 + 0.72
    return tints[decision.argmax(-1)]


def voronoi_borders(points: np.ndarray, reach: float = 4.0) -> list[np.ndarray]:
    """Segments (2, 2) where two of the (C, 2) points are equally near and no other is nearer.

    On the line between a and b, mid + t·along, every other point c allows t on one side of where
    it is as near as a; the segment is what all of them allow within ±``reach``.
    """
    segments = []
    for a, b in zip(*np.triu_indices(len(points), 1), strict=True):
        middle, across = (points[a] + points[b]) / 2, points[b] - points[a]
        along = np.array([-across[1], across[0]]) / (np.linalg.norm(across) or 1)
        others = np.delete(points, [a, b], axis=0)
        slope = 2 * (others - points[a]) @ along  # c is nearer than a where slope·t > room
        room = np.square(others - middle).sum(1) - np.square(points[a] - middle).sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = room / slope
        low = max([-reach, *crossing[slope < 0]])
        high = min([reach, *crossing[slope > 0]])
        if low < high and not np.any((slope == 0) & (room < 0)):
            segments.append(np.array([middle + low * along, middle + high * along]))
    return segments


def centred_and_scaled(means: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Means centred with root mean square norm 1, the centre, and the scale (1 for zero means)."""
    centre = means.mean(0)
    scale = float(np.linalg.norm(means - centre)) / len(means) ** 0.5 or 1.0
    return (means - centre) / scale, centre, scale


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
    indices = [run.index_of(epoch) for epoch in epochs or run.epochs[-1:].tolist()]
    size = (4.6, 4.6) if len(indices) == 1 else (9, 9 / len(indices) + 0.25)
    figure, axes = picture(1, len(indices), size=size, squeeze=False)
    figure.alt = " ".join(
        _plane(axis, run)[1](run, index) for axis, index in zip(axes[0], indices, strict=True)
    )
    return figure


@house_style
def moving_plane(run: Trajectory) -> Kept:
    """``feature_plane`` of one measured epoch, kept: a function of the epoch, for a slider.

    Takes and refuses the same runs and epochs.
    """
    figure, axis = picture(size=(4.6, 4.6))
    moving, show = _plane(axis, run)
    return kept(figure, *moving)(lambda epoch: show(run, run.index_of(epoch)))


@house_style
def plane_with_curve(reference: Trajectory) -> Kept:
    """The plane at a run's end beside NC1 against epoch, a reference in grey: of the run, kept.

    The reference has p = 2, else ValueError; runs to compare have its classes. What the run is
    called can follow it; else it is its weight decay.
    """
    figure, (left, right) = picture(1, 2, size=(9, 4.6), width_ratios=(1, 0.85))
    moving, show = _plane(left, reference)
    usual = f"weight decay {reference.settings['weight_decay']:g}"
    right.plot(reference.epochs + 1, reference.metrics.nc1, color=MUTED, lw=1.2, label=usual)
    (line,) = right.plot([1], [1], color=RUN_COLORS[0], lw=2.2)
    zero = right.axvline(1, color=RUN_COLORS[0], lw=0.9, ls="--")
    name = right.text(0.97, 0.93, "", color=RUN_COLORS[0], ha="right", weight="bold")
    name.set_transform(right.transAxes)
    title = "NC1 (dashed: zero training error)"
    right.set(title=title, xscale="log", yscale="log", ylim=(1e-4, 10))
    right.legend(loc="lower left")
    epoch_axis(np.array([[right]]), int(reference.epochs[-1]))

    @kept(figure, *moving, line, zero, name)
    def of(run: Trajectory, own: str = "") -> str:
        line.set_data(run.epochs + 1, run.metrics.nc1)
        zero.set_visible(run.zero_error_epoch is not None)
        zero.set_xdata([(run.zero_error_epoch or 0) + 1] * 2)
        own = own or f"weight decay {run.settings['weight_decay']:g}"
        name.set_text(own)
        return (
            f"{show(run, len(run) - 1)} Beside it NC1 against epoch: it ends at "
            f"{run.metrics.nc1.iloc[-1]:.2g} at {own}; the reference in grey, at "
            f"{reference.metrics.nc1.iloc[-1]:.2g} at {usual}."
        )

    return of
