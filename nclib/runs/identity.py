"""What tells a configured run from another: the content of its settings, its data and functions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nclib.checks import check_numbers
from nclib.data.named import NAMED
from nclib.runs.contract import schedule_name

DATA = ("per_class", "classes", "image_size", "splits")
NETWORK = ("width", "num_features", "depth", "linear_features", "batch_norm")
TRAINING = ("loss", "epochs", "learning_rate", "weight_decay", "batch_size", "momentum", "schedule")
TRAINING += ("measure_at", "sample_per_class", "precision", "compiled")
NEEDED = ("data", "network", "epochs", "learning_rate", "weight_decay")
KEYS = (*NEEDED[:2], *DATA, "data_seed", *NETWORK, *TRAINING, "seed")


def check(configuration: Mapping[str, Any]) -> None:
    """Raise ValueError for an unknown or missing key."""
    unknown = [name for name in configuration if name not in KEYS]
    if unknown:
        raise ValueError(f"configuration has no key {unknown[0]!r}; there are {', '.join(KEYS)}")
    missing = [name for name in NEEDED if name not in configuration]
    if missing:
        raise ValueError(f"configuration lacks {', '.join(missing)}: {dict(configuration)}")


def run_name(configuration: Mapping[str, Any]) -> str:
    """Data, network and loss, then ten digits of a hash of it all; ValueError as ``as_text``."""
    return name_of(as_text(configuration))


def name_of(text: str) -> str:
    """The same of a configuration ``as_text``."""
    told = json.loads(text)
    words = [told["data"].partition(" sha256:")[0].partition(".")[0][:40], told["network"]]
    words.append(told.get("loss", "cross_entropy").replace("_", "-"))
    return "-".join([*words, hashlib.sha256(text.encode()).hexdigest()[:10]])


def as_text(configuration: Mapping[str, Any], known: dict[str, str] | None = None) -> str:
    """JSON with sorted keys in which equal runs are equal, wherever their data lies.

    Data is told by ``data_identity``, a schedule by its name and values, a function that chooses
    epochs by those it chooses, an array by its numbers. ``known`` keeps what data was told by, for
    many at once.

    Raises:
        ValueError: for an unknown or missing key, for data that is not there, and for a value that
            nothing tells from others.
    """
    check(configuration)
    known, data = {} if known is None else known, configuration["data"]
    if repr(data) not in known:
        known[repr(data)] = data_identity(data)
    told = {**configuration, "data": known[repr(data)]}
    schedule, measure_at = (configuration.get(name) for name in ("schedule", "measure_at"))
    if callable(schedule):
        _plain(schedule)
        told["schedule"] = schedule_name(schedule)
    if callable(measure_at):
        (last,) = check_numbers(epochs=configuration["epochs"]).values()
        told["measure_at"] = [number for number in range(last + 1) if measure_at(number)]
    return json.dumps(told, sort_keys=True, default=_plain)


def data_identity(data: Any) -> str:
    """A named set by its name; a folder or an archive by its name and a checksum of its content.

    A folder's checksum is of all its files, their names below it and their bytes, hidden ones left
    out; an archive's of its bytes. Either may move; a file that changes makes another set.

    Raises:
        ValueError: for what is neither a named set nor there.
    """
    if isinstance(data, str) and data in NAMED:
        return data
    try:
        path = Path(os.path.realpath(Path(data).expanduser()))
    except TypeError:
        raise ValueError(
            f"data is a {type(data).__name__}; give a data set's name, or the path of an image "
            "folder or archive"
        ) from None
    if not path.exists():
        raise ValueError(
            f"data {str(data)!r} is none of {', '.join(NAMED)}, and no folder or archive here "
            f"({path}): runs on it could not be told from others; give one that this process sees"
        )
    digest = hashlib.sha256()
    if path.is_dir():
        for name, file in sorted(_files(path)):
            digest.update(name + b"\0" + _digest(file))
    else:
        digest.update(_digest(path))
    return f"{path.name} sha256:{digest.hexdigest()[:16]}"


def _files(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """Name below the folder, and path, of every file; links are followed, in a circle once."""
    for here, below, names in os.walk(folder, followlinks=True):
        above = {os.path.realpath(one) for one in (here, *Path(here).parents)}
        below[:] = [
            name
            for name in below
            if name[0] != "." and os.path.realpath(Path(here, name)) not in above
        ]
        for name in names:
            path = Path(here, name)
            if name[0] != "." and path.is_file():
                yield os.fsencode(path.relative_to(folder).as_posix()), path


def _digest(file: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise ValueError(
            f"data file {file} cannot be read ({error.strerror}); make it readable, or leave it out"
        ) from error
    return digest.digest()


def _plain(value: Any) -> Any:
    """What JSON has for a value that it does not know."""
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        return value.tolist()
    if isinstance(value, range | set | frozenset):
        return list(value) if isinstance(value, range) else sorted(value)
    name = getattr(value, "__qualname__", "<nothing>")
    if "<" in name:  # of a lambda, or of a function made by another: no process could be sent it
        raise ValueError(
            f"configuration has {value!r}, which no name or text tells from others; give a number, "
            "a text, a list, or a function that is defined at the top of a module"
        )
    return name
