"""Two-dimensional features, nothing projected: fields of decision, means, classifier."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from nclib.palette import INK, MUTED, RUN_COLORS, class_colors, ink_on
from nclib.pictures.curves import epoch_axis
from nclib.pictures.picture import Picture, house_style, picture
from nclib.runs.trajectory import Trajectory


class Plane:
    """The artists of one axis that shows two-dimensional features; ``show`` moves them."""

    def __init__(self, axis: Axes, run: Trajectory) -> None:
        if run.num_features != 2:
            raise ValueError(
                f"the run has {run.num_features} features; this picture draws 2 (num_features=2)"
            )
        colors = class_colors(run.num_classes)
        self._tints = np.array([matplotlib.colors.to_rgb(c) for c in colors]) * 0.28 + 0.72
        line = np.linspace(-1.9, 1.9, 240)
        self._grid = np.stack(np.meshgrid(line, line), axis=-1)
        axis.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        self._fields = axis.imshow(
            np.ones((2, 2, 3)), extent=(-1.9, 1.9) * 2, origin="lower", zorder=0
        )
        self._borders = axis.add_collection(LineCollection([], colors=INK, lw=0.8, zorder=1))
        self._dots = axis.scatter([], [], s=7, alpha=0.65, lw=0, zorder=2)
        self._colors = np.array(colors)
        self._rows = axis.add_collection(LineCollection([], colors=INK, lw=1, ls=":", zorder=3))
        origin = np.zeros(len(colors))
        self._means = axis.scatter(origin, origin, s=170, color=colors, ec=INK, lw=1, zorder=4)
        squares = {"marker": "s", "fc": "none", "ec": INK, "lw": 1.3, "zorder": 5}
        self._weights = axis.scatter(origin, origin, s=250, **squares)
        style = {"ha": "center", "va": "center", "weight": "bold", "zorder": 6}
        self._names = [
            axis.text(0, 0, name, color=ink_on(color), **style)
            for name, color in zip(run.class_names, colors, strict=True)
        ]
        self._title = axis.set_title(" ")

    @property
    def artists(self) -> list[Artist]:
        """Everything that moves."""
        shapes = [self._fields, self._borders, self._dots, self._rows, self._means, self._weights]
        return [*shapes, *self._names, self._title]

    def show(self, run: Trajectory, index: int) -> str:
        """Move everything to the ``index``-th measured epoch; returns the picture in words."""
        points = run.coordinates()
        means, centre, scale = centred_and_scaled(points.class_means[index])
        weight = points.weight[index]
        decision = ((self._grid * scale + centre) @ weight.T + run.bias[index]).argmax(-1)
        self._fields.set_data(self._tints[decision])
        self._borders.set_segments(voronoi_borders(means))
        self._dots.set_offsets((points.features[index] - centre) / scale)
        self._dots.set_facecolor(self._colors[run.labels])
        rows = weight / (np.linalg.norm(weight) or 1) * len(means) ** 0.5
        self._rows.set_segments([[(0, 0), row] for row in rows])
        self._weights.set_offsets(rows)
        self._means.set_offsets(means)
        for name, mean in zip(self._names, means, strict=True):
            name.set_position(mean)
        row = run.metrics.iloc[index]
        title = f"epoch {row.epoch:.0f} · NC1 {row.nc1:.2g} · NC4 {row.ncc_mismatch:.0%}"
        self._title.set_text(title)
        return (
            f"Features of {len(means)} classes in the plane at epoch {row.epoch:.0f}: "
            f"NC1 {row.nc1:.1e}, {row.ncc_mismatch:.1%} of the samples are decided differently by "
            "the nearest class mean."
        )


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
        self._figure.alt = self._plane.show(self._run, self._run.index_of(epoch))
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
