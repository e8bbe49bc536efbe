"""The squared error's terms under sliders: a classifier that moves, noise and shape of features."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from nclib.formulas.etf import simplex_etf
from nclib.formulas.mse import MSEDecomposition, decompose_mse, least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.synthetic import white_scatter
from nclib.palette import INK, MUTED, RUN_COLORS, class_colors
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Float, Number, Tensor

TERMS = {  # column of a table or attribute of MSEDecomposition: name, colour
    "nc1": (r"$L_{\mathrm{NC1}}$, within-class and decay", RUN_COLORS[2]),
    "nc23": (r"$L_{\mathrm{NC2/3}}$, class means", RUN_COLORS[4]),
    "perpendicular": (r"$L_{\mathrm{LS}}^{\perp}$, classifier", RUN_COLORS[1]),
}
NOISES = np.geomspace(0.01, 1, 13)


def stack(axis: Axes) -> tuple[Callable[[np.ndarray, np.ndarray], None], list[Artist]]:
    """The three terms as areas upon one another, and their sum as a line, on an axis.

    Returns a function that moves them, of x (E,) and the terms (3, E), and what it moves.
    """
    areas = [
        axis.add_patch(Polygon(np.ones((3, 2)), color=color, lw=0, label=name))
        for name, color in TERMS.values()
    ]
    (top,) = axis.plot([], [], color=INK, lw=1.6, label="$L$, their sum")

    def show(x: np.ndarray, terms: np.ndarray) -> None:
        edges = np.vstack([np.zeros(len(x)), np.cumsum(terms, axis=0)])
        for area, low, high in zip(areas, edges[:-1], edges[1:], strict=True):
            area.set_xy(np.c_[np.r_[x, x[::-1]], np.r_[low, high[::-1]]])
        top.set_data(x, edges[-1])

    return show, [*areas, top]


@house_style
def away_from_best(
    stats: ClassStatistics,
    directions: Mapping[str, Float[Tensor, "C q"]],
    *,
    weight_decay: Number = 0.0,
    reach: Number = 1.0,
) -> Kept:
    """The three terms while the classifier leaves the least-squares one along a direction.

    Call what is returned with a ``direction`` (its name) and a ``distance`` along it.

    Args:
        stats: class statistics of the features.
        directions: (C, p+1) by name, added to [W b]; at least one.
        weight_decay: λ ≥ 0 of the loss.
        reach: the largest distance on the axis, positive.
    """
    weight, bias = least_squares_classifier(stats, weight_decay=weight_decay)

    def terms(direction: Tensor, distance: Number) -> MSEDecomposition:
        moved = weight + distance * direction[:, :-1], bias + distance * direction[:, -1]
        return decompose_mse(stats, *moved, weight_decay=weight_decay)

    steps = np.linspace(-reach, reach, 41)
    curves = {
        name: _rows([terms(direction, step) for step in steps.tolist()], TERMS)
        for name, direction in directions.items()
    }
    figure, axis = picture(size=(7.5, 3.9))
    show_terms, areas = stack(axis)
    top = 1.05 * max(curve[:, [0, -1]].sum(0).max() for curve in curves.values())
    axis.set(xlim=(-reach, reach), ylim=(0, top), ylabel="squared error $L$")
    axis.set_xlabel("distance from the least-squares classifier, along the direction")
    cursor = axis.axvline(0, color=INK, lw=1, ls="--")
    words = axis.text(0.5, 0.97, "", ha="center", va="top", transform=axis.transAxes)
    words.set_bbox({"color": "white", "pad": 2})
    figure.legend(loc="outside upper left", ncols=2)

    @kept(figure, *areas, cursor, words)
    def at(direction: str, distance: Number) -> str:
        now = terms(directions[direction], distance)
        show_terms(steps, curves[direction])
        cursor.set_xdata([distance] * 2)
        said = f"NC1 {now.nc1:.4f} + NC2/3 {now.nc23:.4f} + ⊥ {now.perpendicular:.4f}"
        words.set_text(f"{direction}, {distance:+.1f}:  {said} = {now.total:.4f}")
        return (
            f"Squared error along the direction {direction!r}: at distance {distance:+.1f} from "
            f"the least-squares classifier NC1 {now.nc1:.4f}, NC2/3 {now.nc23:.4f}, the "
            f"classifier's {now.perpendicular:.4f}, together {now.total:.4f}. The first two do not "
            "change."
        )

    return at


def _rows(found: Iterable[MSEDecomposition], names: Iterable[str]) -> np.ndarray:
    """Terms by name (names, decompositions)."""
    return np.array([[getattr(one, name) for name in names] for one in found]).T


class Triangle:
    """Three classes in the plane, whose means are a simplex or squeezed, in isotropic noise.

    Args:
        per_class: n ≥ 2, samples of each class.
        seed: of the noise.
    """

    def __init__(self, *, per_class: int = 60, seed: int = 0) -> None:
        self._scatter = white_scatter(3, per_class, 2, seed=seed)
        self._labels = torch.arange(3).repeat_interleave(per_class)

    def features(self, noise: Number, squeeze: Number) -> tuple[Tensor, Tensor]:
        """Class means (3, 2) and features (N, 2); arguments as ``terms``."""
        means = simplex_etf(3, 2) * torch.tensor([1.0, 1 - squeeze])
        return means, means[self._labels] + noise * self._scatter

    def terms(self, noise: Number, squeeze: Number, weight_decay: Number) -> MSEDecomposition:
        """L_NC1 and L_NC2/3 of the least-squares classifier there (its L_LS^⊥ is 0).

        Args:
            noise: σ, of Σ_W = σ²I.
            squeeze: 0 for the simplex, 1 for class means on a line.
            weight_decay: λ ≥ 0.
        """
        stats = ClassStatistics.from_features(self.features(noise, squeeze)[1], self._labels)
        best = least_squares_classifier(stats, weight_decay=weight_decay)
        return decompose_mse(stats, *best, weight_decay=weight_decay)

    @functools.cache  # noqa: B019 - as many as there are slider positions
    def curves(self, squeeze: Number, weight_decay: Number) -> np.ndarray:
        """(2, 13) L_NC1 and L_NC2/3 against NOISES; arguments as ``terms``."""
        found = (self.terms(noise, squeeze, weight_decay) for noise in NOISES.tolist())
        return _rows(found, ("nc1", "nc23"))


@house_style
def noise_and_shape(classes: Triangle) -> Kept:
    """The classes in the plane, and the terms of the best classifier against the noise.

    Call what is returned with ``noise``, ``squeeze`` and ``weight_decay``, as ``Triangle.terms``.
    """
    figure, (plane, curve) = picture(1, 2, size=(9, 4.1), width_ratios=(0.8, 1))
    show_features, in_plane = _triangle_plane(plane)
    show_terms, in_curve = _noise_curve(curve)

    @kept(figure, *in_plane, *in_curve)
    def at(noise: Number, squeeze: Number, weight_decay: Number) -> str:
        now = classes.terms(noise, squeeze, weight_decay)
        said = f"NC1 {now.nc1:.2g}, NC2/3 {now.nc23:.2g}"
        show_features(*classes.features(noise, squeeze))
        show_terms(classes.curves(squeeze, weight_decay), noise, (now.nc1, now.nc23), said)
        return (
            f"Three classes, noise {noise:g}, squeezed by {squeeze:g}, decay {weight_decay:g}; "
            f"terms of the squared error of the best classifier: {said}, both against the noise."
        )

    return at


def _triangle_plane(axis: Axes) -> tuple[Callable[[Tensor, Tensor], None], list[Artist]]:
    axis.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xticks=[], yticks=[], aspect="equal")
    axis.set_title("features; dashed: the simplex")
    axis.plot(*simplex_etf(3, 2)[[0, 1, 2, 0]].T, "--", color=MUTED, lw=1)
    (triangle,) = axis.plot([], [], color=INK, lw=1)
    dots = [axis.plot([], [], ".", color=c, ms=4, alpha=0.6)[0] for c in class_colors(3)]
    (corners,) = axis.plot([], [], "o", color=INK, ms=13)
    style = {"color": "white", "ha": "center", "va": "center_baseline", "fontsize": 8}
    letters = [axis.text(0, 0, str(c), zorder=9, **style) for c in range(3)]

    def show(means: Tensor, features: Tensor) -> None:
        for cloud, rows in zip(dots, features.unflatten(0, (3, -1)), strict=True):
            cloud.set_data(*rows.T)
        corners.set_data(*means.T)
        triangle.set_data(*means[[0, 1, 2, 0]].T)
        for letter, place in zip(letters, means.tolist(), strict=True):
            letter.set_position(place)

    return show, [*dots, corners, triangle, *letters]


def _noise_curve(axis: Axes) -> tuple[Callable[..., None], list[Artist]]:
    axis.set(xscale="log", yscale="log", xlim=(0.009, 1.1), ylim=(1e-8, 1))
    axis.set(xlabel=r"noise $\sigma$", title="terms of $L$ for the best classifier")
    shown = [TERMS["nc1"], TERMS["nc23"]]
    lines = [axis.plot([], [], color=color, lw=2.2, label=name)[0] for name, color in shown]
    points = [axis.plot([], [], "o", color=color, ms=9)[0] for _, color in shown]
    words = axis.text(0.98, 0.03, "", ha="right", va="bottom", transform=axis.transAxes)
    axis.legend(loc="upper left")

    def show(curves: np.ndarray, noise: Number, terms: Iterable[float], said: str) -> None:
        for line, point, values, value in zip(lines, points, curves, terms, strict=True):
            line.set_data(NOISES, values)
            point.set_data([noise], [value])
        words.set_text(said)

    return show, [*lines, *points, words]
