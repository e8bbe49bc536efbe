"""Notebook 07's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

from nclib.deep_ufm import DeepUFM, fit, threshold
from nclib.exercises import RIGHT, WRONG, deep


def gram(num_classes, *, shift):
    """Products of points on a circle, less a number; not divided by the diagonal."""
    angles = 2 * torch.pi * torch.arange(num_classes) / num_classes
    return (angles[:, None] - angles).cos() - shift


WRONG_ANSWERS = [
    (deep.check_jump, lambda depth: (depth - 1) / (2 * depth), "the minimum ceases to exist"),
    (deep.check_jump, lambda depth: 0.0, "which one does it jump from?"),
    (deep.check_jump, lambda depth: depth / (depth + 1), "the slope is 0, and the cost is ½"),
    (deep.check_jump, lambda depth: 0.5, "for depth 3 0.6667 was expected, 0.5000 found"),
    (deep.check_unfolding, torch.eye, "the rank is 4; at most 3 is asked for"),
    (deep.check_unfolding, lambda k: gram(k, shift=0), "before the ReLU? And divide by the diag"),
    (deep.check_unfolding, lambda k: gram(k, shift=0.9), "off the identity"),
    (
        deep.check_unfolding,
        lambda k: torch.eye(k)[:3],
        "for 4 classes the shape is (3, 4); give (K, K)",
    ),
    (deep.check_unfolding, lambda k: None, "it raised"),
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


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"num_classes": 3}, "it has 3 classes and 4 layers"),
        ({"depth": 3}, "it has 2 classes and 3 layers"),
        ({"part": 0.05}, "Λ is 0.05 of the threshold"),
        ({"part": 1.2}, "Λ is 1.2 of the threshold"),
        ({"init": 0.5, "steps": 1000}, "the classes merged. Where does a descent start"),
        ({"init": 0.3, "steps": 1000}, "that is zero: the decays won"),
        ({}, "never fitted: more steps"),
    ],
)
def test_nothing_escaped(options, hint, capsys):
    deep.check_escape(lambda: two_classes(**options))
    said = capsys.readouterr().out
    assert said.startswith(WRONG)
    assert hint in said


def test_collapse_itself_has_escaped(capsys):
    deep.check_escape(lambda: two_classes().start_collapsed())
    assert capsys.readouterr().out.strip() == RIGHT
