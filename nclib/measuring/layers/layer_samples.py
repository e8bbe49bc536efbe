"""Features of layers, a row a sample, to be asked again: under other labels, of fewer samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

import pandas as pd
import torch
from torch import nn

from nclib.checks import at_least
from nclib.formulas.collapse import nc1
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.batches import batches
from nclib.measuring.layers.layer_features import layer_features
from nclib.measuring.modes import call
from nclib.shapes import Float, Int, Tensor


@torch.no_grad()
def features_by_layer(
    model: nn.Module, data: Any, layers: Iterable[str], *, positions: str = "mean"
) -> dict[str, Float[Tensor, "N p"]]:
    """What ``nclib.measure(..., layers=layers)`` measures: each layer's features, a row a sample.

    Args:
        model: any.
        data: as for ``measure``: batches, in the order of the rows.
        layers: names, such as those of a report.
        positions: of maps: their ``"mean"``, or ``"flatten"``.
    """
    inputs = [batch.inputs for batch in batches(data)]
    with layer_features(model, layers, inputs=inputs[0], positions=positions) as seen:
        taken = []
        for one in inputs:
            call(model, one)
            taken.append(seen.take())
    return {layer: torch.cat([one[layer] for one in taken]) for layer in taken[0]}


def nc1_of(features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]) -> float:
    """NC1 of features under any labels."""
    return nc1(ClassStatistics.from_features(features.double(), labels))


def some_of_each(
    labels: Int[Tensor, " N"], counts: int | Mapping[int, int], *, seed: int | None = 0
) -> Int[Tensor, " n"]:
    """Numbers of samples: so many of each class, or of some classes, and all of the others.

    Args:
        labels: of all samples.
        counts: at least 1; a class that has fewer gives all it has.
        seed: of the draw; None takes the first ones of each class, in their order.
    """
    at_least(1, **({"counts": counts} if isinstance(counts, int) else {}))
    generator, chosen = torch.Generator().manual_seed(seed or 0), []
    for number in labels.unique().tolist():
        places = (labels == number).nonzero().flatten()
        count = counts if isinstance(counts, int) else counts.get(number, len(places))
        order = torch.randperm(len(places), generator=generator)
        chosen.append((places if seed is None else places[order.to(places.device)])[:count])
    return torch.cat(chosen)


def nc1_by_samples(
    features: Mapping[str, Float[Tensor, "N p"]],
    labels: Int[Tensor, " N"],
    counts: Sequence[int],
    *,
    draws: int = 10,
) -> pd.DataFrame:
    """NC1 of each layer, a column each, with so many samples of each class, a row each.

    Each is the mean of several random draws: of few samples, single ones scatter. NC1 of few
    samples lies below that of many, because their own mean is nearer to them than the class's.
    """
    at_least(1, draws=draws)
    rows = {}
    for count in counts:
        drawn = [some_of_each(labels, count, seed=seed) for seed in range(draws)]
        rows[f"{count} of each class"] = {
            layer: mean(nc1_of(h[i], labels[i]) for i in drawn) for layer, h in features.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index")
