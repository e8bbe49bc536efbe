"""Networks: shapes, sizes, and the split into features and classifier."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from nclib.data.dataset import Split
from nclib.data.loading import load_data
from nclib.runs.networks import NETWORKS, build_network, features_and_classifier
from nclib.runs.training import train
from nclib.torchvision_guard import import_torchvision

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
FEATURES = {"mlp": 64, "convnet": 12, "resnet18": 24, "resnet34": 24, "resnet50": 96}
FEATURES |= {f"vgg{depth}": 24 for depth in (11, 13, 16, 19)}
FEATURES |= {"densenet40": 33, "densenet121": 96}


def images_like(shape, num_classes=5):
    return SimpleNamespace(num_classes=num_classes, image_shape=shape)


def size(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_splits_into_features_and_a_linear_classifier(name, shape):
    network = build_network(name, images_like(shape), width=3).eval()
    features, classifier = features_and_classifier(network)
    images = torch.randn(4, *shape)
    assert features(images).shape == (4, FEATURES[name])
    assert isinstance(classifier, nn.Linear)
    assert torch.equal(classifier(features(images)), network(images))
    assert network(images).shape == (4, 5)
    assert network.name == name


def test_full_sizes():
    full = {"mlp": 64, "convnet": 64, "resnet18": 512, "resnet34": 512, "resnet50": 2048}
    full |= {f"vgg{depth}": 512 for depth in (11, 13, 16, 19)}
    full |= {"densenet40": 132, "densenet121": 1024}
    assert full.keys() == NETWORKS.keys()
    for name, num_features in full.items():
        network = build_network(name, images_like((3, 32, 32), 10))
        assert network.classifier.in_features == num_features, name


RESIDUAL = ["resnet18", "resnet34", "resnet50", "densenet121"]


@pytest.mark.parametrize("name", RESIDUAL)
def test_parameters_are_torchvisions_but_for_the_stem(name):
    ours = build_network(name, images_like((3, 32, 32), 10))
    theirs = getattr(import_torchvision().models, name)(num_classes=10)
    assert size(theirs) - size(ours) == 64 * 3 * (7 * 7 - 3 * 3)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vgg_has_torchvisions_convolutions_and_one_linear_classifier(depth):
    ours = build_network(f"vgg{depth}", images_like((3, 32, 32), 10))
    theirs = getattr(import_torchvision().models, f"vgg{depth}_bn")()
    assert size(ours.features) == size(theirs.features)
    assert size(ours.classifier) == 512 * 10 + 10


def test_densenet40_counted_layer_by_layer():
    """DenseNet-BC, k = 12, three blocks of six: Huang et al. 2017, Section 3."""
    network = build_network("densenet40", images_like((3, 32, 32), 10))
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 40
    growth, channels = 12, 24
    expected = 3 * channels * 9 + 2 * channels
    for block in range(3):
        for _ in range(6):
            expected += 2 * channels + channels * 4 * growth  # batch norm, 1×1
            expected += 2 * 4 * growth + 4 * growth * growth * 9  # batch norm, 3×3
            channels += growth
        expected += 2 * channels
        if block < 2:
            expected += channels * (channels // 2)
            channels //= 2
    assert size(network) == expected + 10 * channels + 10


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_resnet_computes_what_torchvisions_does(name):
    """The same weights in the same order, without the pooling: the same features."""
    ours = build_network(name, images_like((3, 32, 32), 10), seed=1).eval()
    theirs = getattr(import_torchvision().models, name)(num_classes=10).eval()
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    copied = dict(zip(theirs.state_dict(), _in_torchvisions_order(ours), strict=True))
    theirs.load_state_dict(copied)
    images = torch.randn(2, 3, 32, 32)
    assert torch.allclose(ours(images), theirs(images), atol=1e-5)


def _in_torchvisions_order(network):
    """torchvision registers a block's body before its carry; so do we."""
    return list(network.state_dict().values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:all class means coincide")  # VGG-16 and -19, untrained
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_an_epoch_on_digits(name):
    data = load_data("digits", classes=[0, 1, 2], per_class=40, device="cpu")
    # 8, not 4: torch 2.13's strided 1×1 convolution of 4 channels, channels last, writes past its
    # memory on a CPU with AVX2 and no AVX-512
    network = build_network(name, data, width=8)
    settings = {"learning_rate": 0.05, "weight_decay": 1e-4, "batch_size": 40, "progress": False}
    # after few steps the running variances of VGG-19 still shrink what tells classes apart below
    # the rounding of float32
    epochs = list(train(network, data, epochs=5 if name == "vgg19" else 1, **settings))
    assert epochs[-1].metrics.rank == 2
    assert epochs[1].loss != epochs[0].loss
    assert all(torch.isfinite(p).all() for p in network.parameters())


@pytest.fixture(scope="module")
def mnist(real_data_root):
    """100 images of each digit, and 500 to test on: evaluating costs as much as training."""
    data = load_data("mnist", root=real_data_root, per_class=100, device="cpu")
    few = Split(data.test.images[:500], data.test.labels[:500])
    return dataclasses.replace(data, test=few)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_an_epoch_on_mnist(name, mnist):
    network = build_network(name, mnist, width=2 if name.startswith("densenet") else 8)
    before = [p.detach().clone() for p in network.parameters()]
    settings = {"learning_rate": 0.05, "weight_decay": 5e-4, "batch_size": 50, "progress": False}
    epochs = list(train(network, mnist, epochs=1, measure_at=[], **settings))
    assert epochs[1].loss != epochs[0].loss
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.isfinite(new).all()
        assert not torch.equal(old, new)
    for metrics in (epochs[1].metrics, epochs[1].test_metrics):
        assert metrics.rank == min(9, network.classifier.in_features)
        assert all(math.isfinite(value) for value in metrics.as_dict().values())


@pytest.mark.parametrize("linear", [False, True])
def test_the_mlps_feature_layer(linear):
    options = {"num_features": 2, "linear_features": linear}
    network = build_network("mlp", images_like((1, 8, 8)), **options)
    features = network.features(torch.randn(50, 1, 8, 8))
    assert features.shape == (50, 2)
    assert bool((features < 0).any()) == linear


@pytest.mark.parametrize("depth", [None, 1, 2, 6])
def test_the_mlps_depth(depth):
    network = build_network("mlp", images_like((1, 8, 8)), depth=depth, width=5, num_features=4)
    linear = [layer for layer in network.features if isinstance(layer, torch.nn.Linear)]
    sizes = [64, *[5] * ((depth or 3) - 1), 4]
    assert [(one.in_features, one.out_features) for one in linear] == list(pairwise(sizes))


def test_an_mlp_without_batch_norm_has_the_same_layers_but_those():
    plain, normed = (
        build_network("mlp", images_like((1, 8, 8)), batch_norm=norm) for norm in (False, True)
    )
    kinds = [[type(layer) for layer in network.features] for network in (plain, normed)]
    assert torch.nn.BatchNorm1d not in kinds[0]
    assert kinds[0] == [kind for kind in kinds[1] if kind is not torch.nn.BatchNorm1d]


def test_seeds_decide_and_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, again, other = (
        build_network("convnet", images_like((1, 8, 8)), seed=s).state_dict() for s in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        (
            "resnet81",
            {},
            "'resnet81' is unknown; choose from mlp, convnet, .*. Did you mean 'resnet18'",
        ),
        ("mlp", {"width": 0}, "width is 0; give an integer of at least 1"),
        ("mlp", {"num_features": -1}, "num_features is -1"),
        ("convnet", {"num_features": 3}, "belong to 'mlp'; 'convnet' takes width"),
        ("resnet18", {"linear_features": True}, "belong to 'mlp'"),
        ("convnet", {"batch_norm": False}, "belong to 'mlp'"),
        ("resnet18", {"depth": 34}, "belong to 'mlp'; 'resnet18' takes width"),
        ("mlp", {"depth": 0}, "depth is 0; give an integer of at least 1"),
    ],
)
def test_refused(name, options, said):
    with pytest.raises(ValueError, match=said):
        build_network(name, images_like((1, 8, 8)), **options)
