"""The recorded grid of the law: what it holds, that it can be made again, and what it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nclib.formulas.law import log_linear
from nclib.runs import law_grid
from nclib.runs.layer_recipes import LAW
from nclib.runs.layer_recording import record_layer_run


@pytest.fixture(scope="module")
def table():
    return law_grid.load_law_grid()


def test_it_holds_every_configuration_in_order(table):
    asked = pd.DataFrame(law_grid.configurations())[law_grid.SETTINGS]
    pd.testing.assert_frame_equal(table[law_grid.SETTINGS], asked, check_dtype=False)
    cells = table.groupby(["loss", "batch_norm", "depth", "weight_decay"]).size()
    assert set(cells) == {len(law_grid.SEEDS)}
    depths = {loss: set(rows.depth) for loss, rows in table.groupby("loss")}
    assert depths == {"cross_entropy": {*law_grid.DEPTHS}, "squared_error": {LAW["depth"]}}
    assert set(table.attrs["environment"]) >= {"date", "torch", "processor"}
    assert law_grid.FILE.stat().st_size <= 150_000


def test_lines_are_those_of_the_layers(table):
    for _, row in table.iterrows():
        for values in (row.nc1_start, row.nc1_early, row.nc1_end):
            assert values.shape == (row.depth + 1,)
        np.testing.assert_array_equal(
            [row.ratio, row.r_squared], log_linear(row.nc1_end)[:2], strict=True
        )
        np.testing.assert_array_equal(
            [row.ratio_hidden, row.r_squared_hidden], log_linear(row.nc1_end[1:])[:2], strict=True
        )
        np.testing.assert_array_equal(
            [row.ratio_start, row.r_squared_start], log_linear(row.nc1_start)[:2], strict=True
        )


def test_the_first_layer_is_the_input_that_no_setting_changes(table):
    for moment in law_grid.MOMENTS:
        inputs = np.array([values[0] for values in table[f"nc1_{moment}"]])
        assert np.ptp(inputs[np.isfinite(inputs)]) < 1e-3


def test_what_is_written_is_read_again(table, tmp_path, monkeypatch, without_shape_checks):
    class Ended:  # a run that left the row of the table
        def __init__(self, row):
            self.row = row

        def at(self, epoch, split="train"):
            moment = {number: name for name, number in law_grid.MOMENTS.items()}[epoch]
            accuracy = self.row[f"{split}_accuracy"]
            nc1 = self.row[f"nc1_{moment}"]
            return pd.DataFrame({"nc1": nc1, "accuracy": accuracy})

    runs = [Ended(row) for _, row in table.iterrows()]
    monkeypatch.setattr(law_grid, "FILE", tmp_path / "law_grid.csv")
    law_grid.write_law_grid(runs, table.attrs["environment"])
    pd.testing.assert_frame_equal(law_grid.load_law_grid(), table)
    law_grid.write_law_grid([None, *runs[1:]], table.attrs["environment"])
    lost = law_grid.load_law_grid().iloc[0]
    assert np.isnan([lost.train_accuracy, lost.ratio, lost.r_squared, *lost.nc1_end]).all()
    with pytest.raises(ValueError, match=f"2 runs were given for the grid's {len(runs)}; make"):
        law_grid.write_law_grid(runs[:2], {})


@pytest.mark.slow
@pytest.mark.parametrize("index", [3, 15 * 3 + 8])  # with batch norm and without, 3 layers deep
def test_a_run_can_be_made_again(table, index):
    one, row = law_grid.configurations()[index], table.iloc[index]
    run = record_layer_run(one, device="cpu", progress=False)
    assert run.at(-1).accuracy[0] == pytest.approx(row.train_accuracy, abs=0.01)
    assert run.values()[0] == pytest.approx(row.nc1_start, rel=1e-2)
    assert run.values()[-1] == pytest.approx(row.nc1_end, rel=0.3)  # other processors round


# What it shows


def both(rows):
    """Whether the law's two numbers are as it says, in each run."""
    return (rows.ratio < 0.6) & (rows.r_squared >= 0.99)


def cells(table, **settings):
    for name, value in settings.items():
        table = table[table[name] == value]
    assert len(table)
    return table


def test_the_law_holds_with_batch_norm_and_weak_decay_in_three_and_six_layers(table):
    recipe = cells(table, loss="cross_entropy", batch_norm=True, weight_decay=LAW["weight_decay"])
    for depth in (3, 6):
        assert both(cells(recipe, depth=depth)).all()
    deep = cells(recipe, depth=9)
    assert (deep.r_squared < 0.99).all()  # in nine layers the line bends, at every decay
    assert (cells(table, depth=9).r_squared_hidden.dropna() < 0.996).all()
    assert not both(cells(table, depth=9)).any()


def test_without_batch_norm_no_run_has_it(table):
    plain = cells(table, batch_norm=False)
    assert len(plain) == 60
    assert not both(plain).any()


def test_before_training_nc1_rises_through_the_layers(table):
    assert (table.ratio_start.dropna() > 1).all()
    assert table.ratio_start.isna().sum() <= 1  # the run that diverged


def test_strong_decay_leaves_the_line_and_ends_lower(table):
    normed = cells(table, loss="cross_entropy", batch_norm=True)
    assert not both(cells(normed, weight_decay=5e-3)).any()
    for depth in law_grid.DEPTHS:
        last = [
            np.mean([values[-1] for values in cells(normed, depth=depth, weight_decay=d).nc1_end])
            for d in law_grid.DECAYS
        ]
        assert (np.diff(last) < 0).all()


def test_networks_that_learnt_nothing_are_in_it_and_marked(table):
    """Nine layers without batch norm, squared error under strong decay, and one that diverged."""
    diverged = table.train_accuracy.isna()
    lost = table[diverged | (table.train_accuracy < 0.2)]
    assert diverged.sum() == 1
    assert not lost.batch_norm.any()
    assert table[table.ratio.isna()].index.isin(lost.index).all()
