"""Notebook 07's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

from nclib.deep_ufm import DeepUFM, fit, threshold
from nclib.exercises import RIGHT, deep


def gram(num_classes, *, shift):
    """Products of points on a circle, less a number; not divided by the diagonal."""
    angles = 2 * torch.pi * torch.arange(num_classes) / num_classes
    return (angles[:, None] - angles).cos() - shift


WRONG_ANSWERS = [
    (deep.check_jump, lambda depth: (depth - 1) / (2 * depth), "the minimum ceases to exist"),
    (deep.check_jump, lambda depth: 0.0, "which one does it jump from?"),
    (deep.check_jump, lambda depth: depth / (depth + 1), "the slope is 0, and the cost is ½"),
    (deep.check_jump, lambda depth: 0.5, "for depth 5 0.8000 was expected, 0.5000 found"),
    (deep.check_unfolding, torch.eye, "the rank is 4; at most 3 is asked for"),
    (deep.check_unfolding, lambda k: gram(k, shift=0), "before the ReLU? And divide by the diag"),
    (deep.check_unfolding, lambda k: gram(k, shift=0.9), "off the identity"),
    (
        deep.check_unfolding,
        lambda k: torch.eye(k)[:3],
        "of shape (4, 4) is asked for, something of type Tensor and shape (3, 4)",
    ),
    (deep.check_unfolding, lambda k: None, "nothing was returned"),
    (deep.check_unfolding, lambda k: torch.full((k, k), torch.nan), "infinite or nan"),
    (deep.check_escape, lambda: two_classes(num_classes=3), "it has 3 classes and 4 layers"),
    (deep.check_escape, lambda: two_classes(depth=3), "it has 2 classes and 3 layers"),
    (deep.check_escape, lambda: two_classes(0.05), "Λ is 0.05 of the threshold"),
    (deep.check_escape, lambda: two_classes(1.2), "Λ is 1.2 of the threshold"),
    (deep.check_escape, lambda: two_classes(init=0.5, steps=1000), "the classes merged. Where"),
    (deep.check_escape, lambda: two_classes(init=0.3, steps=1000), "that is zero: the decays won"),
    (deep.check_escape, lambda: two_classes(), "more steps"),
    (deep.check_escape, lambda: [two_classes()], "one model is asked for"),
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
    deep.check_escape(lambda: two_classes().start_collapsed())
    assert capsys.readouterr().out.strip() == RIGHT
