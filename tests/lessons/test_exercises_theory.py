"""Exercises of notebooks 04 and 05: wrong answers, each with a word its hint must hold."""

from __future__ import annotations

import pytest
import torch

import nclib
from nclib import ClassStatistics
from nclib.formulas.collapse import self_duality
from nclib.lessons.answers import NOT_DONE, RIGHT
from nclib.lessons.decomposition import checks as decomposition
from nclib.lessons.path import checks as path


def webb_lowe(means, within, *, centre=True, total=True, divide=True, bias=True):
    count, mean = len(means), means.mean(0)
    centred = means - mean
    covariance = within + total * centred.T @ centred / count
    weight = (centred if centre else means) @ torch.linalg.inv(covariance)
    weight = weight / count if divide else weight
    return weight, torch.full((count,), 1 / count).to(weight) - bias * (weight @ mean)


def scaled(means, factor):
    return factor / means.square().sum() * means


def coupled(means, strength=10.0):
    v = torch.linalg.svd(means)[2][-1]
    u = means[0] / means[0].norm() + v
    return torch.eye(means.shape[1]).to(means) + strength * torch.outer(u, u)


def off_the_span(means):
    v = torch.linalg.svd(means)[2][-1]
    return torch.eye(means.shape[1]).to(means) + 10 * torch.outer(v, v)


def along_the_means(means):
    return torch.eye(means.shape[1]).to(means) + 10 * torch.outer(means[0], means[0])


def four_classes(*, spread, dim=3, sizes=(8, 8, 8, 8)):
    """Four classes around a simplex whose noise has the standard deviations ``spread``."""
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(labels), dim, generator=generator, dtype=torch.float64)
    means = nclib.simplex_etf(4, 3)[:, :dim]
    return means[labels] + noise * torch.tensor(spread), labels


