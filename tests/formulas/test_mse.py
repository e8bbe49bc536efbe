"""The squared error and its parts against torch, numpy and loops; any counts, rank and decay."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics
from nclib.formulas.mse import decompose_mse, least_squares_classifier, matching_decay

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


@given(problems(), decays)
def test_each_term_is_that_of_its_definition(problem, decay):
    features, labels, weight, bias = problem
    found = decompose_mse(statistics(*problem[:3]), weight, bias, weight_decay=decay)
    h, y, best = features.numpy(), labels.numpy(), by_lstsq(features, labels, len(weight), decay)
    means = np.array([h[y == c].mean(0) for c in range(len(weight))])
    noise = [best[:, :-1] @ (x - means[c]) for x, c in zip(h, y, strict=True)]
    within = np.mean([v @ v for v in noise]) / 2 + decay / 2 * np.sum(best**2)
    misses = [best[:, :-1] @ means[c] + best[:, -1] - np.eye(len(weight))[c] for c in y]
    assert found.nc1 == pytest.approx(within, rel=1e-8, abs=1e-18)
    assert found.nc23 == pytest.approx(np.mean([v @ v for v in misses]) / 2, rel=1e-8, abs=1e-18)
    gap = loss(*problem, decay) - loss(features, labels, best[:, :-1], best[:, -1], decay)
    assert found.perpendicular == pytest.approx(gap, rel=1e-8, abs=1e-8 * found.total)


@given(problems(), st.floats(1e-4, 10))
def test_training_with_torch_descends_the_loss_with_the_matching_decay(problem, training_decay):
    features, labels, weight, bias = problem
    num_classes, stats = len(weight), statistics(*problem[:3])
    one_hot = torch.nn.functional.one_hot(labels, num_classes).double()
    decay = matching_decay(num_classes, training_decay)

    def objective(weight, bias):
        norms = weight.square().sum() + bias.square().sum()
        error = torch.nn.MSELoss()(features @ weight.T + bias, one_hot)
        return error + training_decay / 2 * norms

    total = decompose_mse(stats, weight, bias, weight_decay=decay).total
    assert float(objective(weight, bias)) == pytest.approx(2 / num_classes * total, rel=1e-12)
    best = [x.requires_grad_() for x in least_squares_classifier(stats, weight_decay=decay)]
    slopes = torch.autograd.grad(objective(*best), best)
    scale = sum(training_decay * float(x.detach().norm()) for x in best)
    assert max(float(slope.abs().max()) for slope in slopes) <= 1e-10 * (1 + scale)


@given(problems(), decays, st.floats(0, 100))
def test_what_a_step_away_costs_is_quadratic_and_leaves_the_rest(problem, decay, step):
    weight, bias = problem[2:]
    stats = statistics(*problem[:3])
    best, best_bias = least_squares_classifier(stats, weight_decay=decay)
    at, near, far = (
        decompose_mse(stats, best + s * weight, best_bias + s * bias, weight_decay=decay)
        for s in (0, 1, step)
    )
    assert at.perpendicular <= 1e-20
    assert far.perpendicular == pytest.approx(step**2 * near.perpendicular, rel=1e-6, abs=1e-15)
    assert (far.nc1, far.nc23) == (at.nc1, at.nc23)


@given(problems(), st.floats(0.1, 10))
def test_affine_maps_of_the_features_leave_the_least_loss_without_decay(problem, scale):
    features, labels, weight, _ = problem
    size, generator = features.shape[1], torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(size, size, generator=generator).double()).Q
    stretch = torch.linspace(1, 2, size, dtype=torch.float64)
    moved = scale * (features @ rotation * stretch) @ rotation.T - 3
    before = decompose_mse(statistics(features, labels, weight), 0 * weight, None)
    after = decompose_mse(statistics(moved, labels, weight), 0 * weight, None)
    assert after.nc1 == pytest.approx(before.nc1, rel=1e-7, abs=1e-15)
    assert after.nc23 == pytest.approx(before.nc23, rel=1e-7, abs=1e-15)
    assert after.total == pytest.approx(before.total, rel=1e-12) == pytest.approx(0.5)


@given(problems(), decays)
def test_streamed_features_give_the_same(problem, decay):
    features, labels, weight, bias = problem
    streamed = ClassStatistics(len(weight), features.shape[1])
    for h, y in zip(features.split(5), labels.split(5), strict=True):
        streamed.update(h, y)
    one = decompose_mse(statistics(*problem[:3]), weight, bias, weight_decay=decay)
    other = decompose_mse(streamed, weight, bias, weight_decay=decay)
    for name, value in one.as_dict().items():
        assert getattr(other, name) == pytest.approx(value, rel=1e-8, abs=1e-18), name


def example(counts, num_features, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(counts), num_features))[labels]
    features += rng.normal(size=features.shape)
    weight, bias = rng.normal(size=(len(counts), num_features)), rng.normal(size=len(counts))
    return [torch.tensor(x) for x in (features, labels, weight, bias)]


def test_equal_counts_without_decay_give_the_classifier_of_webb_and_lowe():
    features, labels, weight, _ = example([9] * 4, 6)
    stats = statistics(features, labels, weight)
    found, bias = least_squares_classifier(stats)
    expected = torch.linalg.solve(stats.total_covariance, stats.centred_means.T).T / 4
    assert torch.allclose(found, expected, rtol=1e-12)
    assert torch.allclose(bias, 1 / 4 - expected @ stats.global_mean, rtol=1e-12)


def test_the_published_terms_for_equal_counts_miss_the_loss_of_unequal_ones():
    """Means unweighted by the counts, as in the authors' notebook."""
    for counts, agrees in (([12] * 4, True), ([3, 10, 40, 27], False)):
        features, labels, weight, bias = example(counts, 6)
        weight, bias = weight / 10, bias / 10
        stats = statistics(features, labels, weight)
        within, means = stats.within_covariance, stats.class_means
        total = within + stats.between_covariance
        best = torch.linalg.solve(total, stats.centred_means.T).T / 4
        best_bias = 1 / 4 - best @ stats.global_mean
        nc1 = torch.trace(best @ within @ best.T) / 2
        nc23 = (means @ best.T + best_bias - torch.eye(4)).square().sum() / 8
        away, away_bias = weight - best, bias - best_bias
        noise = torch.trace(away @ within @ away.T) / 2
        perpendicular = noise + (means @ away.T + away_bias).square().sum() / 8
        published = float(nc1 + nc23 + perpendicular)
        found = decompose_mse(stats, weight, bias)
        ours = found.least_squares + found.perpendicular
        assert ours == pytest.approx(loss(features, labels, weight, bias), rel=1e-12)
        assert (published == pytest.approx(ours, rel=1e-12)) is agrees
        assert agrees or abs(published / ours - 1) > 0.01


