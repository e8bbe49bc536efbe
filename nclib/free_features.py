"""Features without a network: descents that the player can show, and a simplex with scatter.

In a descent a step of gradient descent takes the place of an epoch; there is no test set.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from nclib._shapes import Float, Int, Number, Tensor
from nclib.central_path import snr_singular_values
from nclib.collapse import collapse_metrics
from nclib.etf import simplex_etf
from nclib.statistics import ClassStatistics
from nclib.training import Epoch, Snapshot
from nclib.ufm import LOSSES, UFM, gradient_descent


def descend(
    model: UFM,
    *,
    steps: int,
    learning_rate: Number,
    momentum: Number = 0.9,
    num_records: int = 50,
) -> Iterator[Epoch]:
    """Gradient descent on classifier and features; yields log-spaced steps, measured.

    ``Trajectory.of(descend(model, …))`` records it. ``Epoch.number`` counts steps, ``Epoch.loss``
    is the data loss without decays, and all N features are in the snapshot.

    Args:
        model: changed in place.
        steps: at least 1.
        learning_rate: > 0; it must stay below 2 over the largest curvature.
        momentum: in [0, 1).
        num_records: how many steps are measured, about; 0 and the last are among them.

    Raises:
        ValueError: for settings out of range, or when the objective stops being finite.
    """
    if steps < 1 or num_records < 1:
        raise ValueError(f"steps is {steps} and num_records {num_records}; give at least 1 of each")
    kept = {0, *np.geomspace(1, steps, num_records).round().astype(int).tolist()}
    settings = _settings(model) | {"learning_rate": learning_rate, "momentum": momentum}
    walk = {"steps": steps, "learning_rate": learning_rate, "momentum": momentum}
    for step in gradient_descent(model, **walk, record_every=1):
        if step in kept:
            yield _measured(model, step, settings)


@torch.no_grad()
def _measured(model: UFM, step: int, settings: dict) -> Epoch:
    """The model as it stands, as an epoch."""
    features, weight = model.features.clone(), model.weight.clone()
    bias = weight.new_zeros(len(weight)) if model.bias is None else model.bias.clone()
    stats, logits = ClassStatistics.from_features(features, model.labels), model()
    metrics = collapse_metrics(stats, weight, bias, features=features, labels=model.labels)
    snr = snr_singular_values(stats)
    points = (stats.class_means, weight, bias, features)
    snapshot = Snapshot(*(x.float() for x in points), model.labels, snr.float())
    loss = float(LOSSES[model.loss](logits, model.labels))
    accuracy = float((logits.argmax(1) == model.labels).double().mean())
    return Epoch(step, loss, accuracy, None, metrics, 0.0, snapshot, settings)


def _settings(model: UFM) -> dict:
    num_classes = len(model.weight)
    size = f"{num_classes} classes of {len(model.features) // num_classes}"
    names = {"data": "free features", "network": size, "loss": model.loss}
    names["class_names"] = [str(c) for c in range(num_classes)]
    return names | {"weight_decay": model.weight_decay, "feature_decay": model.feature_decay}


def simplex_with_scatter(
    num_classes: int,
    per_class: int,
    *,
    size: Number,
    shape: Float[Tensor, "p p"],
    seed: int = 0,
) -> tuple[Float[Tensor, "N p"], Int[Tensor, " N"]]:
    """Features whose class means are a simplex ETF exactly and whose scatter is size²·shapeᵀshape.

    Args:
        num_classes: C, at least 2.
        per_class: n; N - C must be at least p.
        size: of the scatter; 0 for features that have collapsed.
        shape: (p, p) float64, the identity for round scatter; p ≥ C-1.
        seed: of the noise and of how the simplex is turned.

    Raises:
        ValueError: if N - C < p, or p < C-1.
    """
    num_features = len(shape)
    if num_classes * (per_class - 1) < num_features:
        raise ValueError(
            f"per_class is {per_class}: {num_classes} classes of it scatter in fewer than "
            f"{num_features} directions; raise it"
        )
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_classes, per_class, num_features, generator=draw, dtype=shape.dtype)
    noise = (noise - noise.mean(1, keepdim=True)).flatten(0, 1)
    whitener = torch.linalg.cholesky(noise.T @ noise / len(noise)).T
    white = torch.linalg.solve_triangular(whitener, noise, upper=True, left=False)
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    means = simplex_etf(num_classes, num_features, seed=seed)
    return means[labels] + size * white @ shape, labels
