"""Pairs of points: squared distances to the last digits, and all pairs without all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from nclib.shapes import Float, Tensor

ALL_PAIRS = 4096  # of as many points each pair is looked at, of more a random share
TILE = 1024  # points on a side
RANDOM_PAIRS = 2**20


def squared_distances(a: Float[Tensor, "m p"], b: Float[Tensor, "n p"]) -> Float[Tensor, "m n"]:
    """‖a_i - b_j‖², ≥ 0. Where it is far below the norms, from differences, not from products."""
    norms = a.square().sum(1)[:, None] + b.square().sum(1)
    found = torch.addmm(norms, a, b.T, alpha=-2)
    near = (found < norms / 64).nonzero()
    for i, j in (part.T for part in near.split(max(1, 2**22 // max(1, a.shape[1])))):
        found[i, j] = (a[i] - b[j]).square().sum(1)
    return found


def each_pair(points: Float[Tensor, "n p"]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Indices i, j and ‖x_i - x_j‖² of every pair, part by part; 2²⁰ random ones of many points."""
    if len(points) <= ALL_PAIRS:
        for start, other, squares in tiles(points):
            i, j = squares.isfinite().nonzero().T
            yield start + i, other + j, squares[i, j]
        return
    generator = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randint(n, (RANDOM_PAIRS,), generator=generator)  # noqa: E731
    first, step = draw(len(points)), draw(len(points) - 1)
    second = (first + 1 + step) % len(points)
    pairs = torch.stack([first, second], 1).to(points.device)
    for i, j in (part.T for part in pairs.split(max(1, 2**22 // points.shape[1]))):
        yield i, j, (points[i] - points[j]).square().sum(1)


def tiles(points: Float[Tensor, "n p"]) -> Iterator[tuple[int, int, Tensor]]:
    """Two starts and squared distances from there on, each pair once, the others infinite."""
    parts = points.split(TILE)
    for i, one in enumerate(parts):
        for j, other in enumerate(parts[i:], i):
            squares = squared_distances(one, other)
            if i == j:
                squares[torch.ones_like(squares, dtype=torch.bool).tril()] = torch.inf
            yield i * TILE, j * TILE, squares


Score = Callable[[Tensor, Tensor, Tensor], Tensor]


def largest_pairs(
    points: Float[Tensor, "n p"], score: Score, count: int
) -> list[tuple[int, int, float]]:
    """The ``count`` pairs i < j of largest score(i, j, ‖x_i - x_j‖²), which is ≥ 0.

    Many points are searched in float32, and what is found there is scored exactly.
    """
    coarse = points.float() if len(points) > ALL_PAIRS else points
    best = torch.zeros(0, dtype=torch.long, device=points.device)  # i·n + j
    values = points.new_zeros(0)
    for start, other, squares in tiles(coarse):
        rows, columns = (torch.arange(n, device=points.device) for n in squares.shape)
        scores = score(start + rows[:, None], other + columns, squares)
        scores = scores.masked_fill(squares.isinf(), -1).flatten()
        few = scores.topk(min(2 * count, len(scores)))
        places = (start + few.indices // len(columns)) * len(points)
        best = torch.cat([best, places + other + few.indices % len(columns)])
        values = torch.cat([values, few.values.to(values)])
        keep = values.topk(min(2 * count, len(values))).indices
        best, values = best[keep], values[keep]
    i, j = best // max(1, len(points)), best % max(1, len(points))
    exact = score(i, j, (points[i] - points[j]).square().sum(1))
    found = zip(i.tolist(), j.tolist(), exact.tolist(), strict=True)
    return sorted((f for f in found if f[0] < f[1]), key=lambda f: -f[2])[:count]
