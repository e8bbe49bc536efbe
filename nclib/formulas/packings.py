"""Points on the sphere that keep apart: repulsion, packings, and what is known of the best.

C unit vectors in p dimensions. For p ≥ C-1 the most separated ones are the simplex ETF, and
repulsion finds it; with fewer dimensions the best are packings: polygons, octahedron, orthoplexes …
Shown in notebook 01.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from scipy.spatial import ConvexHull
from torch.nn.functional import normalize

from nclib.checks import at_least, check_decays, check_points, check_positive
from nclib.formulas.etf import simplex_gram
from nclib.shapes import Float, Int, Number, Tensor

# Repulsion


def random_points(
    num_points: int, dim: int, *, starts: int = 1, seed: int = 0
) -> Float[Tensor, "S C p"]:
    """Uniform on the sphere, float64: ``starts`` sets of C points in p ≥ 2 dimensions."""
    at_least(2, num_points=num_points, dim=dim)
    at_least(1, starts=starts)
    at_least(0, seed=seed)
    draw = torch.Generator().manual_seed(seed)
    size = (starts, num_points, dim)
    return normalize(torch.randn(size, generator=draw, dtype=torch.float64), dim=-1)


def repulsion_step(
    points: Float[Tensor, "*S C p"], beta: Number, step: Number
) -> Float[Tensor, "*S C p"]:
    """One projected gradient step on 1/(2β) log Σ_{i<j} exp(β⟨u_i, u_j⟩), for each set at once.

    The nearer a pair, the more it counts: β = 0, the limit, is quadratic repulsion (of ‖Σu‖² up to
    a constant factor), β → ∞ looks at the nearest pair alone. The radial part of the gradient is
    left out, and rows are normalised again.

    Args:
        points: unit rows, any number of sets.
        beta: β ≥ 0.
        step: of the gradient; C/(1+β) times a factor of 1 or 2 suits (see ``repel``, ``pack``).
    """
    gram = points @ points.mT
    itself = torch.eye(gram.shape[-1], dtype=torch.bool, device=gram.device)
    gram = gram.masked_fill(itself, -2.0)
    pairs = (beta * (gram - gram.amax((-2, -1), keepdim=True))).exp().masked_fill(itself, 0)
    slope = pairs / pairs.sum((-2, -1), keepdim=True) @ points
    slope = slope - (slope * points).sum(-1, keepdim=True) * points
    return normalize(points - step * slope, dim=-1)


def repulsion(
    points: Float[Tensor, "*S C p"], betas: Iterable[Number], *, factor: Number = 1
) -> Iterator[Float[Tensor, "*S C p"]]:
    """The points, and then after each step of size factor · C/(1+β), one step for each β."""
    yield points
    for beta in betas:
        check_decays(beta=beta)
        points = repulsion_step(points, beta, factor * points.shape[-2] / (1 + beta))
        yield points


def repel(
    num_classes: int,
    dim: int,
    *,
    beta: Number = 1.0,
    steps: int = 300,
    starts: int = 1,
    seed: int = 0,
) -> Float[Tensor, "S C p"]:
    """C points that repel each other at a fixed β from random starts.

    At β = 1 and p ≥ C-1 they fall onto the simplex ETF: with C = 3 … 20 the Gram matrix is right to
    1e-9 after 300 steps. More points need more of them.

    Raises:
        ValueError: for fewer than two points, two dimensions, one step or one start, or β < 0.
    """
    at_least(1, steps=steps)
    start = random_points(num_classes, dim, starts=starts, seed=seed)
    return _last(repulsion(start, [beta] * steps, factor=simplex_factor(num_classes)))


def simplex_factor(num_classes: int) -> int:
    """Of the step C/(1+β) at β = 1: 2; for two points 1, since 2 throws them beyond each other."""
    return 1 if num_classes == 2 else 2


def quadratic_repulsion(
    num_classes: int, dim: int, *, steps: int = 300, starts: int = 1, seed: int = 0
) -> Float[Tensor, "S C p"]:
    """Points that minimise ‖Σu‖²: any balanced set will do, so this finds no simplex for C > 3.

    It is repulsion at β = 0, at half the step, which suits flat sets of points, too.

    Raises:
        ValueError: as ``repel``.
    """
    at_least(1, steps=steps)
    start = random_points(num_classes, dim, starts=starts, seed=seed)
    return _last(repulsion(start, [0.0] * steps))


def annealing(steps: int, *, first: Number = 1.0, last: Number = 1000.0) -> list[float]:
    """β of each step, rising geometrically."""
    at_least(1, steps=steps)
    check_positive("β rises by factors", first=first, last=last)
    return np.geomspace(first, last, steps).tolist()


def pack(
    num_points: int,
    dim: int,
    *,
    steps: int = 500,
    starts: int = 16,
    seed: int = 0,
    first: Number = 1.0,
) -> Float[Tensor, "S C p"]:
    """Points as far apart as they get while β rises from ``first`` to 1000, a set for each start.

    From β = 1 on pentagon, hexagon, octahedron, icosahedron and the orthoplexes of 8, 10 and 20
    points come out exactly, from each of 16 starts. Others may depend on the start, or be right to
    1e-3 only: take the one of largest ``margin``. A slow beginning prefers symmetric sets where the
    best are many: five points in space differ from start to start with ``first=10``.

    Raises:
        ValueError: as ``repel``; for ``first`` not positive.
    """
    check_positive("begin at 1, say", first=first)
    start = random_points(num_points, dim, starts=starts, seed=seed)
    return _last(repulsion(start, annealing(steps, first=first)))


def _last(states: Iterator[Tensor]) -> Tensor:
    return deque(states, maxlen=1).pop()


# What is measured of points


def largest_cosine(points: Float[Tensor, "*S C p"]) -> Float[Tensor, "*S"]:
    """Of any two of the unit rows: what a packing minimises; -1/(C-1) for the simplex."""
    check_points(points, sets=True)
    gram = points @ points.mT
    itself = torch.eye(gram.shape[-1], dtype=torch.bool, device=gram.device)
    return gram.masked_fill(itself, -math.inf).amax((-2, -1))


def margin(points: Float[Tensor, "*S C p"]) -> Float[Tensor, "*S"]:
    """Half the least distance of two rows: how far a sample may stray and stay with its class."""
    check_points(points, sets=True)
    away = (points[..., :, None, :] - points[..., None, :, :]).norm(dim=-1)
    itself = torch.eye(away.shape[-1], dtype=torch.bool, device=away.device)
    return away.masked_fill(itself, math.inf).amin((-2, -1)) / 2


def gram_error(points: Float[Tensor, "*S C p"]) -> Float[Tensor, "*S"]:
    """Largest entry of |Gram matrix - that of the simplex ETF|, 0 for a simplex ETF alone."""
    check_points(points, sets=True)
    gram = points @ points.mT
    return (gram - simplex_gram(gram.shape[-1]).to(gram)).abs().amax((-2, -1))


def imbalance(points: Float[Tensor, "*S C p"]) -> Float[Tensor, "*S"]:
    """Length of the mean, which quadratic repulsion makes 0; in [0, 1] for unit rows."""
    check_points(points, sets=True)
    return points.mean(-2).norm(dim=-1)


def contacts(points: Float[Tensor, "C p"], tolerance: Number = 1e-2) -> Int[Tensor, "E 2"]:
    """Pairs a < b of unit rows whose cosine is within ``tolerance`` of the largest one."""
    check_points(points)
    check_decays(tolerance=tolerance)
    gram = points @ points.T
    near = (gram >= largest_cosine(points) - tolerance).triu(1)
    return near.nonzero()


def faces(points: Float[Tensor, "C 3"], tolerance: Number = 1e-2) -> list[list[int]]:
    """Faces of the convex hull of points in space: row numbers in their order around each face.

    Triangles of one plane, up to a turn by ``tolerance``, are one face.

    Raises:
        ValueError: for points that do not have three coordinates, or lie in a plane.
    """
    check_points(points)
    if points.shape[1] != 3 or torch.linalg.matrix_rank(points - points.mean(0), atol=1e-6) < 3:
        raise ValueError(f"points have shape {tuple(points.shape)}; give points that span space")
    hull = ConvexHull(points.numpy())
    planes: list[tuple[np.ndarray, set[int]]] = []
    for triangle, (*normal, _) in zip(hull.simplices, hull.equations, strict=True):
        same = [rows for known, rows in planes if np.linalg.norm(known - normal) < tolerance]
        rows = same[0] if same else set()
        rows.update(triangle.tolist())
        if not same:
            planes.append((np.array(normal), rows))
    return [_around(points.numpy(), normal, sorted(rows)) for normal, rows in planes]


def _around(points: np.ndarray, normal: np.ndarray, rows: list[int]) -> list[int]:
    """The rows by the angle under which they are seen from their middle, against ``normal``."""
    spokes = points[rows] - points[rows].mean(0)
    across = spokes @ np.cross(normal, spokes[0])
    return [rows[i] for i in np.argsort(np.arctan2(across, spokes @ spokes[0]))]


# What is known of the best

# Largest cosines of the best sets, where they are proved: Fejes Tóth 1943 (12 points), Schütte and
# van der Waerden 1951 (7, 8, 9), Bachoc and Vallentin 2009 (10 points in four dimensions).
PROVED = {
    (7, 3): 1 - 4 / math.sqrt(3) * math.cos(7 * math.pi / 18),
    (8, 3): (2 * math.sqrt(2) - 1) / 7,
    (9, 3): 1 / 3,
    (12, 3): 1 / math.sqrt(5),
    (10, 4): 1 / 6,
}


def best_margin(num_classes: int, dim: int) -> float | None:
    """Largest ``margin`` of C unit vectors in p dimensions where theory knows it, else None.

    √(C/(2(C-1))) for p ≥ C-1: the simplex ETF; 0 on a line, which has two directions; √½ for
    p+2 ≤ C ≤ 2p: of the orthoplex ±e_i any C points (Rankin 1955); sin(π/C) in the plane: the
    polygon; some more from ``PROVED``.

    Raises:
        ValueError: for fewer than two classes, or no dimension.
    """
    at_least(2, num_classes=num_classes)
    at_least(1, dim=dim)
    if dim >= num_classes - 1:
        return math.sqrt(num_classes / (2 * (num_classes - 1)))
    if dim == 1:
        return 0.0
    if num_classes <= 2 * dim:
        return math.sqrt(0.5)
    if dim == 2:
        return math.sin(math.pi / num_classes)
    cosine = PROVED.get((num_classes, dim))
    return None if cosine is None else math.sqrt((1 - cosine) / 2)
