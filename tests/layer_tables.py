"""Layer runs and tables of the law made by hand, so that every number in them is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nclib.runs.layer_runs import PLACE, QUANTITIES, LayerRun, table_places

EPOCHS = (0, 1, 2, 5, 10)


def run_of(nc1: np.ndarray, epochs: tuple[int, ...] = EPOCHS) -> LayerRun:
    """NC1 (E, L) of the training set; on test images twice as much; 100 with shuffled labels."""
    layers = ("input", *(f"layer {i}" for i in range(1, nc1.shape[1])))
    table = pd.DataFrame(table_places(epochs, layers), columns=PLACE)
    table[QUANTITIES] = 1.0
    table["nc1"] = np.concatenate([np.concatenate([row, 2 * row]) for row in nc1])
    table["shuffled"] = 100.0
    settings = {"data": "digits", "network": "mlp", "loss": "cross_entropy", "class_names": "ab"}
    return LayerRun(settings, layers, table)


def falling(ratio: float = 0.5, layers: int = 4) -> np.ndarray:
    """(E, L): from a row of ones towards ratio^l, each layer by even steps of its logarithm."""
    steps = np.linspace(0, 1, len(EPOCHS))
    return ratio ** (steps[:, None] * np.arange(layers))


def law_rows(seeds: int = 2) -> pd.DataFrame:
    """The law with batch norm and weak decay, another ratio of each depth; none of it without."""
    rows = []
    for loss in ("cross_entropy", "squared_error"):
        for batch_norm in (True, False):
            for depth in (3, 5):
                for decay in (0.0, 5e-3):
                    rows += [_law_row(loss, batch_norm, depth, decay, s) for s in range(seeds)]
    return pd.DataFrame(rows)


def _law_row(loss: str, batch_norm: bool, depth: int, decay: float, seed: int) -> dict:
    layers = np.arange(depth + 1.0)
    end = 0.4 ** (layers * 3 / depth) if batch_norm else 1 + 0.1 * (-1) ** layers
    if decay:  # the last layer falls below the line
        end = end * np.where(layers == depth, 1e-2, 1)
    settings = {"loss": loss, "batch_norm": batch_norm, "depth": depth, "weight_decay": decay}
    start = 0.9 * 1.2**layers * (1 + 0.01 * seed)
    return settings | {"seed": seed, "nc1_start": start, "nc1_end": end * (1 + 0.01 * seed)}
