"""Batches of inputs and labels, out of whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset

from nclib.checks import at_least
from nclib.data.dataset import DataSet, Split
from nclib.measuring import arrays
from nclib.measuring.batch_labels import as_labels
from nclib.shapes import Tensor

FORMS = (
    "(inputs, labels) as tensors or arrays, a Dataset, a DataLoader or another iterable of "
    "batches, or files of features"
)
PARTS = (DataSet, Split, DataLoader, Dataset)


class Batch(NamedTuple):
    """A batch and its number, counted from 0.

    Attributes:
        number: over all parts of the data.
        inputs: a tensor, or dicts, tuples and lists of them; how the model is called.
        labels: (B,) or (B, T …) int64.
    """

    number: int
    inputs: Any
    labels: Tensor


def batches(
    data: Any,
    size: int = 256,
    *,
    device: torch.device | str | None = None,
    name: str = "data",
    may_be_empty: bool = False,
) -> Iterator[Batch]:
    """Batches of inputs and labels, as tensors.

    Args:
        data: a ``DataSet`` (its training images), a ``Split``, (inputs, labels) as tensors or
            arrays of numpy's, a dict of them, a ``Dataset``, files of features (``arrays_of``);
            a loader or any other iterable, whose own batches are given: tuples that begin with
            inputs and labels, or dicts with labels among the inputs; or an iterable of such parts.
        size: of the batches of what is no loader; at least 1.
        device: where the tensors go; None leaves them.
        name: what errors call the data.
        may_be_empty: whether no batch at all is right, as on some ranks of many.

    Raises:
        ValueError: for a batch that is none of these, has not one label for each input, or labels
            that are no class indices; its number is named. For data without batches.
    """
    at_least(1, size=size)
    number = -1
    for number, given in enumerate(_given(data, size, name)):
        yield _batch(given, number, device, name)
    if number < 0 and not may_be_empty:
        raise ValueError(f"{name} gave no batches; {_why_empty(data)}")


def num_samples(data: Any) -> int | None:
    """How many samples ``batches`` should give, or None where only counting tells.

    A loader with a ``DistributedSampler`` has those of its data set, and none twice.
    """
    if found := arrays.arrays_of(data):
        return len(found.labels)
    if isinstance(data, DataLoader):
        return _of_loader(data) if of_map_style(data) else None
    if is_map_style(data):
        return len(data)
    if not isinstance(data, tuple | list):
        return None
    counts = [num_samples(x) if is_part(x) else _of_batch(x) for x in data]
    return None if None in counts else sum(counts)


def is_map_style(data: Any) -> bool:
    """Whether it is a data set whose samples can be had by number; Hugging Face's, too."""
    known = isinstance(data, Dataset) or type(data).__module__.startswith("datasets.")
    return (
        known
        and not isinstance(data, IterableDataset | Mapping)
        and isinstance(data, Sized)
        and hasattr(data, "__getitem__")
    )


def of_map_style(loader: DataLoader) -> bool:
    """Whether the loader's samples can be had by number, from a plain list, too."""
    data = loader.dataset
    fits = isinstance(data, Sized) and hasattr(data, "__getitem__")
    return fits and not isinstance(data, IterableDataset)


def is_part(item: Any) -> bool:
    """Whether an item of an iterable is no batch, but has batches itself."""
    return isinstance(item, PARTS) or arrays.is_path(item) or arrays.are_two_files(item)


def readable_twice(data: Any) -> bool:
    """False for an iterator or a generator: once read, it is empty."""
    if isinstance(data, tuple | list):
        return all(readable_twice(part) for part in data)
    return not isinstance(data, Iterator)


def _given(data: Any, size: int, name: str) -> Iterator[Any]:
    """Batches in any form, part after part."""
    if found := arrays.arrays_of(data, name):
        yield from found.blocks(size)
        return
    if is_map_style(data) or isinstance(data, IterableDataset):
        data = loader_of(data, size)
    for item in _iterated(data, name):
        if is_part(item):
            yield from _given(item, size, name)
        else:
            yield item


