"""One pass of a model over a split: the classifier's features, and those of other layers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from nclib.measuring.arrays import without_labels
from nclib.measuring.batch_labels import IGNORED
from nclib.measuring.batches import Batch, batches, readable_twice
from nclib.measuring.collect import Collected, Collector
from nclib.measuring.finding.heads import Head, Reading, reading
from nclib.measuring.layers.layer_features import LayerFeatures, layer_features
from nclib.measuring.modes import exact_float32
from nclib.measuring.ranks import expected as expected_in_all
from nclib.measuring.ranks import sharded, together, total, world
from nclib.shapes import Int, Tensor

BAR = {"desc": "measuring", "unit": "sample", "delay": 2, "leave": False}


@dataclass(frozen=True)
class Reader:
    """A model, and how it is read.

    Attributes:
        model: any.
        head: its classifier.
        first: a batch of inputs, from which the layers' shapes are known.
        layers: names of layers to read as well.
        options: ``positions`` and ``tokens`` of these.
        size: of batches of what is no loader.
        device: where inputs go.
        keep: bytes of features that are kept, for each layer.
        autocast: a dtype, or None for the model's own.
        shard: share the samples out between ranks.
        progress: show a bar.
    """

    model: nn.Module
    head: Head
    first: Any
    layers: tuple[str, ...]
    options: Mapping[str, Any]
    size: int
    device: torch.device
    keep: int
    autocast: torch.dtype | None
    shard: bool
    progress: bool

    def batches(self, data: Any, name: str) -> Iterator[Batch]:
        """This rank's batches."""
        return own_batches(data, name, self.size, self.device, self.shard)

    @contextlib.contextmanager
    def reads(self, layers: bool = True) -> Iterator[tuple[Any, LayerFeatures | None]]:
        """Inside the block, a function from inputs to ``Reading``, and the layers' features."""
        low = torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None)
        with contextlib.ExitStack() as stack:
            stack.enter_context(exact_float32())
            stack.enter_context(low)
            seen = None
            if layers and self.layers:
                where = {"inputs": self.first, "head": module_of(self.head), **self.options}
                seen = stack.enter_context(layer_features(self.model, self.layers, **where))
            yield stack.enter_context(reading(self.model, self.head)), seen


def module_of(head: Head) -> str | None:
    """The name of the module that a head is, or is in; None for the model itself."""
    return head.name.removeprefix("in:") or None


def own_batches(
    data: Any, name: str, size: int, device: torch.device, shard: bool
) -> Iterator[Batch]:
    """This rank's batches; in one process all."""
    settings = {"device": device, "name": name, "may_be_empty": world() > 1}
    return batches(sharded(data, shard), size, **settings)


