"""Features and classifier on a simplex, and seven knobs, each of which spoils one thing.

Shown in notebook 01, section 4. A Gram matrix G with G1 = 0 *is* a set of centred means, up to a
turn: the knobs change Gram matrices, and what is not theirs stays exactly as it was.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from nclib.checks import at_least, check_decays, check_positive
from nclib.formulas.etf import align, simplex_etf
from nclib.formulas.synthetic import white_scatter
from nclib.shapes import Float, Int, Number, Tensor

BASE_NC1 = 9.1e-3  # of the undeformed layer, at any number of classes
PER_CLASS = 10  # residuals, each with its negative


class Knobs(NamedTuple):
    """How far each knob is turned; the defaults deform nothing.

    Attributes:
        spread: factor on all residuals, > 0.
        norms_of_means: std over mean of the centred class means' norms (divisor C).
        angles_of_means: std of the cosines between them, over pairs; C even.
        norms_of_classifier, angles_of_classifier: the same of the classifier's rows.
        turn_of_classifier: W exp(tK) with a skew K of spectral norm 1, in radians.
        bias: biases of the classifier, evenly spaced from -bias to bias.
    """

    spread: Number = 1.0
    norms_of_means: Number = 0.0
    angles_of_means: Number = 0.0
    norms_of_classifier: Number = 0.0
    angles_of_classifier: Number = 0.0
    turn_of_classifier: Number = 0.0
    bias: Number = 0.0


class Layer(NamedTuple):
    """What ``collapse_metrics`` reads: features with their labels, and a linear classifier."""

    features: Float[Tensor, "N p"]
    labels: Int[Tensor, " N"]
    weight: Float[Tensor, "C p"]
    bias: Float[Tensor, " C"]


def deformed(num_classes: int, knobs: Knobs | None = None, *, seed: int = 0) -> Layer:
    """A layer on the simplex ETF of C dimensions, deformed by ``knobs``; float64.

    Residuals come with both signs, so that class means are what the knobs say, to rounding, and
    their covariance is a multiple of the identity.

    Args:
        num_classes: C, at least 3; even where angles are turned.
        knobs: all at their defaults when not given.
        seed: of residuals, of the norms' order, and of the turn.

    Raises:
        ValueError: for knobs turned so far that no such vectors exist, or that one would vanish.
    """
    at_least(3, "; two classes have one angle only", num_classes=num_classes)
    knobs = Knobs() if knobs is None else knobs
    check_positive("features without scatter have no NC1", spread=knobs.spread)
    check_decays(**knobs._asdict())
    frame = simplex_etf(num_classes, num_classes)
    norms = _norms(num_classes, seed, norms_of_means=knobs.norms_of_means)
    lengths = _norms(num_classes, seed, norms_of_classifier=knobs.norms_of_classifier)
    means = _means(norms, knobs.angles_of_means, frame)
    weight = _means(torch.ones_like(lengths), knobs.angles_of_classifier, frame)
    weight = weight * lengths[:, None]
    residuals, labels = _residuals(num_classes, seed)
    return Layer(
        features=means[labels] + knobs.spread * residuals,
        labels=labels,
        weight=weight @ turn(num_classes, knobs.turn_of_classifier, seed=seed),
        bias=knobs.bias * torch.linspace(-1, 1, num_classes, dtype=torch.float64),
    )


def _norms(num_classes: int, seed: int, **amount: Number) -> Float[Tensor, " C"]:
    """Evenly spaced norms in random order, of mean 1 and that standard deviation (divisor C)."""
    ((name, deviation),) = amount.items()
    even = torch.linspace(-1, 1, num_classes, dtype=torch.float64)
    most = float(even.std(correction=0))
    if deviation >= most:
        raise ValueError(f"{name} is {deviation:g}, and a norm would be 0; stay below {most:.3f}")
    order = torch.randperm(num_classes, generator=torch.Generator().manual_seed(seed))
    return 1 + deviation / most * even[order]


def _residuals(num_classes: int, seed: int) -> tuple[Float[Tensor, "N C"], Int[Tensor, " N"]]:
    """Scatter σ²I of which NC1 = σ²(C-1)²/C is the base's, each residual with its negative."""
    size = (BASE_NC1 * num_classes) ** 0.5 / (num_classes - 1)
    half = size * white_scatter(num_classes, PER_CLASS, num_classes, seed=seed)
    labels = torch.arange(num_classes).repeat_interleave(PER_CLASS)
    return torch.cat([half, -half]), torch.cat([labels, labels])


