"""Features of every layer of a text classifier, and what can be read from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from nclib.formulas.collapse import nc1
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.batches import batches
from nclib.measuring.layers.layer_features import layer_features
from nclib.measuring.modes import call
from nclib.shapes import Float, Int, Tensor


@torch.no_grad()
def features_by_layer(
    model: nn.Module, data: Any, layers: Iterable[str]
) -> dict[str, Float[Tensor, "N p"]]:
    """What ``nclib.measure(..., layers=layers)`` measures: each layer's features, a row a sample.

    Args:
        model: any.
        data: batches, in the order of the rows.
        layers: names, such as those of a report.
    """
    inputs = [batch.inputs for batch in batches(data)]
    with layer_features(model, layers, inputs=inputs[0]) as seen:
        taken = []
        for one in inputs:
            call(model, one)
            taken.append(seen.take())
    return {layer: torch.cat([one[layer] for one in taken]) for layer in taken[0]}


def nc1_of(features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]) -> float:
    """NC1 of features under any labels."""
    return nc1(ClassStatistics.from_features(features.double(), labels))


def nearest_right(features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]) -> float:
    """Share of samples to which their own class's mean is nearest."""
    means = ClassStatistics.from_features(features.double(), labels).class_means
    return float((torch.cdist(features.double(), means).argmin(1) == labels).double().mean())
