"""One training run at work: the pass that trains, and all that decides how it goes on."""

from __future__ import annotations

import contextlib
import copy
import zlib
from collections.abc import Callable

import torch
from torch import nn

from nclib.data.dataset import DataSet, Split
from nclib.formulas.losses import LOSSES
from nclib.measuring.report import Evaluator
from nclib.runs.checkpoint import generators


class Run:
    """A network, its data and optimiser; ``step_through`` trains an epoch."""

    def __init__(
        self,
        network: nn.Module,
        data: DataSet,
        settings: dict,
        schedule: Callable[[float], float],
        *,
        compiled: bool,
    ) -> None:
        self.network, self.data, self.settings, self.schedule = network, data, settings, schedule
        self.forward = torch.compile(network) if compiled else network
        self.loss = LOSSES[settings["loss"]]
        self.evaluator = Evaluator(network, network.classifier, data.num_classes, self.loss)
        self.order = torch.Generator().manual_seed(settings["seed"])  # the same on every device
        self.optimizer = torch.optim.SGD(
            network.parameters(),
            lr=settings["learning_rate"],
            momentum=settings["momentum"],
            weight_decay=settings["weight_decay"],
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
            done = (number - 1 + (step + 0.5) / steps) / self.settings["epochs"]
            self.optimizer.param_groups[0]["lr"] = self.settings["learning_rate"] * self.schedule(
                done
            )
            with self.autocast:
                logits = self.forward(images[batch])
            loss = self.loss(logits.float(), labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
            correct += (logits.argmax(1) == labels[batch]).sum()
        return float(total) / steps, float(correct) / (steps * size)

    # Keeping

    def state(self) -> dict:
        """All that decides how the run goes on."""
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"order": self.order.get_state(), "generators": generators(self.data.device)}
        return copy.deepcopy(state)

    def restore(self, state: dict) -> None:
        """Go on from a ``state``, but for the global generators.

        Raises:
            ValueError: when it is another network's; this one is left as it was.
        """
        here, there = (
            {name: tuple(value.shape) for name, value in tensors.items()}
            for tensors in (self.network.state_dict(), state["network"])
        )
        for name in here | there:
            if here.get(name) != there.get(name):
                raise ValueError(f"{name}: {there.get(name)} then, {here.get(name)} now")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])

    def advice(self, number: int, what: str) -> str:
        """What to say when ``what`` is not finite."""
        rate = self.settings["learning_rate"]
        return (
            f"{what} in epoch {number} with learning_rate={rate:g} and "
            f"loss={self.settings['loss']!r}; lower learning_rate (try {rate / 10:g}) "
            "or train with larger batches"
        )


def checksum(split: Split) -> int:
    """CRC-32 of the labels and of one pixel of each image: tells one data set from another."""
    middle = split.images[:, :, split.images.shape[2] // 2, split.images.shape[3] // 2]
    labels = zlib.crc32(split.labels.cpu().numpy().tobytes())
    return zlib.crc32(middle.cpu().contiguous().numpy().tobytes(), labels)
