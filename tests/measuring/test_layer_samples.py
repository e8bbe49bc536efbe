"""Features of layers asked again: as ``measure`` has them, under other labels, of fewer samples."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nclib
from nclib.measuring.layers import layer_samples as samples
from nclib.measuring.layers.layers_table import ncc_accuracy


def maps():
    """A small convolutional network, images, and labels that they hold a little of."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    images = torch.randn(120, 2, 6, 6, generator=generator) + 0.3 * labels[:, None, None, None]
    torch.manual_seed(0)
    layers = nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Conv2d(5, 6, 3), nn.ReLU(), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(24, 3)), images, labels


@pytest.mark.parametrize("positions", ["mean", "flatten"])
def test_features_of_layers_are_those_that_are_measured(positions):
    model, images, labels = maps()
    options = {"layers": True, "positions": positions, "progress": False}
    rows = {row["layer"]: row for row in nclib.measure(model, (images, labels), **options).layers}
    data = [(images[i], labels[i]) for i in torch.arange(120).split(50)]
    features = samples.features_by_layer(model, data, rows, positions=positions)
    assert list(features) == list(rows)
    for layer, row in rows.items():
        assert features[layer].shape == (120, row["features"])
        assert samples.nc1_of(features[layer], labels) == pytest.approx(row["nc1"], rel=1e-5)
        stats = nclib.ClassStatistics.from_features(features[layer].double(), labels)
        share = ncc_accuracy(stats, features[layer], labels)
        assert share == pytest.approx(row["ncc_accuracy"], abs=1e-9)


def test_some_of_each_are_drawn_without_repeats_or_are_the_first():
    labels = torch.tensor([2, 0, 0, 1, 2, 0, 2, 0, 1, 2])
    drawn = samples.some_of_each(labels, 2, seed=1)
    assert len(drawn.unique()) == 6
    assert labels[drawn].tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(drawn, samples.some_of_each(labels, 2, seed=1))
    assert any(not torch.equal(drawn, samples.some_of_each(labels, 2, seed=s)) for s in range(5))
    assert samples.some_of_each(labels, 2, seed=None).tolist() == [1, 2, 3, 8, 0, 4]
    assert len(samples.some_of_each(labels, 99)) == 10
    assert torch.bincount(labels[samples.some_of_each(labels, {0: 1})]).tolist() == [1, 2, 4]


def test_nc1_of_few_samples_is_the_mean_of_draws_and_low():
    _, images, labels = maps()
    features = {"pixels": images.flatten(1)[:, :5]}
    table = samples.nc1_by_samples(features, labels, [3, 10, 40], draws=6)
    assert list(table.index) == ["3 of each class", "10 of each class", "40 of each class"]
    one = [samples.some_of_each(labels, 3, seed=seed) for seed in range(6)]
    each = [samples.nc1_of(features["pixels"][i], labels[i]) for i in one]
    assert table.pixels.iloc[0] == pytest.approx(sum(each) / 6)
    assert table.pixels.iloc[2] == pytest.approx(samples.nc1_of(features["pixels"], labels))
    assert table.pixels.is_monotonic_increasing


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda y: samples.some_of_each(y, 0), "counts is 0"),
        (lambda y: samples.nc1_by_samples({}, y, [3], draws=0), "draws is 0"),
        (
            lambda y: samples.features_by_layer(nn.Flatten(), (y[:, None], y), [], positions="no"),
            "positions is 'no'",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(torch.arange(3))
