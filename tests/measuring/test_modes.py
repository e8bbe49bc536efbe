"""A model in the state in which it is measured, and that nothing of it is left."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nclib.measuring.modes import call, evaluating, exact_float32, unwrap


def model():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3))
    )


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_every_module_gets_its_own_mode_back(error):
    network = model().train()
    network[1].eval()  # frozen on purpose: a blunt train() would thaw it
    before = [module.training for module in network.modules()]
    values = {name: value.clone() for name, value in network.state_dict().items()}
    try:
        with evaluating(network):
            assert not any(module.training for module in network.modules())
            assert not network(torch.randn(7, 5)).requires_grad
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        assert error
    assert [module.training for module in network.modules()] == before
    assert all(torch.equal(value, values[name]) for name, value in network.state_dict().items())
    assert network(torch.randn(7, 5)).requires_grad


def test_compiled_code_does_not_run_in_the_block():
    calls, network = [], model()
    compiled = torch.compile(network, backend="eager")
    compiled.eval()(torch.randn(2, 5))
    hook = network[0].register_forward_hook(lambda *_: calls.append(1))
    with evaluating(compiled):
        compiled(torch.randn(2, 5))
    hook.remove()
    assert calls == [1]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda m: m,
        nn.DataParallel,
        lambda m: torch.compile(m, backend="eager"),
        lambda m: nn.DataParallel(torch.compile(m, backend="eager")),
        lambda m: torch.compile(nn.DataParallel(m), backend="eager"),
    ],
)
def test_wrappers_come_off(wrap):
    network = model()
    assert unwrap(wrap(network)) is network


def test_a_models_own_part_of_the_name_is_no_wrapper():
    network = nn.Module()
    network.module = model()
    assert unwrap(network) is network


def test_inputs_by_name_in_order_or_alone():
    class Two(nn.Module):
        def forward(self, x, y=None):
            return x if y is None else x - y

    one, other = torch.ones(3), torch.full((3,), 5.0)
    assert torch.equal(call(Two(), one), one)
    assert torch.equal(call(Two(), (one, other)), one - other)
    assert torch.equal(call(Two(), {"y": one, "x": other}), other - one)


@pytest.mark.parametrize("place", [torch.backends.cudnn, torch.backends.cuda.matmul])
@pytest.mark.parametrize("allowed", [True, False])
def test_float32_is_exact_in_the_block(place, allowed):
    before = place.allow_tf32
    try:
        place.allow_tf32 = allowed
        with pytest.raises(LookupError), exact_float32():
            assert not place.allow_tf32
            raise LookupError
        assert place.allow_tf32 == allowed
    finally:
        place.allow_tf32 = before
