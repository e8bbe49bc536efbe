"""One epoch of a run, and how it is kept in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from nclib.formulas.collapse import CollapseMetrics
from nclib.formulas.mse import MSEDecomposition
from nclib.measuring.evaluator import Snapshot


@dataclass(frozen=True)
class Epoch:
    """One epoch of training; epoch 0 is before any step. None stands for what is not measured.

    Attributes:
        number: epochs completed.
        loss: mean training loss: of measured epochs in evaluation mode over the whole training set,
            otherwise of the mini-batches as they were trained on; likewise ``train_accuracy``.
        train_accuracy: share of training samples decided correctly, in [0, 1].
        test_accuracy: the same of the test set.
        metrics: NC1-NC4 on the training set in evaluation mode.
        seconds: training time so far, measuring included.
        snapshot: means, classifier and sampled features.
        settings: what was run, and in which environment.
        test_metrics: NC1-NC3 of the test set around its own class means, and NC4 as the paper has
            it, against the *training* class means; None, too, when the test set lacks a class.
        decomposition: the squared-error loss of the classifier on the training features, in its
            terms, whatever loss was trained with, at the training's decay (``matching_decay``).
    """

    number: int
    loss: float
    train_accuracy: float
    test_accuracy: float | None
    metrics: CollapseMetrics | None
    seconds: float
    snapshot: Snapshot | None
    settings: dict
    test_metrics: CollapseMetrics | None = None
    decomposition: MSEDecomposition | None = None


_KINDS = {"metrics": CollapseMetrics, "snapshot": Snapshot, "test_metrics": CollapseMetrics}
_KINDS["decomposition"] = MSEDecomposition


def pack(epoch: Epoch) -> dict:
    """An epoch as tensors, numbers and dicts, without the settings that all of them share."""
    values = {name: value for name, value in vars(epoch).items() if name != "settings"}
    return values | {name: vars(values[name]) for name in _KINDS if values[name] is not None}


def unpack(values: dict, settings: dict) -> Epoch:
    """The epoch that ``pack`` took apart."""
    kept = {name: kind(**values[name]) for name, kind in _KINDS.items() if values[name] is not None}
    return Epoch(**values | kept, settings=settings)
