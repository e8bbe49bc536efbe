"""Trainings of notebook 04: watched while the terms move, at rates that stay, by another loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from IPython.display import display

from nclib.data.dataset import DataSet
from nclib.lessons.decomposition.pictures import terms_of, terms_over_time
from nclib.lessons.decomposition.samples import terms_of as measured
from nclib.runs import presets
from nclib.runs.networks import Network, build_network
from nclib.runs.training import train
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Number
from nclib.widgets.watch import whole_steps


def watch_terms(
    network: Network, data: DataSet, decays: Mapping[str, Number], **settings: Any
) -> dict[str, pd.DataFrame]:
    """Train, show the terms at the first decay while they move, and return a table for each decay.

    An interrupt ends the training after an epoch is recorded, and what was recorded is returned.

    Args:
        network: trained in place.
        data: its training set is taken apart.
        decays: λ by name, at least one.
        settings: as ``train`` takes them.
    """
    found: dict[str, dict] = {name: {} for name in decays}
    live, first = terms_over_time(settings["epochs"]), next(iter(decays))
    shown = display(live(terms_of({})), display_id=True)
    try:  # an interrupt waits until the epoch is recorded
        for epoch in whole_steps(train(network, data, **settings)):
            if epoch.metrics is not None:
                for name, table in found.items():
                    table[epoch.number] = measured(network, data.train, decays[name])
                if shown is not None:  # outside a notebook
                    shown.update(live(terms_of(found[first])))
    except KeyboardInterrupt:
        print(f"stopped after {len(found[first])} measured epochs, all of which are kept")  # noqa: T201
    return {name: terms_of(table) for name, table in found.items()}


def at_constant_rates(
    data: DataSet, rates: Iterable[Number], *, seed: int = 0, **settings: Any
) -> dict[str, pd.DataFrame]:
    """Metrics of an MLP trained at rates that do not fall, by "stays at …"; settings of ``train``.

    The control of a training whose rate falls: only ``learning_rate`` and ``schedule`` differ.
    """
    runs = {}
    for rate in rates:
        fixed = settings | {"learning_rate": rate, "schedule": _constant, "seed": seed}
        run = Trajectory.of(train(build_network("mlp", data, seed=seed), data, **fixed))
        runs[f"stays at {rate:g}"] = run.metrics
    return runs


def _constant(_: Number) -> float:
    return 1.0


def refit_table(data: DataSet, *, seed: int = 0, epochs: int | None = None) -> pd.DataFrame:
    """L_LS^⊥/L of an MLP trained by cross-entropy, as it is and with ``best_lengths_and_biases``.

    A row for each decay: λ of its training, and none.

    Args:
        data: to train on, with the quick settings.
        seed: of weights and order.
        epochs: other than those of the quick settings.
    """
    settings = presets.quick("mlp") | {"measure_at": [], "progress": False, "seed": seed}
    settings |= {"epochs": settings["epochs"] if epochs is None else epochs}
    network, rows = build_network("mlp", data, seed=seed), {}
    for _ in train(network, data, **settings):
        pass
    for decay in (data.num_classes * settings["weight_decay"] / 2, 0.0):
        pair = [measured(network, data.train, decay, refitted=on) for on in (False, True)]
        rows[f"λ = {decay:g}"] = [one.perpendicular / one.total for one in pair]
    columns = ["as it is", "each row with its best length and bias"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
