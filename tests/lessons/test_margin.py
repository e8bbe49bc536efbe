"""Descent without decay: the largest margin, the ray from zero, how fast directions settle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nclib import simplex_etf
from nclib.lessons.unconstrained import margin


def simplex_problem(num_classes, seed=1):
    """The simplex's own data and a random start."""
    frame = simplex_etf(num_classes, num_classes - 1)
    start = torch.tensor(np.random.default_rng(seed).normal(size=frame.shape))
    return frame, torch.arange(num_classes), start


def test_the_gradient_is_torchs_until_that_loses_its_digits():
    features, labels, weight = simplex_problem(4)
    for scale in (0.1, 1, 5):
        at = (scale * weight).requires_grad_()
        value = torch.nn.functional.cross_entropy(features @ at.T, labels)
        value.backward()
        loss, gradient = margin.cross_entropy_gradient(at.detach(), features, labels)
        assert torch.allclose(loss, value.detach(), rtol=1e-12)
        assert torch.allclose(gradient, at.grad, atol=1e-15)
    kappa = 4 / 3
    loss, gradient = margin.cross_entropy_gradient(60 * features, features, labels)
    assert float(loss) == pytest.approx(3 * math.exp(-60 * kappa), rel=1e-12)  # 5e-35
    assert float((gradient * features).sum()) == pytest.approx(-4 * float(loss), rel=1e-12)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_the_largest_margin_on_a_simplex_is_the_simplex(num_classes):
    frame, labels, _ = simplex_problem(num_classes)
    found = margin.max_margin(frame, labels)
    assert torch.allclose(found, frame * (num_classes - 1) / num_classes, atol=1e-8)
    scores = frame @ found.T
    own = scores.diagonal()[:, None]
    apart = (own - scores)[~torch.eye(num_classes, dtype=torch.bool)]
    assert torch.allclose(apart, torch.ones_like(apart))


def test_no_margin_without_separation():
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="features are not linearly separable"):
        margin.max_margin(features, torch.tensor([0, 1, 1]))


@pytest.mark.parametrize("num_classes", [2, 4, 10])
def test_from_zero_the_flow_stays_on_the_ray_and_keeps_its_clock(num_classes):
    frame, labels, _ = simplex_problem(num_classes)
    path = margin.descend_without_decay(
        torch.zeros_like(frame), frame, labels, steps=2000, learning_rate=0.01
    )
    times = 0.01 * path.steps
    scales = path.weights.flatten(1).norm(dim=1) / num_classes**0.5
    assert float(path.gaps(frame).max()) < 1e-12
    assert torch.allclose(scales, margin.simplex_ray_scale(times, num_classes), rtol=5e-3)
    late = torch.tensor([1e12])
    scale = float(margin.simplex_ray_scale(late, num_classes))
    others, kappa = num_classes - 1, num_classes / (num_classes - 1)
    assert 1e12 * others * math.exp(-kappa * scale) == pytest.approx(others / kappa, rel=1e-8)


def check_rates(steps):
    frame, labels, start = simplex_problem(4)
    plain = margin.descend_without_decay(start, frame, labels, steps=steps, learning_rate=1)
    fast = margin.descend_without_decay(
        start, frame, labels, steps=3000, learning_rate=0.1, normalised=True
    )
    late = plain.steps >= 300
    product = plain.gaps(frame)[late] * plain.steps[late].log()
    assert float(product.max() / product.min()) < 1.05  # 1/ln t
    late = fast.steps >= 250
    product = fast.gaps(frame)[late] * fast.steps[late]
    assert float(product.max() / product.min()) < 1.05  # 1/t
    assert float(fast.gaps(frame)[-1]) < 0.1 * float(plain.gaps(frame)[-1])
    assert float(plain.losses[-1] * plain.steps[-1]) == pytest.approx(9 / 4, rel=0.01)


def test_plain_descent_goes_like_one_over_the_logarithm_and_normalised_like_one_over_t():
    check_rates(3000)


@pytest.mark.slow
def test_the_rates_over_twenty_thousand_steps():
    check_rates(20_000)


def test_on_noisy_separable_features_both_go_to_the_largest_margin_one_faster():
    generator = torch.Generator().manual_seed(3)
    frame = simplex_etf(3, 4)
    labels = torch.arange(3).repeat_interleave(5)
    noise = torch.randn(15, 4, dtype=torch.float64, generator=generator)
    features = frame[labels] + 0.15 * noise
    limit = margin.max_margin(features, labels)
    start = 0.5 * torch.randn(3, 4, dtype=torch.float64, generator=generator)
    gaps = [
        margin.descend_without_decay(
            start, features, labels, steps=2000, learning_rate=rate, normalised=normalised
        ).gaps(limit)
        for rate, normalised in ((1, False), (0.1, True))
    ]
    for gap in gaps:
        assert float(gap[-1]) < 0.6 * float(gap[0])
    assert float(gaps[1][-1]) < 0.3 * float(gaps[0][-1])


def test_settings_out_of_range_are_named():
    frame, labels, start = simplex_problem(3)
    for bad in ({"steps": 0}, {"num_records": 0}, {"learning_rate": 0}, {"learning_rate": -1}):
        settings = {"steps": 1, "learning_rate": 1, **bad}
        ((name, value),) = bad.items()
        with pytest.raises(ValueError, match=f"{name} is {value}; "):
            margin.descend_without_decay(start, frame, labels, **settings)


@pytest.mark.parametrize("gap", [-1e6, -800, -709, -40, 0, 40, 709, 800, 1e6])
def test_the_gradient_is_finite_however_far_apart_the_logits_are(gap):
    """Right by ``gap``, or wrong by as much: exp(710) would be infinite."""
    features, labels = torch.eye(3, dtype=torch.float64), torch.arange(3)
    at = (gap * features).requires_grad_()
    torch.nn.functional.cross_entropy(features @ at.T, labels).backward()
    loss, gradient = margin.cross_entropy_gradient(at.detach(), features, labels)
    assert torch.allclose(gradient, at.grad, rtol=1e-9, atol=1e-15)
    assert float(loss) == pytest.approx(
        math.log1p(2 * math.exp(-gap)) if gap > -700 else -gap, 1e-3
    )


def test_a_normalised_descent_goes_on_where_the_loss_is_zero_in_float64():
    features, labels, start = simplex_problem(3)
    start = 1000 * features + 300 * start / start.norm()  # right by more than 745
    path = margin.descend_without_decay(
        start, features, labels, steps=1000, learning_rate=3, normalised=True
    )
    assert float(path.losses[0]) == 0
    assert float(path.losses[-1]) == 0
    assert path.weights.isfinite().all()
    assert float(path.gaps(features)[-1]) < 0.5 * float(path.gaps(features)[0])
