"""Notebook 07's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

from nclib.formulas.deep_ufm import DeepUFM, threshold
from nclib.formulas.descent import fit
from nclib.lessons.answers import RIGHT
from nclib.lessons.deep import checks


def gram(num_classes, *, shift):
    """Products of points on a circle, less a number; not divided by the diagonal."""
    angles = 2 * torch.pi * torch.arange(num_classes) / num_classes
    return (angles[:, None] - angles).cos() - shift


WRONG_ANSWERS = [
    (checks.check_jump, lambda depth: (depth - 1) / (2 * depth), "the minimum ceases to exist"),
    (checks.check_jump, lambda depth: 0.0, "which one does it jump from?"),
    (checks.check_jump, lambda depth: depth / (depth + 1), "the slope is 0, and the cost is ½"),
    (checks.check_jump, lambda depth: 0.5, "for depth 5 0.8000 was expected, 0.5000 found"),
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
    (checks.check_escape, lambda: two_classes(num_classes=3), "it has 3 classes and 4 layers"),
    (checks.check_escape, lambda: two_classes(depth=3), "it has 2 classes and 3 layers"),
    (checks.check_escape, lambda: two_classes(0.05), "Λ is 0.05 of the threshold"),
    (checks.check_escape, lambda: two_classes(1.2), "Λ is 1.2 of the threshold"),
    (checks.check_escape, lambda: two_classes(init=0.5, steps=1000), "the classes merged. Where"),
    (
        checks.check_escape,
        lambda: two_classes(init=0.3, steps=1000),
        "that is zero: the decays won",
    ),
    (checks.check_escape, lambda: two_classes(), "more steps"),
    (checks.check_escape, lambda: [two_classes()], "one model is asked for"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def two_classes(part=0.7, *, num_classes=2, depth=4, init=1.0, steps=0):
    decay = (part * threshold(num_classes, depth) / 5) ** (1 / (depth + 1))
    decays = {"weight_decay": decay, "feature_decay": decay}
    model = DeepUFM(num_classes, 5, depth, 32, **decays, init=init)
    fit([model], steps=steps)
    return model


def test_collapse_itself_has_escaped(capsys):
    checks.check_escape(lambda: two_classes().start_collapsed())
    assert capsys.readouterr().out.strip() == RIGHT
