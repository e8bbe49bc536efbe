"""Noise and the nearest class mean: how often it errs, and what decides how often.

Papyan, Han, Donoho 2020, Theorem 5, shown in notebook 01, section 3: features are h = μ_y + σz with
z ~ N(0, I) and ‖μ_c‖ ≤ 1; the error of the best linear classifier, here the nearest class mean,
falls like exp(-δ²/(2σ²)) as σ → 0, where δ is half the smallest distance of two means.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import log_ndtr
from scipy.stats import beta

from nclib.checks import at_least, check_positive
from nclib.formulas.etf import simplex_etf
from nclib.formulas.packings import margin
from nclib.shapes import Bool, Float, Int, Number, Tensor

ALL = slice(None)


class ErrorRate(NamedTuple):
    """A share of samples, and the interval that holds the probability in 95 of 100 experiments.

    Attributes:
        rate: found.
        low, high: ends of the Clopper-Pearson interval.
        samples: how many were drawn.
    """

    rate: float
    low: float
    high: float
    samples: int

    def __str__(self) -> str:
        return f"{self.rate:.3%} ({self.low:.3%} to {self.high:.3%})"


def frames(num_classes: int, *, seed: int = 0) -> dict[str, Float[Tensor, "C C"]]:
    """Class means of norm 1 in C dimensions: random, orthogonal, a simplex. C at least 3."""
    at_least(3, num_classes=num_classes)
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_classes, num_classes, generator=draw, dtype=torch.float64)
    return {
        "random": torch.nn.functional.normalize(noise, dim=1),
        "orthogonal": torch.eye(num_classes, dtype=torch.float64),
        "simplex": simplex_etf(num_classes, num_classes),
    }


class Noise:
    """Samples drawn once, so that all frames and all sizes of noise meet the same ones.

    Args:
        num_classes: C; samples belong to the classes in turn.
        samples: N, at least C.
        seed: of z.
    """

    def __init__(self, num_classes: int, samples: int, *, seed: int = 0) -> None:
        at_least(num_classes, " one of each class", samples=samples)
        draw = torch.Generator().manual_seed(seed)
        self.noise = torch.randn(samples, num_classes, generator=draw)
        self.labels = torch.arange(samples) % num_classes

    def decide(
        self, means: Float[Tensor, "C C"], sigma: Number, rows: slice | Int[Tensor, " n"] = ALL
    ) -> tuple[Float[Tensor, "n C"], Bool[Tensor, " n"]]:
        """Features h = μ_y + σz of these samples, and to which another class mean is nearest."""
        check_positive("without noise nothing is wrong", sigma=sigma)
        labels, means = self.labels[rows], means.float()
        features = means[labels] + sigma * self.noise[rows]
        closeness = features @ means.T - means.square().sum(1) / 2
        return features, closeness.argmax(1) != labels

    def error(self, means: Float[Tensor, "C C"], sigma: Number) -> ErrorRate:
        """How often the nearest class mean errs, with its interval."""
        return interval(int(self.decide(means, sigma)[1].sum()), len(self.labels))


def interval(found: int, samples: int) -> ErrorRate:
    """Share ``found`` / ``samples`` with its exact 95 % interval (Clopper, Pearson 1934)."""
    low = beta.ppf(0.025, found, samples - found + 1) if found else 0.0
    high = beta.ppf(0.975, found + 1, samples - found) if found < samples else 1.0
    return ErrorRate(found / samples, float(low), float(high), samples)


# Theory


def tail(x: Number) -> float:
    """Q(x), the chance that a standard normal number exceeds x."""
    return math.exp(log_ndtr(-x))


def error_bounds(means: Float[Tensor, "C p"], sigma: Number) -> tuple[float, float]:
    """(2/C)·Q(δ/σ) ≤ error of the nearest mean ≤ (C-1)·Q(δ/σ), δ half the smallest distance.

    Below: the two nearest classes confuse each other at least that often. Above: the sum over all
    other means, none of which is nearer.
    """
    pair = tail(float(margin(means)) / sigma)
    return 2 / len(means) * pair, (len(means) - 1) * pair


@functools.cache
def orthogonal_log_error(num_classes: int, norm: Number, sigma: Number) -> float:
    """Logarithm of the error with orthogonal means of one norm r: 1 - E[Φ(Z + r/σ)^(C-1)].

    A simplex of norm 1 is such a frame, r = √(C/(C-1)), seen from its centre, and errs as often.
    """
    z = np.linspace(-38, 10, 2_000)
    log_right = (num_classes - 1) * log_ndtr(z + norm / sigma)
    with np.errstate(divide="ignore"):  # samples that cannot go wrong
        log_wrong = np.log(-np.expm1(log_right))
    log_density = -(z**2) / 2 - math.log(2 * math.pi) / 2
    return float(np.logaddexp.reduce(log_wrong + log_density) + math.log(z[1] - z[0]))


def exponent(means: Float[Tensor, "C p"]) -> float:
    """Error exponent δ²/2 = lim -σ² ln(error) of the nearest class mean, δ its ``margin``.

    At most C/(4(C-1)) for norms of 1 or less, for the simplex alone (Theorem 5).
    """
    return float(margin(means)) ** 2 / 2
