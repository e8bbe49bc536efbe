"""Which class spreads, which two are least apart: by name, and never by mistake."""

from __future__ import annotations

import math

import pytest
import torch

from nclib import ClassStatistics, simplex_etf
from nclib.measuring.reports.which_class import (
    class_rows,
    corrected,
    not_told_apart,
    ranked,
    worst,
)


def clouds(counts, *, seed=0, noise=0.1, merged=None, p=16):
    """Features around a simplex ETF; the means of two classes may be drawn together."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.zeros(len(counts), p, dtype=torch.float64)
    means[:, : len(counts)] = 3 * simplex_etf(len(counts)).double()
    if merged is not None:
        a, b = merged
        apart = (means[a] - means[b]) / 50
        means[a] = means[b] = (means[a] + means[b]) / 2
        means[a] += apart
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    noise = torch.as_tensor(noise, dtype=torch.float64).expand(len(counts))[labels]
    drawn = torch.randn(len(labels), p, generator=generator, dtype=torch.float64)
    return means[labels] + noise[:, None] * drawn, labels


def slow_nc1_by_class(features, labels):
    """Class by class, with the pseudo-inverse: tr(Σ_c Σ_B⁺)/C."""
    stats = ClassStatistics.from_features(features, labels)
    inverse = torch.linalg.pinv(stats.between_covariance, rtol=1e-10)
    found = []
    for c in range(stats.num_classes):
        h = features[labels == c]
        h = h - h.mean(0)
        found.append(torch.trace(h.T @ h @ inverse) / len(h) / stats.num_classes)
    return torch.stack(found)


def judged(features, labels, names=None):
    """Rows, pairs and cosines as a measurement hands them over."""
    stats = ClassStatistics.from_features(features, labels)
    size = stats.num_classes
    names = names or [f"class {c}" for c in range(size)]
    rows = class_rows(stats, names, nc1_c=slow_nc1_by_class(features, labels))
    means, variance = stats.class_means, stats.class_variances
    pairs = [
        {
            "a": names[a],
            "b": names[b],
            "cdnv": float((variance[a] + variance[b]) / (2 * (means[a] - means[b]).square().sum())),
        }
        for a in range(size)
        for b in range(a)
    ]
    unit = torch.nn.functional.normalize(stats.centred_means)
    return rows, pairs, (unit @ unit.T).tolist()


# ---- The rows ------------------------------------------------------------------------------


def test_rows_against_a_slow_loop():
    features, labels = clouds([7, 30, 12, 9, 22], noise=0.5)
    weight = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    stats = ClassStatistics.from_features(features, labels)
    right = torch.tensor([1, 0.9, 0.8, 0.7, 0.6])
    rows = class_rows(stats, list("abcde"), weight, split="test", accuracy=right)
    means = stats.centred_means
    norms = [float(mean.norm()) for mean in means]
    for c, row in enumerate(rows):
        cosines = [
            float(means[c] @ means[d]) / norms[c] / norms[d] if d != c else -math.inf
            for d in range(5)
        ]
        aligned = float(weight[c].double() @ means[c] / weight[c].double().norm()) / norms[c]
        assert (row["split"], row["class"]) == ("test", "abcde"[c])
        assert row["samples"] == [7, 30, 12, 9, 22][c]
        assert row["nearest"] == "abcde"[cosines.index(max(cosines))]
        assert row["cosine"] == pytest.approx(max(cosines))
        assert row["norm"] == pytest.approx(norms[c] / (sum(norms) / 5))
        assert row["classifier_cosine"] == pytest.approx(aligned)
        assert row["accuracy"] == pytest.approx(right[c].item())
        assert row["nc1_c"] is None and row["ncc_mismatch"] is None


def test_spread_splits_the_quotient_and_nc1_c_splits_nc1():
    from nclib.formulas.collapse import nc1

    features, labels = clouds([3, 40, 11, 25], noise=torch.tensor([0.1, 0.4, 0.2, 0.3]))
    stats = ClassStatistics.from_features(features, labels)
    rows = class_rows(stats, range(4), nc1_c=slow_nc1_by_class(features, labels))
    shares = [row["samples"] / len(labels) for row in rows]
    quotient = torch.trace(stats.within_covariance) / torch.trace(stats.between_covariance)
    total = sum(n * row["spread"] for n, row in zip(shares, rows, strict=True))
    assert total == pytest.approx(float(quotient), rel=1e-12)
    total = sum(n * row["nc1_c"] for n, row in zip(shares, rows, strict=True))
    assert total == pytest.approx(nc1(stats), rel=1e-10)


def test_neighbours_are_found_across_tiles():
    drawn = torch.randn(1100, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    stats = ClassStatistics.from_features(drawn, torch.arange(1100))
    rows = class_rows(stats, range(1100))
    unit = torch.nn.functional.normalize(stats.centred_means)
    cosines = (unit @ unit.T).fill_diagonal_(-2)
    assert [row["nearest"] for row in rows] == cosines.argmax(1).tolist()
    assert all(row["spread"] == 0 for row in rows)


def test_a_mean_in_the_middle_has_no_direction():
    features = torch.tensor([[1.0, 0], [-1, 0], [0, 0]], dtype=torch.float64)
    rows = class_rows(ClassStatistics.from_features(features, torch.arange(3)), "abc")
    assert math.isnan(rows[2]["cosine"]) and rows[0]["nearest"] == "c"
    assert rows[0]["cosine"] == 0


@pytest.mark.parametrize(
    ("given", "found"),
    [({"names": "ab"}, "names has 2"), ({"nc1_c": torch.ones(4)}, "nc1_c has 4")],
)
def test_one_entry_a_class(given, found):
    stats = ClassStatistics.from_features(*clouds([4, 4, 4]))
    with pytest.raises(ValueError, match=f"{found} entries; give one for each of the 3 classes"):
        class_rows(stats, **{"names": "abc", **given})


# ---- Which is named ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("per_class", [8, 30, 100])
def test_two_classes_that_merge_are_the_pair_and_no_other_class_is_named(seed, per_class):
    rows, pairs, cosines = judged(*clouds([per_class] * 10, seed=seed, merged=(4, 9)))
    found = worst(rows, pairs)
    assert {found.pair["a"], found.pair["b"]} == {"class 4", "class 9"}
    assert found.pair["cdnv"] > 1 > 10 * found.pair["next"]
    assert found.spread is None or found.spread["class"] in ("class 4", "class 9")
    assert per_class < 100 or found.spread is None
    a, b, size = not_told_apart(rows, cosines, 9)
    assert (a, b) == ("class 4", "class 9")
    assert size < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_a_class_that_spreads_is_named_with_its_size(seed):
    noise = torch.full((10,), 0.1)
    noise[3] = 0.3
    rows, pairs, cosines = judged(*clouds([50] * 10, seed=seed, noise=noise))
    found = worst(rows, pairs)
    assert found.spread["class"] == "class 3"
    assert found.spread["samples"] == 50
    assert found.spread["times"] == pytest.approx(9, rel=0.25)
    assert "class 3" in (found.pair["a"], found.pair["b"])
    assert not_told_apart(rows, cosines, 9) is None


@pytest.mark.parametrize("seed", range(4))
def test_where_all_are_alike_none_is_named(seed):
    rows, pairs, cosines = judged(*clouds([60] * 10, seed=seed))
    assert worst(rows, pairs).spread is None
    assert not_told_apart(rows, cosines, 9) is None


def test_a_class_is_named_above_one_and_a_half_medians():
    rows = [{"class": c, "samples": 1000, "nc1_c": 1.0} for c in range(4)]
    rows[2]["nc1_c"] = 1.49
    assert worst(rows, []).spread is None
    rows[2]["nc1_c"] = 1.51
    assert worst(rows, []).spread["class"] == 2


def test_small_classes_are_ranked_by_what_they_would_have():
    rows = [
        {"class": "small", "samples": 2, "nc1_c": 0.6},
        {"class": "large", "samples": 1000, "nc1_c": 1.0},
        {"class": "middle", "samples": 10, "nc1_c": 0.95},
    ]
    assert [row["class"] for row in ranked(rows)] == ["small", "middle", "large"]
    assert corrected(rows[0]) == 1.2


def test_a_class_of_one_sample_has_no_rank_and_stands_last():
    rows, pairs, _ = judged(*clouds([20, 1, 20, 20]))
    assert rows[1]["spread"] == 0 == rows[1]["nc1_c"]
    assert corrected(rows[1]) is None
    assert [row["class"] for row in ranked(rows)][-1] == "class 1"
    assert worst(rows, pairs).spread is None or worst(rows, pairs).spread["class"] != "class 1"


@pytest.mark.parametrize(
    ("rows", "pairs"),
    [
        ([], []),
        ([{"class": 0, "samples": 5, "nc1_c": None}] * 3, [{"a": 0, "b": 1, "cdnv": math.nan}]),
        ([{"class": 0, "samples": 5, "nc1_c": math.nan}] * 3, [{"a": 0, "b": 1, "cdnv": None}]),
        ([{"class": 0, "samples": 1, "nc1_c": 0.0}] * 3, []),
        ([{"class": 0, "samples": 9, "nc1_c": 0.0}] * 3, []),  # collapsed to points
    ],
)
def test_what_is_not_known_names_nobody(rows, pairs):
    assert worst(rows, pairs) == (None, None)
    assert not_told_apart(rows, None, 2) is None


def test_one_pair_has_none_after_it():
    found = worst([], [{"a": "x", "b": "y", "cdnv": math.inf}])
    assert found.pair == {"a": "x", "b": "y", "cdnv": math.inf, "next": None}


@pytest.mark.parametrize("rank", [0, 1, 4])
def test_the_weakest_direction_needs_a_second_one(rank):
    rows, _, cosines = judged(*clouds([20] * 4, merged=(0, 1)))
    assert not_told_apart(rows, cosines, 3) is not None
    assert not_told_apart(rows, cosines, rank) is None
    cosines[0][1] = math.nan
    assert not_told_apart(rows, cosines, 3) is None
