"""Checkpoints: a training run that a killed process, or a lost notebook host, does not lose.

One file holds the network, the optimiser, the order of the samples and every epoch so far. It is
replaced whole or not at all, so that a run killed while writing goes on from the one before.
"""

from __future__ import annotations

import dataclasses
import io
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import torch

from nclib._files import remove_unfinished, whole_file
from nclib._shapes import Number

FORMAT = "nclib-checkpoint"
VERSION = 1


class CheckpointError(ValueError):
    """A checkpoint cannot be written, cannot be read, or belongs to another run."""


@dataclasses.dataclass
class Checkpoint:
    """Where a run keeps its state, and how often.

    Attributes:
        path: the file; its folder must be there (a mounted Drive, say).
        epochs: write every so many epochs; by the clock alone when not given.
        minutes: write after the first epoch that ends this many minutes after the last writing.

    It is also written before the first step, after the last epoch, and when the loop over
    ``train`` is left early.

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
        self.path = Path(self.path)
        self._written_s = time.monotonic()
        self._written_epoch: int | None = None

    def due(self, number: int, last: int) -> bool:
        """Whether epoch ``number`` of ``last`` is one to write after."""
        if number in (0, last) or (self.epochs is not None and number % self.epochs == 0):
            return True
        return time.monotonic() - self._written_s >= 60 * self.minutes

    def save(self, number: int, state: dict[str, Any]) -> None:
        """Write the state after epoch ``number``; what was there stays until it is whole.

        Raises:
            CheckpointError: if the file cannot be written: no folder, no permission, a full disk.
        """
        if self._written_epoch == number:
            return
        buffer = io.BytesIO()  # torch's writer does not survive a file that fails under it
        torch.save({"format": FORMAT, "version": VERSION, **state}, buffer)
        try:
            with whole_file(self.path) as file:
                file.write(buffer.getbuffer())
        except OSError as error:
            raise CheckpointError(
                f"the checkpoint of epoch {number} could not be written to {self.path} "
                f"({error.strerror or error}); {self._what_is_left()}. Make room or give another "
                "path, then call train again: it goes on from the checkpoint there is"
            ) from error
        self._written_s, self._written_epoch = time.monotonic(), number

    def _what_is_left(self) -> str:
        if self._written_epoch is not None:
            return f"the one of epoch {self._written_epoch} is still there"
        return "the one from before is still there" if self.path.exists() else "there is none yet"

    def load(self) -> dict[str, Any] | None:
        """The state that was saved, on the CPU; None when there is none yet.

        Raises:
            CheckpointError: if the folder is missing, or the file is truncated, damaged, foreign
                or of a newer version.
        """
        if not self.path.parent.is_dir():
            raise CheckpointError(
                f"the folder of checkpoint {self.path} does not exist; create it (or mount the "
                "drive it lies on), so that the run is kept where you mean it to be"
            )
        remove_unfinished(self.path)
        if not self.path.exists():
            return None
        state = self._read()
        if state.get("format") != FORMAT:
            raise CheckpointError(f"{self.path} is no checkpoint of nclib; give another path")
        if state["version"] > VERSION:
            raise CheckpointError(
                f"{self.path} has format version {state['version']}, made by a newer nclib; this "
                f"one reads up to version {VERSION}: update nclib, or give another path"
            )
        return state

    def _read(self) -> dict[str, Any]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise EOFError(f"checksum of {damaged}")
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            return state if isinstance(state, dict) else {}
        except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, RuntimeError) as error:
            raise CheckpointError(
                f"{self.path} is truncated, damaged or no checkpoint of nclib "
                f"({str(error).splitlines()[0]}); delete it to begin anew, or give another path"
            ) from error
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read ({error})") from error


def require_same_settings(path: Path, then: dict, now: dict) -> None:
    """Raise CheckpointError unless a checkpoint's run is the one that is asked for now."""
    other = [key for key in now if key != "environment" and then.get(key) != now[key]]
    if other:
        said = "; ".join(f"{key} was {then.get(key)!r}, now {now[key]!r}" for key in other)
        raise CheckpointError(
            f"{path} belongs to another run: {said}. Give the same settings to go on with it, or "
            "another path to begin anew"
        )
