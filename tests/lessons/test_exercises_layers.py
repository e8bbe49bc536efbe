"""Notebook 08's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nclib.formulas.separation import quotient
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.layers import checks


def line(values, log=torch.log, power=1.0):
    """Slope and R² of a line through some function of values."""
    y = log(values) * power
    x = torch.arange(len(y), dtype=y.dtype)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    square = slope**2 * (x - x.mean()).square().sum() / (y - y.mean()).square().sum()
    return slope, square


def right(values):
    slope, square = line(values)
    return slope.exp(), square


def corrected(q, n, c):
    return q / ((1 - 1 / n) - (c - 1) / c * q / n)


def grown(scatter, beside, centred=True, layers=4):
    """Layers whose scatter along the means falls by one factor and elsewhere grows by another."""

    def answer(labels):
        noise = torch.randn(len(labels), 8, generator=torch.Generator().manual_seed(0)).double()
        if centred:
            noise = noise - ClassStatistics.from_features(noise, labels).class_means[labels]
        means = 3 * torch.eye(4, dtype=torch.float64)[labels]
        return [
            torch.cat([means + scatter**i * noise[:, :4], beside**i * noise[:, 4:]], dim=1)
            for i in range(layers)
        ]

    return answer


RIGHT_ANSWERS = [
    (checks.check_line, right),
    (checks.check_line, lambda v: [float(x) for x in right(v)]),
    (checks.check_all_samples, corrected),
    (checks.check_layers, grown(0.4, 3.0)),
    (checks.check_layers, grown(0.4, 3.0, layers=6)),
]
WRONG_ANSWERS = [
    (checks.check_line, lambda v: line(v), "the ratio is its exponential"),
    (checks.check_line, lambda v: (1 / right(v)[0], right(v)[1]), "That is its inverse"),
    (checks.check_line, lambda v: (10 ** line(v)[0], right(v)[1]), "of the same base"),
    (
        checks.check_line,
        lambda v: (line(v, torch.log10)[0].exp(), right(v)[1]),
        "of the same base",
    ),
    (checks.check_line, lambda v: line(v, lambda x: x), "not through its logarithm"),
    (
        checks.check_line,
        lambda v: ((v[-1] / v[0]) ** (1 / (len(v) - 1)), right(v)[1]),
        "the line goes through all of them",
    ),
    (checks.check_line, lambda v: (0.5, 1.0), "Fit a line to log NC1"),
    (checks.check_line, lambda v: (right(v)[0], right(v)[1] ** 0.5), "That is the correlation"),
    (checks.check_line, lambda v: (right(v)[0], 1 - right(v)[1]), "the share off the line"),
    (checks.check_line, lambda v: (right(v)[0], line(v, lambda x: x)[1]), "R² of NC1 itself"),
    (checks.check_line, lambda v: (right(v)[0], 0.3), "1 minus squared residuals"),
    (checks.check_line, lambda v: right(v)[0], "a pair, ratio and R², is asked for"),
    (checks.check_all_samples, lambda q, n, c: q / (1 - 1 / n), "the means carry noise, too"),
    (checks.check_all_samples, lambda q, n, c: q / (1 - (c - 1) / c * q / n), "mends tr Σ_B alone"),
    (checks.check_all_samples, lambda q, n, c: q / (1 - 1 / n - q / n), "a share of 1/C away"),
    (
        checks.check_all_samples,
        lambda q, n, c: q / ((1 - 1 / n) + (c - 1) / c * q / n),
        "taken off tr Σ_B, not added",
    ),
    (
        checks.check_all_samples,
        lambda q, n, c: q * (1 - 1 / n) / (1 + (c - 1) / c * q / n),
        "turn it around",
    ),
    (checks.check_all_samples, lambda q, n, c: q, "Solve q (b"),
    (checks.check_all_samples, lambda q, n, c: None, "is there a `return`?"),
    (checks.check_layers, grown(0.9, 3.0), "NC1 is to halve"),
    (checks.check_layers, grown(0.4, 1.0), "The quotient counts scatter in all directions"),
    (checks.check_layers, grown(0.4, 4.0, centred=False), "of mean zero in each class?"),
    (checks.check_layers, grown(0.4, 3.0, layers=3), "3 layers were returned, 4 are asked for"),
    (checks.check_layers, lambda y: [torch.ones(len(y), 3)] * 4, "all class means coincide"),
    (checks.check_layers, lambda y: [torch.eye(4)[y][:5]] * 4, "layer 0 of shape (200, 4)"),
    (checks.check_layers, lambda y: torch.eye(4)[y], "a list of matrices is asked for"),
    (checks.check_layers, lambda y: None, "nothing was returned: is there a `return`?"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT_ANSWERS)
def test_a_right_answer_is_right(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("✓ right")


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_the_formula_for_all_samples_is_what_draws_give():
    """The mean of sums over many draws of n samples a class, corrected, is the clouds' own."""
    c, n, p, draws = 5, 4, 6, 2000
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(c, p, generator=generator, dtype=torch.float64)
    labels = torch.arange(c).repeat_interleave(n)
    spread = torch.tensor([2.0, 1.0, 1.0, 0.5, 0.5, 0.1], dtype=torch.float64)
    within, between = [], []
    for _ in range(draws):
        noise = torch.randn(c * n, p, generator=generator, dtype=torch.float64)
        stats = ClassStatistics.from_features(means[labels] + spread * noise, labels)
        between.append(float(stats.centred_means.square().sum()) / c)
        within.append(quotient(stats) * between[-1])
    whole = float(spread.square().sum()) * c / float((means - means.mean(0)).square().sum())
    found = np.mean(within) / np.mean(between)
    assert corrected(found, n, c) == pytest.approx(whole, rel=0.02)
    assert abs(found / whole - 1) > 0.2  # and without the correction it is not
