"""Settings of whole runs: schedules, epochs to measure, the papers' facts, the quick ones."""

from __future__ import annotations

import inspect

import pytest

import nclib
from nclib import cosine_schedule, step_schedule
from nclib.data.named import NAMED
from nclib.formulas.losses import LOSSES
from nclib.runs import presets
from nclib.runs.networks import NETWORKS
from nclib.runs.presets import PAPER_EPOCHS, PAPER_RATES, measured_epochs, paper, quick

ARGUMENTS = set(inspect.signature(nclib.train).parameters)


def test_schedules():
    assert [step_schedule(p) for p in (0, 0.32, 0.34, 0.65, 0.67, 0.99)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    assert cosine_schedule(0.025) == pytest.approx(0.5)
    assert cosine_schedule(0.05) == pytest.approx(1)
    assert cosine_schedule(0.525) == pytest.approx(0.5)
    assert cosine_schedule(1) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("epochs", [0, 1, 2, 7, 350])
def test_measured_epochs(epochs):
    chosen = measured_epochs(epochs)
    assert chosen[0] == 0
    assert chosen[-1] == epochs
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= 41
    assert set(range(min(epochs, 6) + 1)) <= set(chosen)


def test_as_many_as_asked_for():
    assert len(measured_epochs(350, 10)) <= 11
    assert len(measured_epochs(350, 10)) < len(measured_epochs(350, 80))


# The papers'


@pytest.mark.parametrize("loss", LOSSES)
def test_what_the_papers_have_in_common(loss):
    settings = paper("resnet18", "cifar10", loss)
    assert settings["loss"] == loss
    assert settings["epochs"] == 350
    assert settings["batch_size"] == 128
    assert settings["momentum"] == 0.9
    assert settings["weight_decay"] == 5e-4
    assert [settings["schedule"](p) for p in (0.3, 0.4, 0.7)] == pytest.approx([1, 0.1, 0.01])
    assert settings.keys() <= ARGUMENTS


def test_epochs_of_the_authors_notebook():
    listed = [*range(1, 15), 16, 17, 19, 20, 22, 24, 27, 29, 32, 35, 38, 42, 45, 50, 54, 59, 65]
    listed += [71, 77, 85, 92, 101, 110, 121, 132, 144, 158, 172, 188, 206, 225, 245, 268, 293]
    listed += [320, 350]
    assert [0, *listed] == PAPER_EPOCHS  # before training is ours
    assert paper("vgg11", "mnist")["measure_at"] == PAPER_EPOCHS


@pytest.mark.parametrize(
    ("network", "data", "loss", "rate"),
    [
        ("resnet18", "mnist", "cross_entropy", 0.0679),
        ("vgg11", "cifar10", "cross_entropy", 0.0679),
        ("vgg11", "mnist", "squared_error", 0.0255),
        ("resnet18", "mnist", "squared_error", 0.0184),
        ("densenet40", "mnist", "squared_error", 0.0255),
        ("resnet18", "fashion-mnist", "squared_error", 0.094),
        ("resnet50", "cifar10", "squared_error", 0.0096),
        ("resnet18", "stl10", "squared_error", 0.0679),
        ("resnet18", "cifar10", "squared_error", 0.0184),  # not printed: the most frequent
        ("mlp", "digits", "squared_error", 0.0184),
    ],
)
def test_learning_rates(network, data, loss, rate):
    assert paper(network, data, loss)["learning_rate"] == rate


def test_published_rates_lie_on_the_papers_grid():
    """25 log-spaced values from 1e-4 to 0.25, printed to four decimals."""
    grid = {round(1e-4 * 2500 ** (i / 24), 4) for i in range(25)}
    for rates in PAPER_RATES.values():
        assert {*rates.values(), presets.CROSS_ENTROPY_RATE} <= grid
        assert rates.keys() <= NETWORKS.keys()
    assert PAPER_RATES.keys() <= set(NAMED)


# Quick ones


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_quick_settings_are_arguments_of_train(network, loss):
    settings = quick(network, loss)
    assert settings["loss"] == loss
    assert settings.keys() <= ARGUMENTS
    assert settings["epochs"] <= 150 < paper(network, "mnist")["epochs"]
    assert settings["weight_decay"] > paper(network, "mnist")["weight_decay"]


def test_other_losses_take_the_settings_of_cross_entropy():
    assert quick("vgg11", "focal") == quick("vgg11") | {"loss": "focal"}
    assert quick("convnet", "squared_error")["weight_decay"] != quick("convnet")["weight_decay"]


@pytest.mark.parametrize(
    "settings", [lambda loss: paper("mlp", "digits", loss), lambda loss: quick("mlp", loss)]
)
def test_an_unknown_loss(settings):
    with pytest.raises(ValueError, match="loss 'hinge' is unknown; choose from cross_entropy, squ"):
        settings("hinge")
