"""The squared error's terms under sliders: the classifier moved, noise and shape of the features.

Pictures that are kept and redrawn; public as ``nclib.mse_figures``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from nclib.formulas.etf import simplex_etf
from nclib.formulas.mse import MSEDecomposition, decompose_mse, least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.palette import INK, MUTED, RUN_COLORS, class_colors
from nclib.pictures.picture import Picture, house_style, picture
from nclib.shapes import Float, Number, Tensor

TERMS = {  # column of a table or attribute of MSEDecomposition: name, colour
    "nc1": (r"$L_{\mathrm{NC1}}$, within-class and decay", RUN_COLORS[2]),
    "nc23": (r"$L_{\mathrm{NC2/3}}$, class means", RUN_COLORS[4]),
    "perpendicular": (r"$L_{\mathrm{LS}}^{\perp}$, classifier", RUN_COLORS[1]),
}
NOISES = np.geomspace(0.01, 1, 13)


class Stack:
    """The three terms as areas upon one another, and their sum as a line; kept on an axis."""

    def __init__(self, axis: Axes) -> None:
        empty = np.ones((3, 2))
        self.areas = [Polygon(empty, color=color, lw=0, label=name) for name, color in
                      TERMS.values()]  # fmt: skip
        for area in self.areas:
            axis.add_patch(area)
        (self.top,) = axis.plot([], [], color=INK, lw=1.6, label="$L$, their sum")

    def show(self, x: np.ndarray, terms: np.ndarray) -> None:
        """Terms (3, E) over x (E,)."""
        edges = np.vstack([np.zeros(len(x)), np.cumsum(terms, axis=0)])
        for area, low, high in zip(self.areas, edges[:-1], edges[1:], strict=True):
            area.set_xy(np.c_[np.r_[x, x[::-1]], np.r_[low, high[::-1]]])
        self.top.set_data(x, edges[-1])

    @property
    def artists(self) -> list:
        return [*self.areas, self.top]


class AwayFromBest:
    """The three terms while the classifier leaves the least-squares one along a direction; kept.

    Args:
        stats: class statistics of the features.
        directions: (C, p+1) by name, added to [W b].
        weight_decay: λ of the loss.
        reach: the largest distance on the axis.
    """

    @house_style
    def __init__(
        self,
        stats: ClassStatistics,
        directions: Mapping[str, Float[Tensor, "C q"]],
        *,
        weight_decay: Number = 0.0,
        reach: Number = 1.0,
    ) -> None:
        self._stats, self._directions, self._decay = stats, dict(directions), weight_decay
        self._best = least_squares_classifier(stats, weight_decay=weight_decay)
        self._steps = np.linspace(-reach, reach, 41)
        self._figure, axis = picture(size=(7.5, 3.9))
        self._stack = Stack(axis)
        curves = [self._curve(name)[:, [0, -1]].sum(0).max() for name in self._directions]
        top = 1.05 * max(curves)
        axis.set(xlim=(-reach, reach), ylim=(0, top), ylabel="squared error $L$")
        axis.set_xlabel("distance from the least-squares classifier, along the direction")
        self._cursor = axis.axvline(0, color=INK, lw=1, ls="--")
        self._said = axis.text(0.5, 0.97, "", ha="center", va="top", transform=axis.transAxes)
        self._said.set_bbox({"color": "white", "pad": 2})
        self._figure.legend(loc="outside upper left", ncols=2)
        self._figure.keep_moving([*self._stack.artists, self._cursor, self._said])

    def _terms(self, direction: Tensor, distance: Number) -> MSEDecomposition:
        weight, bias = self._best
        moved = weight + distance * direction[:, :-1], bias + distance * direction[:, -1]
        return decompose_mse(self._stats, *moved, weight_decay=self._decay)

    @functools.cache  # noqa: B019 - as many as there are directions
    def _curve(self, name: str) -> np.ndarray:
        """Terms (3, steps) along a direction."""
        all_terms = [self._terms(self._directions[name], step) for step in self._steps.tolist()]
        return np.array([[getattr(one, term) for one in all_terms] for term in TERMS])

    @house_style
    def at(self, direction: str, distance: Number) -> Picture:
        """The picture, always the same one, at a distance along a direction (by its name)."""
        now = self._terms(self._directions[direction], distance)
        self._stack.show(self._steps, self._curve(direction))
        self._cursor.set_xdata([distance] * 2)
        said = f"NC1 {now.nc1:.4f} + NC2/3 {now.nc23:.4f} + ⊥ {now.perpendicular:.4f}"
        self._said.set_text(f"{direction}, {distance:+.1f}:  {said} = {now.total:.4f}")
        self._figure.alt = (
            f"Squared error along the direction {direction!r}: at distance {distance:+.1f} from "
            f"the least-squares classifier NC1 {now.nc1:.4f}, NC2/3 {now.nc23:.4f}, the "
            f"classifier's {now.perpendicular:.4f}, together {now.total:.4f}. The first two do not "
            "change."
        )
        return self._figure


class NoiseAndShape:
    """Three classes in the plane, and the terms of the best classifier against the noise; kept.

    Args:
        per_class: n, samples of each class.
        seed: of the noise, which is then made exactly isotropic.
    """

    @house_style
    def __init__(self, *, per_class: int = 60, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(3, per_class, 2, generator=generator, dtype=torch.float64)
        noise = (noise - noise.mean(1, keepdim=True)).flatten(0, 1)
        root = torch.linalg.cholesky(noise.T @ noise / len(noise))
        self._noise = torch.linalg.solve_triangular(root, noise.T, upper=False).T
        self._labels = torch.arange(3).repeat_interleave(per_class)
        self._figure, (plane, curve) = picture(1, 2, size=(9, 4.1), width_ratios=(0.8, 1))
        self._draw_plane(plane)
        self._draw_curve(curve)
        moving = [*self._dots, self._means, self._triangle, *self._lines.values()]
        self._figure.keep_moving([*moving, *self._points, *self._letters, self._said])

    def _draw_plane(self, axis: Axes) -> None:
        axis.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xticks=[], yticks=[], aspect="equal")
        axis.set_title("features; dashed: the simplex")
        corners = simplex_etf(3, 2)[[0, 1, 2, 0]]
        axis.plot(*corners.T, "--", color=MUTED, lw=1)
        (self._triangle,) = axis.plot([], [], color=INK, lw=1)
        self._dots = [axis.plot([], [], ".", color=c, ms=4, alpha=0.6)[0] for c in class_colors(3)]
        (self._means,) = axis.plot([], [], "o", color=INK, ms=13)
        style = {"color": "white", "ha": "center", "va": "center_baseline", "fontsize": 8}
        self._letters = [axis.text(0, 0, str(c), zorder=9, **style) for c in range(3)]

    def _draw_curve(self, axis: Axes) -> None:
        axis.set(xscale="log", yscale="log", xlim=(0.009, 1.1), ylim=(1e-8, 1))
        axis.set(xlabel=r"noise $\sigma$", title="terms of $L$ for the best classifier")
        shown = [TERMS["nc1"], TERMS["nc23"]]
        self._lines = {n: axis.plot([], [], color=c, lw=2.2, label=n)[0] for n, c in shown}
        self._points = [axis.plot([], [], "o", color=c, ms=9)[0] for _, c in shown]
        self._said = axis.text(0.98, 0.03, "", ha="right", va="bottom", transform=axis.transAxes)
        axis.legend(loc="upper left")

    def _features(self, noise: Number, squeeze: Number) -> tuple[Tensor, Tensor]:
        means = simplex_etf(3, 2) * torch.tensor([1.0, 1 - squeeze])
        return means, means[self._labels] + noise * self._noise

    def terms(self, noise: Number, squeeze: Number, weight_decay: Number) -> MSEDecomposition:
        """L_NC1 and L_NC2/3 of the least-squares classifier there (its L_LS^⊥ is 0).

        Args:
            noise: σ, of Σ_W = σ²I.
            squeeze: 0 for the simplex, 1 for class means on a line.
            weight_decay: λ.
        """
        stats = self._stats(noise, squeeze)
        best = least_squares_classifier(stats, weight_decay=weight_decay)
        return decompose_mse(stats, *best, weight_decay=weight_decay)

    def _stats(self, noise: Number, squeeze: Number) -> ClassStatistics:
        return ClassStatistics.from_features(self._features(noise, squeeze)[1], self._labels)

    @functools.cache  # noqa: B019 - as many as there are slider positions
    def _curve(self, squeeze: Number, weight_decay: Number) -> np.ndarray:
        zero = torch.zeros(3, 2, dtype=torch.float64)  # the two terms do not depend on W
        found = [
            decompose_mse(self._stats(noise, squeeze), zero, None, weight_decay=weight_decay)
            for noise in NOISES.tolist()
        ]
        return np.array([[one.nc1, one.nc23] for one in found]).T

    @house_style
    def at(self, noise: Number, squeeze: Number, weight_decay: Number) -> Picture:
        """The picture, always the same one; arguments as ``terms``."""
        means, features = self._features(noise, squeeze)
        for dots, rows in zip(self._dots, features.unflatten(0, (3, -1)), strict=True):
            dots.set_data(*rows.T)
        self._means.set_data(*means.T)
        self._triangle.set_data(*means[[0, 1, 2, 0]].T)
        for letter, place in zip(self._letters, means.tolist(), strict=True):
            letter.set_position(place)
        now = self.terms(noise, squeeze, weight_decay)
        curves = zip(self._lines.values(), self._curve(squeeze, weight_decay), strict=True)
        for line, values in curves:
            line.set_data(NOISES, values)
        for point, value in zip(self._points, (now.nc1, now.nc23), strict=True):
            point.set_data([noise], [value])
        said = f"NC1 {now.nc1:.2g}, NC2/3 {now.nc23:.2g}"
        self._said.set_text(said)
        self._figure.alt = (
            f"Three classes, noise {noise:g}, squeezed by {squeeze:g}, decay {weight_decay:g}; "
            f"terms of the squared error of the best classifier: {said}, both against the noise."
        )
        return self._figure
