"""What notebook 04 takes apart: four clouds of features, and a network while it trains."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nclib.data.dataset import Split
from nclib.formulas.etf import simplex_etf
from nclib.formulas.mse import MSEDecomposition, decompose_mse
from nclib.formulas.statistics import ClassStatistics
from nclib.runs.networks import Network
from nclib.shapes import Float, Int, Number, Tensor


def clouds(
    counts: Sequence[int], *, seed: int = 0
) -> tuple[Float[Tensor, "N 6"], Int[Tensor, " N"]]:
    """Features and labels of four clouds whose means are a simplex in the first three dimensions.

    The fourth and fifth dimension hold nothing but noise; in the sixth nothing varies at all.

    Args:
        counts: samples of each of the four classes, at least 1.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))
    noise = torch.randn(len(labels), 6, generator=generator, dtype=torch.float64)
    spread = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.9, 0.0])
    return 1.5 * simplex_etf(4, 6)[labels] + spread * noise, labels


def best_lengths_and_biases(
    stats: ClassStatistics, weight: Float[Tensor, "C p"], *, weight_decay: Number
) -> tuple[Float[Tensor, "C p"], Float[Tensor, " C"]]:
    """The multiple of each row of a weight, and its bias, that have the least squared error.

    Args:
        stats: class statistics, with scatter; any counts.
        weight: (C, p), no row zero.
        weight_decay: λ ≥ 0 of the loss.
    """
    decay, share = float(weight_decay), stats.counts.double() / stats.num_samples
    weight = weight.double()
    outputs = stats.class_means @ weight.T
    mean, own = share @ outputs, share * outputs.diagonal()
    squares = (weight @ stats.within_covariance * weight).sum(1) + share @ outputs.square()
    squares = squares + decay * weight.square().sum(1)
    # b = (π - s·mean)/(1 + λ), put in, leaves a parabola in each length s
    lengths = (own - mean * share / (1 + decay)) / (squares - mean.square() / (1 + decay))
    return lengths[:, None] * weight, (share - lengths * mean) / (1 + decay)


@torch.no_grad()
def terms_of(
    network: Network, split: Split, weight_decay: Number, *, refitted: bool = False
) -> MSEDecomposition:
    """The terms of the squared error of a network on a split, as it is now.

    Args:
        network: on the device of the split.
        split: images and labels; all of its images go through the network at once.
        weight_decay: λ ≥ 0 of the loss.
        refitted: give the rows of the classifier their ``best_lengths_and_biases`` first.
    """
    stats = ClassStatistics.from_features(network.features(split.images).double(), split.labels)
    weight, bias = network.classifier.weight, network.classifier.bias
    if refitted:
        weight, bias = best_lengths_and_biases(stats, weight, weight_decay=weight_decay)
    return decompose_mse(stats, weight, bias, weight_decay=weight_decay)
