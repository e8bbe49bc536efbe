"""Tables over several runs."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from nclib.runs.trajectory import Trajectory

CELL = ("data", "network", "loss")


class Table(pd.DataFrame):
    """A table with names from outside: a notebook shows their dollars, and reads no mathematics."""

    @property
    def _constructor(self) -> type[Table]:
        return Table

    def _repr_html_(self) -> str | None:
        with pd.option_context("display.html.use_mathjax", False):
            return super()._repr_html_()


def accuracy_gain(runs: Iterable[Trajectory]) -> Table:
    """Test accuracy at zero training error and at the end, in percent, with the epochs.

    A row for each run that reached zero error before its last epoch (after that one there is
    nothing to gain): data, network, loss, ``zero_error_epoch``, ``at_zero_error``, ``last_epoch``,
    ``at_end``, ``gain`` in points.

    Source: Papyan, Han, Donoho 2020, Table 1.
    """
    rows = []
    for run in given(runs):
        first, last = run.zero_error_epoch, int(run.epochs[-1])
        if first is None or first == last:
            continue
        accuracy = 100 * run.metrics.set_index("epoch").test_accuracy
        row = {key: run.settings[key] for key in CELL}
        row |= {"zero_error_epoch": first, "at_zero_error": accuracy[first], "last_epoch": last}
        rows.append(row | {"at_end": accuracy[last], "gain": accuracy[last] - accuracy[first]})
    return Table(rows)


def ends(runs: Iterable[Trajectory]) -> Table:
    """The metrics of each run at the first epoch, at 99.9 % training accuracy, and at the end.

    Indexed by (data, network, loss, moment).
    """
    rows = {}
    for run in given(runs):
        table = run.metrics.set_index("epoch")
        moments = {"start": run.epochs[0], "99.9 %": run.terminal_epoch, "end": run.epochs[-1]}
        cell = [run.settings[key] for key in CELL]
        for moment, epoch in moments.items():
            if epoch is not None:
                rows[(*cell, moment)] = {"epoch": int(epoch), **table.loc[epoch]}
    frame = Table.from_dict(rows, orient="index")
    frame.index = pd.MultiIndex.from_tuples(rows, names=[*CELL, "moment"])
    return frame


def given(runs: Iterable[Trajectory]) -> list[Trajectory]:
    """The runs as a list; ValueError for none."""
    runs = list(runs)
    if not runs:
        raise ValueError("there are no runs; give at least one trajectory")
    return runs
