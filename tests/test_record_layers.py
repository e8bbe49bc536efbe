"""``tools/record.py layers``: what it writes, and that it goes on where it stopped."""

from __future__ import annotations

from argparse import Namespace

import pytest
import record

from nclib.runs import law_grid
from nclib.runs.layer_recipes import LAW
from nclib.runs.layer_runs import LayerRun
from nclib.runs.training import DivergedError

SMALL = LAW | {"epochs": 1, "width": 4, "num_features": 4, "depth": 3, "per_class": 20}


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    monkeypatch.setattr(record, "RECIPES", {"layers-a": SMALL, "layers-b": SMALL | {"seed": 1}})
    return Namespace(only="*", root=None, folder=str(tmp_path / "kept"))


def test_runs_are_written_by_name(asked, tmp_path):
    asked.only = "*-b"
    record.layers(asked)
    assert [path.name for path in tmp_path.glob("*.npz")] == ["layers-b.npz"]
    assert LayerRun.load(tmp_path / "layers-b.npz").settings["configuration"]["seed"] == 1


def test_the_grid_goes_on_where_it_stopped(asked, tmp_path, monkeypatch):
    grid = [SMALL | {"batch_norm": True, "seed": seed} for seed in range(3)]
    monkeypatch.setattr(law_grid, "configurations", lambda: grid)
    monkeypatch.setattr(law_grid, "FILE", tmp_path / "law_grid.csv")
    monkeypatch.setattr(law_grid, "EARLY", 1)
    monkeypatch.setattr(law_grid, "MOMENTS", {"start": 0, "early": 1, "end": -1})
    made, real = [], record.record_layer_run

    def counted(configuration, **where):
        made.append(configuration["seed"])
        if configuration["seed"] == 1:
            raise DivergedError("the loss became nan")
        if made == [0, 1, 2]:
            raise KeyboardInterrupt
        return real(configuration, **where)

    monkeypatch.setattr(record, "record_layer_run", counted)
    asked.only = "law-grid"
    with pytest.raises(KeyboardInterrupt):
        record.layers(asked)
    assert not (tmp_path / "law_grid.csv").exists()
    record.layers(asked)
    assert made == [0, 1, 2, 2]
    table = law_grid.load_law_grid()
    assert table.seed.tolist() == [0, 1, 2]
    assert table.train_accuracy.isna().tolist() == [False, True, False]
    assert not list(tmp_path.glob("*.npz"))
