"""The classifier of small models is found, and read batch by batch."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import HEADS, TOKENS, C, LoRA, Model, P, X, error_of, matrix
from torch import nn
from torch.nn import functional as F

from nclib.measuring.finding.heads import find_head, reading


@pytest.mark.parametrize("name", HEADS)
def test_the_classifier_is_found_and_gives_the_logits_from_the_features(name):
    model, inputs, *expected, scale = HEADS[name]
    head = find_head(model, inputs)
    assert [head.name, head.kind, head.rows] == expected
    assert head.scale == pytest.approx(scale, rel=1e-5)
    assert head.misfit < 1e-6
    with reading(model, head) as read:
        one = read(inputs)
    assert one.weight.shape == (head.num_classes, head.num_features)
    assert len(one.features) == len(one.logits)
    if name != "sure softmax":  # logarithms of 0
        assert error_of(one) < 1e-4
    assert head.kind in head.says


@pytest.mark.parametrize("kept", [5, 1])
@pytest.mark.parametrize("name", [name for name in HEADS if name != "one token"])
def test_a_batch_of_any_size_is_read(name, kept):
    model, inputs, *_ = HEADS[name]
    head = find_head(model, inputs)
    with reading(model, head) as read:
        whole, part = read(inputs), read(inputs[:kept])
    assert torch.allclose(part.features, whole.features[: len(part.features)], atol=1e-6)
    assert torch.equal(part.weight, whole.weight)


def test_one_logit_becomes_two_rows_with_the_same_decisions():
    model, inputs, *_ = HEADS["one logit"]
    head = find_head(model, inputs)
    with reading(model, head) as read:
        one = read(inputs)
    logit = model(inputs)
    assert head.num_classes == 2
    assert torch.equal(one.weight, torch.cat([-model.fc.weight, model.fc.weight]) / 2)
    assert torch.equal(one.logits.argmax(1), (logit[:, 0] > 0).long())
    assert torch.allclose(one.features @ one.weight.T + one.bias, one.logits, atol=1e-6)


def test_rows_of_dense_maps_are_in_the_order_of_the_labels():
    model, inputs, *_ = HEADS["dense"]
    with reading(model, find_head(model, inputs)) as read:
        one = read(inputs)
    assert torch.equal(one.logits, model(inputs).permute(0, 2, 3, 1).reshape(-1, C))
    assert torch.equal(one.features, model.body(inputs).permute(0, 2, 3, 1).reshape(-1, P))


def padded(model, tokens, lengths):
    model.last = torch.tensor(lengths) - 1
    return tokens


def test_the_picked_token_is_looked_up_in_every_batch():
    pick = lambda m, h: m.fc(h)[torch.arange(len(h)), m.last]  # noqa: E731
    model = Model(pick, fc=nn.Linear(P, C))
    head = find_head(model, padded(model, TOKENS, [5] * 7))
    with reading(model, head) as read:
        first = read(TOKENS)
        second = read(padded(model, TOKENS, [5, 1, 2, 5, 3, 4, 1]))
        third = read(padded(model, TOKENS[:, :1], [1] * 7))
    hidden = model.body(TOKENS)
    assert torch.allclose(first.features, hidden[:, -1])
    assert torch.allclose(second.features, hidden[range(7), [4, 0, 1, 4, 2, 3, 0]])
    assert torch.allclose(third.features, hidden[:, 0])
    assert (first.rows, second.rows, third.rows) == ("gather", "gather", "one")


def test_weights_that_change_from_batch_to_batch_are_an_error():
    model = Model(lambda m, h: h @ (m.w * m.factor).T, w=matrix(), factor=1.0)
    head = find_head(model, X)
    with (
        reading(model, head) as read,
        pytest.raises(ValueError, match="change from batch to batch"),
    ):
        read(X)
        model.factor = 2.0
        read(X)


def test_a_head_that_no_longer_gives_the_logits_is_an_error():
    model = Model(lambda m, h: m.power(m.fc(h)), fc=nn.Linear(P, C), power=nn.Identity())
    head = find_head(model, X)
    model.power = nn.Sigmoid()
    with (
        reading(model, head) as read,
        pytest.raises(ValueError, match=r"not features·Wᵀ \+ b of its classifier `fc`"),
    ):
        read(X)


def test_a_sample_that_is_not_finite_is_passed_on():
    model, inputs, *_ = HEADS["Linear"]
    head = find_head(model, inputs)
    broken = inputs.clone()
    broken[3] = torch.nan
    with reading(model, head) as read:
        one = read(broken)
    assert one.features.isfinite().all(1).logical_not().nonzero().tolist() == [[3]]


WRAPPED = {
    "DataParallel": nn.DataParallel,
    "compiled": lambda model: torch.compile(model, backend="eager"),
}


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("name", ["Linear", "cosine linear", "LoRA"])
def test_wrapped_models_are_seen_through(name, wrap):
    model, inputs, *expected, _ = HEADS[name]
    wrapped = WRAPPED[wrap](copy.deepcopy(model))
    with torch.no_grad():
        wrapped(inputs)  # compiled code calls no hooks from then on
    head = find_head(wrapped, inputs)
    assert [head.name, head.kind, head.rows] == expected
    with reading(wrapped, head) as read:
        assert error_of(read(inputs)) < 1e-5


def test_labels_among_the_inputs_are_irrelevant():
    class WithLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, C)

        def forward(self, x, labels=None):
            logits = self.fc(x)
            return (logits,) if labels is None else (F.cross_entropy(logits, labels), logits)

    model, labels = WithLoss(), torch.arange(24) % C
    found = [find_head(model, inputs) for inputs in ({"x": X}, {"x": X, "labels": labels})]
    assert found[0].says == found[1].says


def test_nothing_of_the_model_changes():
    model = Model(lambda m, h: m.fc(m.norm(h)), norm=nn.BatchNorm1d(P), fc=LoRA(P, C)).train()
    model.norm.eval()
    before, seed = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    modes = [module.training for module in model.modules()]
    head = find_head(model, X)
    with reading(model, head) as read, pytest.raises(RuntimeError):
        read(X)
        read(X[:, :2])
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), seed)
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
