"""Fixed orthonormal axes for a moving geometry, chosen where it ends."""

from __future__ import annotations

import numpy as np


def spanning_basis(class_means: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(p, k) orthonormal columns that span centred means and classifier; k ≤ min(p, 2C-1).

    First the principal axes of the centred means, largest first, then those of what the classifier
    has outside them.
    """
    centred = (class_means - class_means.mean(0)).astype(np.float64)
    axes = _principal_axes(centred, min(len(centred) - 1, centred.shape[1]))
    outside = weight - weight @ axes @ axes.T
    more = _principal_axes(outside, min(len(outside), centred.shape[1] - axes.shape[1]))
    q, r = np.linalg.qr(np.hstack([axes, more]))
    return (q * np.where(np.diagonal(r) < 0, -1, 1)).astype(np.float32)


def _principal_axes(rows: np.ndarray, count: int) -> np.ndarray:
    """(p, count) right singular vectors, largest first."""
    return np.linalg.svd(rows, full_matrices=False)[2][:count].T


def captured_share(means: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(E,) share of the centred means' squared norm inside the basis; 1 where they are zero."""
    centred = (means - means.mean(axis=1, keepdims=True)).astype(np.float64)
    whole = np.square(centred).sum(axis=(1, 2))
    inside = np.square(centred @ basis).sum(axis=(1, 2))
    return np.divide(inside, whole, out=np.ones_like(whole), where=whole > 0).clip(max=1)
