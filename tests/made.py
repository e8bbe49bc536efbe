"""A run that collapses, without training one."""

from __future__ import annotations

import numpy as np
import torch

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.etf import simplex_etf
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.evaluator import Snapshot
from nclib.runs.epoch import Epoch
from nclib.runs.trajectory import Trajectory


def collapsing_run(
    num_classes=10, num_features=16, per_class=60, num_epochs=40, names=None, scale=1.0, last=100
) -> Trajectory:
    """A trajectory from a cloud of features to a simplex ETF (or, without room, to a circle)."""
    numbers = _log_spaced(num_epochs, last)
    draw = torch.Generator().manual_seed(num_classes)
    noise = torch.randn(num_classes * per_class, num_features, generator=draw)
    start = torch.randn(2, num_classes, num_features, generator=draw)
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    settings = {"data": "made up", "network": "none", "loss": "none"}
    settings["class_names"] = list(names or map(str, range(num_classes)))
    goal = _goal(num_classes, num_features)
    trajectory = Trajectory()
    for number in numbers:
        t = np.log1p(number) / np.log1p(last) if last else 1.0
        means = _between(0.45 * start[0], 3 * goal, 1 / (1 + np.exp(-10 * (t - 0.4)))) * scale
        weight = _between(0.4 * start[1], 1.5 * goal, 1 / (1 + np.exp(-10 * (t - 0.55)))) * scale
        features = means[labels] + scale * (0.9 * np.exp(-4.5 * t) + 0.015) * noise
        trajectory.record(_epoch(number, features, labels, weight, settings))
    return trajectory


def _log_spaced(count, last):
    numbers = sorted({0, *np.geomspace(1, last, 4 * count).round().astype(int).tolist()})
    return [numbers[i] for i in np.linspace(0, len(numbers) - 1, count).round().astype(int)]


def _goal(num_classes, num_features):
    if num_features >= num_classes - 1:
        return simplex_etf(num_classes, num_features, seed=1).float()
    angle = 2 * torch.pi * torch.arange(num_classes) / num_classes
    circle = torch.stack([angle.cos(), angle.sin()], 1)[:, :num_features]
    return torch.nn.functional.pad(circle, (0, num_features - circle.shape[1]))


def _between(start, end, part):
    return start * (1 - part) + end * part


def _epoch(number, features, labels, weight, settings) -> Epoch:
    stats = ClassStatistics.from_features(features, labels)
    metrics = collapse_metrics(stats, weight, features=features, labels=labels)
    accuracy = ((features @ weight.T).argmax(1) == labels).double().mean().item()
    bias, snr = torch.zeros(len(weight)), torch.zeros(len(weight) - 1)
    points = Snapshot(stats.class_means.float(), weight, bias, features, labels, snr)
    return Epoch(number, 1 - accuracy, accuracy, None, metrics, 0.0, points, settings)
