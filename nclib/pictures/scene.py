"""The collapse player's picture on paper: moves while a network trains, and in GIFs.

Classes stand on a ring: the simplex ETF is written in Fourier coordinates, whose first three show
C vertices on a circle, with every other dimension left out. The camera is the player's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba_array
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import IdentityTransform
from pandas import DataFrame

from nclib.formulas.etf import align
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS, class_colors, ink_on
from nclib.pictures.curves import epoch_ticks
from nclib.pictures.picture import Kept, house_style, kept, label, picture
from nclib.pictures.plane import centred_and_scaled
from nclib.player.camera import on_screen, rotation
from nclib.quantities import QUANTITIES, Quantity
from nclib.shapes import Number

RAISED = 0.35  # radians: the ring's plane is seen from in front and a little above


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
    needed = f"{num_classes} classes need {num_classes - 1} dimensions"
    if num_features < num_classes - 1:
        axes = np.linalg.svd(class_means - class_means.mean(0))[2].T[:, :3]
        axes = np.eye(size)[:, :3] if num_features <= 3 else axes
        return View(axes, None, f"no simplex: {needed}")
    frame = ring_frame(num_classes)
    centred = torch.from_numpy((class_means - class_means.mean(0)).astype(float))
    rotation = align(centred, torch.from_numpy(frame)).rotation.numpy()
    if num_classes <= 4:
        return View(rotation, frame, f"exact: {needed.replace('need', 'span')}")
    enlarged = 1 / np.linalg.norm(frame[:, :2], axis=1).max()  # the ring has radius 1 again
    axes, vertices = enlarged * rotation[:, :3], enlarged * frame[:, :3]
    return View(axes, vertices, f"projection: {needed}, 3 shown")


def seen_from(view: View, moment: Geometry) -> Geometry:
    """A moment in (·, 3) of a view: centred, means and classifier of root mean square norm 1."""
    means, centre, scale = centred_and_scaled(moment.class_means)
    rows = np.linalg.norm(moment.weight) / len(means) ** 0.5 or 1.0
    shown = [(moment.features - centre) / scale, means, moment.weight / rows]
    return Geometry(moment.labels, *(_three(points @ view.axes) for points in shown))


def _three(points: np.ndarray) -> np.ndarray:
    return np.pad(points, ((0, 0), (0, 3 - points.shape[1])))


@house_style
def moving_scene(
    class_names: Sequence[str], epochs: int, *, beside: DataFrame | None = None
) -> Kept:
    """Features, class means, classifier and simplex beside four NC curves; kept.

    The function takes a ``Geometry``, a ``View``, the metrics until then (the curves end with
    them), and by name ``yaw``, the camera's turn in radians (-0.3 when not given). Epoch axes end
    at ``epochs``; ``beside`` is the metrics of another run to draw in grey.
    """
    shown = [one for one in QUANTITIES.values() if one.live]
    places = [["scene", one.live] for one in shown]
    figure, axes = picture(size=(9, 4.5), mosaic=places, width_ratios=(1.75, 1))
    solid = axes.pop("scene")
    title = solid.set_title(" ")
    moving, show = _solid(solid, class_names)
    curves = [_curve(axes[one.live], one, epochs, beside) for one in shown]
    for one in shown[:-1]:
        axes[one.live].set_xticklabels([])
    axes[shown[-1].live].set_xlabel("epoch")

    @kept(figure, *moving, title, *(artist for artists, _ in curves for artist in artists))
    def at(moment: Geometry, view: View, metrics: DataFrame, *, yaw: Number = -0.3) -> str:
        now = metrics.iloc[-1]
        show(seen_from(view, moment), view, yaw)
        for _, draw in curves:
            draw(metrics)
        right = f"train accuracy {now.train_accuracy:.1%}"
        title.set_text(f"epoch {now.epoch:.0f} · {right} · NC1 {now.nc1:.2g}")
        return (
            f"Features, class means, classifier and simplex at epoch {now.epoch:.0f}, "
            f"{view.caption}; {right}, NC1 {now.nc1:.2g}, angles "
            f"off by {now.max_angle_means:.2g}, self-duality {now.self_duality:.2g}."
        )

    return at


def _curve(
    axis: Axes, quantity: Quantity, epochs: int, beside: DataFrame | None
) -> tuple[list[Artist], Callable[[DataFrame], None]]:
    """One quantity against epoch with a dot at its end: what moves, and what moves it."""
    column, limits = quantity.columns[0], quantity.limits
    axis.set(xscale="log", xlim=(0.9, 1.1 * (epochs + 1)), ylim=limits)
    axis.set_yscale("log" if limits[0] > 0 else "linear")
    axis.set_title(quantity.live, fontsize=8.5)
    epoch_ticks(axis, epochs)

    def line_of(metrics: DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return metrics.epoch.to_numpy() + 1, np.clip(metrics[column].to_numpy(float), *limits)

    if beside is not None:
        axis.plot(*line_of(beside), color=MUTED, lw=1, ls="--")
    (line,) = axis.plot([], [], color=RUN_COLORS[0])
    (end,) = axis.plot([], [], "o", color=RUN_COLORS[0], ms=5)

    def show(metrics: DataFrame) -> None:
        x, y = line_of(metrics)
        line.set_data(x, y)
        end.set_data(x[-1:], y[-1:])

    return [line, end], show


def _solid(
    axis: Axes, class_names: Sequence[str]
) -> tuple[list[Artist], Callable[[Geometry, View, Number], None]]:
    """The three-dimensional scene on one axis: what moves, and what moves it."""
    colors = to_rgba_array(class_colors(len(class_names)))
    axis.set(xlim=(-1.75, 1.75), ylim=(-1.45, 1.45), aspect="equal", xticks=[], yticks=[])
    axis.spines[:].set_visible(False)

    def lines(**style: object) -> LineCollection:
        return axis.add_collection(LineCollection([], **style))

    edges = lines(colors=FAINT, lw=0.7, zorder=0)
    rings = axis.scatter([], [], s=330, fc="none", lw=1.6, zorder=1)
    dots = axis.scatter([], [], lw=0, zorder=3)
    spokes = lines(ls=(0, (3, 2)), lw=1.3, colors=colors, zorder=2)
    sticks = lines(lw=2.2, colors=colors, zorder=2)
    squares = axis.scatter([], [], marker="s", fc="none", lw=1.5, s=150, zorder=4)
    balls = axis.scatter([], [], ec=INK, lw=0.8, zorder=5)
    names = _names(axis, class_names)
    caption = axis.set_xlabel(" ", loc="left", color=MUTED, fontsize=8)

    def show(moment: Geometry, view: View, yaw: Number) -> None:
        camera = None if view.axes.shape[1] < 3 else rotation(yaw, RAISED)
        (places, near), (means, _), (rows, _) = (on_screen(some, camera) for some in moment[1:])
        order = np.argsort(near)
        face, sizes = colors[moment.labels[order]], 9 * np.clip(1 + 0.35 * near[order], 0.4, 2)
        dots.set(offsets=places[order], sizes=sizes, facecolor=face, alpha=0.75)
        for sheaf, ends in ((sticks, means), (spokes, rows)):
            sheaf.set_segments([[(0, 0), end] for end in ends])
        balls.set(offsets=means, sizes=[170] * len(means), facecolor=colors)
        squares.set(offsets=rows, edgecolor=colors)
        names.set_offsets(means)
        caption.set_text(view.caption)
        if view.vertices is not None:
            vertices, _ = on_screen(_three(view.vertices), camera)
            rings.set(offsets=vertices, edgecolor=colors)
            edges.set_segments(vertices[np.transpose(np.triu_indices(len(vertices), 1))])

    return [edges, spokes, sticks, rings, dots, squares, balls, names, caption], show


def _names(axis: Axes, class_names: Sequence[str]) -> PathCollection:
    """Names as shapes: all are drawn at once, in a tenth of the time of as many texts."""
    inks = [ink_on(color) for color in class_colors(len(class_names))]
    shapes = [_centred_text(label(name, 8)) for name in class_names]
    names = PathCollection(shapes, [1] * len(shapes), facecolors=inks, lw=0, zorder=6)
    names.set(transform=IdentityTransform(), offset_transform=axis.transData)
    return axis.add_collection(names, autolim=False)


def _centred_text(text: str) -> Path:
    """Letters as a path in points about the origin."""
    path = TextPath((0, 0), text, size=8.5, prop=FontProperties(weight="bold"))
    middle = (path.vertices.min(0) + path.vertices.max(0)) / 2
    return Path(path.vertices - middle, path.codes)
