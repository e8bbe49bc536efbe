"""The four measurements of neural collapse, NC1-NC4 (Papyan, Han, Donoho 2020, Figures 2-7).

Rows are samples and classes; Ṁ = M - 1μ_Gᵀ are the class means centred by their unweighted mean.
Each measurement is one function below; ``collapse_metrics`` is all of them.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from functools import cached_property

import torch
from torch.nn.functional import pad

from nclib.checks import check_classifier, raise_not_finite
from nclib.formulas.decisions import MANY, Decisions
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.sums import gram_of
from nclib.shapes import Float, Int, Tensor


@dataclass(frozen=True)
class CollapseMetrics:
    """NC1-NC4 of one layer; every number tends to 0 under collapse.

    Attributes:
        nc1: tr(Σ_W Σ_B⁺)/C, within-class against between-class scatter; NaN when ``rank`` is 0.
        equinorm_means: std/mean of ‖μ_c - μ_G‖ over classes (NC2).
        equiangularity_means: std over pairs of the cosines between centred means (NC2).
        max_angle_means: mean over pairs of abs(cos + 1/(C-1)) (NC2).
        equinorm_weights, equiangularity_weights, max_angle_weights: of the classifier's rows.
        self_duality: ‖W/‖W‖ - Ṁ/‖Ṁ‖‖² (NC3), in [0, 4]; NaN when either is zero.
        ncc_mismatch: share of samples where classifier and nearest class mean disagree (NC4).
        rank: rank of the centred means, at most min(C-1, p); 0 means all class means coincide.
            Directions in which they differ by no more than the features' own rounding, up to
            ``ClassStatistics.resolution``, are left out of it and of NC1; a class mean no further
            than that from the global mean has no direction, and equal angles are NaN.
    """

    nc1: float
    equinorm_means: float
    equinorm_weights: float
    equiangularity_means: float
    equiangularity_weights: float
    max_angle_means: float
    max_angle_weights: float
    self_duality: float
    ncc_mismatch: float | None
    rank: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Names and values, ready for a table or a logger."""
        return asdict(self)


def collapse_metrics(
    stats: ClassStatistics,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    features: Tensor | None = None,
    labels: Tensor | None = None,
) -> CollapseMetrics:
    """NC1-NC4 of features summarised by ``stats`` and a linear classifier.

    NC1-NC3 come from ``stats``, whatever features are given; NC4 is counted on these. Features
    known from ``from_features`` are only projected on the C-1 directions of the class means:
    nothing of size (p, p) is made, and with the same features both take one pass.

    Args:
        stats: class statistics of the *training* features; every class needs samples.
        weight: (C, p), as in ``nn.Linear(p, C)``.
        bias: (C,), or none.
        features: (N, p) to count NC4 on: the same, or others, such as a test set's.
        labels: (N,) of those features.

    Raises:
        ValueError: for shapes that do not fit, classes without samples, or statistics without
            within-class scatter.

    Source: Papyan, Han, Donoho 2020; NC1 with the 1/C of the paper.
    """
    means, mismatch = Means(stats), None
    weight, bias = check_classifier(means.rows, weight, bias)
    if (features is None) != (labels is None):
        raise ValueError("features and labels belong together; give both or neither")
    if features is not None:
        within, mismatch = _project(stats, means, (weight, bias), features, labels)
    if features is None or not stats.refers_to(features, labels):
        within = stats.within_variance_along(means.whitening)
    if means.rank == 0:
        warnings.warn(
            "all class means coincide (Σ_B has rank 0): the features collapsed to one point, "
            "NC1 is NaN; lower the weight decay",
            stacklevel=2,
        )
    return CollapseMetrics(
        nc1=_nc1(within), ncc_mismatch=mismatch, rank=means.rank, **geometry(means, weight)
    )


