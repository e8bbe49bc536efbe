"""Shapes of notebook 01, sections 1 and 2: Gram matrices, the zoo, margins by dimension."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from nclib.formulas import packings
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.runs.points import PointRun, point_run
from nclib.shapes import Number, Tensor


class Shape(NamedTuple):
    """Points with too few dimensions for a simplex.

    Attributes:
        num_points: C.
        dim: p < C-1.
        first: β at which annealing begins.
    """

    num_points: int
    dim: int
    first: Number = 1.0


# From 1 on five points in space come to one shape of the many best ones, from 10 on to any.
ZOO = {
    "pentagon": Shape(5, 2),
    "hexagon": Shape(6, 2),
    "five points in space": Shape(5, 3, first=10.0),
    "octahedron": Shape(6, 3),
    "seven points": Shape(7, 3),
    "eight points": Shape(8, 3),
    "icosahedron": Shape(12, 3),
    "orthoplex in 4-D": Shape(8, 4),
}


def of_zoo(shape: str, draw: int = 0) -> PointRun:
    """A shape of ``ZOO`` on its way from the random starts of ``draw``."""
    num_points, dim, first = ZOO[shape]
    return point_run(num_points, dim, "packing", seed=draw, first=first)


# Gram matrices: the exact view of more than four points

WAYS = {"quadratic repulsion": 0.0, "repulsion, β = 1": 1.0}
GRAMS = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "interpolation": "nearest"}


STEPS = (0, 1, 3, 10, 30, 100, 300)


@functools.lru_cache(maxsize=64)
def _walk(num_points: int, way: str) -> dict[int, Tensor]:
    """Gram matrices by step, from random points in as many dimensions as the simplex needs."""
    start = packings.random_points(num_points, max(2, num_points - 1))[0]
    beta, factor = WAYS[way], packings.simplex_factor(num_points) if WAYS[way] else 1
    walk = packings.repulsion(start, [beta] * STEPS[-1], factor=factor)
    return {step: points @ points.T for step, points in enumerate(walk) if step in STEPS}


@house_style
def gram_matrices() -> Kept:
    """Gram matrices of points after some steps of two repulsions, and their cosines in order.

    The function takes ``points`` (C, at least 3; in C-1 dimensions, both from one random start) and
    ``step`` (one of ``STEPS``).
    """
    figure, (*maps, line) = picture(1, 3, size=(9, 3.3), width_ratios=(1, 1, 1.25))
    images = [_heat(axis, way) for axis, way in zip(maps, WAYS, strict=True)]
    figure.colorbar(images[-1], ax=maps, location="bottom", shrink=0.5, aspect=40, label="cosine")
    line.set(xlim=(0, 1), ylim=(-1.05, 1.05), xticks=[], xlabel="pairs of points, in order")
    looks = ({"color": RUN_COLORS[1], "lw": 1.6, "ls": "--"}, {"color": RUN_COLORS[0], "lw": 3})
    curves = [
        line.plot([], [], label=way, **look)[0] for way, look in zip(WAYS, looks, strict=True)
    ]
    goal = line.axhline(0, color=INK, lw=1, ls=":")
    words = line.text(0.98, -0.98, "", ha="right", fontsize=8.5)
    line.legend(loc="upper left")
    title = line.set_title("x" * 40)

    @kept(figure, *images, *curves, goal, words, title)
    def at(points: int, step: int) -> str:
        limit, ranges = -1 / (points - 1), {}
        for image, curve, way in zip(images, curves, WAYS, strict=True):
            gram = _walk(points, way)[step]
            image.set_data(gram.numpy())
            pairs = gram[tuple(torch.triu_indices(points, points, 1))].sort().values
            curve.set_data(np.linspace(0.02, 0.98, len(pairs)), pairs)
            ranges[way] = f"{pairs[0]:.3f} to {pairs[-1]:.3f}"
        goal.set_ydata([limit, limit])
        words.set_text(f"dotted: the simplex, −1/(C−1) = −{-limit:.3f}")
        title.set_text(f"cosines of {points} points after {step} steps")
        said = "; ".join(f"{way} {found}" for way, found in ranges.items())
        return (
            f"Gram matrices of {points} points in {max(2, points - 1)} dimensions after {step} "
            f"steps. Cosines of pairs: {said}; the simplex has {limit:.3f} everywhere."
        )

    return at


def _heat(axis: Axes, title: str) -> AxesImage:
    axis.set(xticks=[], yticks=[], title=title)
    axis.grid(visible=False)
    return axis.imshow([[0.0]], extent=(0, 1, 1, 0), **GRAMS)


# Margins by dimension


def margins_by_dimension(
    num_classes: int, dims: Iterable[int], *, frames: int = 400, seed: int = 0
) -> pd.DataFrame:
    """The largest margin of C directions in each number of dimensions, and of random ones.

    Args:
        num_classes: C.
        dims: at least 2.
        frames: random ones, of independent directions uniform on the sphere.
        seed: of all starts.

    Returns:
        A row for each dimension: ``best`` (proved, or else found), ``proved`` (True or False),
        ``found`` (by repulsion: β = 1 for p ≥ C-1, else the best of 16 starts of annealing),
        ``random`` (the median of the frames' margins), ``luckiest`` (the largest of them).
    """
    return pd.DataFrame({dim: _margins(num_classes, dim, frames, seed) for dim in dims}).T.astype(
        {"proved": bool, "best": float, "found": float, "random": float, "luckiest": float}
    )


def _margins(num_classes: int, dim: int, frames: int, seed: int) -> dict[str, float | bool]:
    enough = dim >= num_classes - 1
    find = packings.repel if enough else packings.pack
    found = float(packings.margin(find(num_classes, dim, starts=16, seed=seed)).max())
    proved = packings.best_margin(num_classes, dim)
    drawn = packings.random_points(num_classes, dim, starts=frames, seed=seed + 1)
    random = packings.margin(drawn)
    return {
        "best": found if proved is None else proved,
        "proved": proved is not None,
        "found": found,
        "random": float(random.median()),
        "luckiest": float(random.max()),
    }


@house_style
def margin_by_dimension(most: int = 13) -> Kept:
    """What is left of the simplex's margin in fewer dimensions, beside random directions.

    The function takes C and a table of ``margins_by_dimension``.

    Args:
        most: the largest dimension on the axis.
    """
    figure, axis = picture(size=(9, 3.8))
    axis.set(xlim=(1.5, most + 0.5), ylim=(0, 1.09), xlabel="dimensions p")
    axis.set(ylabel="margin ÷ margin of the simplex")
    axis.xaxis.get_major_locator().set_params(integer=True)
    simplex = axis.axvspan(0, 1, color=RUN_COLORS[0], alpha=0.13, lw=0)
    orthoplex = axis.axvspan(0, 1, color=RUN_COLORS[2], alpha=0.13, lw=0)
    middle = {"ha": "center", "va": "top", "fontsize": 9}
    names = [axis.text(0, 1.075, name, **middle) for name in ("simplex", "orthoplex")]
    (best,) = axis.plot([], [], "o-", color=RUN_COLORS[0], label="most separated directions")
    hollow = {"color": RUN_COLORS[0], "mfc": "white", "label": "the best that was found"}
    (found,) = axis.plot([], [], "o", **hollow)
    (random,) = axis.plot([], [], "s--", color=MUTED, ms=4, label="random directions (median)")
    loss = axis.text(0, 0, "", ha="center", va="top", color=INK, fontsize=9)
    axis.legend(loc="lower right")
    title = axis.set_title("x" * 60)

    @kept(figure, simplex, orthoplex, best, found, random, *names, loss, title)
    def of(classes: int, table: pd.DataFrame) -> str:
        whole = packings.best_margin(classes, classes - 1)
        left, half = table.best / whole, math.ceil(classes / 2)
        best.set_data(table.index, left)
        found.set_data(table.index[~table.proved], left[~table.proved])
        random.set_data(table.index, table.random / whole)
        _span(simplex, names[0], classes - 1, most)
        _span(orthoplex, names[1], half, classes - 2)
        lost = 1 - math.sqrt(1 - 1 / classes)
        loss.set_text(f"−{lost:.1%}")
        loss.set_position(((half + classes - 2) / 2, left.loc[half] - 0.03))
        title.set_text(f"{classes} classes: the simplex has margin {whole:.4f}")
        said = ", ".join(f"p = {p}: {x:.3f} ({y:.3f})" for p, x, y in
                         zip(table.index, left, table.random / whole, strict=True))  # fmt: skip
        return (
            f"{classes} classes; margin over that of the simplex, {whole:.4f}, by dimension (in "
            f"brackets the median of random directions): {said}."
        )

    return of


def _span(span: Rectangle, name: Text, first: Number, last: Number) -> None:
    span.set_x(first - 0.4)
    span.set_width(last - first + 0.8)
    name.set_x((first + last) / 2)
