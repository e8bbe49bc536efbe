"""Train a network and measure every layer of it as it goes."""

from __future__ import annotations

import json
import math
import operator
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from torch import nn

from nclib.checks import at_least, check_numbers
from nclib.data.dataset import DataSet
from nclib.measuring.layers.layer_samples import some_of_each
from nclib.measuring.layers.units import named
from nclib.measuring.measured import measure
from nclib.measuring.modes import unwrap
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.runs.contract import check_data
from nclib.runs.identity import as_text
from nclib.runs.layer_geometry import SPLITS, geometry_of
from nclib.runs.layer_runs import PLACE, QUANTITIES, LayerRun, table_places
from nclib.runs.presets import measured_epochs
from nclib.runs.sweeps import prepared
from nclib.runs.training import asked_epochs, train

COUNT = 20  # measured epochs after the start, where none are named
GEOMETRY = (0, 2, 10, 30)  # epochs whose samples are kept, or those near them, besides the last
KINDS = {"Linear": "layer", "Conv2d": "conv"}


def record_layers(
    network: nn.Module,
    data: DataSet,
    *,
    measure_at: Iterable[int] | Callable[[int], bool] | None = None,
    geometry_at: Iterable[int] = GEOMETRY,
    layers: bool | Sequence[str] = True,
    positions: str = "mean",
    per_class: int = 12,
    **training: Any,
) -> LayerRun:
    """Train as ``train`` does, measure every layer as ``measure`` does; what was recorded.

    Measuring changes nothing in the training: on a CPU its weights are the same to the bit.

    Args:
        network: as ``train``; it is trained in place.
        data: as ``train``.
        measure_at: epochs at which to measure, besides the first and the last, or a function that
            says of each whether to; about 20 log-spaced ones when not given.
        geometry_at: samples are kept at the measured epochs nearest to these, and at the last.
        layers: True for the default ones, or names as ``measure`` takes them.
        positions: of maps, as ``measure``: ``"mean"`` or ``"flatten"``.
        per_class: samples of each class and split that are kept.
        training: arguments of ``train``.

    Raises:
        ValueError: as ``train`` and ``measure``.
    """
    at_least(1, per_class=per_class)
    check_data(data)
    if layers is not True and not layers:
        raise ValueError(f"layers is {layers!r}; give True, or a list of names")
    last = check_numbers(epochs=training.get("epochs"))["epochs"]
    asked = asked_epochs(measured_epochs(last, COUNT) if measure_at is None else measure_at, last)
    wanted = [number for number in range(last + 1) if number in (0, last) or asked(number)]
    kept = {last, *(min(wanted, key=lambda one: abs(one - at)) for at in _kept_near(geometry_at))}
    truth = {split: getattr(data, split).labels for split in SPLITS}
    picked = {split: some_of_each(truth[split], per_class, seed=None) for split in SPLITS}
    reports, geometry = {}, {}
    for epoch in train(network, data, measure_at=(), **training):
        if epoch.number in wanted:
            found = measure(network, data, layers=layers, positions=positions, progress=False)
            reports[epoch.number], settings = found, epoch.settings
            if epoch.number in kept:
                units = units_of(found)
                geometry[epoch.number] = geometry_of(network, data, units, picked, positions)
    units = units_of(reports[last])
    names = layer_names(network, units) if layers is True else tuple(units)
    labels = {split: truth[split][picked[split]].cpu().numpy() for split in SPLITS}
    settings = settings | {"layers": units, "positions": positions}
    return LayerRun(settings, names, table_of(reports, names), labels, geometry)


def record_layer_run(
    configuration: Mapping[str, Any],
    *,
    root: str | os.PathLike[str] | None = None,
    device: str | None = None,
    progress: bool = True,
) -> LayerRun:
    """Load the data, build the network, train it; what was recorded of its layers.

    Args:
        configuration: as ``sweeps.record``; ``measure_at`` says when layers are measured.
        root: as ``load_data``.
        device: as ``load_data``.
        progress: as ``train``.

    Raises:
        ValueError: for an unknown or missing key; and as ``load_data``, ``build_network``,
            ``train``.
    """
    text = as_text(configuration)
    network, data, settings = prepared(configuration, {"root": root, "device": device})
    run = record_layers(network, data, **settings, progress=progress)
    run.settings["configuration"] = json.loads(text)
    return run


def _kept_near(geometry_at: Any) -> list[int]:
    """The epochs asked for, or ValueError for what says nothing of epochs."""
    try:
        return [operator.index(epoch) for epoch in geometry_at]
    except TypeError:
        raise ValueError(
            f"geometry_at is {geometry_at!r}; give the numbers of epochs, such as (0, 10)"
        ) from None


def units_of(report: CollapseReport) -> list[str]:
    """The layers of a report, from first to last."""
    return [row["layer"] for row in report.layers if row["split"] == "train"]


def layer_names(network: nn.Module, units: Sequence[str]) -> tuple[str, ...]:
    """Names for readers: "input", then "layer 1", "conv 2", "block 3" by what makes each.

    Made are they by the unit before, in ``default_units``, of which linear layers, convolutions and
    blocks of several modules are counted apart.
    """
    counts, names, root = Counter(), ["input"], unwrap(network)
    for unit in units[:-1]:
        module = named(root, unit.removeprefix("in:"))
        kind = KINDS.get(type(module).__name__, "block")
        counts[kind] += 1
        names.append(f"{kind} {counts[kind]}")
    return tuple(names)


def table_of(reports: Mapping[int, CollapseReport], names: Sequence[str]) -> pd.DataFrame:
    """The table of a ``LayerRun`` from a report for each measured epoch."""
    table = pd.DataFrame(table_places(reports, names), columns=PLACE)
    rows = [
        {**row, "accuracy": report.numbers[split]["accuracy"]}
        for report in reports.values()
        for split in SPLITS
        for row in report.layers
        if row["split"] == split
    ]
    found = pd.DataFrame(rows).reindex(columns=QUANTITIES)
    return pd.concat([table, found.fillna(math.nan).astype(float)], axis=1)
