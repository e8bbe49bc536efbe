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


@torch.no_grad()
def terms_of(network: Network, split: Split, weight_decay: Number) -> MSEDecomposition:
    """The terms of the squared error of a network on a split, as it is now.

    Args:
        network: on the device of the split.
        split: images and labels; all of its images go through the network at once.
        weight_decay: λ ≥ 0 of the loss.
    """
    stats = ClassStatistics.from_features(network.features(split.images).double(), split.labels)
    classifier = network.classifier
    return decompose_mse(stats, classifier.weight, classifier.bias, weight_decay=weight_decay)
