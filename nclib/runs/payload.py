"""A run's geometry in fixed axes, and as the JSON values that the collapse player draws.

Arrays and a table in, JSON values out: neither knows what recorded them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nclib.palette import class_colors
from nclib.quantities import QUANTITIES, panels_played
from nclib.texts import readable

METRICS = [column for one in QUANTITIES.values() if one.player for column in one.played]


@dataclass(frozen=True)
class Coordinates:
    """Geometry of E measured epochs in k fixed orthonormal axes, not centred, not scaled.

    Attributes:
        features: (E, S, k) float32, the sampled features.
        class_means: (E, C, k).
        weight: (E, C, k), the classifier's rows.
        captured: (E,) share of the squared norm of the centred class means inside the axes, in [0,
            1].
    """

    features: np.ndarray
    class_means: np.ndarray
    weight: np.ndarray
    captured: np.ndarray


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


def payload(
    recorded: Coordinates,
    table: pd.DataFrame,
    *,
    title: str,
    class_names: Sequence[str],
    labels: np.ndarray,
    num_features: int,
    zero_error_epoch: int | None,
) -> dict[str, Any]:
    """Everything the player draws, as JSON values: packed positions, metrics with None for NaN.

    Each epoch is centred by the mean of its class means μ_G and divided by ‖Ṁ‖_F/√C, so that the
    class means have root mean square norm 1; classifier rows are divided by ‖W‖_F/√C. The first
    min(C-1, p) coordinates are kept. Features are 16-bit integers times a scale per epoch.
    An epoch whose class means coincide is put at the origin with status "zero", one with values
    that are not finite likewise with status "not finite".

    Args:
        recorded: the geometry of the measured epochs.
        table: their metrics, a row each, as ``Trajectory.metrics``.
        title: of the run.
        class_names: C names.
        labels: (S,) classes of the sampled features.
        num_features: p of the network.
        zero_error_epoch: the first measured one with every training sample right, or None.
    """
    whole = frames_played(
        recorded,
        table[METRICS],
        title=title,
        class_names=class_names,
        labels=labels,
        num_features=num_features,
        moments=table.epoch,
    )
    panels = panels_played(len(class_names))
    return whole | {"zero_error_epoch": zero_error_epoch, "panels": panels}


def frames_played(
    recorded: Coordinates,
    metrics: pd.DataFrame,
    *,
    title: str,
    class_names: Sequence[str],
    labels: np.ndarray,
    num_features: int,
    moments: Iterable[int],
) -> dict[str, Any]:
    """The frames alone, of whatever they are, centred and scaled as ``payload`` says.

    Args:
        recorded: the geometry of the frames.
        metrics: all columns that panels or words name, a row a frame.
        title: of the run.
        class_names: C names.
        labels: (S,) classes of the features.
        num_features: p.
        moments: the number of each frame on the axis, such as its epoch.
    """
    num_classes = len(class_names)
    dims = min(num_classes - 1, num_features)
    features, means, status = _normalised(recorded)
    packed, scales = _quantised(features[..., :dims])
    return {
        "title": title,
        "class_names": [readable(name) for name in class_names],
        "colors": class_colors(num_classes),
        "num_classes": num_classes,
        "num_features": int(num_features),
        "dims": dims,
        "epochs": [int(moment) for moment in moments],
        "status": status,
        "metrics": {name: [*map(json_number, metrics[name])] for name in metrics},
        "labels": packed_base64(labels, "<u2"),
        "features": packed_base64(packed, "<i2"),
        "feature_scale": scales,
        "means": packed_base64(means[..., :dims], "<f4"),
        "weights": packed_base64(_unit_frames(recorded.weight)[..., :dims], "<f4"),
    }


def _normalised(recorded: Coordinates) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features and class means centred and scaled epoch by epoch, and what became of each epoch."""
    arrays = [recorded.features.astype(float), recorded.class_means.astype(float)]
    finite = np.all([np.isfinite(array).all((1, 2)) for array in arrays], axis=0)
    features, means = (np.where(finite[:, None, None], array, 0) for array in arrays)
    centre = means.mean(1, keepdims=True)
    features, means = features - centre, means - centre
    norm = np.linalg.norm(means, axis=(1, 2)) / np.sqrt(np.maximum(recorded.captured, 1e-12))
    drawn = norm > 1e-12 * norm.max()
    factor = drawn * np.sqrt(means.shape[1]) / np.where(drawn, norm, 1)
    status = np.select([~finite, ~drawn], ["not finite", "zero"], "ok").tolist()
    return features * factor[:, None, None], means * factor[:, None, None], status


def _unit_frames(weight: np.ndarray) -> np.ndarray:
    """(E, C, k) classifier rows divided by ‖W‖_F/√C; at the origin where zero or not finite."""
    weight = np.nan_to_num(weight.astype(float), nan=0, posinf=0, neginf=0)
    norm = np.linalg.norm(weight, axis=(1, 2), keepdims=True) / np.sqrt(weight.shape[1])
    return weight / np.where(norm > 0, norm, 1)


def _quantised(features: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """(E, S, d) as 16-bit integers and the size of one step at each epoch."""
    largest = np.abs(features).max((1, 2), initial=0)
    scales = np.where(largest > 0, largest, 1) / 32767
    return np.rint(features / scales[:, None, None]), [float(f"{s:.9g}") for s in scales]


def json_number(value: Any) -> float | None:
    """Six digits; None for what is missing or not finite: JSON has no NaN."""
    number = float("nan") if value is None else float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None


def packed_base64(array: np.ndarray, dtype: str) -> str:
    """Its bytes, row by row, as text; the player unpacks them by the same type, such as "<f4"."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()
