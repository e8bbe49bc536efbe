"""Networks: shapes, sizes, and the split into features and classifier."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from nclib._torchvision import import_torchvision
from nclib.networks import NETWORKS, build_network, features_and_classifier

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
WIDTHS = {"mlp": 12, "convnet": 3, "resnet18": 2}
FEATURES = {"mlp": 64, "convnet": 12, "resnet18": 16}


def images_like(shape, num_classes=5):
    return SimpleNamespace(num_classes=num_classes, image_shape=shape)


def size(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_splits_into_features_and_a_linear_classifier(name, shape):
    network = build_network(name, images_like(shape), width=WIDTHS[name]).eval()
    features, classifier = features_and_classifier(network)
    images = torch.randn(4, *shape)
    assert features(images).shape == (4, FEATURES[name])
    assert isinstance(classifier, nn.Linear)
    assert torch.equal(classifier(features(images)), network(images))
    assert network(images).shape == (4, 5)
    assert network.name == name


def test_full_sizes():
    wide = {name: build_network(name, images_like((1, 8, 8))) for name in NETWORKS}
    assert {n: w.classifier.in_features for n, w in wide.items()} == {
        "mlp": 64,
        "convnet": 64,
        "resnet18": 512,
    }


def test_resnet18_is_torchvisions_but_for_stem_and_head():
    ours = build_network("resnet18", images_like((3, 32, 32), 10))
    theirs = import_torchvision().models.resnet18(num_classes=10)
    assert size(theirs) - size(ours) == 64 * 3 * (7 * 7 - 3 * 3)


@pytest.mark.parametrize("linear", [False, True])
def test_the_mlps_feature_layer(linear):
    options = {"num_features": 2, "linear_features": linear}
    network = build_network("mlp", images_like((1, 8, 8)), **options)
    features = network.features(torch.randn(50, 1, 8, 8))
    assert features.shape == (50, 2)
    assert bool((features < 0).any()) == linear


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
        ("resnet81", {}, "'resnet81' is unknown; choose from mlp, convnet, resnet18. Did you mean"),
        ("mlp", {"width": 0}, "width is 0; it must be at least 1"),
        ("mlp", {"num_features": -1}, "num_features is -1"),
        ("convnet", {"num_features": 3}, "belong to 'mlp'; 'convnet' takes width"),
        ("resnet18", {"linear_features": True}, "belong to 'mlp'"),
    ],
)
def test_refused(name, options, said):
    with pytest.raises(ValueError, match=said):
        build_network(name, images_like((1, 8, 8)), **options)
