"""Hooks on a model's layers: what they see, and that nothing of them is left."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nclib.measuring.features import features_of


def model():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3))
    )


def state(network):
    hooks = [len(m._forward_pre_hooks) + len(m._forward_hooks) for m in network.modules()]
    modes = [m.training for m in network.modules()]
    return hooks, modes, {name: value.clone() for name, value in network.state_dict().items()}


def unchanged(network, before):
    hooks, modes, values = state(network)
    same = all(torch.equal(values[name], value) for name, value in before[2].items())
    return (hooks, modes) == before[:2] and same


def test_the_features_are_what_the_layer_reads_in_evaluation_mode():
    network, inputs = model(), torch.randn(7, 5)
    with features_of(network, {"last": network[4], "first": network[0]}) as watched:
        outputs, features = watched(inputs)
    network.eval()
    assert torch.equal(features["first"], inputs)
    assert torch.equal(features["last"], network[:4](inputs))
    assert torch.equal(outputs, network(inputs))
    assert not outputs.requires_grad


@pytest.mark.parametrize("end", ["well", "in the model", "in the block", "an interrupt"])
def test_modes_buffers_and_hooks_are_as_before_on_every_way_out(end):
    network = model().train()
    network[1].eval()  # frozen on purpose: a blunt train() would thaw it
    before = state(network)
    error = {"in the model": RuntimeError, "in the block": LookupError}.get(end, KeyboardInterrupt)
    try:
        with features_of(network, {"last": network[4]}) as watched:
            watched(torch.randn(7, 6 if end == "in the model" else 5))
            if end != "well":
                raise error
    except error:
        assert end != "well"
    assert unchanged(network, before)


def test_gradients_are_recorded_again_afterwards():
    network = model()
    with features_of(network, {"last": network[4]}) as watched:
        watched(torch.randn(7, 5))
    assert network(torch.randn(7, 5)).requires_grad


def test_of_a_layer_that_is_called_twice_the_last_call_counts():
    shared = nn.Linear(3, 3)
    network, inputs = nn.Sequential(shared, nn.ReLU(), shared), torch.randn(2, 3)
    with features_of(network, {"shared": shared}) as watched:
        assert torch.equal(watched(inputs).features["shared"], shared(inputs).relu())


def test_a_layer_that_is_not_called_is_named():
    network = model()
    with (
        features_of(network, {"elsewhere": nn.Linear(2, 2)}) as watched,
        pytest.raises(ValueError, match="'elsewhere', which the model did not call"),
    ):
        watched(torch.randn(7, 5))
