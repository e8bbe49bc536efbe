"""NC1-NC4 against naive loops, at their limits, and under what must not change them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics, collapse_metrics
from nclib.formulas.collapse import _thin_svd, nc1, ncc_mismatch

shapes = st.tuples(st.integers(2, 7), st.integers(1, 9), st.integers(0, 2**31))


def case(num_classes, num_features, seed, *, per_class=12):
    """Features, labels (unbalanced), weight and bias of a random problem."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, per_class, size=num_classes)
    labels = rng.permutation(np.repeat(np.arange(num_classes), counts))
    means = rng.normal(size=(num_classes, num_features)) * 2
    features = means[labels] + rng.normal(size=(len(labels), num_features))
    weight, bias = rng.normal(size=(num_classes, num_features)), 3 * rng.normal(size=num_classes)
    return [torch.tensor(x) for x in (features, labels, weight, bias)]


def measured(features, labels, weight, bias, num_classes=None):
    stats = ClassStatistics.from_features(features, labels, num_classes or len(weight))
    return collapse_metrics(stats, weight, bias, features=features, labels=labels)


def naive(features, labels, weight, bias):
    """The definitions, by loops over samples, classes and pairs."""
    h, y, w, b = (x.numpy() for x in (features, labels, weight, bias))
    classes = range(len(w))
    means = np.array([h[y == c].mean(0) for c in classes])
    centred = means - means.mean(0)
    within = sum(np.outer(h[i] - means[y[i]], h[i] - means[y[i]]) for i in range(len(h))) / len(h)
    between = sum(np.outer(v, v) for v in centred) / len(centred)
    disagree = 0
    for x in h:
        decision = max(classes, key=lambda c: w[c] @ x + b[c])
        disagree += decision != min(classes, key=lambda c: np.linalg.norm(x - means[c]))
    found = {"nc1": np.trace(within @ np.linalg.pinv(between, hermitian=True)) / len(w)}
    for name, rows in (("means", centred), ("weights", w)):
        norms = [np.linalg.norm(v) for v in rows]
        cosines = [
            rows[i] @ rows[j] / norms[i] / norms[j] for i in classes for j in classes if i < j
        ]
        found[f"equinorm_{name}"] = np.std(norms, ddof=1) / np.mean(norms)
        found[f"equiangularity_{name}"] = np.std(cosines)
        found[f"max_angle_{name}"] = np.mean(np.abs(np.array(cosines) + 1 / (len(w) - 1)))
    aligned = w / np.linalg.norm(w) - centred / np.linalg.norm(centred)
    return found | {"self_duality": np.sum(aligned**2), "ncc_mismatch": disagree / len(h)}


@settings(deadline=None)
@given(shapes)
def test_every_number_is_that_of_the_definition(shape):
    problem = case(*shape)
    found = measured(*problem).as_dict()
    for name, value in naive(*problem).items():
        assert found[name] == pytest.approx(value, rel=1e-8, abs=1e-12), name


@settings(deadline=None)
@given(shapes)
def test_features_at_hand_or_streamed_give_the_same(shape):
    features, labels, weight, bias = case(*shape)
    at_hand = measured(features, labels, weight, bias)
    streamed = ClassStatistics(len(weight), features.shape[1])
    for h, y in zip(features.split(5), labels.split(5), strict=True):
        streamed.update(h, y)
    with_features = collapse_metrics(streamed, weight, bias, features=features, labels=labels)
    without = collapse_metrics(streamed, weight, bias)
    lazily = collapse_metrics(
        ClassStatistics.from_features(features, labels, len(weight)), weight, bias
    )
    assert without.ncc_mismatch is None
    assert with_features.ncc_mismatch == at_hand.ncc_mismatch
    for other in (with_features, without, lazily):
        assert other.nc1 == pytest.approx(at_hand.nc1, rel=1e-10, abs=0)


