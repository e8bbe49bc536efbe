"""Exercises of notebooks 04 and 05: wrong answers, each with a word its hint must hold."""

from __future__ import annotations

import pytest
import torch

from nclib.exercises import RIGHT, WRONG, decomposition


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


WRONG_ANSWERS = [
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, bias=False), "Wμ_G + b = 1/C"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, centre=False), "Centre the means"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, total=False), "Σ_T, not Σ_W"),
    (decomposition.check_webb_lowe, lambda m, s: webb_lowe(m, s, divide=False), "Divide by C"),
    (decomposition.check_webb_lowe, lambda m, s: (m, m[:, 0]), "the derivative by W to zero"),
    (decomposition.check_collapsed_weight, lambda m: scaled(m, len(m)), "C-1, not C"),
    (decomposition.check_collapsed_weight, lambda m: m, "outputs that differ by 1"),
    (decomposition.check_collapsed_weight, lambda m: m / m.norm(), "The direction is right"),
    (decomposition.check_collapsed_weight, lambda m: m.flip(0), "W is a multiple of Ṁ"),
    (decomposition.check_noise_covariance, lambda m: torch.eye(7), "make it anisotropic"),
    (decomposition.check_noise_covariance, off_the_span, "Correlate them"),
    (decomposition.check_noise_covariance, along_the_means, "Correlate them"),
    (decomposition.check_noise_covariance, lambda m: coupled(m, 0.1), "correlation between inside"),
    (decomposition.check_noise_covariance, lambda m: m.T @ m, "noise in every direction"),
    (decomposition.check_noise_covariance, lambda m: m @ m.T, "here (7, 7)"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, capsys):
    check(answer)
    said = capsys.readouterr().out
    assert said.startswith(WRONG)
    assert hint in said


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (decomposition.check_webb_lowe, webb_lowe),
        (decomposition.check_collapsed_weight, lambda m: scaled(m, len(m) - 1)),
        (decomposition.check_noise_covariance, coupled),
    ],
)
def test_a_right_answer_is_right(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith(RIGHT)
