"""Class statistics against a long-double reference, however the samples arrive."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics

LONG = np.longdouble


def reference_nc1(features, labels):
    """tr(Σ_W Σ_B⁺)/C in long double, as the definition reads; p = C-1 or more, full rank."""
    h, y = np.asarray(features, dtype=LONG), np.asarray(labels)
    classes = np.unique(y)
    means = np.stack([h[y == c].mean(0) for c in classes])
    residuals = h - means[np.searchsorted(classes, y)]
    centred = means - means.mean(0)
    # ṀᵀṀ = RᵀR with R the C-1 Helmert contrasts of Ṁ, and (RᵀR)⁺ = Rᵀ(RRᵀ)⁻²R
    helmert = nclib.etf._helmert(len(classes)).numpy().astype(LONG)
    rows = helmert.T @ centred
    gram = rows @ rows.T
    projected = residuals @ rows.T
    solved = np.stack([_solve(gram, one) for one in projected])
    return float(np.square(solved).sum() / len(h))


def _solve(matrix, right):
    """Gauss-Jordan in long double (numpy's solver has double only)."""
    a = np.concatenate([matrix, right[:, None]], axis=1)
    for i in range(len(a)):
        pivot = i + np.argmax(np.abs(a[i:, i]))
        a[[i, pivot]] = a[[pivot, i]]
        a[i] /= a[i, i]
        for j in range(len(a)):
            if j != i:
                a[j] -= a[j, i] * a[i]
    return a[:, -1]


def clouds(*, offset=0.0, within=1.0, counts=(40, 40, 40, 40), num_features=7, seed=0):
    """Features (N, p) float64 with between-class scale 1, and labels, in random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    means = rng.normal(size=(len(counts), num_features)) + offset
    noise = within * rng.normal(size=(len(labels), num_features))
    return torch.tensor(means[labels] + noise), torch.tensor(labels)


def nc1_of(stats):
    return nclib.collapse_metrics(stats, torch.ones(stats.num_classes, stats.num_features)).nc1


def streamed(features, labels, *, batch, num_classes=4):
    stats = ClassStatistics(num_classes, features.shape[1])
    for h, y in zip(features.split(batch), labels.split(batch), strict=True):
        stats.update(h, y)
    return stats


def merged(features, labels, *, parts, num_classes=4):
    """A balanced tree of merges over as many parts."""
    level = [
        streamed(h, y, batch=9, num_classes=num_classes)
        for h, y in zip(features.chunk(parts), labels.chunk(parts), strict=True)
    ]
    while len(level) > 1:
        level = [
            a.merge(b[0]) if (b := level[i + 1 : i + 2]) else a
            for i, a in enumerate(level)
            if i % 2 == 0
        ]
    return level[0]


TABLE = [  # offset, within-class standard deviation, limit on the relative error
    (0.0, 1.0, 1e-13),
    (1e8, 1.0, 1e-11),
    (0.0, 1e-5, 1e-11),
    (0.0, 1e-8, 1e-9),
    (1e6, 1e-5, 1e-8),
    (1e8, 1e-5, 1e-8),
]


@pytest.mark.parametrize(("offset", "within", "limit"), TABLE)
def test_streaming_table(offset, within, limit):
    features, labels = clouds(offset=offset, within=within)
    expected = reference_nc1(features, labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    ways = {f"batch {b}": streamed(features, labels, batch=b) for b in (1, 7, 64, 300)}
    ways |= {f"{n} parts": merged(features, labels, parts=n) for n in (2, 3, 8)}
    ways["shuffled"] = streamed(features[order], labels[order], batch=7)
    ways["at once"] = ClassStatistics.from_features(features, labels)
    for name, stats in ways.items():
        assert nc1_of(stats) == pytest.approx(expected, rel=limit, abs=0), name


@pytest.mark.parametrize("num_features", [3, 7, 40])
@pytest.mark.parametrize("counts", [(5, 30, 1, 12), (40, 40, 40, 40), (1, 1, 1, 90)])
def test_unbalanced_far_and_close(counts, num_features):
    settings = {"offset": 1e6, "within": 1e-5, "counts": counts, "num_features": num_features}
    features, labels = clouds(**settings)
    expected = reference_nc1(features, labels)
    assert nc1_of(streamed(features, labels, batch=7)) == pytest.approx(expected, rel=1e-8, abs=0)
    assert nc1_of(merged(features, labels, parts=5)) == pytest.approx(expected, rel=1e-8, abs=0)


def test_float32_features_far_from_the_origin():
    features, labels = clouds(offset=1e4, counts=(300,) * 4)
    single = features.float()
    weight, bias = torch.randn(4, 7), torch.randn(4)
    found, exact = (
        nclib.collapse_metrics(
            ClassStatistics.from_features(h, labels), weight, bias, features=h, labels=labels
        ).as_dict()
        for h in (single, single.double())
    )
    for name, value in exact.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=0), name
    assert nc1_of(streamed(single, labels, batch=50)) == pytest.approx(
        exact["nc1"], rel=1e-6, abs=0
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_are_measured_in_float32(dtype):
    features, labels = clouds()
    low = features.to(dtype)
    exact = nc1_of(ClassStatistics.from_features(low.double(), labels))
    assert nc1_of(ClassStatistics.from_features(low, labels)) == pytest.approx(
        exact, rel=1e-5, abs=0
    )


@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=6),
    st.integers(1, 8),
    st.integers(1, 50),
    st.integers(0, 2**31),
)
def test_covariances_are_what_their_names_say(counts, num_features, batch, seed):
    features, labels = clouds(counts=counts, num_features=num_features, seed=seed)
    stats = streamed(features, labels, batch=batch, num_classes=len(counts))
    h, y = features.numpy(), labels.numpy()
    means = np.stack([h[y == c].mean(0) for c in range(len(counts))])
    residuals, centred = h - means[y], means - means.mean(0)
    assert stats.counts.tolist() == list(counts)
    assert np.allclose(stats.class_means, means)
    assert np.allclose(stats.global_mean, means.mean(0))
    assert np.allclose(stats.within_covariance, residuals.T @ residuals / len(h))
    assert np.allclose(stats.between_covariance, centred.T @ centred / len(counts))
    assert np.allclose(stats.total_covariance, np.cov(h.T, bias=True).reshape(num_features, -1))
    spread = [np.square(residuals[y == c]).sum() / n for c, n in enumerate(counts)]
    assert np.allclose(stats.class_variances, spread)


def test_ways_of_giving_the_same_samples():
    features, labels = clouds(counts=(20, 30, 10, 5))
    whole = ClassStatistics.from_features(features, labels)
    grown = ClassStatistics.from_features(features[:30], labels[:30], 4)
    grown.update(features[30:], labels[30:])
    joined = ClassStatistics.from_features(features[:30], labels[:30], 4).merge(
        ClassStatistics.from_features(features[30:], labels[30:], 4)
    )
    for other in (grown, joined):
        assert torch.allclose(other.within_covariance, whole.within_covariance, rtol=1e-12)
        assert torch.allclose(other.class_means, whole.class_means, rtol=1e-12)
    directions = torch.randn(7, 3, dtype=torch.float64)
    along = ClassStatistics.from_features(features, labels).within_variance_along(directions)
    expected = (directions.T @ whole.within_covariance @ directions).diagonal()
    assert torch.allclose(along, expected, rtol=1e-12)


def test_mixed_precision_updates_keep_the_wider_one():
    features, labels = clouds(offset=1e6, within=1e-3)
    mixed = ClassStatistics(4, 7).update(features[:80], labels[:80])
    single = features[80:].float()
    mixed.update(single, labels[80:])
    exact = ClassStatistics(4, 7).update(features[:80], labels[:80])
    exact.update(single.double(), labels[80:])
    assert nc1_of(mixed) == pytest.approx(nc1_of(exact), rel=1e-10, abs=0)


def test_without_scatter_memory_stays_small_and_the_rest_is_there():
    features, labels = clouds()
    stats = ClassStatistics(4, 7, scatter=False).update(features, labels)
    assert torch.allclose(
        stats.class_variances, streamed(features, labels, batch=9).class_variances
    )
    with pytest.raises(ValueError, match="scatter=False"):
        stats.within_covariance
    weight = torch.randn(4, 7)
    with pytest.raises(ValueError, match="scatter=False"):  # NC1 is of what the statistics saw
        nclib.collapse_metrics(stats, weight, features=features, labels=labels)
    with pytest.raises(ValueError, match="scatter"):
        stats.merge(ClassStatistics(4, 7).update(features, labels))


def _rank(rank, world, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
    )
    features, labels = clouds(counts=(20, 30, 10, 5), offset=1e3)
    stats = ClassStatistics(4, 7).update(features[rank::world], labels[rank::world])
    stats.all_reduce()
    torch.save((stats.counts, stats.class_means, stats.within_covariance), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_count_as_one(tmp_path):
    torch.multiprocessing.spawn(_rank, args=(2, str(tmp_path)), nprocs=2)
    features, labels = clouds(counts=(20, 30, 10, 5), offset=1e3)
    whole = streamed(features, labels, batch=100)
    for rank in range(2):
        counts, means, within = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert torch.equal(counts, whole.counts)
        assert torch.allclose(means, whole.class_means, rtol=1e-13)
        assert torch.allclose(within, whole.within_covariance, rtol=1e-12, atol=1e-13)


def test_a_refused_batch_adds_nothing():
    features, labels = clouds()
    stats = streamed(features, labels, batch=64)
    before = (stats.counts.clone(), stats.class_means, stats.within_covariance)
    bad = features[:5].clone()
    bad[3, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows"):
        stats.update(bad, labels[:5])
    for now, then in zip(
        (stats.counts, stats.class_means, stats.within_covariance), before, strict=True
    ):
        assert torch.equal(now, then)


def test_features_with_gradients_are_measured_without():
    features, labels = clouds()
    stats = ClassStatistics.from_features(features.requires_grad_(), labels)
    assert not stats.class_means.requires_grad
    assert not stats.within_covariance.requires_grad
