"""The papers' networks at small-image stems, each as images (N, c, h, w) → features (N, p), and p.

Papyan, Han, Donoho 2020 give ResNet and DenseNet a stem of one 3×3 convolution of stride 1 without
pooling, and VGG batch norm for dropout and one linear classifier. ``width`` scales all channels;
at the default the parameters are those of torchvision's networks but for stem and classifier.
"""

from __future__ import annotations

import torch
from torch import nn

from nclib._shapes import Tensor
from nclib._torchvision import import_torchvision

VGG = {  # convolutions before each halving, as multiples of the width (Simonyan, Zisserman 2015)
    11: ((1,), (2,), (4, 4), (8, 8), (8, 8)),
    13: ((1, 1), (2, 2), (4, 4), (8, 8), (8, 8)),
    16: ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),
    19: ((1, 1), (2, 2), (4, 4, 4, 4), (8, 8, 8, 8), (8, 8, 8, 8)),
}
RESNET = {  # blocks of each stage; channels out of a block over those within (He et al. 2016)
    18: ((2, 2, 2, 2), 1),
    34: ((3, 4, 6, 3), 1),
    50: ((3, 4, 6, 3), 4),
}
DENSENET = {  # layers of each block, and initial channels over the growth rate (Huang et al. 2017)
    40: ((6, 6, 6), 2),
    121: ((6, 12, 24, 16), 2),
}


def resnet(image_shape: tuple[int, int, int], depth: int, width: int) -> tuple[nn.Module, int]:
    """ResNet with ``width`` channels in its first stage, 64 at full size."""
    stages, expansion = RESNET[depth]
    layers = [_conv(image_shape[0], width, 3), nn.BatchNorm2d(width), nn.ReLU()]
    channels = width
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
        body = [layer for one in plan for layer in (_conv(*one), nn.BatchNorm2d(one[1]), nn.ReLU())]
        self.body = nn.Sequential(*body[:-1])
        self.carry = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.carry = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.carry(x))


def vgg(image_shape: tuple[int, int, int], depth: int, width: int) -> tuple[nn.Module, int]:
    """VGG with batch norm and ``width`` channels at first, 64 at full size.

    It halves the image five times, or as often as there is something to halve.
    """
    layers: list[nn.Module] = []
    channels, size = image_shape[0], min(image_shape[1:])
    for stage in VGG[depth]:
        for factor in stage:
            convolution = nn.Conv2d(channels, factor * width, 3, padding=1)
            layers += [convolution, nn.BatchNorm2d(factor * width), nn.ReLU()]
            channels = factor * width
        if size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
    return _pooled(*layers), channels


def densenet(image_shape: tuple[int, int, int], depth: int, width: int) -> tuple[nn.Module, int]:
    """DenseNet-BC of growth rate ``width``: 12 for depth 40 and 32 for depth 121 at full size."""
    blocks, initial = DENSENET[depth]
    whole = import_torchvision().models.DenseNet(width, blocks, initial * width)
    whole.features.conv0 = _conv(image_shape[0], initial * width, 3)
    del whole.features.pool0
    return _pooled(whole.features, nn.ReLU()), whole.classifier.in_features


def _pooled(*layers: nn.Module) -> nn.Sequential:
    """The layers, then the mean over the image."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
