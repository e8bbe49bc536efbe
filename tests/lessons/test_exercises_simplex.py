"""Exercises of notebook 01, sections 3 and 4: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

from nclib import simplex_etf
from nclib.lessons.answers import RIGHT
from nclib.lessons.simplex import checks
from nclib.lessons.simplex.deformations import gram_of_norms, vectors_of


def least(means):
    return torch.pdist(means).min()


def scaled(factors, *, centre=True):
    means = simplex_etf(10) * torch.as_tensor(factors, dtype=torch.float64)[:, None]
    return means - centre * means.mean(0)


def one(factor):
    return scaled([factor] + [1] * 9)


def some(seed):
    """Norms at random, angles as equal as those allow."""
    draw = torch.Generator().manual_seed(seed)
    d = torch.randn(10, generator=draw, dtype=torch.float64).abs()
    norms = 1 + 0.1 * (d - d.mean()) / d.std()
    return vectors_of(gram_of_norms(norms), simplex_etf(10))


EVENLY = torch.linspace(0.84, 1.16, 10)
WRONG_ANSWERS = [
    (checks.check_exponent, lambda m: least(m) ** 2 / 2, "An error begins at *half*"),
    (checks.check_exponent, lambda m: (least(m) / 2) ** 2, "is δ²/2: halve it"),
    (checks.check_exponent, lambda m: least(m) / 2, "That is δ; the exponent"),
    (checks.check_exponent, least, "half of it is δ"),
    (checks.check_exponent, lambda m: torch.cdist(m, m).min(), "distance from itself is 0"),
    (checks.check_exponent, lambda m: m.norm(dim=1).max(), "Which two classes"),
    (checks.check_exponent, torch.pdist, "one number is asked for"),
    (checks.check_uneven, lambda: scaled(EVENLY, centre=False), "the means are not centred"),
    (checks.check_uneven, lambda: simplex_etf(10), "more uneven norms"),
    (checks.check_uneven, lambda: one(0.3), "less uneven norms"),
    (checks.check_uneven, lambda: scaled(EVENLY), "Try another kind of unequal"),
    (checks.check_uneven, lambda: one(1.36), "the theorem lets it go down to"),
    (checks.check_uneven, lambda: simplex_etf(4), "and shape (4, 4) was returned"),
    (checks.check_uneven, lambda: None, "nothing was returned: is there a `return`?"),
    (checks.check_uneven, lambda: torch.zeros(10, 3), "a class mean is zero"),
    (checks.check_uneven, lambda: 0.1, "ten class means, a tensor (10, p)"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_a_larger_distance_is_told_from_the_smallest(refused):
    """On the simplex all distances are the same, so that the second set of means must tell."""
    for wrong, hint in (
        (lambda m: torch.pdist(m).mean() ** 2 / 8, "Not the mean of the distances"),
        (lambda m: torch.pdist(m).max() ** 2 / 8, "That is the largest distance"),
    ):
        refused(checks.check_exponent, wrong, hint)


@pytest.mark.parametrize("factor", [0.64, 0.67, 0.71])
def test_one_short_mean_is_near_enough_at_any_scale(factor, capsys):
    for scale in (1e-3, 1, 1e3):
        checks.check_uneven(lambda s=scale: s * one(factor))
        assert capsys.readouterr().out.strip() == RIGHT


def test_random_unevenness_is_not_near_enough(refused):
    for seed in range(5):
        refused(checks.check_uneven, lambda s=seed: some(s), "of k·equinorm")
