"""Batches of inputs and labels, out of whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nclib.data.dataset import Split
from nclib.shapes import Tensor

Batch = tuple[Any, Tensor]


def batches(data: Split | Iterable, size: int) -> Iterator[Batch]:
    """Inputs and labels, ``size`` at a time.

    Args:
        data: a ``Split``; a pair of tensors, inputs and labels; or a loader, whose own batches are
            given: tuples that begin with inputs and labels, or dicts with ``labels``.
        size: of the batches of what is no loader; at least 1.

    Raises:
        ValueError: for a batch that is neither, or has not one label for each input; its number is
            named, counted from 0.
    """
    if isinstance(data, Split):
        data = (data.images, data.labels)
    if isinstance(data, tuple) and len(data) == 2 and all(isinstance(x, Tensor) for x in data):
        data = zip(*(x.split(size) for x in data), strict=True)
    return (_pair(batch, number) for number, batch in enumerate(data))


def _pair(batch: Any, number: int) -> Batch:
    if isinstance(batch, Mapping) and "labels" in batch:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        inputs, labels = inputs if len(inputs) > 1 else next(iter(inputs.values())), batch["labels"]
    elif isinstance(batch, tuple | list) and len(batch) >= 2:
        inputs, labels = batch[:2]
    else:
        raise ValueError(
            f"batch {number} of data is a {type(batch).__name__}; give (inputs, labels), or a dict "
            "with labels"
        )
    if isinstance(inputs, Tensor) and len(inputs) != len(labels):
        raise ValueError(
            f"batch {number} of data has {len(inputs)} inputs and {len(labels)} labels; give one "
            "label for each input"
        )
    return inputs, labels
