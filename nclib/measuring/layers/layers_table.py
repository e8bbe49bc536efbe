"""Layer by layer: how far the classes are apart in what each layer reads, with its control.

The control is the same layer with shuffled labels. Its NC1 differs by layer and is the ceiling of
each; NC1 of few samples lies below that of many, most at early layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nclib.formulas.collapse import nc1
from nclib.formulas.separation import (
    Means,
    effective_rank,
    frame_ratio,
    mean_cdnv,
    quotient,
    weight_alignment,
)
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.collect import SCATTER_UP_TO, Collected
from nclib.measuring.layers.units import named
from nclib.measuring.modes import unwrap
from nclib.measuring.ranks import total, world
from nclib.shapes import Float, Int, Tensor

FEW = 30  # samples a class; NC1 of fewer is too low by tens of percent at early layers
BLOCK = 2**22  # numbers of a block of distances

Row = dict[str, Any]


def layers_table(
    collected: Mapping[str, Mapping[str, Collected]],
    *,
    weights: Mapping[str, Tensor | None] | None = None,
    seed: int = 0,
    group: Any = None,
) -> list[Row]:
    """A row for each layer and split; every rank of a group must call it.

    Args:
        collected: layer → split ("train" and others) → its features, layers from first to last.
        weights: (q, p) of layers that multiply what they read, for ``dnc3`` (``weight_read``).
        seed: of the shuffled labels.
        group: of ``torch.distributed``.

    Returns:
        Rows with ``layer``, ``split``, ``features`` p, and the quantities of ``layer_row``, with
        ``ratio``, NC1 over that of the layer before, and, in the split "train", the controls
        ``shuffled`` and ``shuffled_quotient``: NC1 and quotient with shuffled labels. None is what
        was not measured: NC1 where neither features nor their scatter were kept, controls and
        nearest centres without features.
    """
    rows, before = [], {}
    for layer, splits in collected.items():
        weight = (weights or {}).get(layer)
        train = splits.get("train")
        for split, one in splits.items():
            row = {"layer": layer, "split": split, "features": one.stats.num_features}
            row |= layer_row(one, train=train, weight=weight, group=group)
            row["ratio"] = _ratio(row["nc1"], before.get(split))
            row |= shuffled(one, seed=seed, group=group) if split == "train" else {}
            before[split] = row["nc1"]
            rows.append(row)
    return rows


def layer_row(
    collected: Collected,
    *,
    train: Collected | None = None,
    weight: Float[Tensor, "q p"] | None = None,
    group: Any = None,
) -> Row:
    """``nc1``, ``quotient``, ``cdnv``, ``ncc_accuracy``, ``dnc2``, ``dnc3``, ranks of one layer.

    All are of the classes that have samples.

    Args:
        collected: the layer's features on a split.
        train: on the training set, whose class means decide the nearest centre.
        weight: that multiplies them.
        group: of ``torch.distributed``; every rank must call this.
    """
    stats = present(collected.stats)
    means = Means(stats)
    row: Row = {"nc1": nc1_of(stats), "quotient": quotient(stats), "cdnv": mean_cdnv(stats)}
    row["ncc_accuracy"] = None if train is None else _nearest(train, collected, group)
    row["dnc2"] = frame_ratio(stats)
    row["dnc3"] = None if weight is None else weight_alignment(weight, stats.class_means)
    return row | {"effective_rank": effective_rank(stats), "rank": means.rank}


def shuffled(collected: Collected, *, seed: int = 0, group: Any = None) -> Row:
    """``shuffled``, ``shuffled_quotient``: NC1 and quotient with labels in a random order.

    Without structure the quotient is (n-1)C/(C-1), about the samples a class and not infinity; what
    NC1 is then differs by layer. None where the features were not kept.
    """
    names = ("shuffled", "shuffled_quotient")
    if collected.features is None:
        return dict.fromkeys(names)
    labels = collected.labels
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    labels = labels[order.to(labels.device)]
    stats = present(_statistics(collected, labels, group))
    return dict(zip(names, (nc1_of(stats), quotient(stats)), strict=True))


def nc1_of(stats: ClassStatistics) -> float | None:
    """NC1 of statistics in which every class has samples; None where they keep no scatter."""
    try:
        return nc1(stats)
    except ValueError:
        return None


def present(stats: ClassStatistics) -> ClassStatistics:
    """The statistics of the classes that have samples."""
    classes = stats.counts.nonzero().flatten()
    return stats if len(classes) == stats.num_classes else stats.restricted_to(classes)


@torch.no_grad()
def ncc_accuracy(
    stats: ClassStatistics, features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]
) -> float:
    """Share of samples whose class has the nearest mean of ``stats``; in [0, 1], → 1.

    A class without samples in ``stats`` has no mean, and its samples are never right. NaN without
    samples, and where all class means coincide. Source: Ben-Shaul, Dekel 2022.
    """
    right = ncc_right(stats, features, labels)
    return float("nan") if right is None or not len(labels) else right / len(labels)


def ncc_right(stats: ClassStatistics, features: Tensor, labels: Tensor) -> int | None:
    """How many of these samples have their own class's mean nearest; None: all means coincide."""
    classes, stats = stats.counts.nonzero().flatten(), present(stats)
    points, centre = stats.centred_means, stats.global_mean
    if points.norm() <= stats.resolution:
        return None
    classes, away = classes.to(labels.device), points.square().sum(1) / 2
    step, right = max(1, BLOCK // max(points.shape)), 0
    for x, y in zip(features.split(step), labels.split(step), strict=True):
        scores = (x.to(centre) - centre) @ points.T - away
        right += int((classes[scores.argmax(1).to(classes.device)] == y).sum())
    return right


def weight_read(model: nn.Module, layer: str, num_features: int) -> Float[Tensor, "q p"] | None:
    """The matrix that multiplies what a layer ``"in:…"`` reads; None for any other layer.

    Of a linear layer, and of a 1×1 convolution where positions are averaged.
    """
    if not layer.startswith("in:"):
        return None
    module = named(unwrap(model), layer.removeprefix("in:"))
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        return None
    weight = (weight.full_tensor() if hasattr(weight, "full_tensor") else weight).detach()
    if type(module).__name__ == "Conv1D":  # of transformers, which keeps the transpose
        weight = weight.T
    weight = weight.flatten(1) if weight[0, 0].numel() == 1 else weight
    return weight if weight.shape[1:] == (num_features,) else None


def too_few(stats: ClassStatistics) -> str | None:
    """A warning where classes have fewer than 30 samples, or None."""
    least = int(present(stats).counts.min())
    if least >= FEW:
        return None
    return (
        f"A class has {least} sample{'s' * (least > 1)}: below {FEW} a class NC1 comes out too "
        "low, most at the first layers; compare networks at equal numbers of samples."
    )


def _ratio(now: float | None, before: float | None) -> float | None:
    return now / before if now is not None and before else None


def _nearest(train: Collected, at: Collected, group: Any) -> float | None:
    """``ncc_accuracy`` over all ranks; None where the features were not kept."""
    if at.features is None:
        return None
    right = ncc_right(train.stats, at.features, at.labels)
    if right is None:
        return float("nan")
    counts = total(torch.tensor([right, len(at.labels)]), group)
    return float(counts[0] / counts[1].double())


def _statistics(collected: Collected, labels: Tensor, group: Any) -> ClassStatistics:
    """Of features kept, with other labels; summed over ranks where there are several."""
    features, classes = collected.features, collected.stats.num_classes
    if world(group) == 1:
        return ClassStatistics.from_features(features, labels, classes)
    width = features.shape[1]
    settings = {"device": features.device, "scatter": width <= SCATTER_UP_TO}
    stats = ClassStatistics(classes, width, **settings)
    return (stats.update(features, labels) if len(labels) else stats).all_reduce(group)
