"""A checkpoint of a network in one wrapping goes on in another, or says what differs."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import nclib
from nclib.runs.checkpoint import CheckpointError
from nclib.runs.run import unwrapped

pytestmark = pytest.mark.usefixtures("without_shape_checks")  # compilation and they do not agree
SETTINGS = {"epochs": 3, "learning_rate": 0.1, "weight_decay": 0.0, "progress": False}


@pytest.fixture(scope="module")
def data():
    return nclib.load_data("digits", classes=[0, 1, 2], per_class=20, device="cpu")


def plain(network):
    return network


def compiled(network):
    return torch.compile(network, backend="eager")


def features_compiled(network):
    network.features = torch.compile(network.features, backend="eager")
    return network


def features_parallel(network):
    network.features = nn.DataParallel(network.features)
    return network


def features_both(network):
    network.features = torch.compile(nn.DataParallel(network.features), backend="eager")
    return network


class Parallel(nn.DataParallel):
    """As a user makes one that can be trained here."""

    name = "mlp"
    features = property(lambda self: self.module.features)
    classifier = property(lambda self: self.module.classifier)


WRAPPINGS = (plain, compiled, features_compiled, features_parallel, features_both, Parallel)


def built(data, seed=0, width=8):
    return nclib.build_network("mlp", data, width=width, num_features=4, seed=seed)


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


@pytest.mark.parametrize(("first", "second"), [*itertools.product(WRAPPINGS[:4], WRAPPINGS)])
def test_it_goes_on_in_another_wrapping(data, tmp_path, first, second):
    path = tmp_path / "run.checkpoint"
    whole, begun, going_on = built(data), first(built(data)), second(built(data, seed=9))
    list(nclib.train(whole, data, **SETTINGS))
    for epoch in nclib.train(begun, data, checkpoint=path, **SETTINGS):
        if epoch.number == 1:
            break
    numbers = [e.number for e in nclib.train(going_on, data, checkpoint=path, **SETTINGS)]
    assert numbers == [0, 1, 2, 3]
    for one, two in zip(weights(whole), weights(going_on), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_another_network_is_refused_in_any_wrapping_before_any_work(data, tmp_path, wrapping):
    path = tmp_path / "run.checkpoint"
    list(nclib.train(wrapping(built(data)), data, checkpoint=path, **SETTINGS))
    other = built(data, width=9)
    before = weights(other)
    with pytest.raises(CheckpointError, match=r"another network \(features\.\S+: \(8, 64\) then"):
        nclib.train(other, data, checkpoint=path, **SETTINGS)
    assert all(map(torch.equal, before, weights(other)))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("_orig_mod.a.weight", "b"), ("a.weight", "b")),
        (("module._orig_mod.a",), ("a",)),
        (("a.module.0.weight", "a.module.1.weight"), ("a.0.weight", "a.1.weight")),
        (("module_list.0", "my_module.1"), ("module_list.0", "my_module.1")),
        (("module.a", "a"), ("module.a", "a")),  # both are there: names of the network's own
        (("weight", "module"), ("weight", "module")),
    ],
)
def test_names_without_wrappers(names, expected):
    found = unwrapped({name: torch.zeros(1) for name in names})
    assert tuple(found) == expected
    assert tuple(key for key, _ in found.values()) == names
