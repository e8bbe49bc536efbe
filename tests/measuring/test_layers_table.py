"""Rows layer by layer against slow loops and theory, with the control of shuffled labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.collect import Collector
from nclib.measuring.layers.layers_table import (
    layer_row,
    layers_table,
    ncc_accuracy,
    shuffled,
    too_few,
    weight_read,
)


def blobs(count=40, classes=4, size=6, spread=0.3, seed=0):
    """Features (N, p) in float64 around random means, with labels in turn."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(classes, size, generator=generator, dtype=torch.float64)
    labels = torch.arange(count * classes) % classes
    noise = torch.randn(len(labels), size, generator=generator, dtype=torch.float64)
    return means[labels] + spread * noise, labels


def collected(features, labels, classes=4, **settings):
    collector = Collector(classes, **settings)
    collector.add(features, labels, 0)
    return collector.finish()


def test_a_row_is_what_the_formulas_say():
    features, labels = blobs()
    weight = torch.randn(5, 6, dtype=torch.float64)
    one = collected(features, labels)
    row = layer_row(one, train=one, weight=weight)
    means = torch.stack([features[labels == c].mean(0) for c in range(4)])
    metrics = collapse_metrics(one.stats, means)
    centred = means - means.mean(0)
    within = sum((features[labels == c] - means[c]).square().sum() for c in range(4))
    singular, share = torch.linalg.svdvals(means), torch.linalg.svdvals(centred)[:3]
    share = share / share.sum()
    assert row["nc1"] == pytest.approx(metrics.nc1, rel=1e-12)
    assert row["quotient"] == pytest.approx(float(within / 40 / centred.square().sum()), rel=1e-12)
    assert row["dnc2"] == pytest.approx(float(singular[0] / singular[-1]), rel=1e-12)
    assert row["effective_rank"] == pytest.approx(float((-share * share.log()).sum().exp()))
    assert row["rank"] == metrics.rank == 3
    assert row["ncc_accuracy"] == ncc_accuracy(one.stats, features, labels)
    assert 0 < row["dnc3"] < 1


def test_the_nearest_mean_is_that_of_a_loop():
    features, labels = blobs(spread=1.5)
    other, their = blobs(spread=1.5, seed=1)
    stats = ClassStatistics.from_features(features, labels)
    right = sum(
        int((stats.class_means - h).norm(dim=1).argmin()) == y
        for h, y in zip(other, their.tolist(), strict=True)
    )
    assert ncc_accuracy(stats, other, their) == right / len(their)
    assert 0.1 < right / len(their) < 0.9


def test_far_from_the_origin_the_nearest_mean_is_still_the_nearest():
    features, labels = blobs()
    stats = ClassStatistics.from_features(features + 1e8, labels)
    assert ncc_accuracy(stats, features + 1e8, labels) == 1.0


def test_means_that_coincide_have_no_nearest_and_no_samples_no_share():
    features, labels = torch.ones(8, 3), torch.arange(8) % 2
    stats = ClassStatistics.from_features(features, labels)
    assert math.isnan(ncc_accuracy(stats, features, labels))
    apart = ClassStatistics.from_features(features * labels[:, None], labels)
    assert math.isnan(ncc_accuracy(apart, features[:0], labels[:0]))


def test_a_table_goes_from_layer_to_layer_and_split_to_split():
    features, labels = blobs(spread=1.0)
    test, their = blobs(spread=1.0, seed=0, count=10)
    splits = {"train": collected(features, labels), "test": collected(test, their)}
    shrunk = {
        split: collected(one.features * 2, one.labels) if split == "train" else one
        for split, one in splits.items()
    }
    weight = torch.eye(6, dtype=torch.float64)
    rows = layers_table({"in:0": splits, "in:1": shrunk}, weights={"in:1": weight, "in:0": None})
    assert [(row["layer"], row["split"]) for row in rows] == [
        *(("in:0", "train"), ("in:0", "test"), ("in:1", "train"), ("in:1", "test"))
    ]
    assert [row["ratio"] is None for row in rows] == [True, True, False, False]
    assert rows[2]["ratio"] == pytest.approx(1)  # NC1 knows no scale
    assert [row["dnc3"] is None for row in rows] == [True, True, False, False]
    assert ["shuffled" in row for row in rows] == [True, False, True, False]
    means = splits["train"].stats
    assert rows[1]["ncc_accuracy"] == ncc_accuracy(means, test, their)


