"""Separation of classes against loops over classes, pairs and samples."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics
from nclib.formulas import pairs, separation
from nclib.formulas.collapse import nc1
from nclib.formulas.layers import layer_collapse

COUNTS = (5, 30, 2, 12, 9, 40, 3)


def clouds(counts=COUNTS, num_features=9, *, seed=0, within=0.3):
    """Features (N, p) float64 around random means, labels in random order."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=generator)]
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(len(counts), num_features)[labels] + within * draw(
        len(labels), num_features
    ), labels


def collapsed(points, per_class=3, within=0.0):
    """Statistics of features at these means, antithetic, so that the means are exact."""
    noise = within * torch.randn(
        len(points), points.shape[1], generator=torch.Generator().manual_seed(1)
    ).to(points)
    features = torch.cat([points + noise, points - noise, points.repeat(per_class - 2, 1)])
    labels = torch.arange(len(points)).repeat(per_class)
    return ClassStatistics.from_features(features, labels)


def loops(features, labels):
    """Means and variances, class by class."""
    classes = [features[labels == c] for c in range(int(labels.max()) + 1)]
    means = torch.stack([h.mean(0) for h in classes])
    variances = [float((h - m).square().sum(1).mean()) for h, m in zip(classes, means, strict=True)]
    return means, variances


def cdnv_by_loop(features, labels):
    means, v = loops(features, labels)
    return {
        (a, b): (v[a] + v[b]) / (2 * float((means[a] - means[b]).square().sum()))
        for a in range(len(v))
        for b in range(a + 1, len(v))
    }


@given(
    st.lists(st.integers(2, 9), min_size=2, max_size=6), st.integers(1, 8), st.integers(0, 2**31)
)
def test_pairs_are_those_of_a_loop(counts, num_features, seed):
    features, labels = clouds(counts, num_features, seed=seed)
    stats = ClassStatistics.from_features(features, labels)
    expected = cdnv_by_loop(features, labels)
    matrix = separation.cdnv(stats)
    for (a, b), value in expected.items():
        assert float(matrix[a, b]) == pytest.approx(value, rel=1e-9)
        assert float(matrix[b, a]) == pytest.approx(value, rel=1e-9)
    assert matrix.diagonal().isnan().all()
    assert separation.mean_cdnv(stats) == pytest.approx(
        sum(expected.values()) / len(expected), rel=1e-9
    )
    worst = sorted(expected.items(), key=lambda item: -item[1])[:4]
    found = separation.nearest_pairs(stats, 4)
    assert [pair[:2] for pair in found] == [pair for pair, _ in worst]
    assert [pair[2] for pair in found] == pytest.approx([v for _, v in worst], rel=1e-9)


def test_quotient_is_the_ratio_of_traces_and_that_of_the_layers():
    features, labels = clouds()
    stats = ClassStatistics.from_features(features, labels)
    traces = stats.within_covariance.trace() / stats.between_covariance.trace()
    assert separation.quotient(stats) == pytest.approx(float(traces), rel=1e-12)
    model = nclib.deep_ufm.DeepUFM(4, 5, depth=3, width=8, weight_decay=1e-3, feature_decay=1e-3)
    labels = torch.arange(4).repeat_interleave(5)
    for x, weight, layer in zip(model.inputs(), model.weights, layer_collapse(model), strict=True):
        stats = ClassStatistics.from_features(x.detach().double(), labels)
        assert separation.quotient(stats) == pytest.approx(layer.dnc1, rel=1e-6)
        assert separation.frame_ratio(stats) == pytest.approx(layer.dnc2, rel=1e-6)
        found = separation.weight_alignment(weight.detach(), stats.class_means)
        assert found == pytest.approx(layer.dnc3, rel=1e-6)


def test_shuffled_labels_give_about_n():
    labels = torch.arange(10).repeat(144)
    features = torch.randn(1440, 64, generator=torch.Generator().manual_seed(0))
    stats = ClassStatistics.from_features(features, labels)
    assert separation.quotient(stats) == pytest.approx(143 * 10 / 9, rel=0.1)


def test_a_class_of_one_sample_is_in_no_pair():
    features, labels = clouds((5, 1, 6, 1))
    stats = ClassStatistics.from_features(features, labels)
    known = ~separation.cdnv(stats).isnan()
    assert known.nonzero().tolist() == [[0, 2], [2, 0]]
    assert [pair[:2] for pair in separation.nearest_pairs(stats)] == [(0, 2)]
    assert separation.mean_cdnv(stats) == float(separation.cdnv(stats)[0, 2])
    alone = ClassStatistics.from_features(*clouds((5, 1, 1)))
    assert math.isnan(separation.mean_cdnv(alone))
    assert separation.nearest_pairs(alone) == []


