"""The law of equal improvement over a grid, recorded: weight decay × depth × batch norm.

Under cross-entropy; under squared error, at its own rate, at one depth. All else is the law's
recipe, each with three seeds. ``python tools/record.py layers --only law-grid`` makes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from nclib.formulas.law import log_linear
from nclib.recorded_table import read_table, write_table
from nclib.runs.layer_recipes import LAW
from nclib.runs.layer_runs import LayerRun

FILE = Path(__file__).with_name("law_grid.csv")
RATES = {"cross_entropy": 0.1, "squared_error": 0.5}  # learning rate of each loss
DEPTHS = (3, 6, 9)
DECAYS = (0.0, 5e-4, 1e-3, 2e-3, 5e-3)
SEEDS = (0, 1, 2)
EARLY = 2  # the epoch between the first and the last that is measured
SETTINGS = ["loss", "batch_norm", "depth", "weight_decay", "seed"]
MOMENTS = {"start": 0, "early": EARLY, "end": -1}


def configurations() -> list[dict]:
    """What ``record_layer_run`` takes: each cell with each seed."""
    cells = [*product(["cross_entropy"], (True, False), DEPTHS, DECAYS, SEEDS)]
    cells += product(["squared_error"], (True, False), [LAW["depth"]], DECAYS, SEEDS)
    chosen = [LAW | dict(zip(SETTINGS, cell, strict=True)) for cell in cells]
    return [one | {"learning_rate": RATES[one["loss"]], "measure_at": [EARLY]} for one in chosen]


def load_law_grid() -> pd.DataFrame:
    """A row for each run: ``SETTINGS``, accuracies at the end, NC1 of the layers, and its line.

    ``nc1_start``, ``nc1_early``, ``nc1_end`` hold arrays (L,), L = depth + 1, of the training set:
    before training, after epoch 2, after the last one; from the input to what the classifier reads.
    ``ratio`` and ``r_squared`` are of ``log_linear`` of ``nc1_end``; with ``_hidden`` without the
    input; with ``_start`` of ``nc1_start``. NaN is NC1 of class means that all coincide, and all of
    a run whose loss became infinite. ``attrs`` holds the environment.
    """
    table = read_table(FILE)
    for moment in MOMENTS:
        name = f"nc1_{moment}"
        table[name] = [np.array(text.split(), float) for text in table[name]]
    ends = {"": table.nc1_end, "_start": table.nc1_start}
    ends["_hidden"] = table.nc1_end.map(lambda values: values[1:])
    for suffix, values in ends.items():
        lines = [log_linear(one) for one in values]
        table[f"ratio{suffix}"] = [line.ratio for line in lines]
        table[f"r_squared{suffix}"] = [line.r_squared for line in lines]
    return table


def write_law_grid(runs: Iterable[LayerRun | None], environment: dict) -> None:
    """The runs of ``configurations()``, in that order, as the file; None for one that diverged.

    Raises:
        ValueError: for another number of runs.
    """
    asked, runs = configurations(), list(runs)
    if len(runs) != len(asked):
        raise ValueError(
            f"{len(runs)} runs were given for the grid's {len(asked)}; make all of them"
        )
    rows = [
        {name: one[name] for name in SETTINGS} | _row(run, one["depth"])
        for one, run in zip(asked, runs, strict=True)
    ]
    write_table(FILE, pd.DataFrame(rows), environment, digits=5)


def _row(run: LayerRun | None, depth: int) -> dict:
    """Accuracies at the end, and NC1 of the layers as text."""
    if run is None:
        lost = np.full(depth + 1, np.nan)
        nc1 = dict.fromkeys(MOMENTS, lost)
        return dict.fromkeys(("train_accuracy", "test_accuracy"), np.nan) | _texts(nc1)
    accuracies = {f"{s}_accuracy": run.at(-1, s).accuracy[0] for s in ("train", "test")}
    nc1 = {moment: run.at(epoch).nc1 for moment, epoch in MOMENTS.items()}
    return accuracies | _texts(nc1)


def _texts(nc1: dict[str, Iterable[float]]) -> dict[str, str]:
    return {
        f"nc1_{moment}": " ".join(f"{value:.4g}" for value in values)
        for moment, values in nc1.items()
    }