def test_with_shuffled_labels_the_quotient_is_about_the_samples_a_class():
    features, labels = blobs(count=144, classes=10, size=64, spread=0.1)
    one = collected(features, labels, 10)
    controls = [shuffled(one, seed=seed) for seed in range(8)]
    mean = sum(control["shuffled_quotient"] for control in controls) / 8
    assert mean == pytest.approx(143 * 10 / 9, rel=0.1)
    assert layer_row(one)["quotient"] < 0.1
    assert min(control["shuffled"] for control in controls) > 100 * layer_row(one)["nc1"]
    assert controls[0] != controls[1]
    assert controls[0] == shuffled(one, seed=0)
    assert torch.equal(one.labels, labels)


def test_of_sums_alone_there_is_no_control_and_without_scatter_no_nc1():
    features, labels = blobs()
    sums = collected(features, labels, keep=0)
    wide = collected(features, labels, keep=0, scatter_up_to=2)
    expected = layer_row(collected(features, labels))
    row, without = layer_row(sums, train=sums), layer_row(wide)
    assert row["nc1"] == pytest.approx(expected["nc1"], rel=1e-12)
    assert without["nc1"] is None
    assert without["quotient"] == pytest.approx(expected["quotient"], rel=1e-12)
    assert row["ncc_accuracy"] is without["ncc_accuracy"] is None
    assert shuffled(sums) == {"shuffled": None, "shuffled_quotient": None}
    table = layers_table({"a": {"train": wide}, "b": {"train": wide}})
    assert [one["ratio"] for one in table] == [None, None]


def test_classes_without_samples_are_left_out():
    features, labels = blobs(spread=1.0)
    few = labels != 2
    compact = torch.tensor([0, 1, -1, 2])[labels[few]]
    part, whole = collected(features[few], labels[few]), collected(features[few], compact, 3)
    weight = torch.randn(5, 6, dtype=torch.float64)
    row, expected = (layer_row(one, train=one, weight=weight) for one in (part, whole))
    assert row == pytest.approx(expected, rel=1e-12)
    right = ncc_accuracy(part.stats, features[few], labels[few]) * few.sum()
    assert ncc_accuracy(part.stats, features, labels) == pytest.approx(float(right) / len(labels))
    assert shuffled(part).keys() == {"shuffled", "shuffled_quotient"}
    assert shuffled(part)["shuffled"] > row["nc1"]


@pytest.mark.parametrize(("count", "said"), [(30, None), (29, "29 samples:"), (1, "1 sample:")])
def test_a_warning_below_thirty_samples_a_class(count, said):
    features, labels = blobs(count=40)
    keep = (labels > 0) | (labels.eq(0).cumsum(0) <= count)
    told = too_few(ClassStatistics.from_features(features[keep], labels[keep]))
    assert told is None if said is None else f"A class has {said}" in told


def test_few_samples_make_nc1_too_low():
    features, labels = blobs(count=200, classes=4, size=20, spread=1.0)
    many = layer_row(collected(features, labels))["nc1"]
    few = layer_row(collected(features[:12], labels[:12]))["nc1"]
    assert few < 0.75 * many


def test_the_weight_that_a_layer_reads_with():
    model = nn.Sequential(nn.Linear(5, 4), nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 3), nn.ReLU())
    assert torch.equal(weight_read(model, "in:0", 5), model[0].weight)
    assert torch.equal(weight_read(model, "in:1", 4), model[1].weight.flatten(1))
    assert torch.equal(weight_read(nn.DataParallel(model), "in:0#1", 5), model[0].weight)
    assert not weight_read(model, "in:0", 5).requires_grad
    for layer, size in (("0", 5), ("in:0", 20), ("in:2", 4), ("in:3", 4)):
        assert weight_read(model, layer, size) is None


def test_transformers_own_linear_layer_keeps_the_transpose():
    class Conv1D(nn.Module):
        weight = nn.Parameter(torch.randn(5, 3))

    assert torch.equal(weight_read(Conv1D(), "in:", 5), Conv1D.weight.T)
