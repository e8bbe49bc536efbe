"""Whole arrays of inputs and labels: given as they are, in a data set, or in files."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from nclib.data.dataset import DataSet, Split
from nclib.shapes import Tensor

LABEL_NAMES = ("labels", "label", "targets", "target", "label_ids")
SAVE = {
    ".npz": "np.savez(path, features=features, labels=labels)",
    ".pt": 'torch.save({"features": features, "labels": labels}, path)',
}


class Arrays(NamedTuple):
    """All samples at once.

    Attributes:
        inputs: (N, …), a tensor or an array of numpy's, or a dict, tuple or list of such.
        labels: (N, …), likewise.
    """

    inputs: Any
    labels: Any

    def at(self, rows: slice) -> Arrays:
        """Those rows of every array; views."""
        return Arrays(mapped(self.inputs, lambda array: array[rows]), self.labels[rows])

    def blocks(self, size: int) -> Iterator[Arrays]:
        """``size`` rows at a time."""
        for start in range(0, len(self.labels), size):
            yield self.at(slice(start, start + size))


def arrays_of(data: Any, name: str = "data") -> Arrays | None:
    """Inputs and labels where ``data`` holds them whole; None for a loader, a list of batches.

    Args:
        data: a ``DataSet`` (its training images), a ``Split``, a pair of arrays, a dict of arrays
            with ``labels``, a file ``.npz`` or ``.pt`` with ``features`` and ``labels``, or the
            paths of two files ``.npy``. The latter are read while they are measured.
        name: what errors call it.

    Raises:
        ValueError: for a file that is not there, is no such file, or needs pickles; for a dict
            without labels; for arrays of different lengths.
    """
    if is_path(data):
        return _equal(name, _opened(Path(data)))
    if isinstance(data, DataSet | Split):
        split = data.train if isinstance(data, DataSet) else data
        return Arrays(split.images, split.labels)
    if isinstance(data, Mapping):
        return _equal(name, _of_mapping(data, name))
    if are_two_files(data):
        return _equal(name, Arrays(*map(_opened_npy, map(Path, data))))
    return _equal(name, Arrays(*data)) if _is_pair(data) else None


def is_path(given: Any) -> bool:
    """Whether it is text or a path."""
    return isinstance(given, str | os.PathLike)


def are_two_files(given: Any) -> bool:
    """Whether it is (inputs.npy, labels.npy)."""
    return (
        isinstance(given, tuple | list)
        and len(given) == 2
        and all(is_path(x) and Path(x).suffix == ".npy" for x in given)
    )


def is_array(given: Any) -> bool:
    """Whether it is a tensor or an array of numpy's."""
    return isinstance(given, torch.Tensor | np.ndarray)


def mapped(given: Any, function: Callable[[Any], Any]) -> Any:
    """The same dicts, tuples and lists, with ``function`` of every array in them."""
    if isinstance(given, Mapping):
        return {name: mapped(value, function) for name, value in given.items()}
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*(mapped(value, function) for value in given))
    if isinstance(given, tuple | list):
        return type(given)(mapped(value, function) for value in given)
    return function(given) if is_array(given) else given


def arrays_in(given: Any) -> list[Any]:
    """Every array in dicts, tuples and lists, in order."""
    found: list[Any] = []
    mapped(given, found.append)
    return found


