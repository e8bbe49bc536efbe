"""What is said of one split: NC1 to NC4, by class and in all, over all ranks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from nclib.formulas.collapse import Means, equinorm, geometry, self_duality
from nclib.formulas.decisions import MANY
from nclib.formulas.separation import (
    log_distances,
    mean_cdnv,
    quotient,
    uniformity,
    whitened_squares,
)
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.unseen import auroc, mean_distance, span_share
from nclib.measuring.passes import Part
from nclib.measuring.ranks import total
from nclib.shapes import Float, Int, Tensor


class Present:
    """The classes of a split that have samples, numbered anew, and their means.

    Attributes:
        classes: (k,) of 0..C-1, ascending.
        stats: of these k classes.
        means: of ``stats``.
    """

    def __init__(self, stats: ClassStatistics, name: str = "data") -> None:
        self.classes = stats.counts.nonzero().flatten()
        self.stats = stats
        if len(self.classes) < 2:
            raise ValueError(
                f"{name} has samples of {len(self.classes)} of {stats.num_classes} classes; "
                "collapse needs two at least"
            )
        if len(self.classes) < stats.num_classes:
            self.stats = stats.restricted_to(self.classes)
        self.means = Means(self.stats)

    def renumbered(self, labels: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
        """Labels 0..C-1 as 0..k-1."""
        return torch.searchsorted(self.classes.to(labels.device), labels)

    @property
    def many(self) -> bool:
        """Whether the pairs of classes are too many to be looked at one by one."""
        return len(self.classes) > MANY


@dataclass(frozen=True)
class ByClass:
    """Numbers for each class with samples; None where the features could not be had again.

    Attributes:
        nc1: (k,) whose mean weighted by samples is NC1.
        mismatches: (k,) share decided otherwise than the nearest training mean.
        nearest_right: (k,) share to which their own training mean is nearest.
        accuracy: (k,) share decided rightly.
    """

    nc1: Float[Tensor, " k"] | None
    mismatches: Float[Tensor, " k"] | None
    nearest_right: Float[Tensor, " k"] | None
    accuracy: Float[Tensor, " k"]


def by_class(part: Part, own: Present, train: Present, again: bool) -> ByClass:
    """From the features, kept or (``again``) in further passes."""
    counts = own.stats.counts.double().cpu()
    accuracy = part.right[own.classes.cpu()] / counts
    if part.last.features is None and not (again and part.has_blocks):
        return ByClass(None, None, None, accuracy)
    squares = _nc1_by_class(part, own)
    sums = torch.zeros(2, part.last.stats.num_classes, dtype=torch.int64)
    for features, labels in part.blocks():
        sums += against_means(features, labels, part.weight, part.bias, train)
    wrong, right = total(sums)[:, own.classes.cpu()] / counts
    if train.means.rank == 0:
        wrong = right = torch.full_like(wrong, math.nan)
    return ByClass(squares, wrong, right, accuracy)


def _nc1_by_class(part: Part, own: Present) -> Float[Tensor, " k"]:
    """Each rank's mean squares, weighted by its samples."""
    count = len(own.classes)
    sums = torch.zeros(count, dtype=torch.float64)
    for features, labels in part.blocks():
        labels = own.renumbered(labels)
        found = whitened_squares(own.stats, [(features, labels)]).double().cpu()
        here = torch.bincount(labels, minlength=count).cpu()
        sums += torch.where(here > 0, found * here, 0)
    return total(sums) / own.stats.counts.cpu()


def against_means(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, train: Present
) -> Int[Tensor, "2 C"]:
    """By class: samples decided otherwise than the nearest mean, and those nearest to their own.

    The classifier decides among all C classes, the nearest mean among those that have one.
    """
    means, centre = train.means, train.stats.global_mean
    basis = means.whitening * means.sigma
    logits_at_centre = weight.to(centre) @ centre + bias.to(centre)
    sums = torch.zeros(2, len(weight), dtype=torch.int64)
    for h, y in zip(features.split(4096), labels.split(4096), strict=True):
        h = h.to(centre) - centre
        decided = (h @ weight.to(h).T + logits_at_centre).argmax(1)
        scores = (h @ basis) @ means.points.T - means.points.square().sum(1) / 2
        nearest = train.classes[scores.argmax(1)]
        for row, chosen in enumerate((decided != nearest, nearest == y)):
            sums[row] += torch.bincount(y[chosen], minlength=len(weight)).cpu()
    return sums


def numbers_of(part: Part, own: Present, found: ByClass) -> dict[str, Any]:
    """The quantities of a split; None is what was not measured."""
    share = own.stats.counts.double().cpu()
    share = share / share.sum()
    weight = part.weight.to(own.means.rows)[own.classes.to(own.means.rows.device)]
    numbers: dict[str, Any] = {"accuracy": float(share @ found.accuracy)}
    numbers["ncc_accuracy"] = _weighted(share, found.nearest_right)
    numbers["nc1"] = _nc1(own, share, found)
    numbers |= _few(own, weight) if own.many else geometry(own.means, weight)
    numbers["ncc_mismatch"] = _weighted(share, found.mismatches)
    numbers |= {"quotient": quotient(own.stats), "cdnv": mean_cdnv(own.stats)}
    if own.stats.num_features < len(own.classes) - 1:
        mean, variance = log_distances(own.stats)
        numbers |= {"log_distance": mean, "log_distance_variance": variance}
        numbers["uniformity"] = uniformity(own.stats)
    return numbers | {"rank": own.means.rank}


def _few(own: Present, weight: Tensor) -> dict[str, float]:
    """Of so many classes no pair is looked at one by one."""
    rows = own.means.rows
    return {
        "equinorm_means": equinorm(rows),
        "equinorm_weights": equinorm(weight),
        "self_duality": self_duality(weight, rows),
    }


def _nc1(own: Present, share: Tensor, found: ByClass) -> float | None:
    if own.means.rank == 0:
        return math.nan
    if found.nc1 is not None:
        return float(share @ found.nc1)
    try:
        return float(own.stats.within_variance_along(own.means.whitening).sum())
    except ValueError:  # wider than the scatter that is kept
        return None


def _weighted(share: Tensor, values: Tensor | None) -> float | None:
    return None if values is None else float(share @ values.double())


def unseen_numbers(
    unseen: Iterable[Tensor], known: Iterable[Tensor], train: Present
) -> dict[str, Any]:
    """How inputs of no known class lie to the class means, and how well that tells them apart.

    Args:
        unseen: blocks (m, p) of their features.
        known: blocks of features of known classes: of the test set, or of the training set.
        train: the classes of the training set.
    """
    (share, near), (known_share, known_near) = (_scores(x, train) for x in (unseen, known))
    return {
        "samples": len(share),
        "span_share": float(share.mean()),
        "span_share_auroc": auroc(known_share, share),
        "mean_distance": float(near.mean()),
        "mean_distance_auroc": auroc(near, known_near),
    }


def _scores(blocks: Iterable[Tensor], train: Present) -> Float[Tensor, "2 N"]:
    found = [
        torch.stack(
            [span_share(train.stats, train.means.whitening, h), mean_distance(train.stats, h)]
        )
        for h in blocks
    ]
    return torch.cat(found, dim=1)
