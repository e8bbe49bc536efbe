"""The law of equal improvement in networks trained here: where it holds, and where it must not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

import nclib
from nclib.formulas.law import falls_with_depth, log_linear
from nclib.measuring.layers.layer_samples import features_by_layer, nc1_of
from nclib.runs.layer_recipes import LAW, SQUARED_ERROR
from nclib.runs.sweeps import prepared

SEEDS = (0, 1, 2)
EACH_SEED = pytest.mark.parametrize("seed", SEEDS)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_shape_checks")]


def nc1_by_layer(network, data):
    """(7,) of the training set, at the input of each linear layer."""
    linear = [n for n, one in network.named_modules() if isinstance(one, torch.nn.Linear)]
    given = (data.train.images, data.train.labels)
    found = features_by_layer(network, given, [f"in:{name}" for name in linear])
    return np.array([nc1_of(one, data.train.labels) for one in found.values()])


def over_training(epochs=(0, 100), **changes):
    """NC1 by layer at these epochs, (E, 7), of the law's recipe but for the changes."""
    network, data, settings = prepared(LAW | changes, {"root": None, "device": "cpu"})
    trained = nclib.train(network, data, **settings, measure_at=(), progress=False)
    return np.stack([nc1_by_layer(network, data) for one in trained if one.number in epochs])


def both(line):
    """Whether the law's two numbers are as it says."""
    return line.ratio < 0.6 and line.r_squared >= 0.99


@pytest.fixture(scope="module")
def by_the_recipe():
    epochs = (*range(6), 8, 12, 20, 35, 60, 100)
    return {seed: over_training(epochs, seed=seed) for seed in SEEDS}


@EACH_SEED
def test_the_law_holds(by_the_recipe, seed):
    last = by_the_recipe[seed][-1]
    assert both(log_linear(last))
    assert both(log_linear(last[1:]))


@EACH_SEED
def test_before_training_the_line_rises(by_the_recipe, seed):
    start = by_the_recipe[seed][0]
    assert log_linear(start).ratio > 1
    assert log_linear(start[1:]).ratio > 1
    assert log_linear(start[1:]).r_squared > 0.95  # so that R² alone shows nothing


@EACH_SEED
def test_nc1_falls_with_depth_from_epoch_2_on(by_the_recipe, seed):
    falls = falls_with_depth(by_the_recipe[seed])
    assert falls[2:].all()
    assert not falls[0]


@EACH_SEED
def test_without_batch_norm_there_is_no_law(seed):
    assert not both(log_linear(over_training(batch_norm=False, seed=seed)[-1]))


@EACH_SEED
def test_without_batch_norm_under_squared_error_only_r_squared_fails(seed):
    changes = {"loss": "squared_error", "learning_rate": 0.5, "batch_norm": False}
    last = over_training(**changes, seed=seed)[-1]
    for line in (log_linear(last), log_linear(last[1:])):
        assert line.ratio < 0.6
        assert line.r_squared < 0.99


def test_under_squared_error_at_a_high_rate_nc1_does_not_fall_with_depth_at_every_epoch():
    falls = falls_with_depth(over_training((*range(12, 65), 100), **SQUARED_ERROR, seed=1))
    assert not falls[:-1].all()
    assert falls[-1]


@EACH_SEED
def test_keeping_the_incomplete_batch_spoils_it(by_the_recipe, seed):
    dropped, kept = log_linear(by_the_recipe[seed][-1]), log_linear(by_another_loop(seed))
    assert kept.ratio > 1.05 * dropped.ratio
    assert kept.r_squared < dropped.r_squared


def test_another_loop_that_drops_it_finds_the_law_too():
    assert both(log_linear(by_another_loop(0, drop=True)))


def by_another_loop(seed, *, drop=False):
    """(7,) NC1 after training by torch alone: ``train`` always drops the incomplete batch."""
    torch.manual_seed(seed)
    data, width = nclib.load_data("digits"), LAW["width"]
    layers = [torch.nn.Flatten()]
    for inputs, outputs in pairwise([64, *[width] * LAW["depth"]]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.BatchNorm1d(outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.Linear(width, 10))
    names = {"lr": "learning_rate", "momentum": "momentum", "weight_decay": "weight_decay"}
    options = {name: LAW[ours] for name, ours in names.items()}
    optimiser = torch.optim.SGD(network.parameters(), **options)
    size, samples = LAW["batch_size"], len(data.train)
    steps = samples // size if drop else -(-samples // size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, LAW["epochs"] * steps)
    for _ in range(LAW["epochs"]):
        for batch in torch.randperm(samples).split(size)[:steps]:
            logits = network(data.train.images[batch])
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, data.train.labels[batch]).backward()
            optimiser.step()
            schedule.step()
    return nc1_by_layer(network, data)
