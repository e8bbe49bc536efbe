"""What is measured of a classifier on a data set: loss, accuracy, NC1-NC4, loss terms."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from nclib.data.dataset import DataSet, Split
from nclib.formulas.central_path import snr_singular_values
from nclib.formulas.collapse import CollapseMetrics, collapse_metrics, ncc_mismatch
from nclib.formulas.mse import MSEDecomposition, decompose_mse, matching_decay
from nclib.formulas.spectra import within_spectrum
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.batches import batches
from nclib.measuring.finding.heads import Head, Reading, reading
from nclib.measuring.modes import exact_float32
from nclib.shapes import Float, Int, Number, Tensor

BLOCK = 256  # images at a time: more fall out of a CPU's cache
CUDA_BLOCK = 2048
KEPT_BYTES = 2**32  # features larger than this are not kept, off CUDA


@dataclass(frozen=True)
class Snapshot:
    """The geometry of a measured epoch.

    Attributes:
        class_means: (C, p).
        weight, bias: (C, p) and (C,) of the classifier.
        features, labels: (S, p) and (S,), a fixed sample of the training set's.
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
    test_accuracy: float | None
    metrics: CollapseMetrics | None = None
    test_metrics: CollapseMetrics | None = None
    decomposition: MSEDecomposition | None = None
    snapshot: Snapshot | None = None


class Evaluation(NamedTuple):
    """A split in evaluation mode: mean loss, accuracy in [0, 1], features where they fit.

    ``stats`` of the features are None where the loss is not finite or a class has no samples;
    ``classifier`` is a copy of weight (C, p) and bias (C,), zero where it has none.
    """

    loss: float
    accuracy: float
    features: Float[Tensor, "N p"] | None
    stats: ClassStatistics | None
    classifier: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Evaluator:
    """A model with a linear classifier, ready to be measured on splits of one set of classes.

    Attributes:
        model: any; in evaluation mode its outputs are the classifier's.
        head: its classifier, whose inputs are the features.
        num_classes: C.
        loss: of outputs and labels, a mean over the samples.
    """

    model: nn.Module
    head: Head
    num_classes: int
    loss: Callable[[Tensor, Tensor], Tensor]

    @contextlib.contextmanager
    def _blocks(self, split: Split) -> Iterator[Iterator[tuple[Reading, Tensor]]]:
        """Inside the with-block: what is read of blocks of images, and their labels, in float32.

        bfloat16 features would blur NC1 below 1e-5, TF32 convolutions likewise.
        """
        size = CUDA_BLOCK if split.images.is_cuda else BLOCK
        with exact_float32(), reading(self.model, self.head, each=False) as read:
            passed = ((read(images), labels) for _, images, labels in batches(split, size))
            yield passed

    def evaluate(self, split: Split) -> Evaluation:
        """One pass over a split; the features are kept where they fit."""
        size, device = self.head.num_features, split.images.device
        keep = 4 * len(split) * size <= _room(device)
        stats = None if keep else ClassStatistics(self.num_classes, size, device=device)
        kept, logits = [], []
        with self._blocks(split) as blocks:
            for found, labels in blocks:
                logits.append(found.logits)
                if keep:
                    kept.append(found.features)
                elif found.logits.isfinite().all():
                    stats.update(found.features, labels)
        classifier = found.weight.detach().clone(), found.bias.detach().clone()
        scores = torch.cat(logits)
        loss = float(self.loss(scores, split.labels))
        accuracy = float((scores.argmax(1) == split.labels).double().mean())
        features = torch.cat(kept) if keep else None
        if keep and math.isfinite(loss):
            stats = ClassStatistics.from_features(features, split.labels, self.num_classes)
        usable = math.isfinite(loss) and bool((stats.counts > 0).all())
        return Evaluation(loss, accuracy, features, stats if usable else None, classifier)

    def report(
        self, data: DataSet, *, weight_decay: Number, sample: Int[Tensor, " S"]
    ) -> Measurement:
        """Everything measured at one epoch, from one pass, or two where the features do not fit.

        Args:
            data: what to measure on.
            weight_decay: of the training; the loss terms are at the λ that belongs to it.
            sample: indices of the training samples in the snapshot.
        """
        train, test = self.evaluate(data.train), self.evaluate(data.test)
        scores = (train.loss, train.accuracy, test.accuracy)
        if train.stats is None:
            return Measurement(*scores)
        noise = within_spectrum(train.stats)  # once, for the loss terms and the ratios
        weight, bias = train.classifier
        metrics = self._metrics(train.stats, train, data.train)
        test_metrics = self._metrics(train.stats, test, data.test) if test.stats else None
        decay = matching_decay(self.num_classes, weight_decay)
        terms = decompose_mse(train.stats, weight, bias, weight_decay=decay, noise=noise)
        snr = snr_singular_values(train.stats, noise=noise)
        sampled = self._sampled(train, data.train, sample)
        kept = (train.stats.class_means.float(), weight, bias, *sampled, snr)
        snapshot = Snapshot(*(x.cpu() for x in kept))
        return Measurement(*scores, metrics, test_metrics, terms, snapshot)

    def _metrics(self, means: ClassStatistics, at: Evaluation, split: Split) -> CollapseMetrics:
        """NC1-NC3 of a split around its own class means; NC4 against those of the training set."""
        classifier = at.classifier
        if at.features is None:
            metrics = collapse_metrics(at.stats, *classifier)
            with self._blocks(split) as blocks:
                wrong = sum(
                    ncc_mismatch(means, *classifier, found.features, y) * len(y)
                    for found, y in blocks
                )
            return replace(metrics, ncc_mismatch=wrong / len(split))
        given = {"features": at.features, "labels": split.labels}
        metrics = collapse_metrics(at.stats, *classifier, **given)
        if at.stats is means:
            return metrics
        return replace(metrics, ncc_mismatch=ncc_mismatch(means, *classifier, **given))

    def _sampled(self, at: Evaluation, train: Split, sample: Tensor) -> tuple[Tensor, Tensor]:
        labels = train.labels[sample]
        if at.features is not None:
            return at.features[sample], labels
        with self._blocks(Split(train.images[sample], labels)) as blocks:
            return torch.cat([found.features for found, _ in blocks]), labels


def _room(device: torch.device) -> int:
    """Bytes that features may take."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else KEPT_BYTES
