"""Labels of a batch: class indices, or what to do about those that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nclib.measuring.arrays import is_array, tensor
from nclib.shapes import Bool, Int, Tensor

IGNORED = -100  # torch's own mark of a label that does not count
SHOWN = 5


def as_labels(given: Any, where: str) -> Int[Tensor, "*B"]:
    """Labels (B,) or (B, T …) as int64.

    Args:
        given: a tensor or an array of any integer type, or a list of integers.
        where: "batch 37 of data", for errors.

    Raises:
        ValueError: for anything else; what to do about one-hot rows is said.
    """
    if isinstance(given, tuple | list):
        given = _as_array(given)
    labels = tensor(given) if is_array(given) else given
    if isinstance(labels, int) or (isinstance(labels, Tensor) and not labels.ndim):
        raise ValueError(
            f"{where} has one label, {int(labels)}: these are samples, not batches; give "
            "DataLoader(data, batch_size=256)"
        )
    if not isinstance(labels, Tensor):
        raise ValueError(
            f"{where} has labels of type {type(given).__name__}; give a tensor of class indices, "
            "one for each input"
        )
    if labels.dtype.is_floating_point or labels.dtype.is_complex or labels.dtype == torch.bool:
        wide = labels.ndim > 1 and labels.shape[-1] > 1
        remedy = "of one-hot rows give labels.argmax(1)" if wide else "give labels.long()"
        raise ValueError(
            f"{where} has labels of {labels.dtype} and shape {tuple(labels.shape)}; expected class "
            f"indices: {remedy}"
        )
    return labels.long()


def _as_array(given: tuple | list) -> Any:
    """As numpy reads it; as it is where its rows differ in length, or are no numbers."""
    try:
        return np.asarray([x.numpy(force=True) if isinstance(x, Tensor) else x for x in given])
    except (ValueError, TypeError):
        return given


def check_labels(
    labels: Int[Tensor, "*B"],
    num_classes: int,
    where: str,
    *,
    rows: int | None = None,
    from_zero: bool = False,
) -> None:
    """Raise ValueError unless labels are in 0..C-1, or -100 (left out).

    Args:
        labels: (B,) or (B, T …).
        num_classes: C.
        where: "batch 37 of data", for errors.
        rows: how many rows the model gave for them.
        from_zero: whether a label 0 was seen before.

    Raises:
        ValueError: names the samples and says what to do; of one-hot labels and of 1..C, too.
    """
    if rows is not None and labels.numel() != rows:
        raise ValueError(f"{where} has {_misshapen(labels, rows)}")
    wrong = (labels >= num_classes) | ((labels < 0) & (labels != IGNORED))
    if not wrong.any():
        return
    counting = labels[labels != IGNORED]
    low, high = int(counting.min()), int(counting.max())
    remedy = f"with {num_classes} classes they must lie in 0..{num_classes - 1}"
    if low >= 1 and high == num_classes and not from_zero:
        remedy += f". They seem to count 1..{num_classes}: give labels - 1"
    elif low < 0:
        remedy += f"; only {IGNORED} marks what is left out"
    raise ValueError(f"{where} has label {low if low < 0 else high} in {samples(wrong)}; {remedy}")


def _misshapen(labels: Tensor, rows: int) -> str:
    shape = tuple(labels.shape)
    if labels.ndim == 2 and len(labels) == rows:
        return f"labels of shape {shape} for {rows} rows; of one-hot rows give labels.argmax(1)"
    return (
        f"labels of shape {shape} for {rows} rows of features; give one label for each sample, or "
        "one for each position"
    )


def samples(wrong: Bool[Tensor, "*B"]) -> str:
    """Where it is True, in words: "samples 3, 17", of a sequence "sample 3 at position 17"."""
    found = wrong.nonzero().tolist()
    plural = "s" if len(found) > 1 else ""
    shown = ", ".join(_sample(place) for place in found[:SHOWN])
    more = f" … ({len(found)} in all)" if len(found) > SHOWN else ""
    return f"sample{plural} {shown}{more}"


def _sample(place: list[int]) -> str:
    first, *rest = place
    return f"{first} at position {', '.join(map(str, rest))}" if rest else str(first)
