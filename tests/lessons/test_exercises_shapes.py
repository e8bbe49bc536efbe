"""Exercises of notebook 01, sections 1 and 2: right answers, and the hint each wrong one gets."""

from __future__ import annotations

import math

import pytest
import torch

from nclib import packings
from nclib.lessons.simplex import checks_shapes, twist

pytestmark = pytest.mark.usefixtures("without_shape_checks")  # of hundreds of steps


def antiprism(height=(1 + 2 * 2**0.5) ** -0.5):
    return twist.twisted(45, height)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks_shapes.check_lost, lambda c: 1 - math.sqrt(1 - 1 / c)),
        (checks_shapes.check_eight, antiprism),
        (checks_shapes.check_eight, lambda: packings.pack(8, 3)[0]),
        (checks_shapes.check_eight, lambda: antiprism().float().numpy()),
    ],
)
def test_a_right_answer(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("✓ right")


def moved():
    points = twist.twisted(45, 3**-0.5)
    return points[torch.tensor([0, 0, 2, 3, 4, 5, 6, 7])]


WRONG_ANSWERS = [
    (checks_shapes.check_lost, lambda c: math.sqrt(1 - 1 / c), "That is what is left"),
    (checks_shapes.check_lost, lambda c: 1 / c, "The margin is the *root*"),
    (
        checks_shapes.check_lost,
        lambda c: math.sqrt(c / (2 * (c - 1))) - math.sqrt(0.5),
        "divide it by the simplex's margin",
    ),
    (checks_shapes.check_lost, lambda c: math.sqrt(c / (c - 1)) - 1, "not by the orthoplex's"),
    (checks_shapes.check_lost, lambda c: 100 - 100 * math.sqrt(1 - 1 / c), "not percent"),
    (checks_shapes.check_lost, lambda c: 0.5, "is √½ for every C"),
    (checks_shapes.check_lost, lambda c: None, "is there a `return`?"),
    (checks_shapes.check_eight, lambda: twist.twisted(0, 3**-0.5), "That is the cube"),
    (checks_shapes.check_eight, lambda: twist.twisted(45, 3**-0.5), "lower both"),
    (checks_shapes.check_eight, lambda: antiprism(0.56), "Better than the cube; go on"),
    (checks_shapes.check_eight, moved, "move rows 0 and 1 apart"),
    (checks_shapes.check_eight, lambda: 2 * antiprism(), "row 0 has length 2"),
    (checks_shapes.check_eight, lambda: antiprism()[:7], "eight points of shape (8, 3)"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)
