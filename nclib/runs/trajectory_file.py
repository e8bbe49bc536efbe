"""The file of a trajectory: what it must hold, and what is said when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nclib.runs.npz import DAMAGED, read_npz, write_npz

FORMAT = "nclib-trajectory"
VERSION = 2  # 2: test set, loss terms and signal-to-noise ratios
ARRAYS = {"metrics", "labels", "class_means", "weight", "bias", "snr", "captured", "scale"}
ARRAYS |= {"residuals"}  # features less their class mean, over the scale of their epoch


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and header of one of our files, or an error that says what is wrong with it."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        arrays, header = read_npz(path)
        ours = header["format"] == FORMAT
    except DAMAGED as error:
        raise ValueError(
            f"{path} is not a trajectory of nclib, or is truncated or damaged ({error}); give a "
            "file written by Trajectory.save, or record the run again"
        ) from error
    if ours and header["version"] != VERSION:
        newer = header["version"] > VERSION
        made, do = ("a newer", "update nclib") if newer else ("an older", "record the run again")
        raise ValueError(
            f"{path} has format version {header['version']}, made by {made} nclib; this one reads "
            f"version {VERSION}: {do}"
        )
    if not ours or arrays.keys() != ARRAYS:
        raise ValueError(f"{path} is not a trajectory of nclib, or is damaged: {sorted(arrays)}")
    return arrays, header


def write(path: str | Path, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Arrays and header as one compressed ``.npz`` without pickles, whole or not at all."""
    write_npz(path, arrays, {"format": FORMAT, "version": VERSION, **header})
