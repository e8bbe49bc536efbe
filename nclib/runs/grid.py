"""A grid over three settings, recorded: batch norm × weight decay × learning rate.

The MLP, half as wide, on ten digits under cross-entropy, else as ``presets.quick``; beside it the
control, the network without batch norm once more, at one rate, for three times as many epochs.
``python tools/record.py grid`` makes it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nclib.quantities import COLLAPSED
from nclib.recorded_table import read_table, write_table
from nclib.runs import presets

if TYPE_CHECKING:
    from nclib.runs.trajectory import Trajectory

FILE = Path(__file__).with_name("grid.csv")
BATCH_NORM = (True, False)
DECAYS = (0.0, 1e-3, 3e-3, 1e-2, 3e-2)
RATES = (0.03, 0.1, 0.3)
EPOCHS, LONGER, SEEDS = 100, 300, (0, 1, 2)
SETTINGS = ["batch_norm", "epochs", "learning_rate", "weight_decay", "seed"]
MEASURED = ["zero_error_epoch", "train_accuracy", "test_accuracy", *COLLAPSED]


def configurations() -> list[dict]:
    """What ``sweep`` takes: each cell with each seed, and the longer control."""
    settings = presets.quick("mlp")
    cells = [*product(BATCH_NORM, [EPOCHS], RATES, DECAYS, SEEDS)]
    cells += product([False], [LONGER], [settings["learning_rate"]], DECAYS, SEEDS)
    settings |= {"data": "digits", "network": "mlp", "width": 128, "sample_per_class": 1}
    chosen = [settings | dict(zip(SETTINGS, cell, strict=True)) for cell in cells]
    return [one | {"measure_at": presets.measured_epochs(one["epochs"], 20)} for one in chosen]


def load_grid() -> pd.DataFrame:
    """A row for each run: ``SETTINGS``, and ``MEASURED`` of its last epoch.

    NaN is an epoch that did not come, and a measure of class means that all coincide. ``collapsed``
    says whether the run is by ``quantities.COLLAPSED``; ``attrs`` holds the environment.
    """
    table = read_table(FILE)
    below = [table[name] < limit for name, limit in COLLAPSED.items()]
    table["collapsed"] = pd.concat(below, axis=1).all(axis=1)
    return table


def write_grid(runs: Sequence[Trajectory]) -> None:
    """The last epochs of trajectories of ``configurations()``, in that order, as the file.

    Raises:
        ValueError: for another number of runs.
    """
    asked, rows = configurations(), []
    if len(runs) != len(asked):
        raise ValueError(
            f"{len(runs)} runs were given for the grid's {len(asked)}; make all of them"
        )
    for one, run in zip(asked, runs, strict=True):
        last = run.metrics.iloc[-1].to_dict() | {"zero_error_epoch": run.zero_error_epoch}
        rows.append({name: one[name] for name in SETTINGS} | {n: last[n] for n in MEASURED})
    write_table(FILE, pd.DataFrame(rows), runs[0].settings["environment"], digits=5)
