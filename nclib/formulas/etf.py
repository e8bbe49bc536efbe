"""Simplex equiangular tight frames: construct, compare, align, find the nearest.

C unit vectors that sum to zero with every cosine equal to -1/(C-1): the most separated directions
C classes can have (Papyan, Han, Donoho 2020, Definition 1). Shown in notebooks 00 and 01; margins
and the best that fewer dimensions allow are in ``packings``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn.functional import pad

from nclib.checks import check_points
from nclib.shapes import Float, Tensor


def simplex_etf(
    num_classes: int, dim: int | None = None, *, seed: int | None = None
) -> Float[Tensor, "C dim"]:
    """The simplex ETF (C, dim), float64: rows of norm 1 with Gram matrix C/(C-1) (I - 11ᵀ/C).

    Args:
        num_classes: C, at least 2.
        dim: p, at least C-1; C when not given.
        seed: of a random orthogonal matrix that turns the frame; without, it lies in the first C-1
            coordinates.

    Raises:
        ValueError: if C < 2, or if dim < C-1, where no simplex ETF exists.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes is {num_classes}; a simplex ETF needs at least 2 classes")
    dim = num_classes if dim is None else dim
    if dim < num_classes - 1:
        raise ValueError(
            f"dim is {dim}, but {num_classes} equiangular directions need at least "
            f"{num_classes - 1} dimensions; raise dim or lower num_classes"
        )
    frame = (num_classes / (num_classes - 1)) ** 0.5 * _helmert(num_classes)
    frame = pad(frame, (0, dim - num_classes + 1))
    if seed is None:
        return frame
    generator = torch.Generator().manual_seed(seed)
    gaussian = torch.randn(dim, dim, generator=generator, dtype=frame.dtype)
    return frame @ torch.linalg.qr(gaussian).Q


def _helmert(size: int) -> Float[Tensor, "C C-1"]:
    """Orthonormal basis of the vectors that sum to zero: column j is (1,…,1,-j,0,…)/√(j(j+1))."""
    index = torch.arange(1, size, dtype=torch.float64)
    upper = torch.triu(torch.ones(size, size - 1, dtype=torch.float64))
    lower = torch.diag_embed(-index, offset=-1)[:, : size - 1]
    return (upper + lower) / torch.sqrt(index * (index + 1))


def simplex_gram(num_classes: int) -> Float[Tensor, "C C"]:
    """Gram matrix of the simplex ETF: 1 on the diagonal, -1/(C-1) elsewhere."""
    identity = torch.eye(num_classes, dtype=torch.float64)
    return num_classes / (num_classes - 1) * (identity - 1 / num_classes)


def etf_distance(centred_means: Float[Tensor, "C p"]) -> float:
    """Relative Procrustes distance of (C, p) centred means to the nearest scaled, turned ETF.

    In [0, 1); 0 exactly for an ETF; at least √((C-1-p)/(C-1)) when p < C-1; NaN for zero means.
    It is the spread of the C-1 leading singular values: d² = Σ(σ_j - σ̄)²/Σσ_j².
    """
    num_classes = len(centred_means)
    sigma = torch.linalg.svdvals(centred_means.double())[: num_classes - 1]
    sigma = pad(sigma, (0, num_classes - 1 - len(sigma)))
    return float((sigma - sigma.mean()).norm() / sigma.norm())


class Alignment(NamedTuple):
    """Best similarity transform of a frame onto points: points ≈ scale · frame @ rotation.T."""

    scale: float
    rotation: Tensor


def align(points: Float[Tensor, "C p"], frame: Float[Tensor, "C k"]) -> Alignment:
    """Orthogonal Procrustes: the s and (p, k) isometry Q that minimise ‖points - s frame Qᵀ‖_F.

    Reflections are allowed: any labelling of a simplex ETF is an isometry of any other. Q has
    orthonormal columns for k ≤ p, orthonormal rows for k > p.
    """
    u, s, vt = torch.linalg.svd(points.T @ frame, full_matrices=False)
    return Alignment(float(s.sum() / frame.square().sum()), u @ vt)


def nearest_etf(points: Float[Tensor, "C p"]) -> Float[Tensor, "C p"]:
    """The simplex ETF about the origin, scaled and turned, that lies nearest to (C, p) points.

    It minimises ‖points - frame‖_F (orthogonal Procrustes, float64); for centred means this over
    ‖points‖_F is ``etf_distance``. Where several are equally near, one of them.

    Raises:
        ValueError: for fewer than 2 points, or p < C-1, where no simplex ETF exists; for NaN.
    """
    check_points(points)
    num_classes, dim = points.shape
    frame = simplex_etf(num_classes, dim)[:, : num_classes - 1]
    best = align(points.double(), frame)
    return best.scale * frame @ best.rotation.T
