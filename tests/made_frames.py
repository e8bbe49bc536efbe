"""Runs whose frames are no epochs: points pushed apart, layers of a network; made, not trained."""

from __future__ import annotations

import base64
from itertools import combinations
from typing import Any

import numpy as np

from nclib.palette import class_colors

PANELS = [
    {"title": "off its last place", "short": "off", "columns": ["off"]},
    {"title": "largest cosine", "short": "cosine", "columns": ["cosine"], "linear": True},
]


def packed(array, dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


class Frames:
    """Anything with a ``payload()``."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload

    def payload(self) -> dict[str, Any]:
        return self._payload


def points_run(
    num_points: int = 12, dim: int = 3, *, num_frames: int = 30, names=None, **keys
) -> Frames:
    """Points on the sphere on their way from anywhere to where they are far from each other."""
    rng = np.random.default_rng(num_points)
    points = _on_sphere(rng.normal(size=(num_points, dim)))
    numbers = sorted({0, *np.geomspace(1, 500, num_frames).astype(int).tolist()})
    frames = []
    for step in range(501):
        if step in numbers:
            frames.append(points)
        points = _pushed(points, 1000 ** (step / 500))
    frames = np.array(frames)
    cosines = [(f @ f.T - 2 * np.eye(num_points)).max() for f in frames]
    nearest = max(cosines[-1], -1)
    pairs = combinations(range(num_points), 2)
    edges = [[a, b] for a, b in pairs if frames[-1][a] @ frames[-1][b] > nearest - 0.02]
    off = np.linalg.norm(frames - frames[-1], axis=(1, 2))
    return Frames(
        {
            "kind": "points",
            "title": f"{num_points} points in {dim} dimensions",
            "class_names": list(names or map(str, range(1, num_points + 1))),
            "colors": class_colors(num_points),
            "num_classes": num_points,
            "num_features": dim,
            "dims": dim,
            "epochs": numbers,
            "zero_error_epoch": None,
            "status": ["ok"] * len(numbers),
            "panels": PANELS,
            "metrics": {"off": off.tolist(), "cosine": np.array(cosines).tolist()},
            "readout": [{"text": "largest cosine", "column": "cosine"}],
            "labels": "",
            "features": "",
            "feature_scale": [],
            "means": packed(frames, "<f4"),
            "weights": None,
            "edges": edges,
            **keys,
        }
    )


def layers_run(split: str = "train", num_classes: int = 10, num_layers: int = 7, **keys) -> Frames:
    """Class means that come nearer to the simplex from layer to layer, and their samples."""
    rng, dims = np.random.default_rng(0), num_classes - 1
    centre = np.eye(num_classes) - 1 / num_classes
    goal = np.linalg.svd(centre)[0][:, :dims] * np.sqrt(num_classes / (num_classes - 1))
    start = centre @ rng.normal(size=goal.shape)
    part = np.linspace(0, 1, num_layers)[:, None, None]
    means = (1 - part) * start / np.linalg.norm(start) * np.linalg.norm(goal) + part * goal
    labels = np.repeat(np.arange(num_classes), 12)
    noise = rng.normal(size=(len(labels), dims)) * (1.0 if split == "train" else 1.4)
    features = means[:, labels] + 0.6 * np.exp(-3 * part) * noise
    scale = np.abs(features).max((1, 2)) / 32767
    return Frames(
        {
            "kind": "layers",
            "title": f"digits · {split}",
            "class_names": list(map(str, range(num_classes))),
            "colors": class_colors(num_classes),
            "num_classes": num_classes,
            "num_features": dims,
            "dims": dims,
            "epochs": list(range(num_layers)),
            "moments": ["input", *(f"block {i}" for i in range(1, num_layers))],
            "zero_error_epoch": None,
            "status": ["ok"] * num_layers,
            "panels": [{"title": "NC1", "short": "NC1", "columns": ["nc1"]}, PANELS[1]],
            "metrics": {
                "nc1": np.exp(-6 * part.ravel()).tolist(),
                "cosine": (-0.1 - part.ravel() / 9).tolist(),
                "right": (0.5 + part.ravel() / 2).tolist(),
            },
            "readout": [
                {"text": "NC1", "column": "nc1"},
                {"text": "nearest mean right", "column": "right", "percent": True},
            ],
            "labels": packed(labels, "<u2"),
            "features": packed(np.rint(features / scale[:, None, None]), "<i2"),
            "feature_scale": scale.tolist(),
            "means": packed(means, "<f4"),
            "weights": None,
            **keys,
        }
    )


def _on_sphere(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _pushed(points: np.ndarray, beta: float) -> np.ndarray:
    """A step down the soft maximum of the cosines."""
    cosines = points @ points.T - 3 * np.eye(len(points))
    push = np.exp(beta * (cosines - cosines.max()))
    np.fill_diagonal(push, 0)
    push = push / push.sum() @ points
    push = push - (push * points).sum(1, keepdims=True) * points
    return _on_sphere(points - len(points) / (1 + beta) * push)