WRONG_ANSWERS = [
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, bias=False), "Wμ_G + b = 1/C"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, centre=False), "Centre the means"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, total=False), "Σ_T, not Σ_W"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, divide=False), "Divide by C"),
    (decomposition.check_webb_lowe, lambda m, s: (m, m[:, 0]), "the derivative by W to zero"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s)[0], "a pair, weight and bias"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s)[::-1], "a weight (C, p) of shape"),
    (decomposition.check_collapsed_weight, lambda m: scaled(m, len(m)), "C-1, not C"),
    (decomposition.check_collapsed_weight, lambda m: m, "gets its one-hot vector"),
    (decomposition.check_collapsed_weight, lambda m: m / m.norm(), "The direction is right"),
    (decomposition.check_collapsed_weight, lambda m: m.flip(0), "W is a multiple of Ṁ"),
    (decomposition.check_collapsed_weight, lambda m: scaled(m, 1 - len(m)), "The sign"),
    (decomposition.check_collapsed_weight, lambda m: 1 / m.square().sum(), "of shape (3, 12) is"),
    (decomposition.check_collapsed_weight, torch.linalg.pinv, "shape (12, 3) was returned"),
    (decomposition.check_noise_covariance, lambda m: torch.eye(7), "make it anisotropic"),
    (decomposition.check_noise_covariance, off_the_span, "Correlate them"),
    (decomposition.check_noise_covariance, along_the_means, "Correlate them"),
    (decomposition.check_noise_covariance, lambda m: coupled(m, 0.1), "correlation between inside"),
    (decomposition.check_noise_covariance, lambda m: m.T @ m, "noise in every direction"),
    (decomposition.check_noise_covariance, lambda m: m @ m.T, "shape (7, 7) is asked for"),
    (decomposition.check_noise_covariance, lambda m: torch.eye(7).roll(1, 0), "not symmetric"),
    (path.check_growth_exponent, lambda q: 1 / q, "raises the power by one"),
    (path.check_growth_exponent, lambda q: q + 1, "take the root"),
    (path.check_growth_exponent, lambda q: 0.25, "integrate both sides"),
    (path.check_growth_exponent, lambda q: 1 / (1 - q), "Separate: ω^q dω = k dt"),
    (path.check_hole, lambda: four_classes(spread=[1.0, 1.0, 1.0]), "one must be inf"),
    (path.check_hole, lambda: four_classes(spread=[1.0, 0.0, 0.0]), "too many are infinite"),
    (path.check_hole, lambda: four_classes(spread=[1.0, 1.0], dim=2), "one is 0"),
    (
        path.check_hole,
        lambda: four_classes(spread=[1.0, 1.0, 0.0], sizes=(8, 8, 8, 9)),
        "four, equally many",
    ),
    (path.check_hole, lambda: four_classes(spread=[1.0, 1.0, 0.0])[0], "a pair, features and"),
    (path.check_hole, lambda: four_classes(spread=[1.0, 1.0, 1e-6]), "no scatter at all"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (decomposition.check_webb_lowe, webb_lowe),
        (decomposition.check_collapsed_weight, lambda m: scaled(m, len(m) - 1)),
        (decomposition.check_collapsed_weight, lambda m: torch.linalg.pinv(m).T),
        (decomposition.check_noise_covariance, coupled),
        (path.check_growth_exponent, lambda q: 1 / (q + 1)),
        (path.check_hole, lambda: four_classes(spread=[1.0, 0.5, 0.0])),
    ],
)
def test_a_right_answer_is_right(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith(RIGHT)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tied", [0.0, 1e-2, 0.3, 3.0])
def test_which_shapes_of_noise_end_self_dual(seed, tied):
    """Exercise 3 of notebook 04: those that map the span of the means into itself, and no other."""
    generator = torch.Generator().manual_seed(seed)
    means = nclib.simplex_etf(4, 7, seed=seed)
    basis = torch.linalg.svd(means)[2]  # three directions of the means, four others
    root = torch.block_diag(*(torch.randn(k, k, generator=generator) for k in (3, 4))).double()
    root[:3, 3:] = tied * torch.randn(3, 4, generator=generator)
    inside = root @ root.T + 0.1 * torch.eye(7)  # anisotropic, and tied by the block off the two
    found = decomposition._duality_at(means, basis.T @ inside @ basis, 1e-12)
    assert (found < 1e-9) if tied == 0 else (found > 1e-6)
    stats = ClassStatistics.from_features(
        *spread_like(means, 1e-5 * torch.linalg.cholesky(basis.T @ inside @ basis))
    )
    weight, _ = nclib.least_squares_classifier(stats)
    assert self_duality(weight, means) == pytest.approx(found, rel=0.02, abs=1e-6)


def spread_like(means, root):
    """Balanced features around the means whose within-class covariance is root rootᵀ."""
    count, size = means.shape
    noise = torch.cat([torch.eye(size), -torch.eye(size)]).to(means) * size**0.5
    labels = torch.arange(count).repeat_interleave(2 * size)
    return means[labels] + (noise @ root.T).repeat(count, 1), labels


def test_what_a_hole_breaks_is_said(capsys):
    path.what_fails(lambda: four_classes(spread=[1.0, 1.0, 0.0]))
    loss, flow, simulate = capsys.readouterr().out.splitlines()
    formula, direct = (float(word.rstrip(",")) for word in loss.split() if word.startswith("0."))
    assert formula == pytest.approx(direct, abs=1e-6)
    assert flow.startswith("flow: refuses, omega0 contains inf")
    assert simulate.startswith("simulate: refuses, features have a singular within-class cov")
    path.what_fails(lambda: four_classes(spread=[1.0, 1.0, 1.0]))
    assert capsys.readouterr().out.count("works") == 2


def not_done():
    raise NotImplementedError("return features, labels")


@pytest.mark.parametrize("answer", [not_done, lambda: None, lambda: 1 / 0, lambda: (1, 2)])
def test_what_fails_waits_for_an_answer(answer, capsys):
    path.what_fails(answer)
    assert capsys.readouterr().out.startswith(NOT_DONE)
