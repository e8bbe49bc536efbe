"""Merging the classes present, statistics of some classes, starting again, half a scatter."""

from __future__ import annotations

import pytest
import torch

import nclib
from nclib import ClassStatistics
from nclib.formulas import sums
from nclib.formulas.collapse import nc1


def samples(num_classes=20, num=60, num_features=6, *, seed=0):
    """Features float64 and labels of which some classes are absent."""
    generator = torch.Generator().manual_seed(seed)
    labels = 2 * torch.randint((num_classes + 1) // 2, (num,), generator=generator)
    noise = torch.randn(num, num_features, dtype=torch.float64, generator=generator)
    return noise + labels[:, None].double() ** 1.5, labels


def same(one, other, *, rel=1e-13):
    assert torch.equal(one.counts, other.counts)
    present = one.counts.nonzero().flatten()
    one, other = (stats.restricted_to(present) for stats in (one, other))
    for name in ("class_means", "centred_means", "class_variances", "within_covariance"):
        a, b = getattr(one, name), getattr(other, name)
        assert float((a - b).abs().max()) <= rel * float(b.abs().max()), name
    assert nc1(one) == pytest.approx(nc1(other), rel=1e-12)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_few_classes_at_a_time_are_all_at_once(batch):
    features, labels = samples()
    parts = ClassStatistics(20, 6)
    for h, y in zip(features.split(batch), labels.split(batch), strict=True):
        parts.update(h, y)
    same(parts, ClassStatistics(20, 6).update(features, labels))
    by_class = ClassStatistics(20, 6)
    for c in labels.unique():
        by_class.merge(ClassStatistics(20, 6).update(features[labels == c], labels[labels == c]))
    same(by_class, parts)


def test_an_empty_batch_and_an_empty_merge_change_nothing():
    features, labels = samples()
    stats = ClassStatistics(20, 6).update(features, labels)
    whole = ClassStatistics(20, 6).update(features, labels)
    same(stats.update(features[:0], labels[:0]).merge(ClassStatistics(20, 6)), whole, rel=0)
    same(ClassStatistics(20, 6).merge(whole), whole, rel=0)


@pytest.mark.parametrize("panel", [1, 2, 4, 6, 512])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_a_scatter_is_the_whole(monkeypatch, panel, dtype):
    monkeypatch.setattr(sums, "PANEL", panel)
    features, labels = samples()
    stats = ClassStatistics(20, 6)
    for h, y in zip(features.to(dtype).split(13), labels.split(13), strict=True):
        stats.update(h, y)
    within = stats.restricted_to(stats.counts.nonzero().flatten()).within_covariance
    means = torch.stack([features[labels == c].mean(0) for c in range(20)])
    residuals = features - means[labels]
    expected = residuals.T @ residuals / len(labels)
    assert torch.allclose(within, within.T, rtol=0, atol=1e-6)
    assert torch.allclose(within, expected, rtol=0, atol=1e-12 if dtype == torch.float64 else 1e-4)


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_restricted_to_classes_present_is_measured_like_dense_labels(order):
    features, labels = samples()
    present = labels.unique().sort(descending=order == "descending").values
    place = torch.full((20,), -1)
    place[present] = torch.arange(len(present))
    dense = ClassStatistics.from_features(features, place[labels], len(present))
    weight = torch.randn(len(present), 6, generator=torch.Generator().manual_seed(0))
    given = {"features": features, "labels": place[labels]}
    expected = nclib.collapse_metrics(dense, weight, **given).as_dict()
    streamed = ClassStatistics(20, 6).update(features, labels).restricted_to(present)
    kept = ClassStatistics.from_features(features, labels, 20).restricted_to(present)
    assert kept.refers_to(features, place[labels])
    for stats in (streamed, kept):
        found = nclib.collapse_metrics(stats, weight, **given).as_dict()
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_what_is_restricted_is_another():
    features, labels = samples()
    whole = ClassStatistics(20, 6).update(features, labels)
    few = whole.restricted_to(labels.unique())
    before = nc1(few)
    few.update(features[:9] + 1, torch.zeros(9, dtype=torch.long))
    assert nc1(whole.restricted_to(labels.unique())) == before != nc1(few)


@pytest.mark.parametrize("make", ["from_features", "update"])
def test_a_class_with_samples_is_left_out_only_without_scatter(make):
    features, labels = samples()
    stats = ClassStatistics(20, 6)
    stats = stats.from_features(features, labels, 20) if make != "update" else stats
    stats = stats.update(features, labels) if make == "update" else stats
    out = int((labels > 4).sum())
    with pytest.raises(ValueError, match=f"classes leave out {out} samples.*scatter=False"):
        stats.restricted_to(torch.tensor([0, 2, 4]))
    light = ClassStatistics(20, 6, scatter=False).update(features, labels)
    few = light.restricted_to(torch.tensor([4, 0]))
    exact = ClassStatistics.from_features(features[labels == 4], labels[labels == 4], 20)
    assert torch.allclose(few.class_means[0], exact._sums.shift[4] + exact._sums.offset[4])
    assert few.num_classes == 2
    assert few.num_samples == int((labels == 4).sum() + (labels == 0).sum())


@pytest.mark.parametrize(
    ("classes", "said"),
    [([1], "two or more"), ([1, 1], "distinct"), ([0, 20], "contain 20"), ([[0, 1]], r"\(k,\)")],
)
def test_classes_are_checked(classes, said):
    with pytest.raises(ValueError, match=said):
        ClassStatistics(20, 6).restricted_to(torch.tensor(classes))


@pytest.mark.parametrize("scatter", [True, False])
def test_reset_starts_again(scatter):
    features, labels = samples()
    stats = ClassStatistics(20, 6, scatter=scatter)
    stats.update(features[:20].half(), labels[:20]).reset()
    assert stats.num_samples == 0
    stats.update(features, labels)
    fresh = ClassStatistics(20, 6, scatter=scatter).update(features, labels)
    present = labels.unique()
    few, expected = (one.restricted_to(present) for one in (stats, fresh))
    assert torch.equal(few.class_means, expected.class_means)
    assert few.resolution == expected.resolution
    if scatter:
        assert nc1(few) == nc1(expected)


def test_many_missing_classes_are_not_all_listed():
    with pytest.raises(ValueError, match=r"class 0, 1, .*, 19, … \(of 5000\)"):
        ClassStatistics(5000, 2, scatter=False).class_means


def test_a_second_pass_over_few_of_many_classes_gives_their_residuals():
    features, labels = samples()
    stats = ClassStatistics(20, 6).update(features, labels)
    few, y = features[:5], labels[:5]
    blocks = list(stats.residuals(few, y))
    assert torch.equal(torch.cat([labels for _, labels in blocks]), y)
    means = torch.stack([features[labels == c].mean(0) for c in y])
    assert torch.allclose(torch.cat([h for h, _ in blocks]), few - means, atol=1e-12)
