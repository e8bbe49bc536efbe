"""A run that is killed: small, with a checkpoint at every epoch, in a process of its own."""

from __future__ import annotations

import dataclasses
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import nclib
from nclib import Checkpoint, files
from nclib.runs import checkpoint
from nclib.runs.run import Run

EPOCHS = 25
SETTINGS = {"epochs": EPOCHS, "learning_rate": 0.1, "weight_decay": 1e-3, "progress": False}
UNCOMPARED = {"seconds", "environment"}
MOMENTS = ("half written", "written", "about to be renamed", "renamed")


def bits(value: Any) -> Any:
    """A run's numbers to the last bit, comparable; without its clock, date and machine."""
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        return (str(plain.dtype), tuple(plain.shape), plain.numpy().tobytes())
    if isinstance(value, float):
        return value.hex()
    if dataclasses.is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: bits(item) for name, item in value.items() if name not in UNCOMPARED}
    return [bits(item) for item in value] if isinstance(value, list | tuple) else value


def train_whole(path: str | None, result: str, epoch: Any = None, moment: tuple = ()) -> None:
    """Train to the end, or until killed; write the network, every epoch and what it cost.

    Args:
        path: of the checkpoint, written at every epoch.
        result: file for the outcome.
        epoch: shared number that tells how far it is.
        moment: one of ``MOMENTS`` and the number of the writing at which the process kills itself.
    """
    torch.set_num_threads(1)
    if moment:
        kill_while_writing(*moment)
    data = nclib.load_data("digits", classes=[0, 1, 2], device="cpu")
    network = nclib.build_network("mlp", data, width=16, num_features=4)
    steps = counted_steps()
    keeper = None if path is None else Checkpoint(path, epochs=1)
    epochs = []
    for one in nclib.train(network, data, checkpoint=keeper, **SETTINGS):
        epochs.append(one)
        if epoch is not None:
            epoch.value = one.number
    found = {"network": bits(dict(network.state_dict())), "epochs": bits(epochs)}
    found |= {"trained": len(steps), "seconds": epochs[-1].seconds}
    Path(result).write_bytes(pickle.dumps(found))


def counted_steps() -> list[int]:
    """Numbers of the epochs that are really trained from now on, in this process."""
    trained, step_through = [], Run.step_through

    def counted(self: Run, number: int) -> tuple[float, float]:
        trained.append(number)
        return step_through(self, number)

    Run.step_through = counted
    return trained


def kill_while_writing(moment: str, count: int) -> None:
    """From now on this process dies at that moment of the ``count``-th file that it writes."""
    if moment == "half written":
        checkpoint.atomic_write = _dies_half_way(checkpoint.atomic_write, count)
    elif moment == "written":
        os.fsync = _dies(os.fsync, count)
    else:
        files.Path.replace = _dies(Path.replace, count, after=moment == "renamed")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dies(act: Callable, count: int, *, after: bool = False) -> Callable:
    calls = []

    def dying(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == count and not after:
            _die()
        result = act(*args)
        if len(calls) == count:
            _die()
        return result

    return dying


def _dies_half_way(atomic_write: Callable, count: int) -> Callable:
    calls = []

    @contextmanager
    def dying(target: Path) -> Iterator[Any]:
        calls.append(1)
        with atomic_write(target) as file:
            yield _Half(file) if len(calls) == count else file

    return dying


class _Half:
    """A file that gets half of the largest part to the disk, and dies."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, part: Any) -> None:
        whole = bytes(part)
        if len(whole) < 1000:
            self.file.write(whole)
            return
        self.file.write(whole[: len(whole) // 2])
        self.file.flush()
        _die()