def geometry(means: Means, weight: Float[Tensor, "C p"]) -> dict[str, float]:
    """NC2 and NC3: the fields of ``CollapseMetrics`` that need means and weight alone."""
    angles, weight_angles = pair_cosines(means.gram), pair_cosines(gram_of(weight))
    return {
        "equinorm_means": equinorm(means.rows),
        "equinorm_weights": equinorm(weight),
        "equiangularity_means": equiangularity(angles),
        "equiangularity_weights": equiangularity(weight_angles),
        "max_angle_means": max_angle(angles, len(weight)),
        "max_angle_weights": max_angle(weight_angles, len(weight)),
        "self_duality": self_duality(weight, means.rows),
    }


def nc1(stats: ClassStatistics) -> float:
    """tr(Σ_W Σ_B⁺)/C = Σ diag(VᵀΣ_W V)/s² of Ṁ = U diag(s) Vᵀ; ≥ 0, → 0 (NC1, Fig. 6).

    NaN when all class means coincide. Raises ValueError for a class without samples, or
    statistics without within-class scatter.
    """
    return _nc1(stats.within_variance_along(Means(stats).whitening))


def _nc1(within: Float[Tensor, " k"]) -> float:
    """The sum of the whitened variances along the directions in which the means differ."""
    return float(within.sum()) if len(within) else float("nan")


def ncc_mismatch(
    stats: ClassStatistics, weight: Tensor, bias: Tensor | None, features: Tensor, labels: Tensor
) -> float:
    """Share of samples where classifier and nearest class mean of ``stats`` disagree; in [0, 1].

    NaN when all class means coincide. Arguments and errors as ``collapse_metrics``; labels only
    choose the mean from which each sample is measured. Source: Figure 7 (NC4).
    """
    means = Means(stats)
    classifier = check_classifier(means.rows, weight, bias)
    return _project(stats, means, classifier, features, labels)[1]


def equinorm(rows: Float[Tensor, "C p"]) -> float:
    """Std (divisor C-1) over mean of the rows' norms; ≥ 0, → 0 (NC2, Fig. 2)."""
    norms = rows.norm(dim=1)
    return float(norms.std() / norms.mean())


def pair_cosines(gram: Float[Tensor, "C C"]) -> Float[Tensor, " pairs"]:
    """Cosines between all C(C-1)/2 pairs of rows, from their Gram matrix; → -1/(C-1)."""
    norms = gram.diagonal().sqrt()
    i, j = torch.triu_indices(len(gram), len(gram), 1, device=gram.device)
    return (gram / norms / norms[:, None])[i, j]


def equiangularity(cosines: Float[Tensor, " pairs"]) -> float:
    """Std over pairs of the cosines; ≥ 0, → 0 (NC2, Fig. 3)."""
    return float(cosines.std(correction=0))


def max_angle(cosines: Float[Tensor, " pairs"], num_classes: int) -> float:
    """Mean over pairs of abs(cos + 1/(C-1)); ≥ 0, → 0 (NC2, Fig. 4)."""
    return float((cosines + 1 / (num_classes - 1)).abs().mean())


def self_duality(weight: Float[Tensor, "C p"], centred_means: Float[Tensor, "C p"]) -> float:
    """‖W/‖W‖_F - Ṁ/‖Ṁ‖_F‖_F², in [0, 4]; → 0 (NC3, Fig. 5)."""
    return float((weight / weight.norm() - centred_means / centred_means.norm()).square().sum())