def test_a_collapsed_etf_is_interpolated_by_a_self_dual_classifier():
    means, labels = 2 * nclib.simplex_etf(5, 7, seed=0), torch.arange(5).repeat(6)
    stats = ClassStatistics.from_features(means[labels], labels)
    weight, _ = least_squares_classifier(stats)
    assert torch.allclose(weight, 4 / means.square().sum() * means, atol=1e-13)
    assert decompose_mse(stats, weight, None).least_squares <= 1e-28


def test_noise_of_a_shape_of_its_own_keeps_the_classifier_from_self_duality():
    """NC1 -> 0 does not give NC3 without decay; with it, it does (the limits do not commute)."""
    features, labels, _, _ = example([200] * 4, 6)
    means, stats = nclib.simplex_etf(4, 6), ClassStatistics.from_features(features, labels)
    mixing = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = (features - stats.class_means[labels]) @ mixing
    far = {}
    for decay, size in itertools.product((0.0, 1e-2), (1e-2, 1e-4)):
        collapsed = ClassStatistics.from_features(means[labels] + size * noise, labels)
        weight, _ = least_squares_classifier(collapsed, weight_decay=decay)
        far[decay, size] = nclib.collapse_metrics(collapsed, weight).self_duality
    assert far[0.0, 1e-4] > 0.01
    assert far[0.0, 1e-4] == pytest.approx(far[0.0, 1e-2], rel=0.05)
    assert far[1e-2, 1e-4] < 1e-9


