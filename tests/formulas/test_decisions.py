"""Decisions from residuals are those of the logits, sample by sample."""

from __future__ import annotations

import pytest
import torch

from nclib import ClassStatistics
from nclib.formulas import collapse, decisions
from nclib.formulas.collapse import ncc_mismatch


def case(num_classes, within, *, seed=0, num_features=6, num=400):
    """Features, labels, weight and bias, float64; the classifier is unlike the means."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    labels = torch.arange(num) % num_classes
    means = 2 * draw(num_classes, num_features)
    features = 5 + means[labels] + within * draw(num, num_features)
    return features, labels, means + draw(num_classes, num_features), draw(num_classes)


def decided(features, labels, weight, bias, dtype=torch.float64):
    stats = ClassStatistics.from_features(features.to(dtype), labels)
    decide = decisions.Decisions(stats, weight, bias)
    found = [decide.of(h, y) for h, y in stats.residuals(features.to(dtype), labels)]
    return torch.cat(found), decide


@pytest.mark.parametrize("within", [1e-6, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("num_classes", [2, 5, 40])
@pytest.mark.parametrize("many", [10**6, 1])
def test_decisions_are_those_of_the_logits(monkeypatch, num_classes, within, many):
    monkeypatch.setattr(decisions, "MANY", many)
    given = case(num_classes, within)
    features, _, weight, bias = given
    expected = (features @ weight.T + bias).argmax(1)
    assert torch.equal(decided(*given)[0], expected)
    assert (decided(*given, torch.float32)[0] == expected).double().mean() > 0.99


@pytest.mark.parametrize("num_classes", [2, 5, 40])
def test_margins_are_the_distances_to_the_borders(num_classes):
    features, labels, weight, bias = case(num_classes, 0.1)
    _, decide = decided(features, labels, weight, bias)
    means = ClassStatistics.from_features(features, labels).class_means
    for mean, a, margin in zip(means, decide.decided, decide.margin, strict=True):
        logits = weight @ mean + bias
        others = [b for b in range(num_classes) if b != a]
        slow = min(float((logits[a] - logits[b]) / (weight[a] - weight[b]).norm()) for b in others)
        assert float(margin) == pytest.approx(0.99 * slow, rel=1e-6, abs=1e-9)


def test_rows_alike_and_a_classifier_of_zeros_decide_as_their_logits():
    features, labels, weight, bias = case(5, 0.5)
    weight[3], bias[3] = weight[1], bias[1]
    expected = (features @ weight.T + bias).argmax(1)
    found, _ = decided(features, labels, weight, bias)
    alike = torch.tensor([0, 1, 2, 1, 4])
    assert torch.equal(alike[found], alike[expected])
    assert (decided(features, labels, 0 * weight, 0 * bias)[0] == 0).all()


@pytest.mark.parametrize("within", [0.01, 1.0, 5.0])
def test_mismatches_are_counted_alike_with_many_classes(monkeypatch, within):
    features, labels, weight, bias = case(30, within, num=900)
    stats = ClassStatistics.from_features(features, labels)
    means = stats.class_means
    nearest = torch.cdist(features, means).argmin(1)
    slow = float(((features @ weight.T + bias).argmax(1) != nearest).double().mean())
    assert ncc_mismatch(stats, weight, bias, features, labels) == slow
    for module in (decisions, collapse):
        monkeypatch.setattr(module, "MANY", 10)
    assert ncc_mismatch(stats, weight, bias, features, labels) == slow
