"""How far apart classes are: by traces, by pairs, by directions, and NC1 class by class.

All of it comes from ``ClassStatistics`` (without scatter where nothing else is said), so it costs
one pass over a stream; what needs the features again takes them in blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch

from nclib.checks import at_least, raise_not_finite
from nclib.formulas.collapse import Means
from nclib.formulas.layers import weight_alignment as weight_alignment  # DNC3, of this family
from nclib.formulas.pairs import Score, each_pair, largest_pairs, squared_distances
from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Tensor

Blocks = Iterable[tuple[Tensor, Tensor]]  # features (B, p) and their labels (B,)


def quotient(stats: ClassStatistics) -> float:
    """Ratio tr Σ_W / tr Σ_B; ≥ 0, → 0, and about n where labels say nothing (DNC1).

    NaN where the class means differ by no more than the features' rounding. Source: Súkeník,
    Mondelli, Lampert 2023.
    """
    between = stats.centred_means.square().sum()
    if between.sqrt() <= stats.resolution:
        return float("nan")
    within = stats.class_variances @ stats.counts.to(between) / stats.num_samples
    return float(within / between * stats.num_classes)


def cdnv(stats: ClassStatistics) -> Float[Tensor, "C C"]:
    """(v_c + v_c')/(2‖μ_c - μ_c'‖²) of every pair, v the class variances; ≥ 0, → 0.

    Infinite where two means differ by no more than the features' rounding; NaN on the diagonal and
    for a class of one sample, whose variance says nothing. Source: Galanti, György, Hutter 2022.
    """
    variances = stats.class_variances.masked_fill(stats.counts < 2, torch.nan)
    means = stats.centred_means
    ratio = _ratio(variances, stats)
    every = torch.arange(len(means), device=means.device)
    ratios = ratio(every[:, None], every, squared_distances(means, means))
    return ratios.fill_diagonal_(torch.nan)


def mean_cdnv(stats: ClassStatistics) -> float:
    """Mean of ``cdnv`` over pairs of classes of two samples or more; ≥ 0, → 0.

    Over all pairs of up to 4,096 classes, over 2²⁰ random pairs of more. NaN without a pair.
    """
    classes, variances, means = _measured(stats)
    total, count, ratio = 0.0, 0, _ratio(variances, stats)
    for i, j, squares in each_pair(means):
        total += float(ratio(i, j, squares).sum())
        count += len(i)
    return total / count if len(classes) > 1 else float("nan")


def nearest_pairs(stats: ClassStatistics, count: int = 20) -> list[tuple[int, int, float]]:
    """The ``count`` least separated pairs (c, c', CDNV), c < c', the worst first.

    In tiles: nothing of size (C, C) is kept. Classes of one sample are left out.
    """
    at_least(1, count=count)
    classes, variances, means = _measured(stats)
    found = largest_pairs(means, _ratio(variances, stats), count)
    return [(int(classes[i]), int(classes[j]), value) for i, j, value in found]


def _measured(stats: ClassStatistics) -> tuple[Tensor, Tensor, Tensor]:
    """Classes of at least two samples, their variances, their centred means."""
    classes = (stats.counts > 1).nonzero().flatten()
    return classes, stats.class_variances[classes], stats.centred_means[classes]


def _ratio(variances: Float[Tensor, " c"], stats: ClassStatistics) -> Score:
    """CDNV of classes i and j from their squared distance, infinite where rounding made it."""
    rounding = 2 * stats.resolution**2 / stats.num_classes

    def ratio(i: Tensor, j: Tensor, squares: Tensor) -> Tensor:
        both = (variances[i] + variances[j]) / 2
        return (both / squares).masked_fill((squares <= rounding) & ~both.isnan(), torch.inf)

    return ratio


def effective_rank(stats: ClassStatistics) -> float:
    """exp(-Σ q log q), q the singular values of Ṁ over their sum; in [1, C-1], → C-1.

    NaN when all class means coincide. Source: Roy, Vetterli 2007.
    """
    return effective_rank_of(Means(stats).sigma)


def effective_rank_of(singular: Float[Tensor, " k"]) -> float:
    """The same from singular values that are at hand, all above 0."""
    share = singular / singular.sum()
    return float((-share * share.log()).sum().exp()) if len(share) else float("nan")


def frame_ratio(stats: ClassStatistics) -> float:
    """Largest over C-th singular value of the means, *not* centred; ≥ 1, → 1 after a ReLU (DNC2).

    Infinite where their rank is below C within the features' rounding: always with p < C.
    Source: Súkeník, Mondelli, Lampert 2023.
    """
    singular = torch.linalg.svdvals(stats.class_means)
    singular = singular.masked_fill(singular <= stats.resolution, 0)
    whole = len(singular) == stats.num_classes
    return float(singular[0] / singular[-1]) if whole else float("inf")


def nc1_by_class(stats: ClassStatistics, features: Tensor, labels: Tensor) -> Float[Tensor, " C"]:
    """NC1 split by class, nc1_c = mean over class c of ‖rV/s‖², r = h - μ_c; ≥ 0, → 0.

    Weighted by n_c/N it sums to ``nc1`` where ``stats`` are of the same features. A class that
    spreads stands out; two that merge raise it for all. NaN for a class without samples.

    Raises:
        ValueError: as ``ClassStatistics.update``, for these features and labels.
    """
    return whitened_squares(stats, [(features, labels)])


def whitened_squares(stats: ClassStatistics, blocks: Blocks) -> Float[Tensor, " C"]:
    """``nc1_by_class`` from a second pass: blocks of (B, p) features and (B,) labels."""
    whitening = Means(stats).whitening
    sums, counts = (whitening.new_zeros(stats.num_classes) for _ in range(2))
    for y, along in _along(stats, whitening, blocks):
        sums.index_add_(0, y, along.square().sum(1).to(sums))
        counts += torch.bincount(y, minlength=len(counts))
    return sums / counts if whitening.shape[1] else sums * torch.nan


def hutchinson_nc1(
    stats: ClassStatistics, blocks: Blocks, *, probes: int = 16, seed: int = 0
) -> float:
    """NC1 from a second pass over the features along q random directions: O(Npq), not O(NpC).

    The mean over signs z ∈ {±1}ᵏ of the within-class variance along (V/s)z; unbiased, std
    √(2 Σ_{i≠j} K_ij²/q), K = (V/s)ᵀ Σ_W (V/s): some percent at q = 16. A random projection of the
    *features* would be biased by far. NaN when all class means coincide.

    Source: Hutchinson 1989.
    """
    at_least(1, probes=probes)
    means = Means(stats)
    signs = torch.randint(2, (means.rank, probes), generator=torch.Generator().manual_seed(seed))
    directions = means.whitening @ (2 * signs - 1).to(means.sigma)
    total, count = 0.0, 0
    for _, along in _along(stats, directions, blocks):
        total += float(along.square().sum())
        count += len(along)
    return total / count / probes if count and means.rank else float("nan")


def _along(
    stats: ClassStatistics, directions: Float[Tensor, "p k"], blocks: Blocks
) -> Iterator[tuple[Tensor, Tensor]]:
    """Labels and (b, k) coordinates of residuals along the directions, in small blocks."""
    for features, labels in blocks:
        stats.check_batch(features, labels)
        for h, y in stats.residuals(features, labels):
            along = h @ directions.to(h.dtype)
            if not torch.isfinite(along).all():
                raise_not_finite(features)
            yield y, along


def log_distances(stats: ClassStatistics) -> tuple[float, float]:
    """Mean and variance over pairs of -log‖ũ_c - ũ_c'‖, ũ the directions of the centred means.

    The mean is least, and the variance 0, where the directions are spread evenly, also where there
    are more classes than dimensions; for a simplex the mean is -½ log(2C/(C-1)). Over all pairs of
    up to 4,096 classes, over 2²⁰ random pairs of more. Means without a direction are left out.

    Source: Wu, Papyan 2024 (hyperspherical uniformity, GNC2); Liu, Yu, Weller 2023.
    """
    total = squares = count = 0
    for _, _, distances in each_pair(_directions(stats)):
        logs = -distances.log() / 2
        total, squares = total + float(logs.sum()), squares + float(logs.square().sum())
        count += len(logs)
    mean = total / count if count else float("nan")
    return mean, max(squares / count - mean**2, 0.0) if count else float("nan")


def uniformity(stats: ClassStatistics) -> float:
    """Logarithm of the mean over pairs of exp(-2‖ũ_c - ũ_c'‖²), ũ the directions of Ṁ's rows.

    In [-8, 0], least where they are spread evenly: -4C/(C-1) for a simplex. Pairs as
    ``log_distances``. Source: Wang, Isola 2020.
    """
    total = count = 0
    for _, _, distances in each_pair(_directions(stats)):
        total, count = total + float((-2 * distances).exp().sum()), count + len(distances)
    return math.log(total / count) if count else float("nan")


def _directions(stats: ClassStatistics) -> Float[Tensor, "c p"]:
    """Centred means of length 1; those within the features' rounding of zero are left out."""
    means = stats.centred_means
    norms = means.norm(dim=1, keepdim=True)
    return (means / norms)[norms.flatten() > stats.resolution / stats.num_classes**0.5]
