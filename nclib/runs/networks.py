"""Networks that split into features and a linear classifier: for CPU, and the papers'.

Every one is ``classifier(features(images))``; the features are what collapses.

Papyan, Han, Donoho 2020 give ResNet and DenseNet a stem of one 3×3 convolution of stride 1 without
pooling, and VGG batch norm for dropout and one linear classifier. ``width`` scales all channels;
at the default the parameters are those of torchvision's networks but for stem and classifier.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from nclib.checks import at_least, check_flags, check_numbers
from nclib.shapes import Float, Tensor
from nclib.torchvision_guard import import_torchvision

Shape = tuple[int, int, int]  # (channels, height, width)
Features = tuple[nn.Module, int]  # images (N, c, h, w) → features (N, p), and p


@runtime_checkable
class Images(Protocol):
    """What a network needs to know of a data set."""

    num_classes: int
    image_shape: Shape


class Network(nn.Module):
    """``features`` from images (N, c, h, w) to (N, p), and ``classifier``, ``nn.Linear(p, C)``."""

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
    depth: int | None = None,
    linear_features: bool = False,
    batch_norm: bool = True,
    seed: int = 0,
) -> Network:
    """A freshly initialised network for a data set.

    Args:
        name: ``"mlp"`` or ``"convnet"`` for CPU; ``"resnet18"``, 34, 50, ``"vgg11"``, 13, 16, 19,
            ``"densenet40"``, 121 with the papers' small-image stems.
        data: a ``DataSet``, or anything with ``num_classes`` and ``image_shape``.
        width: hidden units of the MLP (256), channels of the first stage of the ConvNet (16), of
            ResNet and VGG (64), growth rate of DenseNet (12 or 32); in brackets the full size.
        num_features: p; only the MLP can choose it (64). The ConvNet has 4 times its width,
            VGG and ResNet 8 times, ResNet-50 32 times.
        depth: hidden layers of the MLP (3), the features the last of them.
        linear_features: no ReLU on the MLP's features; a ReLU keeps them from being negative, so
            that no simplex *about the origin* fits; one that is shifted away from it does.
        batch_norm: False leaves the MLP without batch norm, the control of what decay does alone.
        seed: of the initial weights; the global generators are left as they are.

    Raises:
        ValueError: for an unknown name (the names are listed) or sizes that are not positive.
    """
    check_flags(linear_features=linear_features, batch_norm=batch_norm)
    seed = check_numbers(seed=seed)["seed"]
    if not isinstance(data, Images):
        raise ValueError(
            f"data is a {type(data).__name__}; give a DataSet, such as load_data gives, or "
            "what has num_classes and image_shape"
        )
    if not isinstance(name, str) or name not in NETWORKS:
        close = difflib.get_close_matches(str(name), NETWORKS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"network {name!r} is unknown; choose from {', '.join(NETWORKS)}.{hint}")
    given = {"width": width, "num_features": num_features, "depth": depth}
    options = {option: value for option, value in given.items() if value is not None}
    at_least(1, **options)
    if name == "mlp":
        options |= {"linear_features": linear_features, "batch_norm": batch_norm}
    elif options.keys() - {"width"} or linear_features or not batch_norm:
        raise ValueError(
            "num_features, depth, linear_features and batch_norm belong to 'mlp'; "
            f"{name!r} takes width"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features, size = NETWORKS[name](data.image_shape, **options)
        return Network(name, features, size, data.num_classes)


def features_and_classifier(network: Network) -> tuple[nn.Module, nn.Linear]:
    """The two parts: images → features (N, p), and the linear classifier on them."""
    return network.features, network.classifier


def mlp(
    image_shape: Shape,
    *,
    width: int = 256,
    num_features: int = 64,
    depth: int = 3,
    linear_features: bool = False,
    batch_norm: bool = True,
) -> Features:
    """Hidden layers of ``width`` and last a feature layer, each with ReLU; batch norm before it."""
    layers, inputs = [nn.Flatten()], math.prod(image_shape)
    for outputs in (*[width] * (depth - 1), num_features):
        norm = [nn.BatchNorm1d(outputs)] if batch_norm else []
        layers += [nn.Linear(inputs, outputs), *norm, nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*(layers[:-1] if linear_features else layers)), num_features


def convnet(image_shape: Shape, *, width: int = 16) -> Features:
    """Five 3×3 convolutions of 1, 2, 2, 4, 4 times ``width``, halving twice, then the mean."""
    layers, channels = [], image_shape[0]
    for factor, stride in ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1)):
        layers += _convolved(channels, factor * width, 3, stride)
        channels = factor * width
    return _pooled(*layers), channels


def _convolved(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    return [_conv(inputs, outputs, size, stride), nn.BatchNorm2d(outputs), nn.ReLU()]


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


# The papers' networks

VGG = {  # convolutions before each halving, as multiples of the width (Simonyan, Zisserman 2015)
    11: ((1,), (2,), (4, 4), (8, 8), (8, 8)),
    13: ((1, 1), (2, 2), (4, 4), (8, 8), (8, 8)),
    16: ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),
    19: ((1, 1), (2, 2), (4, 4, 4, 4), (8, 8, 8, 8), (8, 8, 8, 8)),
}
# blocks of each stage; channels out of a block over those within (He et al. 2016)
RESNET = {18: ((2, 2, 2, 2), 1), 34: ((3, 4, 6, 3), 1), 50: ((3, 4, 6, 3), 4)}
# layers of each block; twice the growth rate are its initial channels (Huang et al. 2017)
DENSENET = {40: (6, 6, 6), 121: (6, 12, 24, 16)}


def resnet(image_shape: Shape, *, depth: int, width: int) -> Features:
    """ResNet with ``width`` channels in its first stage, 64 at full size."""
    stages, expansion = RESNET[depth]
    layers, channels = _convolved(image_shape[0], width, 3), width
    for stage, blocks in enumerate(stages):
        inner = 2**stage * width
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(_Residual(channels, inner, expansion, stride))
            channels = expansion * inner
    return _pooled(*layers), channels


class _Residual(nn.Module):
    """Two 3×3 convolutions, or one between two of 1×1, around which the input is carried."""

    def __init__(self, inputs: int, inner: int, expansion: int, stride: int) -> None:
        super().__init__()
        outputs = expansion * inner
        if expansion == 1:
            plan = ((inputs, inner, 3, stride), (inner, outputs, 3, 1))
        else:
            plan = ((inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, outputs, 1, 1))
        body = [layer for one in plan for layer in _convolved(*one)]
        self.body = nn.Sequential(*body[:-1])
        self.carry = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.carry = nn.Sequential(*_convolved(inputs, outputs, 1, stride)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.carry(x))


def vgg(image_shape: Shape, *, depth: int, width: int) -> Features:
    """VGG with batch norm and ``width`` channels at first, 64 at full size.

    It halves the image five times, or as often as there is something to halve.
    """
    layers, channels, size = [], image_shape[0], min(image_shape[1:])
    for stage in VGG[depth]:
        for outputs in (factor * width for factor in stage):
            convolution = nn.Conv2d(channels, outputs, 3, padding=1)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        if size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
    return _pooled(*layers), channels


def densenet(image_shape: Shape, *, depth: int, width: int) -> Features:
    """DenseNet-BC of growth rate ``width``: 12 for depth 40 and 32 for depth 121 at full size."""
    whole = import_torchvision().models.DenseNet(width, DENSENET[depth], 2 * width)
    whole.features.conv0 = _conv(image_shape[0], 2 * width, 3)
    del whole.features.pool0
    return _pooled(whole.features, nn.ReLU()), whole.classifier.in_features


def _pooled(*layers: nn.Module) -> nn.Sequential:
    """The layers, then the mean over the image."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


NETWORKS: dict[str, Callable[..., Features]] = {"mlp": mlp, "convnet": convnet}
NETWORKS |= {f"resnet{depth}": partial(resnet, depth=depth, width=64) for depth in RESNET}
NETWORKS |= {f"vgg{depth}": partial(vgg, depth=depth, width=64) for depth in VGG}
NETWORKS |= {"densenet40": partial(densenet, depth=40, width=12)}
NETWORKS |= {"densenet121": partial(densenet, depth=121, width=32)}
