"""The squared error and its parts against torch, numpy and loops; any counts, rank and decay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nclib import ClassStatistics
from nclib.mse import decompose_mse, least_squares_classifier

decays = st.sampled_from([0.0, 1e-6, 1e-2, 3.0])


@st.composite
def problems(draw):
    """Features (N, p), labels and a classifier: p below and above N, equal counts or not."""
    num_classes, num_features = draw(st.integers(2, 6)), draw(st.integers(1, 12))
    equal = draw(st.booleans())
    sizes = st.integers(1, 8)
    counts = [draw(sizes)] * num_classes if equal else [draw(sizes) for _ in range(num_classes)]
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    labels = rng.permutation(np.repeat(np.arange(num_classes), counts))
    means = rng.normal(size=(num_classes, num_features)) + draw(st.sampled_from([0, 10]))
    noise = rng.normal(size=(len(labels), num_features)) * draw(st.sampled_from([1, 1e-3]))
    noise[:, : draw(st.integers(0, num_features))] *= draw(st.sampled_from([0, 1]))
    weight, bias = rng.normal(size=(num_classes, num_features)), rng.normal(size=num_classes)
    return [torch.tensor(x) for x in (means[labels] + noise, labels, weight, bias)]


def statistics(features, labels, weight):
    return ClassStatistics.from_features(features, labels, len(weight))


def loss(features, labels, weight, bias, decay=0.0):
    """L by a loop over samples."""
    h, y, w, b = (np.asarray(x, dtype=float) for x in (features, labels, weight, bias))
    errors = [np.sum((w @ x + b - np.eye(len(w))[int(c)]) ** 2) for x, c in zip(h, y, strict=True)]
    return np.mean(errors) / 2 + decay / 2 * (np.sum(w**2) + np.sum(b**2))


def by_lstsq(features, labels, num_classes, decay=0.0):
    """Extended weight (C, p+1) by numpy's least squares; decay as extra rows."""
    n = len(labels)
    rows = np.hstack([features.numpy(), np.ones((n, 1))]) / n**0.5
    rows = np.vstack([rows, decay**0.5 * np.eye(rows.shape[1])])
    targets = np.zeros((len(rows), num_classes))
    targets[np.arange(n), labels.numpy()] = 1 / n**0.5
    return np.linalg.lstsq(rows, targets, rcond=1e-9)[0].T


@given(problems(), decays)
def test_terms_sum_to_the_loss_of_a_loop(problem, decay):
    weight, bias = problem[2:]
    found = decompose_mse(statistics(*problem[:3]), weight, bias, weight_decay=decay)
    assert found.total == pytest.approx(loss(*problem, decay), rel=1e-12, abs=0)
    assert found.least_squares + found.perpendicular == pytest.approx(found.total, rel=1e-12, abs=0)
    assert found.nc1 + found.nc23 == found.least_squares
    assert min(found.as_dict().values()) >= 0


@given(problems(), decays)
def test_least_squares_is_that_of_numpy(problem, decay):
    features, labels, weight, _ = problem
    found, bias = least_squares_classifier(statistics(*problem[:3]), weight_decay=decay)
    best = by_lstsq(features, labels, len(weight), decay)
    extended = np.hstack([found.numpy(), bias.numpy()[:, None]])
    assert np.abs(extended - best).max() <= 1e-6 * np.abs(best).max()
    least = loss(features, labels, best[:, :-1], best[:, -1], decay)
    assert loss(features, labels, found, bias, decay) == pytest.approx(least, rel=1e-10, abs=1e-20)