class Means:
    """Thin SVD of the centred means Ṁ = U diag(s) Vᵀ, cut at its rank k, and nearest-mean search.

    What the features' rounding may have made is left out (``ClassStatistics.resolution``):
    singular values up to it, and rows up to its share of one class, which become zero.
    ``rows`` Ṁ (C, p), ``left`` U (C, k), ``sigma`` s (k,), ``whitening`` V/s (p, k), ``points`` ṀV
    (C, k); ``gram`` ṀṀᵀ (C, C) is made when it is asked for.
    """

    def __init__(self, stats: ClassStatistics) -> None:
        rows, cut = stats.centred_means, stats.resolution
        gram = gram_of(rows) if len(rows) <= rows.shape[1] else None
        u, s, v = _thin_svd(rows, gram)
        cut = max(max(rows.shape) * torch.finfo(s.dtype).eps * float(s[0]), cut)
        self.rank = min(int((s > cut).sum()), len(rows) - 1)
        zero = rows.norm(dim=1, keepdim=True) <= (cut / len(rows) ** 0.5 if self.rank else s[0])
        self.rows = rows.masked_fill(zero, 0)
        if gram is not None and not zero.any():
            self.gram = gram
        self.left = u[:, : self.rank]
        self.sigma = s[: self.rank]
        self.whitening = v[:, : self.rank] / self.sigma
        self.points = self.left * self.sigma

    @cached_property
    def gram(self) -> Float[Tensor, "C C"]:
        """ṀṀᵀ."""
        return gram_of(self.rows)

    @cached_property
    def half_gap(self) -> Float[Tensor, " C"]:
        """A sample nearer than this to its own class mean is nearer to no other; 0 of many."""
        if len(self.rows) > MANY:
            return self.rows.new_zeros(len(self.rows))
        squares = self.gram.diagonal()
        distances = (squares + squares[:, None] - 2 * self.gram).clamp(min=0).sqrt()
        return distances.fill_diagonal_(torch.inf).min(1).values / 2

    def nearest(self, position: Float[Tensor, "b k"], labels: Int[Tensor, " b"]) -> Tensor:
        """Nearest class mean of samples at ``position`` from their own class mean, in the span."""
        nearest = labels.clone()
        far = (position.norm(dim=1) >= self.half_gap[labels]).nonzero().flatten()
        if len(far):
            place = position[far] + self.points[labels[far]]
            nearest[far] = (place @ self.points.T - self.points.square().sum(1) / 2).argmax(1)
        return nearest


def _thin_svd(
    rows: Float[Tensor, "C p"], gram: Float[Tensor, "C C"] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """U (C, r), singular values descending, V (p, r).

    With many well-conditioned classes it goes through the Gram matrix, at a third of the cost.
    """
    if 200 < len(rows) <= rows.shape[1]:
        squares, u = torch.linalg.eigh(gram)
        if squares[1] > 1e-6 * squares[-1]:  # rows sum to zero: squares[0] is the null direction
            s, u = squares[1:].flip(0).sqrt(), u[:, 1:].flip(1)
            return u, s, rows.T @ (u / s)
    u, s, vt = torch.linalg.svd(rows, full_matrices=False)
    return u, s, vt.T


def _project(
    stats: ClassStatistics, means: Means, classifier: tuple, features: Tensor, labels: Tensor
) -> tuple[Float[Tensor, " k"], float]:
    """One pass over features: diag(VᵀΣ_W V)/s² and the share of nearest-class-mean mismatches.

    Residuals r = h - μ_y are exact even far from the origin, so both logits and distances are built
    from them: Wh + b = Wr + (Wμ_y + b), and ‖h - μ_c‖ needs only Vᵀr and the means in their span.
    """
    stats.check_batch(features, labels)
    decide, rank = Decisions(stats, *classifier), means.rank
    directions = pad(means.whitening, (0, -rank % 16))  # faster product
    squares, mismatches = torch.zeros_like(means.sigma), 0
    for h, y in stats.residuals(features, labels):
        directions = directions.to(h.dtype)
        whitened = (h @ directions)[:, :rank]
        squares += whitened.square().sum(0)
        nearest = means.nearest(whitened * means.sigma.to(h.dtype), y)
        mismatches += (decide.of(h, y) != nearest).sum()
    if not torch.isfinite(squares).all():
        raise_not_finite(features)
    return squares / len(features), float(mismatches) / len(features) if rank else float("nan")
