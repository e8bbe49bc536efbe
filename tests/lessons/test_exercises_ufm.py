"""Wrong answers to the exercises on unconstrained features get a hint."""

from __future__ import annotations

import math

import pytest
import torch

from nclib.formulas.ufm import UFM
from nclib.lessons.answers import RIGHT
from nclib.lessons.unconstrained import checks

UNDECAYED = {"loss": "squared_error", "weight_decay": 0, "feature_decay": 0}


def placed(*, means=10.0, noise=10.0, num_features=8, **options):
    """Four classes read off four features; the others hold the same means, larger, and noise."""
    model = UFM(4, 15, num_features, **UNDECAYED | options)
    seen = torch.eye(4, dtype=torch.float64)[model.labels]
    draw = torch.Generator().manual_seed(0)
    more = means * seen + noise * torch.randn(60, 4, generator=draw, dtype=torch.float64)
    return model.place(torch.eye(4, num_features), torch.cat([seen, more], 1)[:, :num_features])


def of_rank_three():
    """A simplex and its bias: with C-1 features W sees all there is."""
    model = UFM(4, 15, 3, bias_decay=0, **UNDECAYED)
    simplex = torch.linalg.svd(torch.eye(4) - 0.25)[0][:, :3]
    return model.place(simplex, simplex[model.labels], torch.full((4,), 0.25))


WRONG_ANSWERS = [
    (checks.check_deadly_decay, lambda c: 2 / c**1.5, "squared error's, with torch's 2/C"),
    (checks.check_deadly_decay, lambda c: 1 / c, "λ_H is λ/N, not λ"),
    (checks.check_deadly_decay, lambda c: 1 / c**1.5, "solve for λ"),
    (checks.check_deadly_decay, lambda c: c**0.5, "The other way round"),
    (checks.check_deadly_decay, lambda c: 0.5, "put them into Cθ = 1"),
    (checks.check_deadly_decay, lambda c: math.nan, "nan was returned"),
    (checks.check_scale, lambda c, t, a: math.log(1 / t - c + 1), "labels that are not smoothed"),
    (checks.check_scale, lambda c, t, a: math.log(1 / (t + a / c)), "the C-1 beside e^s"),
    (checks.check_scale, lambda c, t, a: math.log(1 / (t + a / c) - c), "The derivative of"),
    (checks.check_scale, lambda c, t, a: math.log(1 / (t + a / c) - c + 1), "s is never negative"),
    (checks.check_scale, lambda c, t, a: math.log(1 / (t + a) - c + 1), "adds α/C to θ"),
    (
        checks.check_scale,
        lambda c, t, a: 1 / (t + a / c) - c + 1,
        "take the logarithm",
    ),
    (checks.check_scale, lambda c, t, a: math.log((c - 1) / t), "the slope there is"),
    (checks.check_scale, lambda c, t, a: math.log(-t), "it raised"),
    (checks.check_at_zero_loss, lambda: placed(noise=0.1), "put means, and more scatter"),
    (checks.check_at_zero_loss, of_rank_three, "3 features for 4 classes leave W nothing"),
    (checks.check_at_zero_loss, lambda: placed(weight_decay=0.1), "there is a decay"),
    (checks.check_at_zero_loss, lambda: placed(loss="focal"), "focal was returned"),
    (checks.check_at_zero_loss, lambda: UFM(4, 15, 8, **UNDECAYED), "must be one-hot"),
    (checks.check_at_zero_loss, lambda: torch.eye(3), "is asked for, something of type Tensor"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_any_example_is_right_that_is_one(capsys):
    checks.check_at_zero_loss(lambda: placed(means=1, noise=30))
    checks.check_at_zero_loss(lambda: placed(bias_decay=0))
    assert capsys.readouterr().out.split("\n")[:2] == [RIGHT, RIGHT]
