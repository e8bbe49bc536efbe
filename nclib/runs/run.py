"""One training run at work: the pass over the data that trains, and the one that measures."""

from __future__ import annotations

import contextlib
import copy
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from nclib.data.dataset import DataSet, Split
from nclib.formulas.central_path import snr_singular_values
from nclib.formulas.collapse import CollapseMetrics, collapse_metrics, ncc_mismatch
from nclib.formulas.losses import LOSSES
from nclib.formulas.mse import MSEDecomposition, decompose_mse, matching_decay
from nclib.formulas.statistics import ClassStatistics
from nclib.runs.checkpoint import generators
from nclib.shapes import Float, Int, Tensor

BLOCK = 256  # images at a time when measuring: more fall out of a CPU's cache
CUDA_BLOCK = 2048
KEPT_BYTES = 2**32  # features larger than this are not kept, off CUDA


@dataclass(frozen=True)
class Snapshot:
    """The geometry of a measured epoch.

    Attributes:
        class_means: (C, p).
        weight: (C, p) of the classifier.
        bias: (C,) of the classifier.
        features: (S, p), a fixed sample of the training features.
        labels: (S,) of the sample.
        snr: (C-1,) singular values of Σ_W^(-1/2) Ṁᵀ, descending; inf where a mode has no scatter.
    """

    class_means: Float[Tensor, "C p"]
    weight: Float[Tensor, "C p"]
    bias: Float[Tensor, " C"]
    features: Float[Tensor, "S p"]
    labels: Int[Tensor, " S"]
    snr: Float[Tensor, " C-1"]


class Measurement(NamedTuple):
    """What is measured at one epoch, in evaluation mode; the fields of ``Epoch``."""

    loss: float
    train_accuracy: float
    test_accuracy: float
    metrics: CollapseMetrics | None = None
    test_metrics: CollapseMetrics | None = None
    decomposition: MSEDecomposition | None = None
    snapshot: Snapshot | None = None


class Evaluation(NamedTuple):
    """A split in evaluation mode: loss, accuracy, features (None where too large), statistics."""

    loss: float
    accuracy: float
    features: Float[Tensor, "N p"] | None
    stats: ClassStatistics | None


class Run:
    """A network, its data and optimiser; ``step_through`` trains an epoch, ``measure`` measures."""

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

    # Measuring

    @torch.no_grad()
    def evaluate(self, split: Split) -> Evaluation:
        """One pass over a split in float32: bfloat16 features blur NC1 below 1e-5."""
        self.network.eval()
        num_features = self.network.classifier.in_features
        keep = 4 * len(split) * num_features <= _room(split.images.device)
        stats = ClassStatistics(self.data.num_classes, num_features, device=split.images.device)
        kept, logits = [], []
        for features, labels in self._features(split):
            logits.append(self.network.classifier(features))
            if keep:
                kept.append(features)
            elif logits[-1].isfinite().all():
                stats.update(features, labels)
        scores = torch.cat(logits)
        loss = float(self.loss(scores, split.labels))
        accuracy = float((scores.argmax(1) == split.labels).double().mean())
        features = torch.cat(kept) if keep else None
        if keep and math.isfinite(loss):
            stats = ClassStatistics.from_features(features, split.labels, self.data.num_classes)
        return Evaluation(loss, accuracy, features, stats if _measurable(stats) else None)

    def _features(self, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
        size = CUDA_BLOCK if split.images.is_cuda else BLOCK
        with _exact_float32():
            for images, labels in zip(
                split.images.split(size), split.labels.split(size), strict=True
            ):
                yield self.network.features(images), labels

    def measure(self, sample: Int[Tensor, " S"]) -> Measurement:
        """Everything measured at one epoch, from one pass over training and test set.

        (Two, where the features do not fit: the nearest class mean is known after the first.)

        Raises:
            OverflowError: if the loss is still finite, but the scatter of the features no more.
        """
        train, test = self.evaluate(self.data.train), self.evaluate(self.data.test)
        scores = (train.loss, train.accuracy, test.accuracy)
        if not math.isfinite(train.loss) or train.stats is None:
            return Measurement(*scores)
        if not torch.isfinite(train.stats.within_covariance).all():
            raise OverflowError("the features became so large that their scatter overflows")
        layer = self.network.classifier
        weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
        metrics = self._metrics(train.stats, train, self.data.train)
        test_metrics = None
        if math.isfinite(test.loss) and test.stats is not None:
            test_metrics = self._metrics(train.stats, test, self.data.test)
        decay = matching_decay(self.data.num_classes, self.settings["weight_decay"])
        terms = decompose_mse(train.stats, weight, bias, weight_decay=decay)
        kept = (train.stats.class_means.float(), weight, bias, *self._sampled(train, sample))
        snapshot = Snapshot(*(x.cpu() for x in (*kept, snr_singular_values(train.stats))))
        return Measurement(*scores, metrics, test_metrics, terms, snapshot)

    @torch.no_grad()
    def _metrics(self, means: ClassStatistics, at: Evaluation, split: Split) -> CollapseMetrics:
        """NC1-NC3 of a split around its own class means; NC4 against those of the training set."""
        layer = self.network.classifier
        classifier = (layer.weight, layer.bias)
        own = {"features": at.features, "labels": split.labels} if at.features is not None else {}
        metrics = collapse_metrics(at.stats, *classifier, **own)
        if at.features is not None and at.stats is means:
            return metrics
        blocks = [(at.features, split.labels)] if own else self._features(split)
        wrong = sum(ncc_mismatch(means, *classifier, h, y) * len(y) for h, y in blocks)
        return replace(metrics, ncc_mismatch=wrong / len(split))

    @torch.no_grad()
    def _sampled(self, at: Evaluation, sample: Int[Tensor, " S"]) -> tuple[Tensor, Tensor]:
        train = self.data.train
        if at.features is not None:
            return at.features[sample], train.labels[sample]
        chosen = Split(train.images[sample], train.labels[sample])
        return torch.cat([h for h, _ in self._features(chosen)]), chosen.labels

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


def _measurable(stats: ClassStatistics) -> bool:
    return bool((stats.counts > 0).all())


def _room(device: torch.device) -> int:
    """Bytes that features may take."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else KEPT_BYTES


@contextlib.contextmanager
def _exact_float32() -> Iterator[None]:
    """No TF32 in convolutions, which CUDA otherwise takes by default."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
