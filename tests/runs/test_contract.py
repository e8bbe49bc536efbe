"""What ``train`` is given: refused before any work, with the argument's name."""

from __future__ import annotations

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch
from torch import nn

import nclib
from nclib.data import Split
from nclib.data.perturb import imbalanced, with_label_noise
from nclib.runs.contract import schedule_name
from nclib.runs.presets import cosine_schedule, step_schedule
from nclib.widgets.live import LiveTraining

pytestmark = pytest.mark.usefixtures("without_shape_checks")
BASE = {"epochs": 1, "learning_rate": 0.1, "weight_decay": 0.0, "progress": False}


@pytest.fixture(scope="module")
def three():
    return nclib.load_data("digits", classes=[0, 1, 2], per_class=20, device="cpu")


def network(data):
    return nclib.build_network("mlp", data, width=8, num_features=4)


def begun(data, model=None, **options):
    """Whether any step was taken is seen in the weights."""
    model = network(data) if model is None else model
    before = [p.clone() for p in model.parameters()]
    try:
        return nclib.Trajectory.of(nclib.train(model, data, **BASE | options))
    except ValueError:
        assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))
        raise


WRONG = [
    ("learning_rate", "1e-3", "learning_rate is '1e-3'; give a number without quotes"),
    ("learning_rate", None, "learning_rate is None; give a number"),
    ("learning_rate", [0.1], r"learning_rate is \[0.1\]; give a number"),
    ("learning_rate", float("nan"), "learning_rate is nan"),
    ("learning_rate", float("inf"), "learning_rate is inf"),
    ("weight_decay", True, "weight_decay is True; give a number"),
    ("weight_decay", torch.ones(2), "weight_decay is .*; give a number"),
    ("epochs", 2.5, "epochs is 2.5; give an integer"),
    ("epochs", "10", "epochs is '10'; give an integer"),
    ("epochs", False, "epochs is False; give an integer"),
    ("batch_size", 16.0, "batch_size is 16.0; give an integer"),
    ("momentum", "0.9", "momentum is '0.9'; give a number"),
    ("momentum", 1, r"momentum is 1; it must be in \[0, 1\)"),
    ("seed", None, "seed is None; give an integer"),
    ("seed", -1, "seed is -1; it must be at least 0"),
    ("sample_per_class", 2.5, "sample_per_class is 2.5; give an integer"),
    ("schedule", "cosine_schedule", "schedule is 'cosine_schedule'; give a function"),
    ("schedule", 0.1, "schedule is 0.1; give a function"),
    ("schedule", lambda progress: "slow", "schedule gives 'slow' at the start"),
    ("schedule", lambda progress: -progress, "schedule gives .* must be at least 0"),
    ("schedule", lambda progress: float("nan"), "schedule gives nan"),
    ("measure_at", 1, "measure_at is 1; give the numbers of epochs"),
    ("measure_at", "all", "measure_at is 'all'; give the numbers of epochs"),
    ("measure_at", [0.5], r"measure_at is \[0.5\]; give the numbers of epochs"),
    ("measure_at", ["1"], r"measure_at is \['1'\]; give the numbers of epochs"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG, ids=lambda x: str(x)[:20])
def test_an_argument_of_a_wrong_kind_is_named(three, name, value, said):
    with pytest.raises(ValueError, match=said):
        begun(three, **{name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": np.float32(0.1), "epochs": np.int64(1)},
        {"learning_rate": torch.tensor(0.1), "weight_decay": torch.tensor(0.0)},
        {"epochs": torch.tensor(1), "batch_size": np.uint8(16)},
        {"momentum": np.array(0.9), "seed": np.int32(3)},
        {"weight_decay": 0, "sample_per_class": np.int64(3)},
    ],
)
def test_numbers_of_numpy_and_torch_are_taken_for_what_they_hold(three, options):
    settings = begun(three, **options).settings
    assert all(type(settings[name]) in (int, float) for name in options if name in settings)


@pytest.mark.parametrize(
    "given",
    [[0, 1, 2], (0, 1, 2), range(3), np.arange(3), torch.arange(3), {0, 1, 2}, iter([0, 1, 2])],
)
def test_the_epochs_to_measure_come_in_any_sequence(three, given):
    assert begun(three, epochs=4, measure_at=given).epochs.tolist() == [0, 1, 2, 4]


# Networks


class Mine(nn.Module):
    def __init__(self, out=lambda features, classifier: classifier(features), **parts):
        super().__init__()
        self.out = out
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, images):
        return self.out(self.features(images), self.classifier)


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU())


