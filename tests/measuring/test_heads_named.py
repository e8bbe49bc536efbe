"""A classifier that the user names, and weights that the user gives."""

from __future__ import annotations

import pytest
import torch
from small_models import HEADS, REFUSED, TOKENS, C, Model, P, X, error_of
from torch import nn

from nclib.measuring.finding.heads import find_head, reading

SIGMOID = REFUSED["sigmoid"][0]


@pytest.mark.parametrize("classifier", ["fc", SIGMOID.fc])
def test_a_named_classifier_is_taken_though_the_logits_are_not_affine(classifier):
    head = find_head(SIGMOID, X, classifier=classifier)
    assert (head.name, head.checked, head.scale) == ("fc", False, 1)
    assert "only to" in head.says
    with reading(SIGMOID, head) as read:
        one = read(X)
    assert torch.equal(one.weight, SIGMOID.fc.weight)
    assert torch.equal(one.features, SIGMOID.body(X))
    assert torch.equal(one.logits, SIGMOID(X))


@pytest.mark.parametrize("name", HEADS)
def test_a_named_classifier_is_checked_like_a_found_one(name):
    model, inputs, *expected, _ = HEADS[name]
    head = find_head(model, inputs, classifier=expected[0])
    assert [head.name, head.kind, head.rows] == expected
    assert head.checked


@pytest.mark.parametrize("features", ["body", "in:fc"])
def test_weights_that_are_given_are_put_on_named_features(features):
    model = HEADS["Linear"][0]
    weights = model.fc.weight.detach().numpy(), model.fc.bias.detach().numpy()
    head = find_head(model, X, classifier=weights, features=features)
    with reading(model, head) as read:
        one = read(X)
    assert head.checked
    assert torch.equal(one.features, model.body(X))
    assert error_of(one) < 1e-6


def test_given_weights_may_disagree_with_the_logits():
    model, _, _ = REFUSED["mean of two heads"]
    head = find_head(model, TOKENS, classifier=(model.a.weight, None), features="body")
    assert not head.checked
    assert head.rows == "mean"


def test_a_model_without_logits_gets_those_of_the_given_weights():
    model = Model(lambda m, h: {"embedding": h})
    weight = torch.randn(C, P)
    head = find_head(model, X, classifier=(weight, None), features="body")
    with reading(model, head) as read:
        one = read(X)
    assert torch.allclose(one.logits, model.body(X) @ weight.T, atol=1e-6)


LINEAR = HEADS["Linear"][0]
WRONG = {
    "no such name": ({"classifier": "head"}, "classifier='head' is no module"),
    "another model's": ({"classifier": nn.Linear(P, C)}, "not part of the model"),
    "not affine": ({"classifier": "body"}, "classifier='body' is no affine map"),
    "features alone": ({"features": "body"}, r"needs classifier=\(weight, bias\)"),
    "weights alone": ({"classifier": (torch.ones(C, P), None)}, "needs features="),
    "no such features": (
        {"classifier": (torch.ones(C, P), None), "features": "in:neck"},
        "features='neck' is no module",
    ),
    "features of another size": (
        {"classifier": (torch.ones(C, 5), None), "features": "body"},
        r"gives \(24, 8\); the weight",
    ),
    "a bias of another size": (
        {"classifier": (torch.ones(C, P), torch.ones(3)), "features": "body"},
        r"shapes \(4, 8\) and \(3,\)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        find_head(LINEAR, X, **arguments)
