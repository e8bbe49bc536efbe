"""The recorded grid: what it holds, that it can be made again, and what is said of it."""

from __future__ import annotations

import pandas as pd
import pytest

from nclib.lessons.measuring.pictures import what_it_takes
from nclib.quantities import COLLAPSED
from nclib.runs import grid, sweeps


@pytest.fixture(scope="module")
def table():
    return grid.load_grid()


def test_it_holds_every_configuration_in_order(table):
    asked = pd.DataFrame(grid.configurations())[grid.SETTINGS]
    pd.testing.assert_frame_equal(table[grid.SETTINGS], asked, check_dtype=False)
    assert table.columns.tolist() == [*grid.SETTINGS, *grid.MEASURED, "collapsed"]
    assert set(table.attrs["environment"]) >= {"date", "torch", "processor"}
    cells = table.groupby(["batch_norm", "epochs", "learning_rate", "weight_decay"]).size()
    assert set(cells) == {len(grid.SEEDS)}
    assert len(cells) == 2 * len(grid.RATES) * len(grid.DECAYS) + len(grid.DECAYS)


def test_collapsed_is_the_yardstick(table):
    for _, row in table.iterrows():
        assert row.collapsed == all(row[name] < limit for name, limit in COLLAPSED.items())
    assert not table.collapsed[table.nc1.isna()].any()
    assert 0 < table.collapsed.sum() < len(table)


@pytest.mark.parametrize("index", [12, 44 + 15])  # with batch norm and without
def test_a_run_can_be_made_again(table, index):
    one, row = grid.configurations()[index], table.iloc[index]
    run = sweeps.record(one, device="cpu", progress=False)
    last = run.metrics.iloc[-1]
    assert last.train_accuracy == pytest.approx(row.train_accuracy, abs=0.005)
    assert last.nc1 == pytest.approx(row.nc1, rel=0.3)  # not to the bit: other processors round
    assert last.max_angle_means == pytest.approx(row.max_angle_means, rel=0.2)


def test_what_is_written_is_read_again(table, tmp_path, monkeypatch):
    class Ended:  # a run that left the row of the table
        def __init__(self, row):
            self.metrics = pd.DataFrame([row])
            self.zero_error_epoch = None if pd.isna(row.zero_error_epoch) else row.zero_error_epoch
            self.settings = {"environment": table.attrs["environment"]}

    monkeypatch.setattr(grid, "FILE", tmp_path / "grid.csv")
    grid.write_grid([Ended(row) for _, row in table.iterrows()])
    pd.testing.assert_frame_equal(grid.load_grid(), table)
    with pytest.raises(ValueError, match="2 runs were given for the grid's 105; make all of them"):
        grid.write_grid([Ended(row) for _, row in table.head(2).iterrows()])


def test_the_picture_says_what_the_table_holds(table):
    short = table[table.epochs == grid.EPOCHS]
    at = what_it_takes(short)
    for has, kind in ((True, "with"), (False, "without")):
        for rate in grid.RATES:
            for decay in grid.DECAYS:
                alt = at(kind, decay, rate).alt
                cell = short[short.batch_norm == has]
                cell = cell[(cell.learning_rate == rate) & (cell.weight_decay == decay)]
                assert f"{kind} batch norm, decay {decay:g}, rate {rate:g}: " in alt
                assert f"{cell.collapsed.sum()} of 3 seeds collapsed" in alt
                assert f"{(cell.train_accuracy == 1).sum()} of 3 learnt" in alt
                assert f"NC1 · scatter {cell.nc1.min():.2g} to {cell.nc1.max():.2g}" in alt
    died = short[short.nc1.isna()].iloc[0]
    assert "undefined in 1" in at("without", died.weight_decay, died.learning_rate).alt
