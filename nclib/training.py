"""Train a network and measure its collapse, one epoch at a time.

``train`` is a generator: it does the work of one epoch, yields it, and stops when nobody asks for
more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from nclib._shapes import Float, Int, Number, Tensor
from nclib.collapse import CollapseMetrics, collapse_metrics
from nclib.data import DataSet, Split
from nclib.statistics import ClassStatistics


def squared_error(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Mean over samples *and* classes of (logit - one-hot)²: 2/C times ½‖·‖²/N."""
    return F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).to(logits))


def label_smoothing(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Cross-entropy against 0.9 one-hot + 0.1 uniform (Szegedy et al. 2016)."""
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


def focal(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Mean of -(1 - p_y)² log p_y (Lin et al. 2017, γ = 2)."""
    log_p = F.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    return -((1 - log_p.exp()).square() * log_p).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "squared_error": squared_error,
    "label_smoothing": label_smoothing,
    "focal": focal,
}


def step_schedule(progress: Number) -> float:
    """The papers' learning rate: divided by 10 after one third and again after two thirds."""
    return 0.1 ** math.floor(3 * progress)


def cosine_schedule(progress: Number) -> float:
    """Linear warm-up over the first 5 %, then a cosine to 0."""
    warm_up = 0.05
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def measured_epochs(epochs: int, count: int = 40) -> list[int]:
    """0, then about ``count`` log-spaced epochs up to the last: collapse slows down."""
    spaced = np.geomspace(1, epochs, count).round().astype(int) if epochs else []
    return sorted({0, *map(int, spaced)})


class DivergedError(ValueError):
    """The loss became NaN or infinite."""


@dataclass(frozen=True)
class Snapshot:
    """The geometry of a measured epoch: (C, p) means and classifier, a fixed sample of features."""

    class_means: Tensor
    weight: Tensor
    bias: Tensor
    features: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Epoch:
    """One epoch of training; epoch 0 is before any step.

    Attributes:
        number: epochs completed.
        loss: mean training loss. Of measured epochs in evaluation mode over the whole training set,
            otherwise of the mini-batches as they were trained on; likewise ``train_accuracy``.
        train_accuracy: share of training samples decided correctly, in [0, 1].
        test_accuracy: the same of the test set; None when not measured.
        metrics: NC1-NC4 on the training set in evaluation mode; None when not measured.
        seconds: training time so far, measuring included.
        snapshot: means, classifier and sampled features; None when not measured.
        settings: what was run.
    """

    number: int
    loss: float
    train_accuracy: float
    test_accuracy: float | None
    metrics: CollapseMetrics | None
    seconds: float
    snapshot: Snapshot | None
    settings: dict


