"""Checkpoints: a training run that a killed process, or a lost notebook host, does not lose.

One file holds the network, the optimiser, the order of the samples and every epoch so far; it is
replaced whole or not at all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nclib.files import atomic_write, remove_unfinished
from nclib.shapes import Number

# A file is this line with the version, the SHA-256 of line and archive, and the archive: torch's.
FIRST_LINE = "nclib-checkpoint {}\n"
VERSION = 1
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError)
GENERATORS = threading.Lock()  # held by whoever sets torch's global ones, which threads share


class CheckpointError(ValueError):
    """A checkpoint cannot be written, cannot be read, or belongs to another run."""


@dataclasses.dataclass
class Checkpoint:
    """Where a run keeps its state, and how often.

    It is also written before the first step, after the last epoch, and when the loop over
    ``train`` is left or interrupted: then with the last whole epoch, unless the file is further.

    Attributes:
        path: the file; its folder must be there (a mounted Drive, say).
        epochs: write every so many epochs; by the clock alone when not given.
        minutes: write after the first epoch that ends this many minutes after the last writing.

    Raises:
        ValueError: if ``epochs`` is below 1 or ``minutes`` negative.
    """

    path: str | Path
    epochs: int | None = None
    minutes: Number = 5

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}; write a checkpoint every 1 or more epochs")
        if self.minutes < 0:
            raise ValueError(f"minutes is {self.minutes}; it must be at least 0")
        if not isinstance(self.path, str | Path):
            raise ValueError(f"checkpoint is {self.path!r}; give the path of a file")
        self.path = Path(self.path)
        self._written_s, self._written = time.monotonic(), "from before"

    def due(self, number: int, last: int) -> bool:
        """Whether epoch ``number`` of ``last`` is one to write after."""
        if number in (0, last) or (self.epochs is not None and number % self.epochs == 0):
            return True
        return time.monotonic() - self._written_s >= 60 * self.minutes

    def save(self, state: dict[str, Any]) -> None:
        """Write the state after the last of its epochs; what was there stays until it is whole.

        Raises:
            CheckpointError: if the file cannot be written: no folder, no permission, a full disk.
        """
        number, buffer = state["epochs"][-1]["number"], io.BytesIO()
        torch.save(plain(state), buffer)  # torch's writer does not survive a file that fails
        archive, first = buffer.getbuffer(), FIRST_LINE.format(VERSION).encode()
        try:
            with atomic_write(self.path) as file:
                for part in (first, _digest(first, archive), archive):
                    file.write(part)
        except (OSError, ValueError) as error:
            there = f"the one {self._written} is still there"
            there = there if self.path.exists() else "there is none yet"
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(
                f"the checkpoint of epoch {number} could not be written to {self.path} "
                f"({reason}); {there}. Make room or give another path, then call train again: it "
                "goes on from the checkpoint there is"
            ) from error
        self._written_s, self._written = time.monotonic(), f"of epoch {number}"

    def is_behind(self, state: dict[str, Any]) -> bool:
        """Whether the file has fewer epochs of the same run; it may be a later or another run's."""
        there = self.load()
        if there is None:
            return True
        same = not changed(there["settings"], state["settings"])
        return same and len(there["epochs"]) < len(state["epochs"])

    def load(self) -> dict[str, Any] | None:
        """The state that was saved, on the CPU; None when there is none yet.

        Raises:
            CheckpointError: if the folder is missing, or the file is truncated, damaged, foreign
                or of a newer version.
        """
        self._written_s, self._written = time.monotonic(), "from before"
        try:
            remove_unfinished(self.path)
            return self._read() if self.path.exists() else None
        except CheckpointError:
            raise
        except ValueError as error:  # no folder, or a folder
            raise CheckpointError(f"checkpoint cannot be kept: {error}") from error
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read ({error})") from error

    def _read(self) -> dict[str, Any]:
        with self.path.open("rb") as file:
            first, digest, archive = file.readline(64), file.read(32), file.read()
        found = re.fullmatch(FIRST_LINE.format(r"(\d+)").encode(), first)
        if found is None:
            raise CheckpointError(f"{self.path} is no checkpoint of nclib; give another path")
        if (version := int(found[1])) > VERSION:
            raise CheckpointError(
                f"{self.path} has format version {version}, made by a newer nclib; this one reads "
                f"up to version {VERSION}: update nclib, or give another path"
            )
        try:
            if _digest(first, archive) != digest:
                raise EOFError("its checksum is another")
            return torch.load(io.BytesIO(archive), map_location="cpu", weights_only=True)
        except _UNREADABLE as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise CheckpointError(
                f"{self.path} is truncated or damaged ({reason}); delete it to begin anew, or give "
                "another path"
            ) from error


def _digest(first: bytes, archive: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(first)
    digest.update(archive)
    return digest.digest()


def generators(device: torch.device) -> list[torch.Tensor]:
    """States of torch's global generators: a network of the user's may have dropout."""
    states = [torch.get_rng_state()]
    return states + ([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])


def restore_generators(states: list[torch.Tensor], device: torch.device) -> None:
    """Put torch's global generators where they were."""
    with GENERATORS:
        torch.set_rng_state(states[0])
        if device.type == "cuda" and len(states) > 1:
            torch.cuda.set_rng_state(states[1], device)


def plain(value: Any) -> Any:
    """Texts and numbers in Python's own types; ``torch.__version__``, say, would not be loaded."""
    if type(value) is dict:  # the ordered one of a network keeps more than its items
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, str) else value


def changed(then: dict, now: dict) -> list[str]:
    """Settings in which two runs differ, wherever they are run."""
    return [key for key in now if key != "environment" and then.get(key) != now[key]]


def require_same_settings(path: Path, then: dict, now: dict) -> None:
    """Raise CheckpointError unless a checkpoint's run is the one that is asked for now."""
    if other := changed(then, now):
        said = "; ".join(f"{key} was {then.get(key)!r}, now {now[key]!r}" for key in other)
        raise CheckpointError(
            f"{path} belongs to another run: {said}. Give the same settings to go on with it, or "
            "another path to begin anew"
        )