@dataclass
class Part:
    """What one pass over a split gave.

    Attributes:
        collected: by layer; None is what the classifier reads.
        weight, bias: (C, p) and (C,) of the classifier, as it acts.
        right: (C,) samples of each class that the model decides rightly, over all ranks.
        decided: (C,) decisions for each class.
        expected: samples that the data have, where that is known.
        again: gives the classifier's features and labels in a second pass, or None.
        positions: in words, what became of positions in the layers.
        shifted: whether labels were moved to the tokens before.
    """

    collected: dict[str | None, Collected]
    weight: Tensor
    bias: Tensor
    right: Int[Tensor, " C"]
    decided: Int[Tensor, " C"]
    expected: int | None
    again: Any = field(repr=False, default=None)
    positions: str | None = None
    shifted: bool = False

    @property
    def last(self) -> Collected:
        """What the classifier reads."""
        return self.collected[None]

    def blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Its features and labels once more: those that were kept, or by a second pass."""
        if self.last.features is not None:
            return self.last.blocks()
        return self.again() if self.again else iter(())

    @property
    def has_blocks(self) -> bool:
        """Whether the features can be had again."""
        return self.last.features is not None or self.again is not None


def pass_over(reader: Reader, data: Any, name: str, begun: Iterator[Batch] | None = None) -> Part:
    """Measure a split.

    Args:
        reader: the model and how it is read.
        data: as for ``batches``.
        name: what errors call the data.
        begun: its batches, where the first was looked at before.
    """
    count = reader.head.num_classes
    settings = {"keep": reader.keep, "device": reader.device, "name": name}
    collectors = {layer: Collector(count, **settings) for layer in (None, *reader.layers)}
    tally = torch.zeros(2, count, dtype=torch.int64)
    expected, weights, shifted = expected_in_all(data, reader.shard), None, False
    stream = reader.batches(data, name) if begun is None else begun
    shown = {"total": expected, "disable": not reader.progress, **BAR}
    with together(), reader.reads() as (read, seen), tqdm(**shown) as bar:
        for batch in stream:
            found, labels = read(batch.inputs), batch.labels
            targets = next_tokens(batch.inputs, labels)
            shifted = shifted or targets is not labels
            collectors[None].add(found.features, targets, batch.number)
            tally += decisions(found, targets)
            weights = found.weight, found.bias
            for layer, features in (seen.take() if seen else {}).items():
                collectors[layer].add(features, targets, batch.number)
            bar.update(len(labels) * world())
    collected = {layer: one.finish() for layer, one in collectors.items()}
    right, decided = total(tally)
    again = _second(reader, data, name) if readable_twice(data) else None
    weights = weights or reader_weights(reader)
    says = seen.says if seen else None
    return Part(collected, *weights, right, decided, expected, again, says, shifted)


def features_only(reader: Reader, data: Any, name: str) -> Iterator[Tensor]:
    """What the classifier reads of inputs whose labels say nothing, or that have none."""
    if isinstance(data, Tensor | np.ndarray):
        data = (data, np.zeros(len(data), dtype=np.int64))
    elif isinstance(data, list | DataLoader) or not hasattr(data, "__getitem__"):
        data = (_labelled(batch) for batch in data)
    with reader.reads(layers=False) as (read, _):
        for batch in batches(data, reader.size, device=reader.device, name=name):
            yield read(batch.inputs).features


def _labelled(batch: Any) -> Any:
    """A batch with labels, made up where it has none."""
    if isinstance(batch, Mapping):
        known = without_labels(batch) is not None
        size = len(next(iter(batch.values())))
        return batch if known else {**batch, "labels": torch.zeros(size, dtype=torch.int64)}
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return batch
    inputs = batch[0] if isinstance(batch, tuple | list) else batch
    return inputs, torch.zeros(len(inputs), dtype=torch.int64)


def reader_weights(reader: Reader) -> tuple[Tensor, Tensor]:
    """The classifier of a rank that had no samples, from the first batch."""
    with reader.reads(layers=False) as (read, _):
        found = read(reader.first)
    return found.weight, found.bias


def _second(reader: Reader, data: Any, name: str) -> Any:
    def again() -> Iterator[tuple[Tensor, Tensor]]:
        with reader.reads(layers=False) as (read, _):
            for batch in reader.batches(data, name):
                targets = next_tokens(batch.inputs, batch.labels).reshape(-1)
                counts = targets != IGNORED
                yield read(batch.inputs).features[counts], targets[counts]

    return again


def decisions(found: Reading, labels: Tensor) -> Int[Tensor, "2 C"]:
    """By class: how many were decided rightly, and how many decisions there were for it."""
    labels, count = labels.reshape(-1), found.logits.shape[1]
    if len(labels) != len(found.logits):  # the collector says what is wrong
        return torch.zeros(2, count, dtype=torch.int64)
    counts = labels != IGNORED
    decided, labels = found.logits.argmax(1)[counts], labels[counts]
    of = (labels[decided == labels], decided)
    return torch.stack([torch.bincount(one, minlength=count) for one in of]).cpu()


def next_tokens(inputs: Any, labels: Tensor) -> Tensor:
    """Labels of a language model that are its input tokens, each moved to the token before.

    As the model's own loss does it: features at t have the class of token t+1. The last position,
    padding and what was left out (-100) are left out. Other labels are returned as they are.
    """
    ids = inputs.get("input_ids") if isinstance(inputs, Mapping) else None
    if ids is None or ids.shape != labels.shape or labels.ndim != 2:
        return labels
    if not ((labels == ids) | (labels == IGNORED)).all():
        return labels
    moved = torch.full_like(labels, IGNORED)
    moved[:, :-1] = labels[:, 1:]
    mask = inputs.get("attention_mask")
    if mask is not None:
        moved[:, :-1][mask[:, 1:] == 0] = IGNORED
    return moved


def peeked(stream: Iterator[Batch]) -> tuple[Batch | None, Iterator[Batch]]:
    """The first batch, and all of them."""
    first = next(stream, None)
    return first, stream if first is None else itertools.chain([first], stream)
