"""The file of a layer run: a table, and samples of some epochs in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nclib.runs.layer_geometry import SPLITS, LayerGeometry
from nclib.runs.npz import DAMAGED, read_npz, write_npz

FORMAT = "nclib-layer-run"
VERSION = 1
STEPS = 127  # either side of 0
OF_SPLIT = ("labels", "samples", "scale", "shown")  # arrays of each split
ARRAYS = {"epochs", "values", "geometry_epochs", "means"}
ARRAYS |= {f"{split}_{name}" for split in SPLITS for name in OF_SPLIT}
Content = tuple[dict, list[int], np.ndarray, dict[str, np.ndarray], dict[int, LayerGeometry]]


def write(
    path: str | Path,
    header: Mapping[str, Any],
    epochs: Sequence[int],
    values: np.ndarray,
    labels: Mapping[str, np.ndarray],
    geometry: Mapping[int, LayerGeometry],
) -> Path:
    """All of a layer run as one compressed ``.npz`` without pickles, whole or not at all.

    Samples are kept as their distance from the training mean of their class, in 127 steps either
    way of the largest one of their layer and epoch.

    Args:
        path: the file.
        header: JSON values.
        epochs: that were measured.
        values: (R, Q) of the table.
        labels: split → (S,) of the samples.
        geometry: epoch → geometry, at least one.
    """
    kept = [*geometry.values()]
    arrays = {"epochs": np.array(epochs), "values": values}
    arrays |= {"geometry_epochs": np.array([*geometry])}
    arrays |= {"means": np.stack([one.means for one in kept]).astype(np.float32)}
    for split in SPLITS:
        samples = np.stack([one.samples[split] for one in kept])
        packed, scale = _packed(samples - arrays["means"][:, :, labels[split]])
        shown = np.stack([one.shown[split] for one in kept]).astype(np.float32)
        of_split = (labels[split].astype(np.int32), packed, scale, shown)
        arrays |= {f"{split}_{n}": a for n, a in zip(OF_SPLIT, of_split, strict=True)}
    return write_npz(path, arrays, {"format": FORMAT, "version": VERSION, **header})


def read(path: Path) -> Content:
    """Header, epochs, values, labels and geometry of a file that ``write`` wrote.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is not ours, is damaged, or was made by another version.
    """
    arrays, header = _arrays(path)
    labels = {split: arrays[f"{split}_labels"].astype(np.int64) for split in SPLITS}
    samples = {
        split: arrays["means"][:, :, labels[split]]
        + arrays[f"{split}_samples"] * arrays[f"{split}_scale"][..., None, None]
        for split in SPLITS
    }
    geometry = {
        int(epoch): LayerGeometry(
            arrays["means"][index],
            {split: samples[split][index] for split in SPLITS},
            {split: arrays[f"{split}_shown"][index] for split in SPLITS},
        )
        for index, epoch in enumerate(arrays["geometry_epochs"])
    }
    return header, arrays["epochs"].tolist(), arrays["values"], labels, geometry


def _packed(residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(G, L, S, k) as whole steps, and (G, L) the size of one."""
    largest = np.abs(residuals).max(axis=(2, 3))
    scale = (np.where(largest > 0, largest, 1) / STEPS).astype(np.float32)
    return np.rint(residuals / scale[..., None, None]).astype(np.int8), scale


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        arrays, header = read_npz(path)
        ours = header["format"] == FORMAT and arrays.keys() == ARRAYS
        version = header["version"]
    except (*DAMAGED, TypeError) as error:  # a header of another kind
        raise ValueError(
            f"{path} is no layer run of nclib, or is damaged ({error}); give a file written by "
            "LayerRun.save, or record the run again"
        ) from error
    if not ours:
        raise ValueError(f"{path} is no layer run of nclib; give a file written by LayerRun.save")
    if version != VERSION:
        raise ValueError(
            f"{path} has format version {version}, this nclib reads version {VERSION}; record the "
            "run again"
        )
    if not _fit(arrays, header):
        raise ValueError(f"{path} is damaged: its parts do not fit together; record the run again")
    return arrays, header


def _fit(arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> bool:
    """Whether the shapes of a file's parts, its layers and its labels belong together."""
    layers, means = header.get("layers"), arrays["means"]
    if not (isinstance(layers, list) and isinstance(header.get("settings"), dict)):
        return False
    if means.ndim != 4 or any(array.dtype.kind not in "if" for array in arrays.values()):
        return False
    kept, depth, classes, axes = means.shape
    rows, columns = arrays["epochs"].size * len(SPLITS) * depth, arrays["values"].shape[-1:]
    wanted = {"values": (rows, *columns), "geometry_epochs": (kept,)}
    wanted["epochs"] = (arrays["epochs"].size,)
    for split in SPLITS:
        labels = arrays[f"{split}_labels"]
        shapes = ((labels.size,), (kept, depth, labels.size, axes), (kept, depth), (kept, depth))
        wanted |= {f"{split}_{n}": shape for n, shape in zip(OF_SPLIT, shapes, strict=True)}
        if ((labels < 0) | (labels >= classes)).any():
            return False
    return len(layers) == depth and all(arrays[n].shape == shape for n, shape in wanted.items())
