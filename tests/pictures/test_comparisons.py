"""Figures and tables over several runs: what they hold, and what they refuse."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import nclib
from nclib import Trajectory
from nclib.pictures import comparisons
from nclib.quantities import QUANTITIES
from nclib.runs import presets, tables

LOSSES = ("cross_entropy", "squared_error")


def trained(network, loss, classes, seed=0, epochs=12):
    data = nclib.load_data("digits", classes=classes)
    built = nclib.build_network(network, data, width=12, seed=seed)
    settings = presets.quick("mlp", loss) | {"epochs": epochs, "batch_size": 32}
    return Trajectory.of(nclib.train(built, data, progress=False, **settings))


@pytest.fixture(scope="module")
def runs():
    return [trained("mlp", loss, [0, 1, 2], seed) for loss in LOSSES for seed in (0, 1)]


@pytest.fixture(scope="module")
def with_another(runs):
    return [*runs, trained("convnet", "squared_error", [0, 1, 2], epochs=3)]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_small_multiples_show_and_say_every_run(with_another, quantity):
    picture = comparisons.small_multiples(with_another, quantity)
    titles = [axis.get_title(loc="left") for axis in picture.axes]
    assert titles == ["digits · mlp", "digits · convnet"]
    shown = QUANTITIES[quantity]
    lines = [line for axis in picture.axes for line in axis.lines]
    curves = [line for line in lines if len(line.get_xdata()) > 2]
    assert len(curves) == 5 * len(shown.columns)
    image = Image.open(io.BytesIO(picture.png()))
    assert image.width <= 900
    column = with_another[0].metrics[shown.columns[0]]
    assert f"from {column.iloc[0]:.2g} to {column.iloc[-1]:.2g}" in picture.alt
    assert picture.alt.count("99.9 % of the training set right from epoch") == 4
    assert picture.alt.endswith("never 99.9 % of the training set right.")


def test_curves_are_the_table(runs):
    axis = comparisons.small_multiples(runs[:1], "nc1").axes[0]
    thick, thin = axis.lines[:2]
    assert thick.get_ydata().tolist() == runs[0].metrics.nc1.tolist()
    assert thin.get_ydata().tolist() == runs[0].metrics.test_nc1.tolist()
    assert thick.get_xdata().tolist() == (runs[0].epochs + 1).tolist()
    assert axis.lines[2].get_xdata() == [runs[0].terminal_epoch + 1] * 2


def test_a_row_for_each_data_set(runs):
    other = trained("mlp", "cross_entropy", [3, 4])
    other.settings["data"] = "two digits"
    picture = comparisons.small_multiples([*runs, other], "nc1")
    assert len(picture.axes) == 2
    tops = [axis.get_position().y0 for axis in picture.axes]
    assert tops[0] > tops[1]


def test_accuracy_gain_counts_from_the_first_epoch_without_error(with_another):
    table = tables.accuracy_gain(with_another)
    assert len(table) == 4  # the ConvNet's three epochs were too few
    for row, run in zip(table.itertuples(), with_another, strict=False):
        accuracy = run.metrics.set_index("epoch").test_accuracy
        assert row.zero_error_epoch == run.zero_error_epoch
        assert row.last_epoch == run.epochs[-1]
        gain = 100 * (accuracy.iloc[-1] - accuracy[run.zero_error_epoch])
        assert row.gain == pytest.approx(gain)


def test_a_last_mistake_in_the_last_epoch_leaves_nothing_to_gain(runs):
    late = Trajectory()
    late.settings, late._rows = runs[0].settings, runs[0]._rows[: 1 + _zero_error(runs[0])]
    assert late.zero_error_epoch == late.epochs[-1]
    assert len(tables.accuracy_gain([late, runs[0]])) == 1
    assert tables.accuracy_gain([late]).empty
    with pytest.raises(ValueError, match="zero training error before its last epoch"):
        comparisons.accuracy_after_zero_error([late])


def _zero_error(run):
    return run.index_of(run.zero_error_epoch)


def test_accuracy_picture(runs):
    picture = comparisons.accuracy_after_zero_error(runs)
    table = tables.accuracy_gain(runs)
    assert picture.alt.count(" % (epochs ") == len(table)
    said = " ".join(text.get_text() for text in picture.axes[0].texts)
    assert f"{table.at_zero_error[0]:.2f} → {table.at_end[0]:.2f} %" in said
    assert picture.axes[0].lines[2].get_xdata() == [table.gain[0]]
    assert Image.open(io.BytesIO(picture.png())).width <= 900


def test_ends(with_another):
    table = tables.ends([with_another[0], with_another[-1]])
    assert table.index.names == ["data", "network", "loss", "moment"]
    assert set(table.index.get_level_values("data")) == {"digits"}
    table = table.droplevel(["data", "loss"])
    mlp = table.xs("mlp")
    assert mlp.index.tolist() == ["start", "99.9 %", "end"]
    assert mlp.train_accuracy["99.9 %"] >= 0.999
    assert mlp.nc1["end"] == with_another[0].metrics.nc1.iloc[-1]
    assert table.xs("convnet").index.tolist() == ["start", "end"]


def test_refused(with_another):
    with pytest.raises(ValueError, match="quantity 'nc5' is unknown; choose from accuracy, loss"):
        comparisons.small_multiples(with_another, "nc5")
    for figure in (comparisons.small_multiples, tables.accuracy_gain, tables.ends):
        with pytest.raises(ValueError, match="there are no runs"):
            figure([])
    with pytest.raises(ValueError, match="no run reached zero training error"):
        comparisons.accuracy_after_zero_error(with_another[-1:])
