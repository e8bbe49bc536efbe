"""Inputs of no known class: two scores of their features, and how well a score tells them apart."""

from __future__ import annotations

import torch

from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Tensor


def span_share(
    stats: ClassStatistics, whitening: Float[Tensor, "p k"], features: Float[Tensor, "N p"]
) -> Float[Tensor, " N"]:
    """Share of each centred feature's length in the span of the class means; in [0, 1].

    Features of the classes tend to 1 under collapse, others need not. Centred by the mean of the
    class means, and of C-1 directions: uncentred ones say less.

    Args:
        stats: of the training features.
        whitening: columns that span the centred means, as ``Means(stats).whitening``.
        features: of any inputs.

    Source: Ammar et al. 2024 (NECO), with the class means for principal components.
    """
    basis = torch.linalg.qr(whitening).Q
    centred = features.to(basis) - stats.global_mean
    return (centred @ basis).norm(dim=1) / centred.norm(dim=1)


def mean_distance(stats: ClassStatistics, features: Float[Tensor, "N p"]) -> Float[Tensor, " N"]:
    """Distance of each feature from the nearest class mean, over the means' mean length; ≥ 0."""
    means = stats.centred_means
    centred = features.to(means) - stats.global_mean
    return torch.cdist(centred, means).amin(1) / means.norm(dim=1).mean()


def auroc(higher: Float[Tensor, " N"], lower: Float[Tensor, " M"]) -> float:
    """Share of pairs where a score of ``higher`` is above one of ``lower``, ties half; in [0, 1].

    0.5 says nothing. NaN where either has no scores.
    """
    ordered = lower.sort().values
    below, upto = (torch.searchsorted(ordered, higher, right=right) for right in (False, True))
    return float((below + upto).double().mean() / (2 * len(lower)))
