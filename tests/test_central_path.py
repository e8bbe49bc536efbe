"""Signal-to-noise ratios, the renormalised flows and their simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics
from nclib.central_path import snr_singular_values
from nclib.mse import decompose_mse

shapes = st.tuples(st.integers(2, 6), st.integers(0, 6), st.integers(0, 2**31))


def case(num_classes, num_features, seed=0, *, per_class=12, noise=1.0):
    """Balanced features and labels; N > p + C, so that Σ_W is regular."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(num_classes), per_class))
    means = rng.normal(size=(num_classes, num_features))
    features = means[labels] + noise * rng.normal(size=(len(labels), num_features))
    return torch.tensor(features), torch.tensor(labels)


def ratios(features, labels, num_classes=None):
    return snr_singular_values(ClassStatistics.from_features(features, labels, num_classes))


def half_sum(omega, num_classes):
    return float((0.5 / (num_classes + omega**2)).sum())


@given(shapes, st.sampled_from([1.0, 1e-3]))
def test_squares_are_the_generalised_eigenvalues_of_the_two_scatters(shape, noise):
    num_classes, extra, seed = shape
    features, labels = case(num_classes, num_classes - 1 + extra, seed, noise=noise)
    stats = ClassStatistics.from_features(features, labels)
    between, within = stats.between_covariance.numpy(), stats.within_covariance.numpy()
    squares = num_classes * scipy.linalg.eigh(between, within, eigvals_only=True)
    expected = np.sqrt(squares[::-1][: num_classes - 1].clip(0))
    found = snr_singular_values(stats)
    assert found.numpy() == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert (found[:-1] >= found[1:]).all()


@given(shapes, st.sampled_from([1.0, 1e-3, 1e-6]))
def test_the_least_loss_is_a_function_of_the_ratios(shape, noise):
    num_classes, extra, seed = shape
    features, labels = case(num_classes, num_classes + extra, seed, noise=noise)
    stats = ClassStatistics.from_features(features, labels)
    found = decompose_mse(stats, torch.zeros_like(stats.class_means), None)
    expected = half_sum(snr_singular_values(stats), num_classes)
    assert found.least_squares == pytest.approx(expected, rel=1e-12, abs=0)


def test_far_from_the_origin_and_near_collapse():
    means, labels = 3 * nclib.simplex_etf(5, 8, seed=1) + 100, torch.arange(5).repeat(200)
    noise = torch.randn(1000, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise -= torch.stack([noise[labels == c].mean(0) for c in range(5)])[labels]
    one = ratios(means[labels] + noise, labels)
    far = ratios(means[labels] + 1e-6 * noise, labels)
    assert far.numpy() == pytest.approx(1e6 * one.numpy(), rel=1e-7)


def test_means_outside_the_range_of_the_scatter_are_infinitely_far_apart():
    features, labels = case(4, 40, per_class=5)  # N < p
    assert torch.isinf(ratios(features, labels)).all()
    assert torch.isinf(ratios(features.float(), labels)).all()


def test_one_mode_outside_leaves_the_others():
    features, labels = case(4, 6)
    inside = ratios(features, labels)
    outside = torch.nn.functional.one_hot(labels, 4)[:, :1].double()
    found = ratios(torch.cat([features, outside], 1), labels)
    assert found[0] == torch.inf
    assert torch.isfinite(found[1:]).all()
    assert found[2] <= inside[1]  # interlacing: one direction of class space is taken away
    ridge = torch.cat([features, outside + 1e-5 * case(4, 1, 3)[0]], 1)
    assert ratios(ridge, labels)[1:].numpy() == pytest.approx(found[1:].numpy(), rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dead_features_change_nothing(dtype):
    features, labels = (x.to(t) for x, t in zip(case(4, 6), (dtype, torch.int64), strict=True))
    dead = torch.cat([0 * features, features, 0 * features + 7], 1)
    found = ratios(dead, labels).numpy()
    assert found == pytest.approx(ratios(features, labels).numpy(), rel=1e-5)


def test_total_collapse_has_no_signal_and_no_class_scatter_all():
    labels = torch.arange(4).repeat(5)
    assert ratios(torch.ones(20, 6), labels).tolist() == [0, 0, 0]
    assert ratios(nclib.simplex_etf(4, 6)[labels], labels).tolist() == [torch.inf] * 3
    noise = torch.randn(20, 3, dtype=torch.float64)
    noise -= torch.stack([noise[labels == c].mean(0) for c in range(4)])[labels]
    assert ratios(noise, labels).numpy() == pytest.approx(np.zeros(3), abs=1e-12)


def test_fewer_dimensions_than_the_simplex_needs_leave_zeros():
    found = ratios(*case(7, 3))
    assert found.shape == (6,)
    assert (found[:3] > 0).all()
    assert found[3:].tolist() == [0, 0, 0]
