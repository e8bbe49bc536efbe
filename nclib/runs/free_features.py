"""Features without a network: descents that the player can show.

In a descent a step of gradient descent takes the place of an epoch; there is no test set.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nclib.formulas.central_path import snr_singular_values
from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.descent import gradient_descent, log_spaced
from nclib.formulas.losses import UFM_LOSSES
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.ufm import UFM
from nclib.measuring.evaluator import Snapshot
from nclib.runs.epoch import Epoch
from nclib.shapes import Number


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
    kept = {0} | log_spaced(steps, num_records)
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
    loss = float(UFM_LOSSES[model.loss](logits, model.labels))
    accuracy = float((logits.argmax(1) == model.labels).double().mean())
    return Epoch(step, loss, accuracy, None, metrics, 0.0, snapshot, settings)


def _settings(model: UFM) -> dict:
    num_classes = len(model.weight)
    size = f"{num_classes} classes of {len(model.features) // num_classes}"
    names = {"data": "free features", "network": size, "loss": model.loss}
    names["class_names"] = [str(c) for c in range(num_classes)]
    return names | {"weight_decay": model.weight_decay, "feature_decay": model.feature_decay}
