"""Networks that split into features and a linear classifier: MLP and ConvNet for CPU, ResNet-18.

Every one is ``classifier(features(images))``; the features are what collapses.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from nclib._shapes import Float, Tensor


@runtime_checkable
class Images(Protocol):
    """What a network needs to know of a data set."""

    num_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        ...


class Network(nn.Module):
    """Features followed by a linear classifier.

    ``features`` maps images (N, c, h, w) to (N, p); ``classifier`` is ``nn.Linear(p, C)``.
    """

    def __init__(self, name: str, features: nn.Module, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.name = name
        self.features = features
        self.classifier = nn.Linear(num_features, num_classes)

    def forward(self, images: Float[Tensor, "N c h w"]) -> Float[Tensor, "N C"]:
        """Logits."""
        return self.classifier(self.features(images))


def build_network(
    name: str,
    data: Images,
    *,
    width: int | None = None,
    num_features: int | None = None,
    linear_features: bool = False,
    seed: int = 0,
) -> Network:
    """A freshly initialised network for a data set.

    Args:
        name: ``"mlp"``, ``"convnet"`` or ``"resnet18"``.
        data: a ``DataSet``, or anything with ``num_classes`` and ``image_shape``.
        width: hidden units of the MLP (256), channels of the first stage of the ConvNet (16) and of
            ResNet-18 (64); the default in brackets is the full size.
        num_features: p; only the MLP can choose it (64). The ConvNet and ResNet-18 have 4 and 8
            times their width.
        linear_features: leave the ReLU off the MLP's feature layer. A ReLU keeps features
            in the positive orthant, where a simplex ETF of C classes does not fit into C-1
            dimensions.
        seed: of the initial weights; the global generators are left as they are.

    Raises:
        ValueError: for an unknown name (the names are listed) or sizes that are not positive.
    """
    if name not in NETWORKS:
        close = difflib.get_close_matches(str(name), NETWORKS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"network {name!r} is unknown; choose from {', '.join(NETWORKS)}.{hint}")
    for argument, value in (("width", width), ("num_features", num_features)):
        if value is not None and value < 1:
            raise ValueError(f"{argument} is {value}; it must be at least 1")
    options: dict = {} if width is None else {"width": width}
    if name == "mlp":
        options |= {"linear_features": linear_features}
        options |= {} if num_features is None else {"num_features": num_features}
    elif num_features is not None or linear_features:
        raise ValueError(f"num_features and linear_features belong to 'mlp'; {name!r} takes width")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features, size = NETWORKS[name](data.image_shape, **options)
        return Network(name, features, size, data.num_classes)


def features_and_classifier(network: Network) -> tuple[nn.Module, nn.Linear]:
    """The two parts: images → features (N, p), and the linear classifier on them."""
    return network.features, network.classifier


def mlp(
    image_shape: tuple[int, int, int],
    *,
    width: int = 256,
    num_features: int = 64,
    linear_features: bool = False,
) -> tuple[nn.Module, int]:
    """Two hidden layers of ``width`` and a feature layer, each with batch norm and ReLU."""
    channels, height, across = image_shape
    hidden = [nn.Flatten(), *_dense(channels * height * across, width), *_dense(width, width)]
    last = _dense(width, num_features)[: 2 if linear_features else 3]
    return nn.Sequential(*hidden, *last), num_features


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]


def convnet(image_shape: tuple[int, int, int], *, width: int = 16) -> tuple[nn.Module, int]:
    """Five 3×3 convolutions of 1, 2, 2, 4, 4 times ``width``, halving twice, then the mean."""
    plan = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1))
    layers: list[nn.Module] = []
    channels = image_shape[0]
    for factor, stride in plan:
        layers += [
            _conv(channels, factor * width, stride),
            nn.BatchNorm2d(factor * width),
            nn.ReLU(),
        ]
        channels = factor * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels


def resnet18(image_shape: tuple[int, int, int], *, width: int = 64) -> tuple[nn.Module, int]:
    """ResNet-18 with the small-image stem: one 3×3 convolution of stride 1, no pooling.

    Source: He, Zhang, Ren, Sun 2016, with the stem of Papyan, Han, Donoho 2020 for small images.
    """
    layers = [_conv(image_shape[0], width, 1), nn.BatchNorm2d(width), nn.ReLU()]
    channels = width
    for factor, stride in ((1, 1), (2, 2), (4, 2), (8, 2)):
        layers += [
            _Residual(channels, factor * width, stride),
            _Residual(factor * width, factor * width),
        ]
        channels = factor * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels


class _Residual(nn.Module):
    """Two 3×3 convolutions around which the input is carried."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            _conv(outputs, outputs, 1),
            nn.BatchNorm2d(outputs),
        )
        self.carry = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.carry = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.carry(x))


def _conv(inputs: int, outputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


NETWORKS: dict[str, Callable] = {"mlp": mlp, "convnet": convnet, "resnet18": resnet18}