def tensor(array: Any) -> Any:
    """A copy of a numpy array as a tensor: any byte order, strides, read-only; text as it is."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
        return array
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))


def without_labels(given: Mapping) -> tuple[Any, Any] | None:
    """(inputs, labels) of a dict; its only other value, or a dict of the others. None without."""
    label = next((name for name in LABEL_NAMES if name in given), None)
    inputs = {name: value for name, value in given.items() if name != label}
    if label is None or not inputs:
        return None
    return (inputs if len(inputs) > 1 else next(iter(inputs.values()))), given[label]


def _is_pair(data: Any) -> bool:
    """Two arrays; in a tuple the inputs may be several: a list of tuples is one of batches."""
    if not isinstance(data, tuple | list) or len(data) != 2 or not is_array(data[1]):
        return False
    if isinstance(data, list) or is_array(data[0]):
        return is_array(data[0])
    return isinstance(data[0], Mapping | tuple | list) and bool(arrays_in(data[0]))


def _of_mapping(data: Mapping, name: str) -> Arrays:
    pair = without_labels(data)
    if pair is None:
        raise ValueError(
            f"{name} is a dict with {', '.join(map(repr, data)) or 'nothing'}; give one of its "
            "values, or a dict of arrays with 'labels' beside the inputs"
        )
    inputs, labels = pair
    return Arrays(inputs, labels if is_array(labels) else np.asarray(labels))


def _equal(name: str, arrays: Arrays) -> Arrays:
    lengths = {len(x) if x.ndim else 0 for x in arrays_in(arrays.inputs)}
    if lengths != {len(arrays.labels) if arrays.labels.ndim else 0}:
        raise ValueError(
            f"{name} has {' and '.join(map(str, sorted(lengths))) or 'no'} inputs and "
            f"{len(arrays.labels)} labels; give one label for each input"
        )
    return arrays


# Files


def _opened(path: Path) -> Arrays:
    """Features and labels in one file."""
    _require_file(path)
    if path.suffix == ".npy":
        raise ValueError(f"{path} holds one array; give two files: (features.npy, labels.npy)")
    if path.suffix not in SAVE:
        raise ValueError(f"{path} is no file of features; give .npz, .pt, or two files .npy")
    try:
        return _opened_npz(path) if path.suffix == ".npz" else _opened_pt(path)
    except pickle.UnpicklingError:
        raise _needs_pickle(path, SAVE[path.suffix]) from None
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read ({_first_line(error)}); save it again: {SAVE[path.suffix]}"
        ) from None


def _opened_npz(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as held:  # np.load would take anything else for a pickle
        names = [name.removesuffix(".npy") for name in held.namelist()]
    _require_names(path, names)
    with np.load(path, allow_pickle=False) as held:
        try:
            return Arrays(held["features"], held["labels"])
        except ValueError:
            raise _needs_pickle(path, SAVE[".npz"]) from None


def _opened_pt(path: Path) -> Arrays:
    settings = {"map_location": "cpu", "mmap": zipfile.is_zipfile(path)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another pickle protocol; what it holds is judged below
        held = torch.load(path, weights_only=True, **settings)
    if isinstance(held, tuple | list) and len(held) == 2 and all(map(is_array, held)):
        return Arrays(*held)
    _require_names(path, list(held) if isinstance(held, Mapping) else [])
    return Arrays(held["features"], held["labels"])


def _opened_npy(path: Path) -> Any:
    """One array, read from the disk when its rows are used."""
    _require_file(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, EOFError, ValueError):
        raise _needs_pickle(path, "np.save(path, features)") from None


def _require_file(path: Path) -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ValueError(f"{path} {what}; give the path of a file of features")


def _require_names(path: Path, names: list) -> None:
    if not {"features", "labels"} <= set(names):
        found = ", ".join(map(repr, names)) or "neither"
        raise ValueError(
            f"{path} has {found}; it must hold 'features' and 'labels': {SAVE[path.suffix]}"
        )


def _needs_pickle(path: Path, save: str) -> ValueError:
    return ValueError(
        f"{path} holds more than numbers, or is damaged; objects are not loaded, since that can "
        f"run any code. Save arrays of numbers alone: {save}"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def on(device: torch.device | str | None) -> Callable[[Any], Any]:
    """A function that makes tensors of arrays, on a device; None leaves tensors where they are."""

    def moved(array: Any) -> Any:
        found = tensor(array)
        if device is None or not isinstance(found, Tensor):
            return found
        return found.to(device, non_blocking=True)

    return moved
