"""The centred class means Ṁ = U diag(s) Vᵀ: what they span, and the nearest of them.

Every measure that whitens by the class means or searches among them reads from here, so that all
agree on which directions the features' own rounding has made.
"""

from __future__ import annotations

from functools import cached_property

import torch

from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Int, Tensor


class Means:
    """Thin SVD of the centred means Ṁ = U diag(s) Vᵀ, cut at its rank k, and nearest-mean search.

    What the features' rounding may have made is left out (``ClassStatistics.resolution``):
    singular values up to it, and rows up to its share of one class, which become zero.
    ``rows`` Ṁ (C, p), ``left`` U (C, k), ``sigma`` s (k,), ``whitening`` V/s (p, k), ``points`` ṀV
    (C, k); ``gram`` ṀṀᵀ (C, C) is made when it is asked for.
    """

    def __init__(self, stats: ClassStatistics) -> None:
        rows, cut = stats.centred_means, stats.resolution
        u, s, v = thin_svd(rows)
        cut = max(max(rows.shape) * torch.finfo(s.dtype).eps * float(s[0]), cut)
        self.rank = min(int((s > cut).sum()), len(rows) - 1)
        zero = rows.norm(dim=1, keepdim=True) <= (cut / len(rows) ** 0.5 if self.rank else s[0])
        self.rows = rows.masked_fill(zero, 0)
        self.left = u[:, : self.rank]
        self.sigma = s[: self.rank]
        self.whitening = v[:, : self.rank] / self.sigma
        self.points = self.left * self.sigma

    @cached_property
    def gram(self) -> Float[Tensor, "C C"]:
        """ṀṀᵀ."""
        return self.rows @ self.rows.T

    @cached_property
    def half_gap(self) -> Float[Tensor, " C"]:
        """A sample nearer than this to its own class mean is nearer to no other."""
        squares = self.gram.diagonal()
        distances = (squares + squares[:, None] - 2 * self.gram).clamp(min=0).sqrt()
        return distances.fill_diagonal_(torch.inf).min(1).values / 2

    def nearest(self, position: Float[Tensor, "b k"], labels: Int[Tensor, " b"]) -> Tensor:
        """Nearest class mean of samples at ``position`` from their own class mean, in the span."""
        nearest = labels.clone()
        far = (position.norm(dim=1) >= self.half_gap[labels]).nonzero().flatten()
        if len(far):
            place = position[far] + self.points[labels[far]]
            nearest[far] = (place @ self.points.T - self.points.square().sum(1) / 2).argmax(1)
        return nearest


def thin_svd(rows: Float[Tensor, "C p"]) -> tuple[Tensor, Tensor, Tensor]:
    """U (C, r), singular values descending, V (p, r).

    With many well-conditioned classes it goes through the Gram matrix, at a third of the cost.
    """
    if 200 < len(rows) <= rows.shape[1]:
        squares, u = torch.linalg.eigh(rows @ rows.T)
        if squares[1] > 1e-6 * squares[-1]:  # rows sum to zero: squares[0] is the null direction
            s, u = squares[1:].flip(0).sqrt(), u[:, 1:].flip(1)
            return u, s, rows.T @ (u / s)
    u, s, vt = torch.linalg.svd(rows, full_matrices=False)
    return u, s, vt.T