@settings(deadline=None)
@given(shapes, st.floats(0.1, 10), st.floats(-100, 100))
def test_what_must_not_change_it(shape, scale, shift):
    features, labels, weight, bias = case(*shape)
    before = measured(features, labels, weight, bias).as_dict()
    num_features = features.shape[1]
    generator = torch.Generator().manual_seed(shape[2])
    square = torch.randn(num_features, num_features, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(square).Q
    moved = scale * features @ rotation + shift
    turned = weight @ rotation / scale
    same_decisions = bias - turned.sum(1) * shift
    order = torch.randperm(len(labels), generator=generator)
    names = torch.randperm(len(weight), generator=generator)
    ways = {
        "similarity": (moved, labels, turned, same_decisions),
        "order": (features[order], labels[order], weight, bias),
        "names": (features, torch.argsort(names)[labels], weight[names], bias[names]),
    }
    for way, problem in ways.items():
        after = measured(*problem).as_dict()
        for name, value in before.items():
            assert after[name] == pytest.approx(value, rel=1e-6, abs=1e-9), (way, name)


@settings(deadline=None)
@given(st.tuples(st.integers(2, 20), st.integers(0, 10), st.integers(0, 2**31)), st.floats(0.1, 50))
def test_a_perfect_etf_scores_zero_on_everything(size, scale):
    num_classes, extra, seed = size
    means = scale * nclib.simplex_etf(num_classes, num_classes - 1 + extra, seed=seed)
    labels = torch.arange(num_classes).repeat(5)
    features = (means + 7)[labels]
    weight = 3 * means
    bias = -(weight @ torch.full_like(means[0], 7))
    for name, value in measured(features, labels, weight, bias).as_dict().items():
        if name != "rank":
            assert value == pytest.approx(0, abs=1e-12), name


def test_collapse_is_approached_in_proportion():
    means, labels = nclib.simplex_etf(5, 8), torch.arange(5).repeat(200)
    noise = torch.randn(1000, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = [
        measured(means[labels] + s * noise, labels, means, torch.zeros(5)).nc1
        for s in (1e-1, 1e-3, 1e-5, 1e-7)
    ]
    assert [b / a for a, b in itertools.pairwise(values)] == pytest.approx(
        [1e-4] * 3, rel=0.05, abs=0
    )


def test_two_classes_make_nc2_vacuous():
    found = measured(*case(2, 4, 0))
    for name in ("equinorm_means", "equiangularity_means", "max_angle_means"):
        assert getattr(found, name) == pytest.approx(0, abs=1e-12)
    assert found.rank == 1


def test_fewer_dimensions_than_the_simplex_needs():
    found = measured(*case(7, 3, 1))
    assert found.rank == 3
    assert found.nc1 > 0
    assert found.max_angle_means > 0.05


def test_single_samples_have_no_scatter():
    features = torch.randn(4, 6, dtype=torch.float64)
    found = measured(features, torch.arange(4), features, torch.zeros(4))
    assert found.nc1 == 0


def test_mismatch_on_other_features_leaves_nc1_that_of_the_training_set():
    features, labels, weight, bias = case(4, 6, 3)
    other, other_labels, _, _ = case(4, 6, 4)
    train = ClassStatistics.from_features(features, labels, 4)
    found = collapse_metrics(train, weight, bias, features=other, labels=other_labels)
    assert found.nc1 == pytest.approx(measured(features, labels, weight, bias).nc1, rel=1e-12)
    decided = (other @ weight.T + bias).argmax(1)
    nearest = torch.cdist(other, train.class_means).argmin(1)
    assert found.ncc_mismatch == pytest.approx(float((decided != nearest).double().mean()))


@settings(deadline=None)
@given(shapes)
def test_mismatch_alone_is_that_of_the_metrics_and_of_the_definition(shape):
    features, labels, weight, bias = case(*shape)
    other, other_labels, _, _ = case(*shape[:2], shape[2] + 1)
    train = ClassStatistics.from_features(features, labels, len(weight))
    decided = (other @ weight.T + bias).argmax(1)
    nearest = torch.cdist(other, train.class_means).argmin(1)
    found = ncc_mismatch(train, weight, bias, other, other_labels)
    assert found == float((decided != nearest).double().mean())
    assert found == ncc_mismatch(train, weight, bias, other, other_labels.roll(1))  # only a start
    again = collapse_metrics(train, weight, bias, features=other, labels=other_labels)
    assert again.ncc_mismatch == found
    unbiased = (other @ weight.T).argmax(1)
    alone = ncc_mismatch(train, weight, None, other, other_labels)
    assert alone == float((unbiased != nearest).double().mean())


def test_nc1_alone_is_the_one_of_all_four():
    features, labels, weight, bias = case(4, 6, 3)
    kept = ClassStatistics.from_features(features, labels)
    streamed = ClassStatistics(4, 6).update(features[:20], labels[:20])
    streamed.update(features[20:], labels[20:])
    expected = measured(features, labels, weight, bias).nc1
    for stats in (kept, streamed):
        assert nc1(stats) == pytest.approx(expected, rel=1e-12, abs=0)
        assert collapse_metrics(stats, weight, bias).nc1 == nc1(stats)
    same = ClassStatistics.from_features(torch.ones(6, 3), torch.arange(3).repeat(2))
    assert np.isnan(nc1(same))


def test_mismatch_of_coinciding_means_is_undefined():
    features, labels = torch.zeros(12, 5), torch.arange(3).repeat(4)
    stats = ClassStatistics.from_features(features, labels)
    assert np.isnan(ncc_mismatch(stats, torch.randn(3, 5), None, torch.randn(6, 5), labels[:6]))


def test_a_part_of_the_features_or_others_as_many_are_not_taken_for_those_seen():
    features, labels, weight, bias = case(4, 6, 3)
    whole = ClassStatistics.from_features(features, labels, 4)
    part = features[:-5]  # a view: it begins at the same place in memory
    found = collapse_metrics(whole, weight, bias, features=part, labels=labels[:-5])
    assert found.nc1 == pytest.approx(measured(features, labels, weight, bias).nc1, rel=1e-12)
    lean = ClassStatistics(4, 6, scatter=False).update(features, labels)
    with pytest.raises(ValueError, match="scatter=False"):
        collapse_metrics(lean, weight, bias, features=2 * features, labels=labels)


@pytest.mark.parametrize("ill", [False, True])
def test_many_classes_go_through_the_gram_matrix_unless_it_is_ill_conditioned(ill):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(220, 300, dtype=torch.float64, generator=generator)
    if ill:
        rows[:, 5:] *= 1e-5
    rows -= rows.mean(0)
    _, s, v = _thin_svd(rows, rows @ rows.T)
    _, exact, _ = torch.linalg.svd(rows, full_matrices=False)
    assert torch.allclose(s[:219], exact[:219], rtol=1e-8)
    assert torch.allclose(v.T @ v, torch.eye(v.shape[1], dtype=torch.float64), atol=1e-7)
    labels = torch.arange(220).repeat_interleave(3)
    features = rows[labels] + 0.1 * torch.randn(660, 300, dtype=torch.float64, generator=generator)
    weight, bias = torch.randn(220, 300, generator=generator), torch.zeros(220)
    found = measured(features, labels, weight, bias)
    means = ClassStatistics.from_features(features, labels)
    by_scatter = torch.linalg.pinv(means.between_covariance, hermitian=True)
    expected = torch.trace(means.within_covariance @ by_scatter) / 220
    assert found.nc1 == pytest.approx(float(expected), rel=1e-4 if ill else 1e-7)


def test_collapsed_to_zero_is_said_and_is_not_a_small_nc1():
    features, labels = torch.zeros(12, 5), torch.arange(3).repeat(4)
    with pytest.warns(UserWarning, match=r"all class means coincide.*rank 0.*NC1 is NaN"):
        found = measured(features, labels, torch.randn(3, 5), torch.zeros(3))
    assert np.isnan(found.nc1)
    assert np.isnan(found.self_duality)
    assert found.rank == 0


def test_merged_classes_lower_the_rank():
    means = nclib.simplex_etf(4, 5)
    means[3] = means[2]
    labels = torch.arange(4).repeat(10)
    noise = 0.01 * torch.randn(40, 5, dtype=torch.float64)
    noise -= torch.stack([noise[labels == c].mean(0) for c in range(4)])[labels]
    found = measured(means[labels] + noise, labels, means, torch.zeros(4))
    assert found.rank == 2
    assert np.isfinite(found.nc1)


def test_a_zero_classifier_has_no_direction():
    features, labels, weight, bias = case(3, 4, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured(features, labels, 0 * weight, 0 * bias)
    assert np.isnan(found.self_duality)
    assert found.nc1 > 0


def test_no_square_matrix_where_the_projection_serves():
    """With p = 30,000 one (p, p) matrix would take 7 GB; the process is given 3 GB more."""
    code = """
import resource, torch, nclib
size = 30_000
features, labels = torch.randn(60, size, dtype=torch.double), torch.arange(3).repeat(20)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 3 * 2**30,) * 2)
stats = nclib.ClassStatistics.from_features(features, labels)
found = nclib.collapse_metrics(stats, torch.randn(3, size), features=features, labels=labels)
alone = nclib.collapse_metrics(stats, torch.randn(3, size))
assert abs(found.nc1 - alone.nc1) < 1e-10 * found.nc1
try:
    stats.within_covariance
except RuntimeError:
    print("refused")
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("address space is limited and read in Linux's way")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "refused", done.stderr
