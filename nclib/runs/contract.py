"""What a run asks of its network, its data and its schedule, checked before any work."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nclib.data.dataset import DataSet
from nclib.measuring.finding.heads import Head, find_head, reading
from nclib.measuring.modes import call, evaluating, exact_float32
from nclib.shapes import Number, Tensor

NEEDS = "build it with nclib.build_network, or for images of this shape"
FEW = 8  # images are enough to find the classifier


def check_data(data: Any) -> None:
    """Raise ValueError unless it is a ``DataSet`` with training images of every class.

    What one split must be is checked where it is made (``Split``, ``DataSet``).
    """
    if not isinstance(data, DataSet):
        raise ValueError(
            f"data is a {type(data).__name__}; give a DataSet, such as load_data gives"
        )
    counts = torch.bincount(data.train.labels, minlength=data.num_classes)
    missing = (counts == 0).nonzero().flatten().tolist()
    if missing:
        named = ", ".join(repr(data.class_names[index]) for index in missing[:5])
        raise ValueError(
            f"data.train has no samples of class {named} (of {data.num_classes}); give samples of "
            "every class, or load the others alone: load_data(classes=...)"
        )


def check_network(network: nn.Module, data: DataSet) -> Head:
    """The network's classifier, or ValueError unless a few images go to logits (N, C) through one.

    Whatever ``measure`` finds can be trained, if the network's outputs are the logits themselves:
    without a bias, wrapped, on pooled maps, under any name.
    """
    images = data.train.images[:FEW]
    outputs = _passed(network, images)
    expected = (len(images), data.num_classes)
    if not isinstance(outputs, torch.Tensor) or outputs.shape != expected:
        what = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
        raise ValueError(
            f"network gives {what} of {len(images)} images of {data.num_classes} classes; its "
            f"outputs must be logits of shape {expected}"
        )
    if not outputs.isfinite().all():
        raise ValueError(
            "network gives NaN or infinite outputs before it is trained; look at its first weights "
            "and at the size of its inputs"
        )
    with exact_float32():
        try:
            head = find_head(network, images)
            with reading(network, head) as read:
                logits = read(images).logits
        except ValueError as error:
            raise ValueError(f"network cannot be measured while it is trained: {error}") from error
    if not torch.allclose(outputs, logits, rtol=1e-3, atol=1e-5):
        raise ValueError(
            "network gives probabilities; the losses are of logits: leave out the softmax"
        )
    return head


def _passed(network: nn.Module, images: Tensor) -> Any:
    """What the network gives in evaluation mode."""
    try:
        with evaluating(network):
            return call(network, images)
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"network fails on images of shape {tuple(images.shape)} in evaluation mode "
            f"({_first_line(error)}); {NEEDS}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def schedule_name(schedule: Callable[[Number], Number]) -> str:
    """The name of one of ours; of another also a checksum of 64 values, to tell it from others.

    Raises:
        ValueError: for what is no function, or gives something else than numbers ≥ 0.
    """
    if not callable(schedule):
        raise ValueError(
            f"schedule is {schedule!r}; give a function of progress in [0, 1), such as "
            "nclib.cosine_schedule, without quotes"
        )
    name = getattr(schedule, "__name__", type(schedule).__name__)
    if getattr(schedule, "__module__", "") == "nclib.runs.presets":
        return name
    values = [schedule((step + 0.5) / 64) for step in range(64)]
    try:
        values = [float(value) for value in values]
    except (TypeError, ValueError):
        raise ValueError(
            f"schedule gives {values[0]!r} at the start; it must be a number"
        ) from None
    if not all(0 <= value < float("inf") for value in values):
        raise ValueError(f"schedule gives {min(values)} to {max(values)}; it must be at least 0")
    return f"{name} {zlib.crc32(json.dumps(values).encode()):08x}"
