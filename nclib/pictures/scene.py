"""The collapse player's picture on paper: moves while a network trains, and in GIFs.

Classes stand on a ring: the simplex ETF is written in Fourier coordinates, whose first three show
C vertices on a circle, with every other dimension left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import IdentityTransform
from pandas import DataFrame, Series

from nclib.formulas.etf import align
from nclib.palette import FAINT, INK, MUTED, class_colors, ink_on
from nclib.pictures.picture import Picture, house_style, picture
from nclib.pictures.plane import centred_and_scaled
from nclib.shapes import Number

CURVES = (  # title, column, log axis, limits
    ("NC1 · scatter within / between", "nc1", True, (1e-5, 1e2)),
    ("NC2 · angles off −1/(C−1)", "max_angle_means", True, (1e-3, 1)),
    ("NC3 · classifier ≠ class means", "self_duality", True, (1e-4, 4)),
    ("NC4 · nearest-mean mismatch", "ncc_mismatch", False, (-0.03, 1)),
)
EYE = 5.5  # distance of the camera, in radii of the ETF
ACCENT = "#2563c9"


class Geometry(NamedTuple):
    """One moment: labels (S,), features (S, k), class means (C, k), classifier rows (C, k)."""

    labels: np.ndarray
    features: np.ndarray
    class_means: np.ndarray
    weight: np.ndarray


class View(NamedTuple):
    """Where to look from: axes (k, d) with d ≤ 3, ETF vertices (C, d) or None, and words for it."""

    axes: np.ndarray
    vertices: np.ndarray | None
    caption: str


def ring_frame(num_classes: int) -> np.ndarray:
    """(C, C-1) simplex ETF of unit rows in Fourier coordinates, the first class on top."""
    angle = 2 * np.pi * np.arange(num_classes) / num_classes
    waves = [f(k * angle) for k in range(1, num_classes) for f in (np.sin, np.cos)]
    columns = np.stack(waves[: num_classes - 1], axis=1)
    if num_classes % 2 == 0:  # the last sine vanishes on the ring, its cosine alternates
        columns[:, -1] = np.cos(num_classes / 2 * angle)
    columns /= np.linalg.norm(columns, axis=0)
    return columns * (num_classes / (num_classes - 1)) ** 0.5


def view_of(class_means: np.ndarray, num_features: int) -> View:
    """The view that fits class means (C, k) best: exact for up to four classes, else projected.

    Orthogonal Procrustes onto the ring where C-1 dimensions are there (Papyan, Han, Donoho 2020
    draw three classes so); the features' own or principal axes where they are not.
    """
    num_classes, size = class_means.shape
    if num_features < num_classes - 1:
        axes = np.linalg.svd(class_means - class_means.mean(0))[2].T[:, :3]
        axes = np.eye(size)[:, :3] if num_features <= 3 else axes
        return View(
            axes, None, f"no simplex: {num_classes} classes need {num_classes - 1} dimensions"
        )
    frame = ring_frame(num_classes)
    centred = torch.from_numpy((class_means - class_means.mean(0)).astype(float))
    rotation = align(centred, torch.from_numpy(frame)).rotation.numpy()
    if num_classes <= 4:
        return View(
            rotation, frame, f"exact: {num_classes} classes span {num_classes - 1} dimensions"
        )
    enlarged = 1 / np.linalg.norm(frame[:, :2], axis=1).max()  # the ring has radius 1 again
    caption = f"projection: {num_classes} classes need {num_classes - 1} dimensions, 3 shown"
    return View(enlarged * rotation[:, :3], enlarged * frame[:, :3], caption)


def seen_from(view: View, moment: Geometry) -> Geometry:
    """A moment in (·, 3) of a view: centred, means and classifier of root mean square norm 1."""
    means, centre, scale = centred_and_scaled(moment.class_means)
    rows = np.linalg.norm(moment.weight) / len(means) ** 0.5 or 1.0
    shown = [(moment.features - centre) / scale, means, moment.weight / rows]
    return Geometry(moment.labels, *(_three(points @ view.axes) for points in shown))


def _three(points: np.ndarray) -> np.ndarray:
    return np.pad(points, ((0, 0), (0, 3 - points.shape[1])))


class Scene:
    """Features, class means, classifier and simplex beside four NC curves, kept and moved.

    Args:
        class_names: C names.
        epochs: where the epoch axes end.
        kept: metrics of another run to draw in grey.
    """

    @house_style
    def __init__(
        self, class_names: Sequence[str], epochs: int, *, kept: DataFrame | None = None
    ) -> None:
        places = [["scene", title] for title, *_ in CURVES]
        self._figure, axes = picture(size=(9, 4.5), mosaic=places, width_ratios=(1.75, 1))
        self._solid = _Solid(axes.pop("scene"), class_names)
        axes = list(axes.values())
        self._curves = [
            _Curve(axis, curve, epochs, kept) for axis, curve in zip(axes, CURVES, strict=True)
        ]
        for axis in axes[:-1]:
            axis.set_xticklabels([])
        axes[-1].set_xlabel("epoch")
        moving = [artist for part in (self._solid, *self._curves) for artist in part.artists]
        self._figure.keep_moving(moving)

    @house_style
    def show(
        self, moment: Geometry, view: View, metrics: DataFrame, *, yaw: Number = -0.3
    ) -> Picture:
        """The picture, always the same one, at a moment; the curves end with it."""
        now = metrics.iloc[-1]
        self._solid.show(seen_from(view, moment), view, yaw)
        self._solid.title.set_text(
            f"epoch {now.epoch:.0f} · train accuracy {now.train_accuracy:.1%} · NC1 {now.nc1:.2g}"
        )
        for curve in self._curves:
            curve.show(metrics)
        self._figure.alt = (
            f"Features, class means, classifier and simplex at epoch {now.epoch:.0f}, "
            f"{view.caption}; train accuracy {now.train_accuracy:.1%}, NC1 {now.nc1:.2g}, angles "
            f"off by {now.max_angle_means:.2g}, self-duality {now.self_duality:.2g}."
        )
        return self._figure


class _Curve:
    """One metric against epoch, log axis, with a dot at its end."""

    def __init__(self, axis: Axes, curve: tuple, epochs: int, kept: DataFrame | None) -> None:
        title, self._column, log, limits = curve
        axis.set(xscale="log", xlim=(0.9, 1.1 * (epochs + 1)), ylim=limits)
        axis.set_yscale("log" if log else "linear")
        axis.set_title(title, fontsize=8.5)
        ticks = [e for e in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if e <= epochs]
        axis.set_xticks([e + 1 for e in ticks], [str(e) for e in ticks])
        axis.minorticks_off()
        self._limits = limits
        if kept is not None:
            axis.plot(kept.epoch + 1, self._inside(kept[self._column]), color=MUTED, lw=1, ls="--")
        (self._line,) = axis.plot([], [], color=ACCENT)
        (self._end,) = axis.plot([], [], "o", color=ACCENT, ms=5)

    @property
    def artists(self) -> list[Artist]:
        return [self._line, self._end]

    def _inside(self, values: Series) -> np.ndarray:
        return np.clip(np.asarray(values, float), *self._limits)

    def show(self, metrics: DataFrame) -> None:
        x, y = metrics.epoch.to_numpy() + 1, self._inside(metrics[self._column])
        self._line.set_data(x, y)
        self._end.set_data(x[-1:], y[-1:])


class _Solid:
    """The three-dimensional scene on one axis."""

    def __init__(self, axis: Axes, class_names: Sequence[str]) -> None:
        num_classes = len(class_names)
        self._colors = np.array(class_colors(num_classes))
        axis.set(xlim=(-1.75, 1.75), ylim=(-1.45, 1.45), aspect="equal", xticks=[], yticks=[])
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
        self._pairs = np.stack(np.triu_indices(num_classes, 1), axis=1)
        self._edges = axis.add_collection(LineCollection([], colors=FAINT, lw=0.7, zorder=0))
        self._rings = axis.scatter([], [], s=330, fc="none", lw=1.6, zorder=1)
        self._dots = axis.scatter([], [], lw=0, zorder=3)
        style = {"colors": self._colors, "zorder": 2}
        self._rows = axis.add_collection(LineCollection([], ls=(0, (3, 2)), lw=1.3, **style))
        self._sticks = axis.add_collection(LineCollection([], lw=2.2, **style))
        self._squares = axis.scatter([], [], marker="s", fc="none", lw=1.5, s=150, zorder=4)
        self._balls = axis.scatter([], [], ec=INK, lw=0.8, zorder=5)
        inks = [ink_on(color) for color in self._colors]
        # as shapes all names are drawn at once, in a tenth of the time of as many texts
        shapes = [_centred_text(name[:8].replace("$", r"\$")) for name in class_names]
        self._names = PathCollection(shapes, [1] * num_classes, facecolors=inks, lw=0, zorder=6)
        self._names.set(transform=IdentityTransform(), offset_transform=axis.transData)
        axis.add_collection(self._names, autolim=False)
        self._caption = axis.set_xlabel(" ", loc="left", color=MUTED, fontsize=8)
        self.title = axis.set_title(" ")

    @property
    def artists(self) -> list[Artist]:
        lines = [self._edges, self._rows, self._sticks]
        points = [self._rings, self._dots, self._squares, self._balls]
        return [*lines, *points, self._names, self._caption, self.title]

    def show(self, moment: Geometry, view: View, yaw: Number) -> None:
        flat = view.axes.shape[1] < 3
        camera = np.eye(3) if flat else _rotation(yaw)
        (dots, near), (means, _), (rows, _) = (
            _screen(points, camera, flat) for points in moment[1:]
        )
        order = np.argsort(near)
        self._dots.set_offsets(dots[order])
        self._dots.set_sizes(9 * np.clip(1 + 0.35 * near[order], 0.4, 2))
        self._dots.set_facecolor(self._colors[moment.labels[order]])
        self._dots.set_alpha(0.75)
        for lines, ends in ((self._sticks, means), (self._rows, rows)):
            lines.set_segments([[(0, 0), end] for end in ends])
        self._balls.set_offsets(means)
        self._balls.set(sizes=[170] * len(means), facecolor=self._colors)
        self._squares.set_offsets(rows)
        self._squares.set_edgecolor(self._colors)
        self._names.set_offsets(means)
        self._caption.set_text(view.caption)
        if view.vertices is not None:
            vertices, _ = _screen(_three(view.vertices), camera, flat)
            self._rings.set_offsets(vertices)
            self._rings.set_edgecolor(self._colors)
            self._edges.set_segments(vertices[self._pairs])


def _centred_text(text: str) -> Path:
    """Letters as a path in points about the origin."""
    path = TextPath((0, 0), text, size=8.5, prop=FontProperties(weight="bold"))
    middle = (path.vertices.min(0) + path.vertices.max(0)) / 2
    return Path(path.vertices - middle, path.codes)


def _rotation(yaw: Number, pitch: Number = 0.35) -> np.ndarray:
    """Rows of the camera: the ring's plane is seen from in front and a little above."""
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]]) @ turn


def _screen(points: np.ndarray, camera: np.ndarray, flat: bool) -> tuple[np.ndarray, np.ndarray]:
    """(·, 2) places on the screen, and nearness: towards the viewer is positive."""
    x, y, near = (points @ camera.T).T
    scale = 1 if flat else EYE / (EYE - np.minimum(near, EYE - 0.5))
    return np.stack([x * scale, y * scale], axis=1), near
