"""Wrong answers to the exercises on unconstrained features get a hint."""

from __future__ import annotations

import math

import pytest
import torch

from nclib.formulas.synthetic import simplex_with_scatter
from nclib.lessons.answers import RIGHT
from nclib.lessons.unconstrained import checks

SQUARE = torch.eye(8, dtype=torch.float64)
LONG = SQUARE.clone()
LONG[0] = 30


def features(*, size=1e-4, shape=LONG):
    return simplex_with_scatter(4, 50, size=size, shape=shape)


def uneven():
    found, labels = features()
    found[labels == 0] *= 1.5
    found[labels == 1] += 0.3
    return found, labels


WRONG_ANSWERS = [
    (checks.check_deadly_decay, lambda c, n: 1 / c, "n counts, too"),
    (checks.check_deadly_decay, lambda c, n: 1 / (c * n), "The root in θ"),
    (checks.check_deadly_decay, lambda c, n: 1 / (c * c * n), "That is λ²"),
    (checks.check_deadly_decay, lambda c, n: n**0.5 / c, "divide by √n"),
    (checks.check_deadly_decay, lambda c, n: 1.0, "with less decay already"),
    (checks.check_deadly_decay, lambda c, n: 1e-3, "There features still pay"),
    (checks.check_deadly_decay, lambda c, n: -1.0, "A decay is a positive number"),
    (checks.check_deadly_decay, lambda c, n: 1 / (c * (c * n) ** 0.5), "of one class"),
    (checks.check_deadly_decay, lambda c, n: math.nan, "nan was returned"),
    (checks.check_scale, lambda c, t: math.log(1 / t), "the C-1 beside e^s"),
    (checks.check_scale, lambda c, t: math.log(1 / t - c), "The derivative of"),
    (checks.check_scale, lambda c, t: math.log(1 / t - c + 1), "s is never negative"),
    (checks.check_scale, lambda c, t: 1 - c * t, "the row of squared error"),
    (checks.check_scale, lambda c, t: 1 / t - c + 1, "That is e^s: take the logarithm"),
    (checks.check_scale, lambda c, t: math.log((c - 1) / t), "the slope there is"),
    (checks.check_scale, lambda c, t: math.log(-t), "it raised"),
    (checks.check_not_self_dual, lambda: features(size=0.1), "Shrink the scatter"),
    (checks.check_not_self_dual, uneven, "off the simplex's angles"),
    (checks.check_not_self_dual, lambda: features(shape=SQUARE), "long and thin"),
    (checks.check_not_self_dual, lambda: features(size=0.0), "the classifier follows"),
    (checks.check_not_self_dual, lambda: features()[0], "a pair, features and labels"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_any_example_is_right_that_is_one(capsys):
    shape = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    checks.check_not_self_dual(lambda: features(size=1e-5, shape=shape))
    assert capsys.readouterr().out.strip() == RIGHT
