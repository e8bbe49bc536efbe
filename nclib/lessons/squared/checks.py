"""Exercises of notebook 03, collapse under squared error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nclib.lessons.answers import check, last_epoch, number, slip
from nclib.lessons.squared.means import directions, places
from nclib.shapes import Tensor


@check
def check_squared_error(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """A function of (N, C) logits and (N,) labels: mean over both of (logit - one-hot)²."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (7,), generator=generator)
    squares = (logits - torch.eye(4, dtype=torch.float64)[labels]).square()
    expected, found = float(squares.mean()), number(answer(logits, labels))
    if abs(found - expected) < 1e-6:
        return None
    squashed = logits.softmax(1) - torch.eye(4, dtype=torch.float64)[labels]
    slips = {
        float(squares.sum(1).mean()): "Average over the classes, too: nn.MSELoss does",
        float(squares.sum(1).mean() / 2): "That is ½ of the sum over classes, the papers' L; here "
        "the mean over samples and classes is asked for",
        expected / 2: "Leave the ½ out: nn.MSELoss has none",
        float(squares.sum()): "Take the mean, not the sum",
        float(squares.sqrt().mean()): "Square the distances, do not take absolute values",
        expected**0.5: "Without the root at the end: it is the mean of the squares",
        float(squashed.square().mean()): "No softmax: the logits themselves are compared with 0, 1",
        float(logits.square().mean()): "The target is 1 at the label: subtract the one-hot rows",
    }
    return f"{expected:.4f} was expected, {found:.4f} found. " + (
        slip(found, slips)
        or "F.one_hot(labels, C) gives the targets; subtract, square, take the mean"
    )


@check
def check_constant(answer: Callable[[int], float]) -> str | None:
    """A function of C that gives the least squared error of an output that is always the same."""
    for num_classes in (5, 2, 10):
        targets = torch.eye(num_classes, dtype=torch.float64)
        expected = float((targets - targets.mean(0)).square().mean())
        found = number(answer(num_classes))
        if abs(found - expected) > 1e-6:
            slips = {
                expected * num_classes: "Divide by C once more: the mean runs over the classes, "
                "too",
                expected * num_classes / 2: "That is the papers' L; here the mean over samples and "
                "classes is asked for",
                expected / 2: "Leave the ½ out: nn.MSELoss has none",
                1 / num_classes: "That is what an output of zero costs; a better constant costs "
                "less",
            }
            return f"for {num_classes} classes {expected:.4f} was expected, {found:.4f} found. " + (
                slip(found, slips)
                or "Which constant is best? The mean of the one-hot rows, 1/C everywhere"
            )
    return None


@check
def check_two_in_one(answer: Callable[[], Any]) -> str | None:
    """A function that returns a trajectory at whose end the class means lie in two places."""
    run = answer()
    last = last_epoch(run)
    if (found := places(run)) == 2:
        return None
    if found == 1:
        way = "Turn the decay down"
    elif directions(run) == 1:
        way = "They lie on one line, but apart: try another seed, or another decay"
    elif last.train_accuracy < 1:
        way = "Some digits are mixed up already: train longer, until they lie in one point"
    else:
        way = "Turn the decay up, or train longer"
    return (
        f"the class means lie in {found} place{'s' * (found > 1)} and {last.train_accuracy:.0%} of "
        f"the training set is right. {way}"
    )