def loader_of(data: Any, size: int) -> DataLoader:
    """Batches of a data set, in its order; no number of torch's global generator is drawn."""
    return DataLoader(data, batch_size=size, generator=torch.Generator())


def _iterated(data: Any, name: str) -> Iterable:
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ValueError(f"{name} is a {type(data).__name__}; give {FORMS}")
    return data


def _batch(given: Any, number: int, device: torch.device | str | None, name: str) -> Batch:
    where = f"batch {number} of {name}"
    inputs, labels = _pair(given, where)
    labels = as_labels(labels, where)
    inputs = arrays.mapped(inputs, arrays.on(device))
    _check_rows(inputs, labels, where)
    return Batch(number, inputs, arrays.on(device)(labels))


def _pair(given: Any, where: str) -> tuple[Any, Any]:
    if isinstance(given, Batch):
        return given[1:]
    if isinstance(given, Mapping):
        pair = arrays.without_labels(given)
        if pair is None:
            names = ", ".join(map(repr, given)) or "nothing"
            raise ValueError(
                f"{where} is a {type(given).__name__}; give it with 'labels' beside the inputs "
                f"(found: {names})"
            )
        return pair
    if not isinstance(given, tuple | list) or len(given) < 2:
        raise ValueError(
            f"{where} is a {_named(given)}; give (inputs, labels), or a dict with labels"
        )
    if _second_is_a_mask(given):
        raise ValueError(
            f"{where} has {len(given)} tensors, and the second is shaped like the first, not like "
            "labels; give ((input_ids, attention_mask), labels), or a dict with 'labels'"
        )
    return given[0], given[1]


def _named(given: Any) -> str:
    kind = type(given).__name__
    return f"{kind} of {len(given)}" if isinstance(given, tuple | list) else kind


def _second_is_a_mask(given: tuple | list) -> bool:
    """(input_ids, attention_mask, labels): the labels are the last, and taking two would err."""
    first, second, last = given[0], given[1], given[-1]
    if len(given) < 3 or not all(map(arrays.is_array, (first, second, last))):
        return False
    return second.ndim > 1 and second.shape == first.shape and last.ndim == 1


def _check_rows(inputs: Any, labels: Tensor, where: str) -> None:
    """Some input has a row for each label; others may be shared by the batch."""
    rows = [len(x) for x in arrays.arrays_in(inputs) if x.ndim]
    if rows and len(labels) not in rows:
        raise ValueError(
            f"{where} has {rows[0]} inputs and {len(labels)} labels; give one label for each input"
        )


def sampler_of(loader: DataLoader) -> Any:
    """What chooses a loader's samples, below the samplers of batches that others put around it."""
    found = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    while True:
        inner = [getattr(found, name, None) for name in ("batch_sampler", "sampler")]
        if inner == [None, None]:
            return found
        found = inner[1] if inner[0] is None else inner[0]


def _of_loader(loader: DataLoader) -> int | None:
    """Of the samples that its sampler names; the incomplete last batch counts."""
    sampler = sampler_of(loader)
    if isinstance(sampler, DistributedSampler) or sampler is loader.batch_sampler:
        return len(loader.dataset)
    if loader.batch_sampler is None and sampler is loader.sampler:  # its samples may be batches
        return None
    return len(sampler) if isinstance(sampler, Sized) else None


def _of_batch(item: Any) -> int | None:
    try:
        return len(_batch(item, 0, None, "data").labels)
    except ValueError:
        return None


def _why_empty(data: Any) -> str:
    if not readable_twice(data):
        return "an iterator can be read once: give a list, or a loader"
    if isinstance(data, DataLoader) and data.drop_last:
        return "it drops the incomplete last batch: give drop_last=False"
    return "give at least one sample of every class"
