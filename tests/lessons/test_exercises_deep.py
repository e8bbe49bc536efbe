"""Notebook 07's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

from nclib.formulas.deep_ufm import collapse_loss, threshold
from nclib.formulas.descent import gradient_descent
from nclib.lessons.deep import checks, fits


def gram(num_classes, *, shift):
    """Products of points on a circle, less a number; not divided by the diagonal."""
    angles = 2 * torch.pi * torch.arange(num_classes) / num_classes
    return (angles[:, None] - angles).cos() - shift


def collapsed_scale(depth, part):
    return collapse_loss(2, depth, part * threshold(2, depth))[1]


WRONG_ANSWERS = [
    (checks.check_last, lambda depth: (depth - 1) / depth, "That is the scale at the threshold"),
    (checks.check_last, lambda depth: 0.0, "Zero is the other minimum"),
    (checks.check_last, lambda depth: depth / (depth + 1), "and the slope has slope 0"),
    (checks.check_last, lambda depth: 0.5, "for depth 5 0.4000 was expected, 0.5000 found"),
    (checks.check_barrier, lambda depth, part: 0.0, "the slope of f there points up"),
    (checks.check_barrier, collapsed_scale, "Where does it begin to lead down?"),
    (checks.check_barrier, lambda depth, part: 0.05, "0.0500 was returned; there f still rises"),
    (checks.check_barrier, lambda depth, part: 0.2, "there f falls already: less will do"),
    (checks.check_barrier, lambda depth, part: None, "nothing was returned"),
    (checks.check_unfolding, torch.eye, "the rank is 4; at most 3 is asked for"),
    (checks.check_unfolding, lambda k: gram(k, shift=0), "before the ReLU? And divide by the diag"),
    (checks.check_unfolding, lambda k: gram(k, shift=0.9), "off the identity"),
    (
        checks.check_unfolding,
        lambda k: torch.eye(k)[:3],
        "of shape (4, 4) is asked for, something of type Tensor and shape (3, 4)",
    ),
    (checks.check_unfolding, lambda k: None, "nothing was returned"),
    (checks.check_unfolding, lambda k: torch.full((k, k), torch.nan), "infinite or nan"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


@pytest.mark.parametrize(("depth", "part", "barrier"), [(2, 0.1, 0.0064), (4, 0.7, 0.0748)])
def test_a_kick_succeeds_from_the_barrier_on_and_returns_before_it(depth, part, barrier, capsys):
    """What exercise 1 asks for, by descents: 10 % less returns to the trap, 10 % more collapses."""
    checks.check_barrier(lambda *sizes: checks.barrier(*sizes))
    assert "right" in capsys.readouterr().out
    assert checks.barrier(depth, part) == pytest.approx(barrier, rel=0.01)
    for kick, end in ((0.9, 0.0), (1.1, collapsed_scale(depth, part))):
        model = fits.kicked(depth, part, kick * barrier)
        list(gradient_descent(model, steps=1500, learning_rate=0.3))
        assert float(model()[1, 1].detach()) == pytest.approx(end, abs=0.01)