@pytest.mark.parametrize("within", [0.0, 0.1])
def test_two_classes_at_one_place_are_not_separated_at_all(within):
    points = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points[3] = points[1]
    stats = collapsed(points, within=within)
    assert separation.nearest_pairs(stats, 2)[0] == (1, 3, math.inf)
    assert (separation.cdnv(stats) == math.inf).nonzero().tolist() == [[1, 3], [3, 1]]
    assert separation.mean_cdnv(stats) == math.inf


@pytest.mark.parametrize("apart", [1.0, 1e-4, 1e-7])
def test_distances_far_below_the_norms_keep_their_digits(apart):
    features, labels = clouds((4, 4, 4), within=apart)
    far = torch.tensor([1.0, 1.0, -2.0], dtype=torch.float64)[labels]
    features = apart * features + far[:, None]
    found = separation.cdnv(ClassStatistics.from_features(features, labels))[0, 1]
    assert float(found) == pytest.approx(cdnv_by_loop(features, labels)[0, 1], rel=1e-7)


def test_tiles_and_random_pairs_agree_with_all_pairs(monkeypatch):
    features, labels = clouds((2,) * 150, 5)
    stats = ClassStatistics.from_features(features, labels)
    whole = separation.nearest_pairs(stats, 9)
    exact = (separation.log_distances(stats), separation.uniformity(stats))
    monkeypatch.setattr(pairs, "TILE", 64)
    assert separation.nearest_pairs(stats, 9) == whole
    tiled = (separation.log_distances(stats), separation.uniformity(stats))
    assert tiled[0] == pytest.approx(exact[0], rel=1e-12)
    assert tiled[1] == pytest.approx(exact[1], rel=1e-12)
    monkeypatch.setattr(pairs, "ALL_PAIRS", 100)  # float32 and random pairs from here on
    assert separation.nearest_pairs(stats, 9) == whole
    drawn = (separation.log_distances(stats), separation.uniformity(stats))
    assert drawn[0] == pytest.approx(exact[0], abs=5e-3)
    assert drawn[1] == pytest.approx(exact[1], abs=5e-3)


def test_every_pair_once(monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 3)
    points = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = {
        (int(a), int(b)): float(d)
        for i, j, squares in pairs.each_pair(points)
        for a, b, d in zip(i, j, squares, strict=True)
    }
    assert sorted(found) == [(a, b) for a in range(8) for b in range(a + 1, 8)]
    for (a, b), value in found.items():
        assert value == pytest.approx(float((points[a] - points[b]).square().sum()), rel=1e-12)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_limits_at_a_simplex(num_classes):
    stats = collapsed(3 * nclib.simplex_etf(num_classes, num_classes + 2).double())
    square = 2 * num_classes / (num_classes - 1)
    mean, variance = separation.log_distances(stats)
    assert mean == pytest.approx(-math.log(square) / 2, abs=1e-6)
    assert variance == pytest.approx(0, abs=1e-10)
    assert separation.uniformity(stats) == pytest.approx(-2 * square, abs=1e-5)
    assert separation.effective_rank(stats) == pytest.approx(num_classes - 1, rel=1e-6)
    assert separation.quotient(stats) == pytest.approx(0, abs=1e-12)
    assert separation.frame_ratio(stats) > 1e6  # centred: a simplex has rank C-1


def test_log_distances_are_those_of_a_loop():
    features, labels = clouds()
    stats = ClassStatistics.from_features(features, labels)
    means, _ = loops(features, labels)
    unit = torch.nn.functional.normalize(means - means.mean(0))
    logs = torch.tensor(
        [-math.log((unit[a] - unit[b]).norm()) for a in range(7) for b in range(a)],
        dtype=torch.float64,
    )
    found = separation.log_distances(stats)
    assert found == pytest.approx((float(logs.mean()), float(logs.var(correction=0))), rel=1e-9)
    expected = (-2 * (-2 * logs).exp()).exp().mean().log()
    assert separation.uniformity(stats) == pytest.approx(float(expected), rel=1e-9)


def test_ranks_and_frames():
    orthogonal = torch.diag(torch.tensor([2.0, 2.0, 2.0, 2.0], dtype=torch.float64))
    assert separation.frame_ratio(collapsed(orthogonal)) == pytest.approx(1, rel=1e-12)
    orthogonal[0] *= 3
    assert separation.frame_ratio(collapsed(orthogonal)) == pytest.approx(3, rel=1e-12)
    assert separation.frame_ratio(collapsed(orthogonal[:, :3])) == math.inf
    line = torch.outer(torch.arange(5.0), torch.ones(4)).double()
    assert separation.effective_rank(collapsed(line)) == pytest.approx(1, rel=1e-9)
    singular = torch.tensor([3.0, 1.0], dtype=torch.float64)
    expected = math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert separation.effective_rank_of(singular) == pytest.approx(expected, rel=1e-12)