def train(  # noqa: PLR0913 - the settings of a run, all named
    network: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    learning_rate: Number,
    weight_decay: Number,
    loss: str = "cross_entropy",
    batch_size: int = 128,
    momentum: Number = 0.9,
    schedule: Callable[[float], float] = step_schedule,
    measure_at: Iterable[int] | Callable[[int], bool] | None = None,
    sample_per_class: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Iterator[Epoch]:
    """Train by SGD and yield every epoch, measured or not, from 0 to ``epochs``.

    Args:
        network: with ``features`` and a linear ``classifier``, as ``build_network`` makes; it is
            moved to the data's device and trained in place.
        data: tensors on the device.
        epochs: at least 0.
        learning_rate: of SGD, > 0, before the schedule.
        weight_decay: ≥ 0, on every parameter, as the papers do.
        loss: ``"cross_entropy"``, ``"squared_error"``, ``"label_smoothing"`` or ``"focal"``.
        batch_size: samples a step; an incomplete last batch is dropped (all samples if fewer).
        momentum: in [0, 1).
        schedule: factor on the learning rate for progress in [0, 1): ``step_schedule`` (the
            papers') or ``cosine_schedule``.
        measure_at: epochs to measure, or a function that says of each whether to; log-spaced when
            not given. The last is always measured.
        sample_per_class: features kept per class for pictures; 60, or fewer beyond ten classes.
        seed: of the order of the samples. Equal seeds give equal bits on a CPU.
        progress: show a text progress bar once it takes longer than two seconds.

    Raises:
        ValueError: for settings out of range, before any work.
        DivergedError: when the loss becomes NaN or infinite, with the epoch and what to change.
    """
    _check_settings(epochs, learning_rate, weight_decay, loss, batch_size, momentum)
    settings = {
        "data": data.name,
        "network": getattr(network, "name", type(network).__name__),
        "loss": loss,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "batch_size": batch_size,
        "momentum": momentum,
        "schedule": schedule.__name__,
        "seed": seed,
        "class_names": list(data.class_names),
    }
    # channels last makes convolutions up to half as fast again, on CPU as on CUDA
    network = network.to(data.train.images.device, memory_format=torch.channels_last)
    run = _Run(network, data, settings, schedule)
    chosen = measured_epochs(epochs) if measure_at is None else measure_at
    wanted = chosen if callable(chosen) else {*chosen}.__contains__
    sample = _sample(data.train.labels, data.num_classes, sample_per_class)
    return _epochs(run, wanted, sample, progress)


def _epochs(
    run: _Run, wanted: Callable[[int], bool], sample: Tensor, progress: bool
) -> Iterator[Epoch]:
    start, last = time.perf_counter(), run.settings["epochs"]
    bar = tqdm(
        range(last + 1), desc="training", unit="epoch", delay=2, leave=False, disable=not progress
    )
    with bar:
        for number in bar:
            loss, accuracy = run.step_through(number) if number else (float("nan"), float("nan"))
            test_accuracy = metrics = snapshot = None
            if number == last or wanted(number):
                loss, accuracy, test_accuracy, metrics, snapshot = run.measure(sample)
            elif not number:
                loss, accuracy = run.evaluate(run.data.train)[:2]
            if not math.isfinite(loss):
                raise DivergedError(run.advice(number, loss))
            seconds = time.perf_counter() - start
            yield Epoch(
                number, loss, accuracy, test_accuracy, metrics, seconds, snapshot, run.settings
            )


class _Run:
    """A network, its data and optimiser: one training pass, one measurement."""

    def __init__(
        self, network: nn.Module, data: DataSet, settings: dict, schedule: Callable[[float], float]
    ) -> None:
        self.network, self.data, self.settings, self.schedule = network, data, settings, schedule
        self.loss = LOSSES[settings["loss"]]
        self.order = torch.Generator().manual_seed(settings["seed"])
        self.optimizer = torch.optim.SGD(
            network.parameters(),
            lr=settings["learning_rate"],
            momentum=settings["momentum"],
            weight_decay=settings["weight_decay"],
        )

    def step_through(self, number: int) -> tuple[float, float]:
        """Train epoch ``number``; mean loss and accuracy of its mini-batches."""
        self.network.train()
        images, labels = self.data.train.images, self.data.train.labels
        size = min(self.settings["batch_size"], len(labels))
        steps = len(labels) // size
        order = torch.randperm(len(labels), generator=self.order).to(labels.device)
        total, correct = torch.zeros((), device=images.device), 0
        for step, batch in enumerate(order[: steps * size].split(size)):
            done = (number - 1 + (step + 0.5) / steps) / self.settings["epochs"]
            self.optimizer.param_groups[0]["lr"] = self.settings["learning_rate"] * self.schedule(
                done
            )
            logits = self.network(images[batch])
            loss = self.loss(logits, labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            correct += (logits.argmax(1) == labels[batch]).sum()
        return float(total) / steps, float(correct) / (steps * size)

    @torch.no_grad()
    def evaluate(self, split: Split) -> tuple[float, float, Tensor]:
        """Loss, accuracy and features (N, p) of a split in evaluation mode."""
        self.network.eval()
        features = torch.cat([self.network.features(images) for images in split.images.split(1024)])
        logits = self.network.classifier(features)
        correct = (logits.argmax(1) == split.labels).double().mean()
        return float(self.loss(logits, split.labels)), float(correct), features

    def measure(
        self, sample: Tensor
    ) -> tuple[float, float, float, CollapseMetrics | None, Snapshot | None]:
        """Everything measured at one epoch, from one pass over training and test set."""
        train, classifier = self.data.train, self.network.classifier
        loss, accuracy, features = self.evaluate(train)
        test_accuracy = self.evaluate(self.data.test)[1]
        if not math.isfinite(loss):
            return loss, accuracy, test_accuracy, None, None
        stats = ClassStatistics.from_features(features, train.labels, self.data.num_classes)
        weight, bias = classifier.weight.detach().clone(), classifier.bias.detach().clone()
        metrics = collapse_metrics(stats, weight, bias, features=features, labels=train.labels)
        kept = (stats.class_means.float(), weight, bias, features[sample], train.labels[sample])
        return loss, accuracy, test_accuracy, metrics, Snapshot(*(x.cpu() for x in kept))

    def advice(self, number: int, loss: float) -> str:
        """What to say when the loss is not finite."""
        rate = self.settings["learning_rate"]
        return (
            f"the loss became {loss} in epoch {number} with learning_rate={rate:g} and "
            f"loss={self.settings['loss']!r}; lower learning_rate (try {rate / 10:g}) "
            "or train with larger batches"
        )


def _sample(labels: Tensor, num_classes: int, per_class: int | None) -> Tensor:
    """Indices of the first ``per_class`` samples of each class: 60, or fewer beyond ten classes."""
    per_class = max(1, min(60, 600 // num_classes)) if per_class is None else per_class
    picks = [(labels == c).nonzero().flatten()[:per_class] for c in range(num_classes)]
    return torch.cat(picks)


def _check_settings(
    epochs: int,
    learning_rate: Number,
    weight_decay: Number,
    loss: str,
    batch_size: int,
    momentum: Number,
) -> None:
    if loss not in LOSSES:
        raise ValueError(f"loss {loss!r} is unknown; choose from {', '.join(LOSSES)}")
    ranges = (
        ("epochs", epochs, epochs >= 0, "at least 0"),
        ("learning_rate", learning_rate, learning_rate > 0, "positive"),
        ("weight_decay", weight_decay, weight_decay >= 0, "at least 0"),
        ("batch_size", batch_size, batch_size >= 1, "at least 1"),
        ("momentum", momentum, 0 <= momentum < 1, "in [0, 1)"),
    )
    for name, value, good, wanted in ranges:
        if not good:
            raise ValueError(f"{name} is {value}; it must be {wanted}")
