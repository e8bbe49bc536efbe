"""Σ_W on its range, and the combinations of class means that no noise reaches."""

from __future__ import annotations

from typing import NamedTuple

import torch

from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Tensor


class Spectrum(NamedTuple):
    """K = V diag(values) Vᵀ: ``values`` (r,) > 0, ``vectors`` (p, r)."""

    values: Tensor
    vectors: Tensor

    @property
    def whitening(self) -> Float[Tensor, "p r"]:
        """V values^{-1/2}."""
        return self.vectors / self.values.sqrt()


Noise = tuple[Spectrum, Tensor, float]
Reach = tuple[Tensor, Tensor, Tensor, Tensor]


def within_spectrum(stats: ClassStatistics) -> Noise:
    """Σ_W on its range, its null space (p, q), and the size below which an eigenvalue is 0.

    That is p·ε of the largest eigenvalue, the variance that the features' own rounding may give a
    coordinate, or 4 times the most negative eigenvalue, which measures what the products lost.
    """
    covariance = at_home(stats.within_covariance)
    values, vectors = torch.linalg.eigh(covariance)
    limits = torch.finfo(values.dtype)
    low, high = float(values[0]), float(values[-1])
    rounding = stats.resolution**2 / (4 * stats.num_classes * stats.num_features)
    cut = max(len(values) * limits.eps * high, rounding, -4 * low, limits.tiny)
    q = int((values <= cut).sum())
    return Spectrum(values[q:], vectors[:, q:]), vectors[:, :q], cut


def split_signal(
    stats: ClassStatistics, rows: Float[Tensor, "m p"], noise: Noise | None = None
) -> tuple[Spectrum, Reach]:
    """Σ_W where rows meet noise; U, s, D of rows U diag(s) Dᵀ that meet none; and where all is 0.

    Outside the range of Σ_W the noise is at most ``cut``, so ‖row‖/√cut is the least ratio of
    signal to noise. What rounding moves there from the range stays below the largest ratio inside:
    only more than that is taken for signal without noise, the rest is given the noise ``cut``.
    """
    (spectrum, null, cut), rows = noise or within_spectrum(stats), at_home(rows)
    u, s, vt = torch.linalg.svd(rows @ null, full_matrices=True)
    inside = rows @ spectrum.whitening
    largest = float(torch.linalg.matrix_norm(inside, 2)) if inside.numel() else 0.0
    size = float(stats.class_means.norm()) * max(rows.shape)
    rounding = max(size * torch.finfo(s.dtype).eps, stats.resolution)
    k, r = int((s > max(largest * cut**0.5, rounding)).sum()), int((s > rounding).sum())
    outside = null @ vt.T
    floored = Spectrum(
        torch.cat([spectrum.values, torch.full_like(s[k:r], cut)]),
        torch.cat([spectrum.vectors, outside[:, k:r]], dim=1),
    )
    return floored, (u[:, :k], s[:k], outside[:, :k], outside[:, r:])


def at_home(tensor: Tensor) -> Tensor:
    """On the CPU where the device has no eigensolver (MPS)."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor
