"""Features collected batch by batch: the numbers of all at once, errors with batch and sample."""

from __future__ import annotations

import pytest
import torch

from nclib.formulas.collapse import collapse_metrics, nc1
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.collect import Collector
from nclib.measuring.row_buffer import RowBuffer

C, P = 5, 7


def clouds(num_samples=300, dtype=torch.float64, seed=0):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(C, (num_samples,), generator=draw)
    means = torch.randn(C, P, generator=draw, dtype=torch.float64)
    noise = torch.randn(num_samples, P, generator=draw, dtype=torch.float64)
    return (10 + means[labels] + 0.1 * noise).to(dtype), labels


def collected(features, labels, batch=64, **settings):
    collector = Collector(C, **settings)
    for number, pair in enumerate(zip(features.split(batch), labels.split(batch), strict=True)):
        collector.add(*pair, number)
    return collector.finish()


WAYS = {
    "kept": {},
    "summed": {"keep": 0},
    "kept, then summed": {"keep": 100 * P * 8},
    "summed in pieces": {"keep": 0, "buffer": 25 * P * 8},
    "kept in pieces": {"buffer": 10 * P * 8},
    "summed by batches": {"keep": 0, "buffer": 64 * P * 8},
}


@pytest.mark.parametrize("batch", [1, 7, 64, 300])
@pytest.mark.parametrize("way", WAYS)
def test_the_numbers_are_those_of_all_at_once(way, batch):
    features, labels = clouds()
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    expected = nc1(ClassStatistics.from_features(features, labels))
    found = collected(features[order], labels[order], batch, **WAYS[way])
    assert nc1(found.stats) == pytest.approx(expected, rel=1e-12, abs=0)
    assert found.samples == 300
    assert (found.features is not None) == (way in ("kept", "kept in pieces"))
    assert found.stats.counts.tolist() == labels.bincount().tolist()


@pytest.mark.parametrize("way", ["kept", "kept in pieces"])
def test_kept_features_are_projected_and_given_back(way):
    features, labels = clouds()
    found = collected(features, labels, **WAYS[way])
    assert torch.equal(found.features, features)
    assert torch.equal(found.labels, labels)
    assert found.stats.refers_to(found.features, found.labels)
    weight = torch.randn(C, P, generator=torch.Generator().manual_seed(2))
    given = {"features": features, "labels": labels}
    exact = collapse_metrics(ClassStatistics.from_features(features, labels), weight, **given)
    again = {"features": found.features, "labels": found.labels}
    metrics = collapse_metrics(found.stats, weight, **again)
    assert metrics.as_dict() == pytest.approx(exact.as_dict(), rel=1e-12)
    blocks = list(found.blocks(128))
    assert [len(y) for _, y in blocks] == [128, 128, 44]
    assert torch.equal(torch.cat([h for h, _ in blocks]), features)


def test_features_that_were_not_kept_cannot_be_had():
    with pytest.raises(ValueError, match="not kept: they need more than keep= bytes"):
        next(collected(*clouds(), keep=0).blocks())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_float64_whatever_the_features_are(dtype):
    features, labels = clouds(dtype=dtype)
    expected = nc1(ClassStatistics.from_features(features.double(), labels))
    rounding = ClassStatistics.from_features(features, labels).resolution
    for way, settings in WAYS.items():
        stats = collected(features, labels, **settings).stats
        assert nc1(stats) == pytest.approx(expected, rel=1e-13, abs=0), way
        assert stats.resolution == pytest.approx(rounding, rel=1e-5), way  # and is not forgotten


def test_the_limit_counts_bytes_of_the_features_own_dtype():
    features, labels = clouds(dtype=torch.float32)
    assert collected(features, labels, keep=300 * P * 4).features is not None
    assert collected(features, labels, keep=300 * P * 4 - 1).features is None


def test_wide_features_are_summed_without_the_scatter():
    features, labels = clouds()
    exact = ClassStatistics.from_features(features, labels)
    stats = collected(features, labels, keep=0, scatter_up_to=P - 1).stats
    assert torch.allclose(stats.class_means, exact.class_means, rtol=1e-13)
    assert torch.allclose(stats.class_variances, exact.class_variances, rtol=1e-12)
    with pytest.raises(ValueError, match="scatter=False"):
        stats.within_covariance


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at_once", [True, False])
def test_positions_that_are_left_out_do_not_count(way, at_once, monkeypatch):
    later(monkeypatch, at_once)
    features, labels = clouds()
    out = torch.arange(300) % 3 == 0
    expected = nc1(ClassStatistics.from_features(features[~out], labels[~out]))
    features[out] = torch.nan  # padding may hold anything
    marked = labels.masked_fill(out, -100).view(-1, 3)  # 3 positions a sample
    collector = Collector(C, **WAYS[way])
    for number, y in enumerate(marked.split(20)):
        collector.add(features[60 * number : 60 * number + 60], y, number)
    found = collector.finish()
    assert found.samples == 200
    assert nc1(found.stats) == pytest.approx(expected, rel=1e-12, abs=0)


def later(monkeypatch, at_once):
    """Check rows as on a GPU, once a block."""
    if at_once:
        return
    before = RowBuffer.__init__

    def made(self, *given, **settings):
        before(self, *given, **settings)
        self._at_once = False

    monkeypatch.setattr(RowBuffer, "__init__", made)


def test_classes_without_samples_are_told():
    features, labels = clouds()
    some = (labels == 1) | (labels == 4)
    for settings in WAYS.values():
        found = collected(features[some], labels[some], **settings)
        assert found.present.tolist() == [1, 4]
        assert found.stats.num_classes == C


def test_a_buffer_that_the_caller_uses_again_does_no_harm():
    features, labels = clouds()
    collector, shared = Collector(C), torch.empty(60, P, dtype=torch.float64)
    for number in range(5):
        shared.copy_(features[60 * number : 60 * number + 60])
        collector.add(shared, labels[60 * number : 60 * number + 60], number)
    assert torch.equal(collector.finish().features, features)


def test_features_with_gradients_leave_no_graph():
    features, labels = clouds()
    assert not collected(features.requires_grad_(), labels).features.requires_grad


# What is wrong, and where


def spoil(features, labels, what):
    """In batch 37 of eight samples: 3 and 5."""
    rows = torch.tensor([37 * 8 + 3, 37 * 8 + 5])
    if what == "labels":
        labels[rows] = torch.tensor([12, 9])
    else:
        features[rows, torch.tensor([0, 4])] = torch.tensor([torch.nan, torch.inf]).to(features)


SAID = {
    "labels": r"batch 37 of data has label 12 in samples 3, 5; with 5 classes .* 0\.\.4$",
    "features": r"batch 37 of data has NaN or infinite features in samples 3, 5; look at its",
}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize("way", WAYS)
def test_errors_name_batch_and_sample_although_rows_are_buffered(way, what, at_once, monkeypatch):
    later(monkeypatch, at_once)
    features, labels = clouds(400)
    spoil(features, labels, what)
    said = SAID[what] if at_once else SAID[what].replace("s 3, 5", "s? 3(, 5)?")  # a block may end
    with pytest.raises(ValueError, match=said):
        collected(features, labels, 8, **WAYS[way])


@pytest.mark.parametrize("what", SAID)
def test_on_a_cpu_the_wrong_batch_itself_is_refused(what):
    features, labels = clouds(400)
    spoil(features, labels, what)
    collector = Collector(C)
    for number in range(37):
        rows = slice(8 * number, 8 * number + 8)
        collector.add(features[rows], labels[rows], number)
    with pytest.raises(ValueError, match=SAID[what]):
        collector.add(features[37 * 8 : 38 * 8], labels[37 * 8 : 38 * 8], 37)


def test_sums_that_leave_the_range_of_the_dtype_are_no_error():
    features = torch.full((8, P), 2e38)  # finite, their sum is not; rounding of 2e38 is not seen
    buffer = RowBuffer(C, features, name="data")
    assert list(buffer.add(features, torch.zeros(8).long(), 0)) == []
    assert torch.equal(buffer.take()[0], features)


def test_a_position_is_named_in_a_sequence():
    labels = torch.tensor([[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match="batch 2 of test has label 5 in sample 1 at position 2"):
        Collector(C, name="test").add(torch.ones(6, P), labels, 2)


def test_labels_from_one_to_c_are_recognised():
    features, labels = clouds()
    with pytest.raises(ValueError, match=r"They seem to count 1\.\.5: give labels - 1"):
        collected(features, labels + 1)
    labels[:64] = torch.arange(64) % C
    labels[100] = C  # after zeros were seen it is just wrong
    with pytest.raises(ValueError, match=r"batch 1 .* in sample 36; .* in 0\.\.4$"):
        collected(features, labels)


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (torch.ones(3, 2, P), torch.zeros(3), r"features of shape \(3, 2, 7\); expected \(M, p\)"),
        (torch.ones(3, P + 1), torch.zeros(3), "has 8 features a sample, those before had 7"),
        (torch.ones(3, P), torch.eye(C)[:3], r"\(3, 5\) for 3 rows; of one-hot rows give"),
        (torch.ones(3, P), torch.zeros(4), r"labels of shape \(4,\) for 3 rows of features"),
    ],
)
def test_a_batch_that_does_not_fit_is_named(features, labels, said):
    collector = Collector(C)
    collector.add(torch.ones(2, P), torch.tensor([0, 1]), 0)
    with pytest.raises(ValueError, match=f"batch 1 of data .*{said}"):
        collector.add(features, labels.long(), 1)


@pytest.mark.parametrize("labels", [None, [], [-100, -100]])
def test_no_samples_at_all(labels):
    collector = Collector(C)
    if labels is not None:
        collector.add(torch.ones(len(labels), P), torch.tensor(labels, dtype=torch.int64), 0)
    with pytest.raises(ValueError, match="data gave no samples to measure"):
        collector.finish()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_classes": 1}, "num_classes is 1; give an integer of at least 2"),
        ({"num_classes": C, "keep": -1}, "keep is -1; give an integer of at least 0"),
    ],
)
def test_wrong_settings(settings, said):
    with pytest.raises(ValueError, match=said):
        Collector(**settings)