HEAD = {"features": flat(), "classifier": nn.Linear(8, 3)}
SHAPE = r"its outputs must be logits of shape \(8, 3\)"
REFUSED = {
    "other classes": (Mine(features=flat(), classifier=nn.Linear(8, 2)), r"\(8, 2\).*" + SHAPE),
    "other width": (
        Mine(features=flat(), classifier=nn.Linear(9, 3)),
        r"network fails on images of shape \(8, 1, 8, 8\) in evaluation mode",
    ),
    "softmax at the end": (
        Mine(lambda features, last: last(features).softmax(1), **HEAD),
        "network gives probabilities; the losses are of logits",
    ),
    "two outputs": (Mine(lambda features, last: (last(features), features), **HEAD), SHAPE),
    "a dict": (Mine(lambda features, last: {"logits": last(features)}, **HEAD), SHAPE),
    "every position": (
        Mine(features=nn.Conv2d(1, 8, 1), classifier=nn.Conv2d(8, 3, 1)),
        r"\(8, 3, 8, 8\) of 8 images",
    ),
    "no linear classifier": (
        Mine(lambda features, last: last(features).relu().square(), **HEAD),
        "network cannot be measured while it is trained: .*candidates",
    ),
    "NaN": (
        Mine(lambda features, last: last(features) * torch.nan, **HEAD),
        "network gives NaN or infinite outputs before",
    ),
}
TAKEN = {
    "another name": Mine(lambda features, _: features, features=flat(), classifier=None),
    "a sequence": nn.Sequential(flat(), nn.Linear(8, 3)),
    "dropout before it": Mine(
        features=flat(), classifier=nn.Sequential(nn.Dropout(), nn.Linear(8, 3))
    ),
    "maps, pooled after it": Mine(
        lambda maps, last: last(maps).mean((2, 3)),
        features=nn.Conv2d(1, 8, 3),
        classifier=nn.Conv2d(8, 3, 1),
    ),
    "called as a function": Mine(lambda features, last: features @ last.weight.T, **HEAD),
    "no bias": Mine(features=flat(), classifier=nn.Linear(8, 3, bias=False)),
    "scaled": Mine(lambda features, last: 4 * last(features), **HEAD),
    "compiled": torch.compile(Mine(features=flat(), classifier=nn.Linear(8, 3)), backend="eager"),
}
TAKEN["another name"].features.append(nn.Linear(8, 3))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_network_of_another_shape_is_refused(three, kind):
    model, said = REFUSED[kind]
    with pytest.raises(ValueError, match=said):
        begun(three, model)


@pytest.mark.parametrize("kind", TAKEN)
def test_any_network_is_trained_whose_logits_are_linear_in_its_features(three, kind):
    run = begun(three, copy.deepcopy(TAKEN[kind]))
    report = nclib.measure(TAKEN[kind], three, progress=False)
    assert run.metrics.nc1.iloc[0] == pytest.approx(report.numbers["train"]["nc1"], rel=1e-5)
    assert run.metrics.self_duality.notna().all()


def test_a_classifier_without_bias_is_measured(three):
    run = begun(three, Mine(features=flat(), classifier=nn.Linear(8, 3, bias=False)))
    assert run.metrics.nc1.notna().all()
    assert not run.bias.any()


def test_the_check_leaves_the_network_as_it_was(three):
    model = Mine(features=nn.Sequential(flat(), nn.BatchNorm1d(8)), classifier=nn.Linear(8, 3))
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    nclib.train(model, three, **BASE)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


# Data


def without(data, *classes):
    kept = ~torch.isin(data.train.labels, torch.tensor(classes))
    return dataclasses.replace(data, train=Split(data.train.images[kept], data.train.labels[kept]))


@pytest.mark.parametrize("missing", [(0,), (1,), (2,), (0, 2), (0, 1)])
def test_a_class_without_training_images_is_named(three, missing):
    named = ", ".join(f"'{index}'" for index in missing)
    with pytest.raises(ValueError, match=f"data.train has no samples of class {named} "):
        begun(without(three, *missing))


