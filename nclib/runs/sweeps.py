"""Runs by configuration: one, or many on any executor.

A configuration is a dict of the arguments of ``load_data``, ``build_network`` and ``train``:
``{"data": "mnist", "per_class": 500, "network": "resnet18", "width": 8, **presets.quick(...)}``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nclib.data.dataset import DataSet
from nclib.data.loading import load_data
from nclib.files import remove_unfinished
from nclib.runs.checkpoint import GENERATORS, Checkpoint
from nclib.runs.identity import DATA, KEYS, NETWORK, TRAINING, as_text, name_of
from nclib.runs.networks import Network, build_network
from nclib.runs.tables import Table
from nclib.runs.training import train
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Number


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
    where = {"root": root, "device": device}
    return _recorded(configuration, as_text(configuration), where, checkpoint, progress)


def _recorded(
    configuration: Mapping[str, Any],
    text: str,
    where: dict,
    checkpoint: str | Path | Checkpoint | None,
    progress: bool,
) -> Trajectory:
    """The same for a configuration whose ``text`` is known, and root and device in ``where``."""
    network, data, settings = prepared(configuration, where)
    settings |= {"checkpoint": checkpoint, "progress": progress}
    trajectory = Trajectory.of(train(network, data, **settings))
    trajectory.settings["configuration"] = json.loads(text)
    return trajectory


def prepared(configuration: Mapping[str, Any], where: dict) -> tuple[Network, DataSet, dict]:
    """Its network and data, with root and device in ``where``, and its arguments of ``train``."""
    seeds = {name: configuration.get(name, 0) for name in ("seed", "data_seed")}
    of_data, of_network, of_training = (
        {name: configuration[name] for name in names if name in configuration}
        for names in (DATA, NETWORK, TRAINING)
    )
    data = load_data(configuration["data"], **where, seed=seeds["data_seed"], **of_data)
    with GENERATORS:  # an executor may run us in threads
        network = build_network(configuration["network"], data, seed=seeds["seed"], **of_network)
    return network, data, of_training | {"seed": seeds["seed"]}


@dataclass
class Sweep:
    """What a sweep came to, in the order of its configurations.

    Attributes:
        configurations: as they were given.
        texts: what tells each from others: ``identity.as_text``.
        runs: index of a configuration → its trajectory, for those that ended well.
        failures: index → what went wrong, for the others.
    """

    configurations: list[dict]
    texts: list[str]
    runs: dict[int, Trajectory] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """A row for each run: the settings in which they differ, then the last epoch's metrics.

        ``loss`` is a setting; its value at the last epoch is ``train_loss``.
        """
        texts = [json.loads(text) for text in self.texts]
        names = [n for n in KEYS if len({json.dumps(text.get(n)) for text in texts}) > 1]
        rows = {}
        for index, run in sorted(self.runs.items()):
            last = run.metrics.iloc[-1].rename({"loss": "train_loss"})
            rows[index] = {name: texts[index].get(name) for name in names} | last.to_dict()
        return Table([*rows.values()], index=[*rows])

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
        configurations: as ``record``; equal ones are run once. What they hold counts, not where it
            lies: a folder that was moved keeps its runs, one in which a file changed has others. A
            function must be one that is defined at the top of a module.
        executor: any ``concurrent.futures`` executor: processes on this machine, Dask's
            ``client.get_executor()`` on many. One after another, here, when not given.
        folder: where runs are kept; workers on other machines must see the same one.
        root: as ``record``.
        device: as ``record``.
        checkpoint_minutes: as ``Checkpoint``.

    Returns:
        The runs and the failures: one that fails does not lose the others.

    Raises:
        ValueError: before anything runs: as ``identity.as_text``, or if no folder can be made.
    """
    given, where = _listed(configurations), {"root": root, "device": device}
    known: dict[str, str] = {}
    done = Sweep(given, [as_text(one, known) for one in given])
    named = [(name_of(text), one) for text, one in zip(done.texts, given, strict=True)]
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


def _listed(configurations: Any) -> list[dict[str, Any]]:
    """Each as a dict, or ValueError for what is no list of them."""
    if isinstance(configurations, Mapping | str) or not isinstance(configurations, Iterable):
        raise ValueError(
            f"configurations is a {type(configurations).__name__}; give a list of dicts, for one "
            "run [configuration]"
        )
    given = [*configurations]
    for index, one in enumerate(given):
        if not isinstance(one, Mapping):
            raise ValueError(f"configuration {index} is {one!r}; give a dict, as record takes")
    return [dict(one) for one in given]


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
    if name_of(text := as_text(configuration)) != Path(path).stem:  # on another machine, say
        raise ValueError(
            f"data {configuration['data']} is here not what it was where the sweep began; give "
            "every machine the same files, and call sweep again once they no longer change"
        )
    remove_unfinished(Path(path))
    checkpoint = Checkpoint(Path(path).with_suffix(".checkpoint"), minutes=minutes)
    run = _recorded(configuration, text, where, checkpoint, progress=False)
    run.save(path)
    checkpoint.path.unlink(missing_ok=True)


def _made(folder: str | os.PathLike[str]) -> Path:
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"folder is {folder!r}; give the path where runs are kept")
    folder = Path(folder).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"folder {folder} cannot be made ({error}); give another") from error
    return folder
