"""Runs by configuration: one, or many on any executor.

A configuration is a dict of the arguments of ``load_data``, ``build_network`` and ``train``:
``{"data": "mnist", "per_class": 500, "network": "resnet18", "width": 8, **presets.quick(...)}``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from nclib.data.loading import load_data
from nclib.files import remove_unfinished
from nclib.runs.checkpoint import GENERATORS, Checkpoint
from nclib.runs.networks import build_network
from nclib.runs.training import train
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Number

DATA = ("per_class", "classes", "image_size")
NETWORK = ("width", "num_features", "linear_features", "batch_norm")
TRAINING = ("loss", "epochs", "learning_rate", "weight_decay", "batch_size", "momentum", "schedule")
TRAINING += ("measure_at", "sample_per_class", "precision", "compiled")
NEEDED = ("data", "network", "epochs", "learning_rate", "weight_decay")
KEYS = (*NEEDED[:2], *DATA, "data_seed", *NETWORK, *TRAINING, "seed")


def record(
    configuration: Mapping[str, Any],
    *,
    root: str | os.PathLike[str] | None = None,
    device: str | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    progress: bool = True,
) -> Trajectory:
    """Load the data, build the network, train it; what was recorded.

    Args:
        configuration: ``data``, ``network`` and arguments of ``load_data`` (``per_class`` …),
            ``build_network`` (``width`` …) and ``train``. ``seed`` is that of the initial weights
            and of the order of the samples, ``data_seed`` that of the choice of samples.
        root: as ``load_data``.
        device: as ``load_data``.
        checkpoint: as ``train``.
        progress: as ``train``.

    Raises:
        ValueError: for an unknown or missing key; and as the three functions.
    """
    _check(configuration)
    seeds = {name: configuration.get(name, 0) for name in ("seed", "data_seed")}
    of_data, of_network, of_training = (
        {name: configuration[name] for name in names if name in configuration}
        for names in (DATA, NETWORK, TRAINING)
    )
    where = {"root": root, "device": device, "seed": seeds["data_seed"]}
    data = load_data(configuration["data"], **where, **of_data)
    with GENERATORS:  # an executor may run us in threads
        network = build_network(configuration["network"], data, seed=seeds["seed"], **of_network)
    of_training |= {"seed": seeds["seed"], "checkpoint": checkpoint, "progress": progress}
    trajectory = Trajectory.of(train(network, data, **of_training))
    trajectory.settings["configuration"] = json.loads(_as_text(configuration))
    return trajectory


@dataclass
class Sweep:
    """What a sweep came to, in the order of its configurations.

    Attributes:
        configurations: as they were given.
        runs: index of a configuration → its trajectory, for those that ended well.
        failures: index → what went wrong, for the others.
    """

    configurations: list[dict]
    runs: dict[int, Trajectory] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each run: the settings in which they differ, then the last epoch's metrics.

        ``loss`` is a setting; its value at the last epoch is ``train_loss``.
        """
        texts = [json.loads(_as_text(one)) for one in self.configurations]
        names = [n for n in KEYS if len({json.dumps(text.get(n)) for text in texts}) > 1]
        rows = {}
        for index, run in sorted(self.runs.items()):
            last = run.metrics.iloc[-1].rename({"loss": "train_loss"})
            rows[index] = {name: texts[index].get(name) for name in names} | last.to_dict()
        return pd.DataFrame([*rows.values()], index=[*rows])

    def __repr__(self) -> str:
        said = f"Sweep({len(self.runs)} of {len(self.configurations)} runs"
        failed = [f"{index}: {reason}" for index, reason in self.failures.items()]
        return said + (f"; failed: {'; '.join(failed)})" if failed else ")")