@pytest.mark.parametrize("data", [None, "digits", {"train": 1}, [1], torch.zeros(3)])
def test_what_is_no_data_set_is_refused(three, data):
    with pytest.raises(ValueError, match=r"data is a .*; give a DataSet"):
        nclib.train(network(three), data, **BASE)


# Schedules


def constant(progress, factor):
    return factor


def rising(slope):
    return lambda progress: slope * progress


class Warm:
    def __init__(self, until):
        self.until = until

    def __call__(self, progress):
        return min(1.0, progress / self.until)


def pairs():
    """Two schedules each that have one name and other values."""
    half = (lambda progress: 0.5, lambda progress: 0.6)
    partial = tuple(functools.partial(constant, factor=f) for f in (0.1, 1.0))
    closures = tuple(map(rising, (1, 2)))
    return {
        "lambda": half,
        "partial": partial,
        "object": (Warm(0.1), Warm(0.2)),
        "closure": closures,
    }


@pytest.mark.parametrize("kind", pairs())
def test_a_checkpoint_is_not_continued_under_another_schedule(three, kind, tmp_path):
    path = tmp_path / "run.checkpoint"
    one, other = pairs()[kind]
    again = pairs()[kind][0]  # made anew, as in another process
    begun(three, epochs=2, schedule=one, checkpoint=path)
    assert len(begun(three, epochs=2, schedule=again, checkpoint=path)) == 3
    with pytest.raises(nclib.CheckpointError, match=r"schedule was .*, now "):
        begun(three, epochs=2, schedule=other, checkpoint=path)


@pytest.mark.parametrize("schedule", [step_schedule, cosine_schedule])
def test_ours_are_known_by_their_names(schedule):
    assert schedule_name(schedule) == schedule.__name__


# What else takes arguments


SWEPT = {"data": "digits", "network": "mlp", "epochs": 1, "learning_rate": 0.1, "weight_decay": 0}


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda d, f: nclib.build_network("mlp", d, seed=None), "seed is None; give an integer"),
        (lambda d, f: nclib.build_network("mlp", d, seed="1"), "seed is '1'; give an integer"),
        (lambda d, f: nclib.build_network("mlp", d, width="64"), "width is '64'; give an integer"),
        (lambda d, f: nclib.build_network("mlp", d, batch_norm="no"), "batch_norm is 'no'; give T"),
        (lambda d, f: nclib.build_network(["mlp"], d), "network .* is unknown; choose from mlp"),
        (lambda d, f: nclib.build_network("mlp", None), "data is a NoneType; give a DataSet"),
        (lambda d, f: nclib.sweep(SWEPT, folder=f), "configurations is a dict; give a list of"),
        (lambda d, f: nclib.sweep(None, folder=f), "configurations is a NoneType; give a list"),
        (
            lambda d, f: nclib.sweep(["digits"], folder=f),
            "configuration 0 is 'digits'; give a dict",
        ),
        (lambda d, f: nclib.sweep([SWEPT], folder=None), "folder is None; give the path"),
        (lambda d, f: nclib.Checkpoint(3), "checkpoint is 3; give the path of a file"),
        (lambda d, f: begun(d, compiled="yes"), "compiled is 'yes'; give True or False"),
        (lambda d, f: with_label_noise(d, "0.1"), "share is '0.1'; give a number without quotes"),
        (lambda d, f: with_label_noise(d, None), "share is None; give a number"),
        (lambda d, f: imbalanced(d, "2"), "ratio is '2'; give a number without quotes"),
        (lambda d, f: imbalanced(d, float("nan")), "ratio is nan; give a finite number"),
        (lambda d, f: LiveTraining(d, epochs="3"), "epochs is '3'; give an integer"),
        (lambda d, f: LiveTraining(d, seed=None), "seed is None; give an integer"),
        (
            lambda d, f: LiveTraining(d, learning_rate="1e-3"),
            "learning_rate is '1e-3'; give a numb",
        ),
        (lambda d, f: LiveTraining(d, linear_features="no"), "linear_features is 'no'; give True"),
    ],
)
def test_arguments_of_a_wrong_kind_are_named_elsewhere_too(three, tmp_path, act, said):
    with pytest.raises(ValueError, match=said):
        act(three, tmp_path)


def test_a_sweep_says_what_failed_for_a_number_as_text(tmp_path):
    done = nclib.sweep([SWEPT | {"learning_rate": "1e-3"}], folder=tmp_path)
    assert "learning_rate is '1e-3'; give a number" in done.failures[0]
