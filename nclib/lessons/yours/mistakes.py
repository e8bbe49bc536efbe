"""Ways to measure a network wrongly, one function each: they give what ``measure`` is handed."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from nclib.data.dataset import Split
from nclib.measuring.layers.layer_samples import features_by_layer, nc1_by_samples, some_of_each
from nclib.measuring.measured import measure
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.shapes import Number, Tensor

Pair = tuple[Tensor, Tensor]


def in_batches(split: Split, size: int, *, seed: int | None = 0) -> list[Pair]:
    """(images, labels) in a random order, or by class where ``seed`` is None."""
    labels = split.labels
    drawn = torch.Generator().manual_seed(seed or 0)
    shuffled = torch.randperm(len(labels), generator=drawn)
    order = labels.argsort(stable=True) if seed is None else shuffled
    return [(split.images[i], labels[i]) for i in order.split(size)]


def left_training(model: nn.Module, classifier: str, batches: Iterable[Pair]) -> CollapseReport:
    """The report of a model that stays in training mode, of what its classifier reads there.

    A copy of the model is run, so that its running statistics stay as they are.
    """
    model, seen, told = copy.deepcopy(model).train(), [], []
    head = model.get_submodule(classifier)
    head.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        for images, labels in batches:
            model(images)
            told.append(labels)
    data = torch.cat(seen), torch.cat(told)
    return measure(None, data, classifier=(head.weight, head.bias))


def augmented(batches: Iterable[Pair], *, noise: Number = 0.3, seed: int = 0) -> Iterator[Pair]:
    """Noise on every pixel, of this standard deviation; drawn anew whenever it is read."""
    generator = torch.Generator().manual_seed(seed)
    for images, labels in batches:
        yield images + noise * torch.randn(images.shape, generator=generator), labels


def few(split: Split, count: int, *, seed: int = 0) -> Pair:
    """So many images of each class, drawn at random."""
    places = some_of_each(split.labels, count, seed=seed)
    return split.images[places], split.labels[places]


def by_samples(
    model: nn.Module,
    split: Split,
    layers: Iterable[str],
    counts: Sequence[int],
    *,
    draws: int = 10,
) -> pd.DataFrame:
    """NC1 of each layer with so many images of each class, the mean of several draws."""
    features = features_by_layer(model, (split.images, split.labels), layers)
    return nc1_by_samples(features, split.labels, counts, draws=draws)


def thinned(split: Split, classes: Iterable[int], count: int, *, seed: int = 0) -> Pair:
    """All images, but only so many of these classes."""
    counts = {int(number): count for number in classes}
    places = some_of_each(split.labels, counts, seed=seed)
    return split.images[places], split.labels[places]


def padded(split: Split, ranks: int) -> list[DataLoader]:
    """The loaders of a distributed job, one a rank: their sampler fills the last round up."""
    data = TensorDataset(split.images, split.labels)
    samplers = [DistributedSampler(data, ranks, rank, shuffle=False) for rank in range(ranks)]
    return [DataLoader(data, 256, sampler=sampler) for sampler in samplers]
