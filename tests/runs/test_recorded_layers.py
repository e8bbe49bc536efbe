"""The layer runs that come with the package: made by their recipes, small, and what they show."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

import nclib
from nclib.formulas import law
from nclib.runs import layer_runs
from nclib.runs.identity import as_text
from nclib.runs.layer_recipes import RECIPES
from nclib.runs.layer_runs import FOLDER, load_layer_run
from nclib.runs.recorded import recorded_runs

EACH = pytest.mark.parametrize("name", RECIPES)


def test_there_are_those_of_the_recipes_and_no_others():
    assert layer_runs.layer_runs() == sorted(RECIPES)
    assert not {*RECIPES} & {*recorded_runs()}


@EACH
def test_it_is_what_the_recipe_says(name):
    run = load_layer_run(name)
    assert run.settings["configuration"] == json.loads(as_text(RECIPES[name]))
    trained = inspect.signature(nclib.train).parameters.keys() & run.settings.keys()
    for key in trained & RECIPES[name].keys() - {"schedule"}:
        assert run.settings[key] == RECIPES[name][key]
    assert run.settings["schedule"] == "cosine_schedule"
    assert run.epochs[0] == 0
    assert run.epochs[-1] == RECIPES[name]["epochs"]
    assert 15 <= len(run.epochs) <= 25
    assert set(run.settings["environment"]) >= {"date", "torch", "processor"}


@EACH
def test_it_is_small(name):
    assert (FOLDER / f"{name}.npz").stat().st_size <= 150_000


@EACH
def test_it_keeps_samples_of_every_class_at_five_epochs(name):
    run = load_layer_run(name)
    assert len(run.geometry_epochs) == 5
    assert {0, 2, run.epochs[-1]} <= {*run.geometry_epochs}
    for split in ("train", "test"):
        assert np.bincount(run.labels[split]).tolist() == [12] * 10
        for epoch in run.geometry_epochs:
            payload = run.payload(split, epoch)
            assert payload["status"] == ["ok"] * len(run.layers)
            assert json.dumps(payload, allow_nan=False)


@EACH
def test_every_class_is_learnt_and_the_input_stays_as_it_is(name):
    run = load_layer_run(name)
    assert run.at().accuracy[0] == 1
    for split in ("train", "test"):
        inputs = run.values(split=split)[:, 0]
        assert np.ptp(inputs) < 1e-5 * inputs[0]


# What they show (over more seeds: test_law_of_training.py)


def test_the_law_holds_by_its_recipe_and_not_before_training():
    run = load_layer_run("layers-mlp")
    assert run.law().ratio < 0.6
    assert run.law().r_squared > 0.99
    assert run.law(hidden=True).r_squared > 0.99
    start = run.law(0, hidden=True)  # just as straight, and rising
    assert start.r_squared > 0.99
    assert run.law(0).ratio > 1
    assert start.ratio > 1


@pytest.mark.parametrize("name", ["layers-mlp-decay", "layers-mlp-plain", "layers-mse"])
def test_elsewhere_it_does_not(name):
    line = load_layer_run(name).law()
    assert not (line.ratio < 0.6 and line.r_squared > 0.99)


def test_strong_decay_ends_in_collapse_of_the_last_layers():
    weak, strong = (
        load_layer_run(name).values()[-1] for name in ("layers-mlp", "layers-mlp-decay")
    )
    assert (strong[1:] < weak[1:]).all()
    assert (strong[5:] < weak[5:] / 10).all()


def test_where_nc1_falls_with_depth():
    falls = {
        name: {
            epoch: bool(fell)
            for epoch, fell in zip(run.epochs, law.falls_with_depth(run.values()), strict=True)
        }
        for name, run in ((name, load_layer_run(name)) for name in RECIPES)
    }
    assert all(fell == (epoch >= 2) for epoch, fell in falls["layers-mlp"].items())
    assert not all(fell for epoch, fell in falls["layers-mse"].items() if epoch > 2)
    assert not falls["layers-mlp-plain"][100]
    for name in ("layers-convnet", "layers-resnet"):  # mean pixels: one number an image
        assert not any(falls[name].values())


def test_the_front_comes_from_the_end_and_stops():
    """NC1 below a tenth of its start: later in earlier layers, and never in the first."""
    for name in ("layers-mlp", "layers-mlp-decay"):
        first = law.first_below(load_layer_run(name).values())
        assert first[:3].tolist() == [-1, -1, -1]
        assert (np.diff(first[3:]) <= 0).all()
        assert first[3] > first[-1] > 0


def test_of_its_own_fall_the_last_layer_does_half_last_where_decay_is_strong():
    run = load_layer_run("layers-mlp-decay")
    half = law.half_of_fall(run.values())[1:]
    assert (half[-2:] > half[:-2].max()).all()
    half = law.half_of_fall(load_layer_run("layers-mlp").values())[1:]
    assert np.ptp(half) <= 1  # rows 2 and 3, epochs 2 and 3: all at once
    for name in ("layers-mlp", "layers-mlp-decay"):
        run = load_layer_run(name)
        left = law.fall_after(run.values(), run.epochs.index(5))
        assert (np.diff(left) > 0).all()  # training goes on deepening the end
