"""One training run at work: the pass that trains, and all that decides how it goes on."""

from __future__ import annotations

import contextlib
import copy
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from nclib.data.dataset import DataSet, Split
from nclib.formulas.losses import LOSSES
from nclib.measuring.evaluator import Evaluator, Measurement
from nclib.measuring.finding.heads import Head
from nclib.runs.checkpoint import CheckpointError, generators, require_same_settings
from nclib.shapes import Number, Tensor

_WRAPPER = re.compile(r"\b(?:_orig_mod|module)\.")
Schedule = Callable[[Number], Number]


class Run:
    """A network, its data and optimiser, ready for epoch ``first`` after ``seconds`` of work."""

    def __init__(
        self,
        network: nn.Module,
        head: Head,
        data: DataSet,
        settings: dict,
        schedule: Schedule,
        compiled: bool,
    ) -> None:
        self.network, self.data, self.settings, self.schedule = network, data, settings, schedule
        self.first, self.seconds = 0, 0.0
        self.forward = torch.compile(network) if compiled else network
        self.loss = LOSSES[settings["loss"]]
        self.evaluator = Evaluator(network, head, data.num_classes, self.loss)
        self.order = torch.Generator().manual_seed(settings["seed"])  # the same on every device
        options = {name: settings[name] for name in ("momentum", "weight_decay")}
        self.optimizer = torch.optim.SGD(
            network.parameters(), lr=settings["learning_rate"], **options
        )
        low = settings["precision"] == "bfloat16"  # weights and their updates stay float32
        kind = data.device.type
        self.autocast = torch.autocast(kind, torch.bfloat16) if low else contextlib.nullcontext()

    def step_through(self, number: int) -> tuple[float, float]:
        """Train epoch ``number``; mean loss and accuracy of its mini-batches."""
        self.network.train()
        images, labels = self.data.train.images, self.data.train.labels
        size = min(self.settings["batch_size"], len(labels))
        steps = len(labels) // size
        order = torch.randperm(len(labels), generator=self.order).to(labels.device)
        total, correct = torch.zeros((), device=images.device), 0
        for step, batch in enumerate(order[: steps * size].split(size)):
            factor = self.schedule((number - 1 + (step + 0.5) / steps) / self.settings["epochs"])
            self.optimizer.param_groups[0]["lr"] = self.settings["learning_rate"] * factor
            with self.autocast:
                logits = self.forward(images[batch])
            loss = self.loss(logits.float(), labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            correct += (logits.argmax(1) == labels[batch]).sum()
        return float(total) / steps, float(correct) / (steps * size)

    def measured(self, trained: tuple[float, float] | None, sample: Tensor | None) -> Measurement:
        """What an epoch came to: all with a sample, else as ``trained``, else loss and accuracy.

        Measuring leaves the network ready to be used.
        """
        if sample is not None:
            decay = self.settings["weight_decay"]
            found = self.evaluator.report(self.data, weight_decay=decay, sample=sample)
        elif trained is not None:
            return Measurement(*trained, None)
        else:
            at = self.evaluator.evaluate(self.data.train)
            found = Measurement(at.loss, at.accuracy, None)
        self.network.eval()
        return found

    # Keeping

    def state(self) -> dict:
        """All that decides how the run goes on."""
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"order": self.order.get_state(), "generators": generators(self.data.device)}
        return copy.deepcopy(state)

    def restore(self, saved: dict, path: Path) -> None:
        """Go on from what the checkpoint ``path`` holds, but for the global generators.

        Raises:
            CheckpointError: for another run's or network's; this one is left as it was.
        """
        require_same_settings(path, saved["settings"], self.settings)
        here, there = (unwrapped(one) for one in (self.network.state_dict(), saved["network"]))
        shapes = [{name: tuple(x.shape) for name, (_, x) in one.items()} for one in (here, there)]
        for name in here | there:
            now, then = (one.get(name) for one in shapes)
            if now != then:
                raise CheckpointError(
                    f"{path} belongs to another network ({name}: {then} then, {now} now); build "
                    "the network as it was built then, or give another path"
                )
        own = {key: there[name][1] for name, (key, _) in here.items()}
        self.network.load_state_dict(own)
        self.optimizer.load_state_dict(saved["optimizer"])
        self.order.set_state(saved["order"])
        last = saved["epochs"][-1]
        self.first, self.seconds = last["number"] + 1, last["seconds"]


def unwrapped(state: dict[str, Tensor]) -> dict[str, tuple[str, Tensor]]:
    """Name without wrappers → name with them, and tensor: of a state that goes on in another form.

    ``torch.compile`` puts ``_orig_mod`` into the names of what it wraps, ``DataParallel``
    ``module``; both may wrap the network or a part of it.
    """
    plain = {_WRAPPER.sub("", key): (key, tensor) for key, tensor in state.items()}
    return plain if len(plain) == len(state) else {key: (key, x) for key, x in state.items()}


def checksum(split: Split) -> int:
    """CRC-32 of the labels and of every pixel: tells one data set from another."""
    labels = zlib.crc32(split.labels.cpu().contiguous().numpy())
    return zlib.crc32(split.images.cpu().contiguous().numpy(), labels)
