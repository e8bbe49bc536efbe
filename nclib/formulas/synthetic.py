"""Features made to order: class means on a simplex, with scatter of a chosen size and shape."""

from __future__ import annotations

import torch

from nclib.formulas.etf import simplex_etf
from nclib.shapes import Float, Int, Number, Tensor


def simplex_with_scatter(
    num_classes: int, per_class: int, *, size: Number, shape: Float[Tensor, "p p"], seed: int = 0
) -> tuple[Float[Tensor, "N p"], Int[Tensor, " N"]]:
    """Features whose class means are a simplex ETF exactly and whose scatter is size²·shapeᵀshape.

    Args:
        num_classes: C, at least 2.
        per_class: n; ValueError where N - C is less than p.
        size: of the scatter; 0 for features that have collapsed.
        shape: (p, p) float64, the identity for round scatter; ValueError for p < C-1.
        seed: of the noise and of how the simplex is turned.
    """
    white = white_scatter(num_classes, per_class, len(shape), seed=seed)
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    means = simplex_etf(num_classes, len(shape), seed=seed)
    return means[labels] + size * white @ shape, labels


def white_scatter(
    num_classes: int, per_class: int, num_features: int, *, seed: int = 0
) -> Float[Tensor, "N p"]:
    """Noise, class by class, whose class means are 0 and whose covariance is I, to rounding.

    Args:
        num_classes: C, at least 1.
        per_class: n; N - C must be at least p.
        num_features: p, at least 1.
        seed: of the noise.

    Raises:
        ValueError: if N - C < p.
    """
    if num_classes * (per_class - 1) < num_features:
        raise ValueError(
            f"per_class is {per_class}: {num_classes} classes of it scatter in fewer than "
            f"{num_features} directions; raise it"
        )
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_classes, per_class, num_features, generator=draw, dtype=torch.float64)
    noise = (noise - noise.mean(1, keepdim=True)).flatten(0, 1)
    whitener = torch.linalg.cholesky(noise.T @ noise / len(noise)).T
    return torch.linalg.solve_triangular(whitener, noise, upper=True, left=False)
