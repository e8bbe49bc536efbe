"""A run as the JSON values that the collapse player draws."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from nclib.palette import class_colors
from nclib.trajectory import Trajectory

METRICS = (
    "train_accuracy",
    "nc1",
    "equinorm_means",
    "equinorm_weights",
    "equiangularity_means",
    "equiangularity_weights",
    "max_angle_means",
    "max_angle_weights",
    "self_duality",
    "ncc_mismatch",
)


def payload(trajectory: Trajectory) -> dict[str, Any]:
    """Everything the player draws, as JSON values: packed positions, metrics with None for NaN.

    Each epoch is centred by the mean of its class means μ_G and divided by ‖Ṁ‖_F/√C, so that the
    class means have root mean square norm 1; classifier rows are divided by ‖W‖_F/√C. The first
    min(C-1, p) coordinates are kept. Features are 16-bit integers times a scale per epoch.
    An epoch whose class means coincide is put at the origin with status "zero", one with values
    that are not finite likewise with status "not finite".

    Raises:
        ValueError: if nothing was recorded.
    """
    recorded = trajectory.coordinates()
    num_classes = trajectory.num_classes
    dims = min(num_classes - 1, trajectory.num_features)
    features, means, status = _normalised(recorded)
    packed, scales = _quantised(features[..., :dims])
    return {
        "title": trajectory.title,
        "class_names": [str(name) for name in trajectory.class_names],
        "colors": class_colors(num_classes),
        "num_classes": num_classes,
        "num_features": int(trajectory.num_features),
        "dims": dims,
        "epochs": [int(epoch) for epoch in trajectory.epochs],
        "zero_error_epoch": _optional_int(trajectory.zero_error_epoch),
        "status": status,
        "metrics": _metric_lists(trajectory),
        "labels": _base64(trajectory.labels, "<u2"),
        "features": _base64(packed, "<i2"),
        "feature_scale": scales,
        "means": _base64(means[..., :dims], "<f4"),
        "weights": _base64(_unit_frames(recorded.weight)[..., :dims], "<f4"),
    }


def _normalised(recorded: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
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


def _metric_lists(trajectory: Trajectory) -> dict[str, list[float | None]]:
    table = trajectory.metrics.set_index("epoch").loc[list(trajectory.epochs)]
    return {name: [_optional_float(value) for value in table[name]] for name in METRICS}


def _optional_float(value: Any) -> float | None:
    """Six digits; None for what is missing or not finite: JSON has no NaN."""
    number = float("nan") if value is None else float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None


def _optional_int(value: Any) -> int | None:
    return None if value is None else int(value)


def _base64(array: np.ndarray, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()
