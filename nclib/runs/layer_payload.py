"""The layers of a network, as the JSON values that the collapse player draws frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nclib.runs.layer_geometry import LayerGeometry, turns
from nclib.runs.payload import Coordinates, frames_played

PANELS = (
    {"title": "NC1 · scatter within / between classes", "short": "NC1 · scatter"}
    | {"columns": ["nc1"]},
    {"title": "nearest class mean: wrong", "short": "nearest mean: wrong"}
    | {"columns": ["ncc_accuracy"], "share_of_right": True},
    {"title": "CDNV · spread / distance, by pairs", "short": "CDNV"} | {"columns": ["cdnv"]},
    {"title": "effective rank of the class means", "short": "effective rank"}
    | {"columns": ["effective_rank"], "linear": True},
)
READOUT = (
    {"text": "NC1", "column": "nc1"},
    {"text": "nearest class mean right", "column": "ncc_accuracy", "percent": True},
    {"text": "effective rank", "column": "effective_rank"},
)


def layers_payload(
    geometry: LayerGeometry,
    table: pd.DataFrame,
    *,
    split: str,
    labels: np.ndarray,
    last: np.ndarray,
    title: str,
    class_names: Sequence[str],
) -> dict[str, Any]:
    """Everything the player draws of one epoch and split; frames are layers, in order.

    Args:
        geometry: of the epoch.
        table: its rows, a layer each.
        split: whose samples.
        labels: (S,) of them.
        last: (C, k) class means of the last layer, towards which this epoch's last layer is turned.
        title: of the picture.
        class_names: C names.
    """
    turn = turns(geometry.means[-1:], last)[0]
    turn = turns(geometry.means, geometry.means[-1] @ turn)
    samples, means = (x.astype(float) @ turn for x in (geometry.samples[split], geometry.means))
    whole = Coordinates(samples, means, np.zeros_like(means), np.ones(len(means)))
    columns = [column for panel in PANELS for column in panel["columns"]]
    return {
        **frames_played(
            whole,
            table[columns],
            title=title,
            class_names=class_names,
            labels=labels,
            num_features=means.shape[-1],
            moments=table.layer.tolist(),
        ),
        "kind": "layers",
        "moments": table.name.tolist(),
        "panels": list(PANELS),
        "readout": list(READOUT),
        "zero_error_epoch": None,
        "weights": None,
        "note": note(geometry.shown[split], table.name.tolist()),
    }


def note(shown: np.ndarray, names: Sequence[str]) -> str:
    """What of a layer's samples cannot be seen, and how much is."""
    first, last = (f"{100 * share:.0f} %" for share in (shown[0], shown[-1]))
    return (
        "Each layer is drawn in the span of its training class means, turned towards the last "
        "layer's; what lies outside is not seen. Of the scatter within classes the span holds "
        f"{first} at {names[0]} and {last} at {names[-1]}."
    )
