"""Arrays and a header of JSON values in one compressed ``.npz`` without pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nclib.files import atomic_write

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError)


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and header; raises one of ``DAMAGED`` for any other file."""
    with zipfile.ZipFile(path):  # np.load would take other kinds of files, too
        arrays = dict(np.load(path, allow_pickle=False))
    return arrays, json.loads(str(arrays.pop("header")))


def write_npz(
    path: str | Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> Path:
    """Write what ``read_npz`` reads, whole or not at all; returns the path."""
    with atomic_write(path) as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)
    return Path(path)
