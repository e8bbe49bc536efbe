"""A network whose head is deep: before it, features that may be anything."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from nclib.checks import at_least
from nclib.shapes import Float, Number, Tensor


class DeepHead(nn.Module):
    """Digits → 256 units → features without a ReLU → a head of layers with ReLUs → logits.

    The head is the deep model of notebook 07 with the features of a network in the place of free
    ones: linear layers without bias, all orthogonal at the start, ReLU after each but the last.

    Args:
        layers: of the head, besides the classifier.
        width: of the features and of the head.
        pixels: of an image.
        gain: of the orthogonal weights.
        seed: of all weights; the global generators are left as they are.
    """

    def __init__(
        self,
        layers: int,
        *,
        num_classes: int = 10,
        width: int = 64,
        pixels: int = 64,
        gain: Number = 1.2,
        seed: int = 0,
    ) -> None:
        super().__init__()
        at_least(1, layers=layers, width=width)
        self.layers = layers
        sizes = [width] * (layers + 1) + [num_classes]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.features = nn.Sequential(
                nn.Flatten(), nn.Linear(pixels, 256), nn.BatchNorm1d(256), nn.ReLU(),
                nn.Linear(256, width), nn.BatchNorm1d(width),
            )  # fmt: skip
            weights = [nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(sizes)]
            for weight in weights:
                nn.init.orthogonal_(weight.weight, gain)
        *hidden, self.classifier = weights
        self.head = nn.Sequential(*(part for one in hidden for part in (one, nn.ReLU())))

    @property
    def layer_names(self) -> list[str]:
        """What each linear layer reads, in the order of ``measure(..., layers=True)``."""
        return ["pixels", "256 units", "features", *(f"ReLU {i + 1}" for i in range(self.layers))]

    def forward(self, images: Float[Tensor, "N c h w"]) -> Float[Tensor, "N C"]:
        """Logits."""
        return self.classifier(self.head(self.features(images)))
