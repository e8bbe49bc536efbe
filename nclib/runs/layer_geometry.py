"""What is kept of a network's layers for pictures: samples in the span of their class means.

Each layer has its own features, of its own width. Only C-1 directions of them matter to class
means: their span. There every layer has C-1 coordinates, and an orthogonal map turns one layer's
class means towards another's, so that one camera serves for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from nclib.data.dataset import DataSet
from nclib.formulas.etf import align
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.layers.layer_samples import features_by_layer
from nclib.measuring.modes import exact_float32
from nclib.shapes import Float, Tensor

SPLITS = ("train", "test")


@dataclass(frozen=True)
class LayerGeometry:
    """Layers of one network at one epoch, in the span of their training class means, k = C-1.

    Attributes:
        means: (L, C, k) centred training class means; zero in axes that the layer lacks.
        samples: split → (L, S, k), from the training mean of all classes.
        shown: split → (L,) share of the scatter about the training class means that lies in the
            span, in [0, 1].
    """

    means: np.ndarray
    samples: Mapping[str, np.ndarray]
    shown: Mapping[str, np.ndarray]


def geometry_of(
    network: nn.Module,
    data: DataSet,
    layers: Sequence[str],
    picked: Mapping[str, Tensor],
    positions: str = "mean",
) -> LayerGeometry:
    """The layers' geometry as the network stands, from one pass over each split.

    Args:
        network: any.
        data: its training set gives the class means.
        layers: names as ``measure`` takes them.
        picked: split → indices of the samples to keep.
        positions: as ``measure``.
    """
    read = {}
    with exact_float32():
        for split in SPLITS:
            of = getattr(data, split)
            given = (of.images, of.labels)
            read[split] = features_by_layer(network, given, layers, positions=positions)
    found = [_in_span({s: read[s][name].cpu().double() for s in SPLITS}, data) for name in layers]
    means = np.stack([mean for mean, _, _ in found])
    samples = {
        split: np.stack([inside[split][picked[split].cpu()] for _, inside, _ in found])
        for split in SPLITS
    }
    shown = {split: np.array([share[split] for _, _, share in found]) for split in SPLITS}
    return LayerGeometry(means, samples, shown)


def _in_span(
    features: Mapping[str, Tensor], data: DataSet
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, float]]:
    """One layer: (C, k) class means, each split's (N, k) samples, and the share of scatter."""
    labels = {split: getattr(data, split).labels.cpu() for split in SPLITS}
    stats = ClassStatistics.from_features(features["train"], labels["train"], data.num_classes)
    basis = span(stats.centred_means, data.num_classes - 1)
    inside = {s: ((features[s] - stats.global_mean) @ basis).numpy() for s in SPLITS}
    shares = {s: shown_share(features[s] - stats.class_means[labels[s]], basis) for s in SPLITS}
    return (stats.centred_means @ basis).numpy(), inside, shares


def span(centred_means: Float[Tensor, "C p"], size: int) -> Float[Tensor, "p k"]:
    """Orthonormal columns that span the centred means, the longest first, then zero columns."""
    _, sigma, axes = torch.linalg.svd(centred_means, full_matrices=False)
    axes = axes * (sigma > 1e-6 * sigma[0])[:, None]
    basis = axes.new_zeros(centred_means.shape[1], size)
    count = min(size, len(axes))
    basis[:, :count] = axes[:count].T
    return basis


def shown_share(residuals: Float[Tensor, "N p"], basis: Float[Tensor, "p k"]) -> float:
    """Share of the residuals' squares in the span of the basis, in [0, 1]; 1 where all are zero."""
    whole = residuals.square().sum()
    return float((residuals @ basis).square().sum() / whole) if whole > 0 else 1.0


def turns(
    means: Float[np.ndarray, "L C k"], towards: Float[np.ndarray, "C k"]
) -> Float[np.ndarray, "L k k"]:
    """Orthogonal maps, a layer each, that bring ``means[l] @ turns[l]`` nearest to ``towards``.

    Reflections are allowed. Each layer's size does not matter (orthogonal Procrustes).
    """
    target = torch.as_tensor(towards, dtype=torch.float64)
    layers = torch.as_tensor(means, dtype=torch.float64)
    return np.stack([align(target, layer).rotation.T.numpy() for layer in layers])
