"""Train a network and measure its collapse, one epoch at a time.

``train`` is a generator: it does the work of one epoch, yields it, and stops when nobody asks for
more. With a checkpoint it goes on where a killed process stopped.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from nclib import runtime
from nclib.checks import check_flags, check_numbers
from nclib.data.dataset import DataSet
from nclib.formulas.losses import check_loss
from nclib.runs.checkpoint import Checkpoint, plain, restore_generators
from nclib.runs.contract import check_data, check_network, schedule_name
from nclib.runs.epoch import Epoch, pack, unpack
from nclib.runs.presets import measured_epochs, step_schedule
from nclib.runs.run import Run, checksum
from nclib.shapes import Number, Tensor

PRECISIONS = ("float32", "bfloat16")
BAR = {"desc": "training", "unit": "epoch", "delay": 2, "leave": False}


class DivergedError(ValueError):
    """The loss became NaN or infinite."""


def train(  # noqa: PLR0913 - the settings of a run, all named
    network: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    learning_rate: Number,
    weight_decay: Number,
    loss: str = "cross_entropy",
    batch_size: int = 128,
    momentum: Number = 0.9,
    schedule: Callable[[Number], Number] = step_schedule,
    measure_at: Iterable[int] | Callable[[int], bool] | None = None,
    sample_per_class: int | None = None,
    seed: int = 0,
    precision: str | None = None,
    compiled: bool = False,
    checkpoint: str | Path | Checkpoint | None = None,
    progress: bool = True,
) -> Iterator[Epoch]:
    """Train by SGD and yield every epoch, measured or not, from 0 to ``epochs``.

    Args:
        network: from images to logits (N, C); it is moved to the data's device and trained in
            place. Of ``build_network``, or any of your own whose logits are features·Wᵀ + b: the
            linear classifier is found as ``measure`` finds it, whatever its name.
        data: tensors on the device.
        epochs: at least 0.
        learning_rate: > 0, before the schedule.
        weight_decay: ≥ 0, on every parameter, as the papers do.
        loss: ``"cross_entropy"``, ``"squared_error"``, ``"label_smoothing"`` or ``"focal"``.
        batch_size: samples a step; an incomplete last batch is dropped (all samples if fewer).
        momentum: in [0, 1).
        schedule: factor on the learning rate for progress in [0, 1): ``step_schedule`` (the
            papers') or ``cosine_schedule``.
        measure_at: epochs to measure, or a function that says of each whether to; log-spaced when
            not given. The last is always measured.
        sample_per_class: features kept per class for pictures; 60, or fewer beyond ten classes.
        seed: of the order of the samples. Equal seeds give equal bits on a CPU.
        precision: ``"float32"``, or ``"bfloat16"`` in the training passes (weights, updates and
            everything measured stay float32); bfloat16 on CUDA devices that have it when not given.
        compiled: train through ``torch.compile``: worth its minute only on a GPU.
        checkpoint: a file to keep the run in, or a ``Checkpoint`` that also says how often. If it
            is there, its weights are taken, its epochs yielded again, and training goes on after
            them: on a CPU to the same bits as without the interruption.
        progress: show a text progress bar once it takes longer than two seconds.

    Raises:
        ValueError: for settings out of range, before any work.
        CheckpointError: for a checkpoint that cannot be read or written, or of another run.
        DivergedError: when the loss becomes NaN or infinite, with the epoch and what to change.
    """
    check_loss(loss)
    check_flags(compiled=compiled)
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"precision {precision!r} is unknown; choose from {', '.join(PRECISIONS)}")
    numbers = {"epochs": epochs, "learning_rate": learning_rate, "weight_decay": weight_decay}
    numbers |= {"batch_size": batch_size, "momentum": momentum, "seed": seed}
    numbers = check_numbers(**numbers)
    if sample_per_class is not None:
        sample_per_class = check_numbers(sample_per_class=sample_per_class)["sample_per_class"]
    wanted = asked_epochs(measure_at, numbers["epochs"])
    check_data(data)
    sample = _sample(data.train.labels, data.num_classes, sample_per_class)
    settings = {"data": data.name, "network": _name(network)}
    settings |= {"loss": loss, "schedule": schedule_name(schedule), **numbers}
    settings |= {"precision": precision or _best_precision(data.device)}
    settings |= {"class_names": list(data.class_names), "num_samples": len(data.train)}
    settings |= {"sample_size": len(sample), "data_checksum": checksum(data.train)}
    settings |= {"environment": runtime.environment(data.device)}
    # channels last makes convolutions up to half as fast again, on CPU as on CUDA
    network = network.to(data.device, memory_format=torch.channels_last)
    head = check_network(network, data)
    run = Run(network, head, data, plain(settings), schedule, compiled)
    trained = _epochs(run, wanted, sample, progress)
    if checkpoint is None:
        return trained
    keeper = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
    saved = keeper.load()
    if saved is not None:
        run.restore(saved, keeper.path)
    return _kept(run, trained, keeper, saved)


def _epochs(
    run: Run, wanted: Callable[[int], bool], sample: Tensor, progress: bool
) -> Iterator[Epoch]:
    """The epochs from the run's first on."""
    first, last, start = run.first, run.settings["epochs"], time.perf_counter() - run.seconds
    shown = {"initial": first, "total": last + 1, "disable": not progress, **BAR}
    with tqdm(range(first, last + 1), **shown) as bar:
        for number in bar:
            trained = run.step_through(number) if number else None
            asked = number == last or wanted(number)  # after it: pictures go by the clock
            measured = run.measured(trained, sample if asked else None)
            if not math.isfinite(measured.loss):
                rate, loss = run.settings["learning_rate"], run.settings["loss"]
                raise DivergedError(
                    f"the loss became {measured.loss} in epoch {number} with learning_rate="
                    f"{rate:g} and loss={loss!r}; lower learning_rate (try {rate / 10:g}) or "
                    "train with larger batches"
                )
            seconds = time.perf_counter() - start
            yield Epoch(number, seconds=seconds, settings=run.settings, **measured._asdict())


def _kept(
    run: Run, trained: Iterator[Epoch], keeper: Checkpoint, saved: dict | None
) -> Iterator[Epoch]:
    """The same epochs, kept; those that were ``saved`` are yielded, not trained again."""
    packed = saved["epochs"] if saved else []
    history = [unpack(epoch, saved["settings"]) for epoch in packed]
    yield from history[:-1]
    if saved:
        restore_generators(saved["generators"], run.data.device)
        yield history[-1]
    left = None
    try:
        for epoch in trained:
            packed = [*packed, pack(epoch)]
            left = {"epochs": packed, "settings": run.settings, **run.state()}
            if keeper.due(epoch.number, run.settings["epochs"]):
                keeper.save(left)
            yield epoch
    except (GeneratorExit, KeyboardInterrupt):  # the loop was left: nothing of it is to be lost
        if left is not None and keeper.is_behind(left):
            keeper.save(left)
        raise


def _name(network: nn.Module) -> str:
    """Its own, else its class's; a compiled one is what was compiled."""
    return getattr(network, "name", type(getattr(network, "_orig_mod", network)).__name__)


def asked_epochs(measure_at: Any, epochs: int) -> Callable[[int], bool]:
    """Whether an epoch is to be measured, or ValueError for what says nothing of epochs."""
    chosen = measured_epochs(epochs) if measure_at is None else measure_at
    if callable(chosen):
        return chosen
    if isinstance(chosen, torch.Tensor):
        chosen = chosen.tolist()
    try:
        return {operator.index(number) for number in chosen}.__contains__
    except TypeError:
        raise ValueError(
            f"measure_at is {measure_at!r}; give the numbers of epochs, such as range(10), or a "
            "function that says of a number whether to measure"
        ) from None


def _sample(labels: Tensor, num_classes: int, per_class: int | None) -> Tensor:
    """Indices of the first ``per_class`` samples of each class: 60, or fewer beyond ten classes."""
    per_class = max(1, min(60, 600 // num_classes)) if per_class is None else per_class
    picks = [(labels == c).nonzero().flatten()[:per_class] for c in range(num_classes)]
    return torch.cat(picks)


def _best_precision(device: torch.device) -> str:
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if fast else "float32"