def _means(
    norms: Float[Tensor, " C"], angles: Number, frame: Float[Tensor, "C p"]
) -> Float[Tensor, "C p"]:
    gram = gram_of_norms(norms)
    if angles:
        gram = gram + angles * pairing(len(norms))
    return vectors_of(gram, frame)


# Gram matrices of centred vectors


def gram_of_norms(norms: Float[Tensor, " C"]) -> Float[Tensor, "C C"]:
    """Gram matrix of centred vectors of these norms whose angles are as equal as they can be.

    Cosines are -1/(C-1) + x_i + x_j, where x solves G1 = 0, C linear equations; to first order in
    the norms' deviations nothing has a smaller standard deviation of the cosines.

    Args:
        norms: (C,), positive, C at least 3.
    """
    num_classes, total = len(norms), norms.sum()
    # Σ_j r_j cos_ij = 0:  (Σr - 2r_i) x_i + Σ_j r_j x_j = (Σr - r_i)/(C-1) - r_i
    equations = torch.diag(total - 2 * norms) + norms
    x = torch.linalg.solve(equations, (total - norms) / (num_classes - 1) - norms)
    cosines = x + x[:, None] - 1 / (num_classes - 1)
    return norms * norms[:, None] * cosines.fill_diagonal_(1)


def pairing(num_classes: int) -> Float[Tensor, "C C"]:
    """Symmetric, diagonal and row sums 0, entries of standard deviation 1 over pairs.

    Classes 0 and 1, 2 and 3, … get one value, all other pairs another. Added to a Gram matrix it
    changes angles, and no norm. ValueError for odd C.
    """
    if num_classes % 2:
        raise ValueError(
            f"num_classes is {num_classes}; angles are turned for pairs of classes: give an even C"
        )
    partner = torch.arange(num_classes) ^ 1
    pairs = torch.full((num_classes, num_classes), -1 / (num_classes - 2), dtype=torch.float64)
    pairs[torch.arange(num_classes), partner] = 1
    return pairs.fill_diagonal_(0) * (num_classes - 2) ** 0.5


def vectors_of(gram: Float[Tensor, "C C"], frame: Float[Tensor, "C p"]) -> Float[Tensor, "C p"]:
    """Vectors with this Gram matrix, turned as near to ``frame`` as possible.

    Raises:
        ValueError: if there are none, because the Gram matrix has a negative eigenvalue.
    """
    values, axes = torch.linalg.eigh(gram)
    if values[0] < -1e-9 * values[-1]:
        raise ValueError(
            f"no vectors have these norms and angles (their Gram matrix has the eigenvalue "
            f"{float(values[0]):.3g}); turn norms and angles less far"
        )
    values = values.masked_fill(values < 1e-13 * values[-1], 0)  # rounding, of which roots are 1e-8
    root = (axes * values.sqrt()) @ axes.T
    return root @ align(frame, root).rotation.T


def turn(size: int, angle: Number, *, seed: int = 0) -> Float[Tensor, "p p"]:
    """exp(angle·K) of a random skew-symmetric K with spectral norm 1: no direction turns further.

    Args:
        size: p, at least 2.
        angle: in radians.
        seed: of K.
    """
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(size, size, generator=draw, dtype=torch.float64)
    skew = noise - noise.T
    return torch.linalg.matrix_exp(angle * skew / torch.linalg.matrix_norm(skew, 2))