def sweep(
    configurations: Iterable[Mapping[str, Any]],
    executor: Executor | None = None,
    *,
    folder: str | os.PathLike[str] = "runs",
    root: str | os.PathLike[str] | None = None,
    device: str | None = None,
    checkpoint_minutes: Number = 5,
) -> Sweep:
    """Record many configurations; those whose file is in the folder already are not run again.

    Each keeps a checkpoint in the folder while it goes and a trajectory when it is done: a sweep
    that was interrupted, or lost a worker, is simply called again.

    Args:
        configurations: as ``record``; equal ones are run once. Functions in them (schedules) count
            by their name, so it must be one that is defined at the top of a module.
        executor: any ``concurrent.futures`` executor: processes on this machine, Dask's
            ``client.get_executor()`` on many. One after another, here, when not given.
        folder: where runs are kept; workers on other machines must see the same one.
        root: as ``record``.
        device: as ``record``.
        checkpoint_minutes: as ``Checkpoint``.

    Returns:
        The runs and the failures: one that fails does not lose the others.

    Raises:
        ValueError: before anything runs: for an unknown or missing key, or no folder can be made.
    """
    done, where = Sweep([dict(one) for one in configurations]), {"root": root, "device": device}
    named = [(run_name(one), one) for one in done.configurations]
    folder = _made(folder)
    paths = {name: folder / f"{name}.npz" for name, _ in named}
    work = {name: (one, str(paths[name]), where, checkpoint_minutes) for name, one in named}
    missing = {name: job for name, job in work.items() if not paths[name].exists()}
    failures = dict(_failures(missing, executor))
    for index, (name, _) in enumerate(named):
        if name in failures:
            done.failures[index] = failures[name]
            continue
        try:
            done.runs[index] = Trajectory.load(paths[name])
        except ValueError as error:  # damaged, or of another version
            done.failures[index] = str(error)
    return done


def _failures(work: Mapping[str, tuple], executor: Executor | None) -> Iterator[tuple[str, str]]:
    """Run everything; name and reason of what failed."""
    submit = _done_here if executor is None else executor.submit
    outcomes: Iterable = ((_begun(submit, job), name) for name, job in work.items())
    if executor is not None:
        names = dict(outcomes)
        outcomes = ((future, names[future]) for future in as_completed(names))
    for future, name in tqdm(outcomes, desc="runs", total=len(work), delay=2, leave=False):
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            yield name, f"{type(error).__name__}: {error}"
        elif not Path(path := work[name][1]).exists():
            said = "where this process does not see it; give a folder that all machines share"
            yield name, f"the worker wrote {path} {said}"


def _begun(submit: Callable[..., Future], job: tuple) -> Future:
    """The outcome of a job, or why it failed or was not taken; an interrupt goes through."""
    try:
        return submit(_keep, *job)
    except Exception as error:
        future: Future = Future()
        future.set_exception(error)
        return future


def _done_here(act: Callable[..., None], *job: Any) -> Future:
    future: Future = Future()
    future.set_result(act(*job))
    return future


def _keep(configuration: Mapping[str, Any], path: str, where: dict, minutes: Number) -> None:
    """Record one configuration to a file, through a checkpoint that goes when it is done."""
    remove_unfinished(Path(path))
    checkpoint = Checkpoint(Path(path).with_suffix(".checkpoint"), minutes=minutes)
    run = record(configuration, **where, checkpoint=checkpoint, progress=False)
    run.save(path)
    checkpoint.path.unlink(missing_ok=True)


def run_name(configuration: Mapping[str, Any]) -> str:
    """Data, network and loss, then ten digits of a hash of it all; ValueError as ``record``."""
    _check(configuration)
    text = _as_text(configuration)
    words = [json.loads(text)["data"].partition(".")[0], configuration["network"]]
    words.append(configuration.get("loss", "cross_entropy").replace("_", "-"))
    return "-".join([*words, hashlib.sha256(text.encode()).hexdigest()[:10]])


def _as_text(configuration: Mapping[str, Any]) -> str:
    """JSON with sorted keys; data by name, wherever it lies; functions by name, arrays as lists."""
    named = {**configuration, "data": Path(configuration["data"]).name}
    return json.dumps(named, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has for a value that it does not know."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, range | set | frozenset):
        return list(value) if isinstance(value, range) else sorted(value)
    name = getattr(value, "__qualname__", "<nothing>")
    if "<" in name:  # of a lambda, or of a function made by another: they would pass for equal
        raise ValueError(
            f"configuration has {value!r}, which no name or text tells from others; give a number, "
            "a text, a list, or a function that is defined at the top of a module"
        )
    return name


def _check(configuration: Mapping[str, Any]) -> None:
    unknown = [name for name in configuration if name not in KEYS]
    if unknown:
        raise ValueError(f"configuration has no key {unknown[0]!r}; there are {', '.join(KEYS)}")
    missing = [name for name in NEEDED if name not in configuration]
    if missing:
        raise ValueError(f"configuration lacks {', '.join(missing)}: {dict(configuration)}")


def _made(folder: str | os.PathLike[str]) -> Path:
    folder = Path(folder).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"folder {folder} cannot be made ({error}); give another") from error
    return folder
