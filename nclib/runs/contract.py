"""What a run asks of its network, its data and its schedule, checked before any work."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nclib.data.dataset import DataSet
from nclib.measuring.features import features_of
from nclib.shapes import Number, Tensor

NEEDS = "build it with nclib.build_network, or give it features, a module to (N, p), and classifier"


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


def check_network(network: nn.Module, data: DataSet) -> None:
    """Raise ValueError unless one image goes to features (1, p), the classifier, and C outputs."""
    classifier = getattr(network, "classifier", None)
    if not isinstance(getattr(network, "features", None), nn.Module) or classifier is None:
        raise ValueError(
            f"network is a {type(network).__name__} without features or classifier; {NEEDS}"
        )
    if not isinstance(classifier, nn.Linear):
        raise ValueError(
            f"network.classifier is a {type(classifier).__name__}; it must be the last nn.Linear "
            "alone: move what comes before it to features"
        )
    if classifier.out_features != data.num_classes:
        raise ValueError(
            f"network.classifier has {classifier.out_features} outputs for {data.num_classes} "
            f"classes of {data.name}; make it nn.Linear({classifier.in_features}, "
            f"{data.num_classes})"
        )
    _check_pass(*_passed(network, data.train.images[:1]), classifier)


def _passed(network: nn.Module, image: Tensor) -> tuple[Tensor, Any]:
    """What entered the classifier for one image, and what the network gave."""
    try:
        with features_of(network, {"last": network.classifier}) as watched:
            seen = watched(image)
    except torch.OutOfMemoryError:
        raise
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"network fails on an image of shape {tuple(image.shape)} in evaluation mode "
            f"({_first_line(error)}); {NEEDS}"
        ) from error
    return seen.features["last"], seen.outputs


@torch.no_grad()
def _check_pass(features: Tensor, outputs: Any, classifier: nn.Linear) -> None:
    if features.ndim != 2:
        raise ValueError(
            f"network.features give {tuple(features.shape)} of one image, not (1, p); average or "
            "flatten them: nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten())"
        )
    own = classifier(features)
    if not isinstance(outputs, torch.Tensor) or outputs.shape != own.shape:
        what = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
        raise ValueError(f"network gives {what} of one image; its outputs must be its classifier's")
    near = 1e-3 * own.abs().max()  # reduced precision, or a compiled network, differs a little
    if own.isfinite().all() and ((outputs - own).abs() > near).any():
        raise ValueError(
            "network gives outputs other than those of network.classifier; collapse is measured "
            "where they are the last layer's own: leave out what comes after it"
        )


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