def test_one_point_for_all_classes_has_no_separation():
    stats = collapsed(torch.ones(4, 3, dtype=torch.float64), within=0.1)
    assert math.isnan(separation.quotient(stats))
    assert math.isnan(separation.effective_rank(stats))
    assert math.isnan(separation.uniformity(stats))
    assert all(map(math.isnan, separation.log_distances(stats)))
    assert separation.nearest_pairs(stats)[0][2] == math.inf


@pytest.mark.parametrize("num_features", [3, 9])
def test_nc1_splits_by_class(num_features):
    features, labels = clouds((5, 30, 1, 12, 9, 40, 3), num_features)
    stats = ClassStatistics.from_features(features, labels)
    found = separation.nc1_by_class(stats, features, labels)
    means, _ = loops(features, labels)
    centred = means - means.mean(0)
    inverse = torch.linalg.pinv(centred.T @ centred)
    slow = torch.zeros(7, dtype=torch.float64)
    for h, y in zip(features, labels, strict=True):
        slow[y] += (h - means[y]) @ inverse @ (h - means[y]) / (labels == y).sum()
    assert torch.allclose(found, slow, rtol=1e-10)
    assert found[2] == 0  # one sample
    share = stats.counts.double() / stats.num_samples
    assert float(share @ found) == pytest.approx(nc1(stats), rel=1e-12)
    parts = zip(features.split(11), labels.split(11), strict=True)
    assert torch.allclose(separation.whitened_squares(stats, parts), found, rtol=1e-12)


def test_nc1_by_class_leaves_absent_classes_out():
    features, labels = clouds()
    sparse = torch.tensor([1, 2, 4, 5, 6, 8, 9])[labels]
    whole = ClassStatistics(11, 9).update(features, sparse)
    present = whole.counts.nonzero().flatten()
    found = separation.nc1_by_class(whole.restricted_to(present), features, labels)
    dense = ClassStatistics.from_features(features, labels)
    assert torch.allclose(found, separation.nc1_by_class(dense, features, labels), rtol=1e-12)
    other = separation.nc1_by_class(dense, features[labels < 3], labels[labels < 3])
    assert other.isnan().tolist() == [False] * 3 + [True] * 4


def test_two_classes_drawn_together_are_the_worst_pair_and_no_class_stands_out():
    generator = torch.Generator().manual_seed(0)
    means = nclib.simplex_etf(10, 20).double()
    means[7] = means[4] + 0.02 * (means[7] - means[4])
    labels = torch.arange(10).repeat_interleave(50)
    noise = torch.randn(500, 20, dtype=torch.float64, generator=generator)
    features = means[labels] + 0.02 * noise
    stats = ClassStatistics.from_features(features, labels)
    (a, b, worst), (_, _, second) = separation.nearest_pairs(stats, 2)
    assert (a, b) == (4, 7)
    assert worst > 100 * second
    by_class = separation.nc1_by_class(stats, features, labels)
    assert by_class.max() < 1.5 * by_class.median()


def test_random_probes_come_near():
    features, labels = clouds((20,) * 12, 40)
    stats = ClassStatistics.from_features(features, labels)
    blocks = list(zip(features.split(50), labels.split(50), strict=True))
    exact = nc1(stats)
    found = [separation.hutchinson_nc1(stats, blocks, probes=16, seed=s) for s in range(40)]
    assert sum(found) / 40 == pytest.approx(exact, rel=0.02)
    assert all(0.7 * exact < one < 1.3 * exact for one in found)
    assert len(set(found)) > 1
    assert math.isnan(separation.hutchinson_nc1(stats, []))


@pytest.mark.parametrize("function", [separation.nc1_by_class, separation.hutchinson_nc1])
def test_a_second_pass_refuses_what_is_wrong(function):
    features, labels = clouds()
    stats = ClassStatistics.from_features(features, labels)
    give = lambda h, y: (h, y) if function is separation.nc1_by_class else ([(h, y)],)  # noqa: E731
    with pytest.raises(ValueError, match="labels contain 7"):
        function(stats, *give(features, labels + 1))
    with pytest.raises(ValueError, match="columns"):
        function(stats, *give(features[:, 1:], labels))
    bad = features.clone()
    bad[5, 2] = math.nan
    with pytest.raises(ValueError, match=r"NaN or infinite values in 1 rows \(5\)"):
        function(stats, *give(bad, labels))


def test_counts_are_checked():
    stats = ClassStatistics.from_features(*clouds())
    with pytest.raises(ValueError, match="count is 0"):
        separation.nearest_pairs(stats, 0)
    with pytest.raises(ValueError, match="probes is 0"):
        separation.hutchinson_nc1(stats, [], probes=0)