@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_class_means_that_coincide_leave_the_shares(decay):
    labels = torch.arange(3).repeat_interleave(torch.tensor([2, 4, 6]))
    stats = ClassStatistics.from_features(torch.zeros(12, 5), labels)
    weight, bias = least_squares_classifier(stats, weight_decay=decay)
    share = torch.tensor([2, 4, 6], dtype=torch.float64) / 12
    assert weight.abs().max() == 0
    assert torch.allclose(bias, share / (1 + decay), rtol=1e-14)
    found = decompose_mse(stats, weight, bias, weight_decay=decay).least_squares
    assert found == pytest.approx(float(1 - share.square().sum() / (1 + decay)) / 2, rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
@pytest.mark.parametrize("per_class", [10, 300])
def test_float32_relu_features_some_dead_are_as_good_as_float64(per_class, decay):
    features, labels, weight, bias = example([per_class] * 5, 60)
    features = (2 * features - 1).float().relu()
    features[:, 10:20] = 0
    found, exact = (
        decompose_mse(statistics(h, labels, weight), weight, bias, weight_decay=decay)
        for h in (features, features.double())
    )
    for name, value in exact.as_dict().items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-4, abs=1e-12), name


def test_near_collapse_and_far_from_the_origin_no_digits_are_lost():
    features, labels, weight, bias = example([30, 20, 50], 6)
    stats = statistics(features, labels, weight)
    residuals, means = features - stats.class_means[labels], stats.centred_means
    near = statistics(means[labels] + 1e-6 * residuals + 100, labels, weight)
    exact = statistics(1e6 * means[labels] + residuals, labels, weight)
    found, expected = (decompose_mse(x, weight, bias).least_squares for x in (near, exact))
    assert 1e-14 < expected < 1e-11
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_classifier_without_bias_has_bias_zero():
    features, labels, weight, bias = example([4, 5, 6], 3)
    stats = statistics(features, labels, weight)
    assert decompose_mse(stats, weight, None) == decompose_mse(stats, weight, 0 * bias)


def refused():
    features, labels, weight, bias = example([4, 5, 6], 3)
    stats = statistics(features, labels, weight)
    lean = ClassStatistics(3, 3, scatter=False).update(features, labels)
    missing = ClassStatistics.from_features(features, labels, 4)
    return {
        "negative decay": (
            lambda: least_squares_classifier(stats, weight_decay=-0.1),
            "weight_decay is -0.1; give a finite number that is not negative",
        ),
        "infinite decay": (
            lambda: decompose_mse(stats, weight, bias, weight_decay=float("inf")),
            "weight_decay is inf",
        ),
        "weight in columns": (
            lambda: decompose_mse(stats, torch.zeros(3, 4), bias),
            r"weight has shape \(3, 4\); nn.Linear keeps \(C, p\) = \(3, 3\)",
        ),
        "bias of other classes": (
            lambda: decompose_mse(stats, weight, torch.zeros(4)),
            r"bias has shape \(4,\); expected \(C,\) = \(3,\)",
        ),
        "squares that overflow": (
            lambda: least_squares_classifier(
                ClassStatistics.from_features(features.double() * 1e160, labels)
            ),
            "features of size .*e[+]160 have squares outside torch.float64; scale them",
        ),
        "no scatter": (lambda: least_squares_classifier(lean), "scatter=False"),
        "a class without samples": (
            lambda: decompose_mse(missing, torch.zeros(4, 3), torch.zeros(4)),
            "no samples of class 3",
        ),
    }


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("name", refused())
def test_bad_input_is_named(name):
    act, said = refused()[name]
    with pytest.raises(ValueError, match=said):
        act()
