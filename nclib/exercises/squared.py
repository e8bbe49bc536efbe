"""Exercises of notebook 03, collapse under squared error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nclib._shapes import Tensor
from nclib.exercises import check


@check
def check_squared_error(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """A function of (N, C) logits and (N,) labels: mean over both of (logit - one-hot)²."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (7,), generator=generator)
    squares = (logits - torch.eye(4, dtype=torch.float64)[labels]).square()
    expected, found = float(squares.mean()), float(answer(logits, labels))
    if abs(found - expected) < 1e-9:
        return None
    slips = {
        float(squares.sum(1).mean()): "Average over the classes, too: nn.MSELoss does",
        float(squares.sum(1).mean() / 2): "That is ½ of the sum over classes, the papers' L; here "
        "the mean over samples and classes is asked for",
        float(squares.sum()): "Take the mean, not the sum",
        float(logits.square().mean()): "The target is 1 at the label: subtract the one-hot rows",
    }
    hint = next((h for value, h in slips.items() if abs(found - value) < 1e-9), None)
    return f"{expected:.4f} was expected, {found:.4f} found. " + (
        hint or "F.one_hot(labels, C) gives the targets; subtract, square, take the mean"
    )


@check
def check_constant(answer: Callable[[int], float]) -> str | None:
    """A function of C that gives the least squared error of an output that is always the same."""
    for num_classes in (2, 5, 10):
        targets = torch.eye(num_classes, dtype=torch.float64)
        expected = float((targets - targets.mean(0)).square().mean())
        found = float(answer(num_classes))
        if abs(found - expected) > 1e-9:
            return f"for {num_classes} classes {expected:.4f} was expected, {found:.4f} found. " + (
                "Divide by C once more: the mean runs over the classes as well"
                if abs(found - expected * num_classes) < 1e-9
                else "Which constant is best? The mean of the one-hot rows, 1/C everywhere"
            )
    return None


@check
def check_two_in_one(answer: Callable[[], Any]) -> str | None:
    """A function that returns a trajectory at whose end the class means span one dimension."""
    last = answer().metrics.iloc[-1]
    if last["rank"] == 1:
        return None
    more = last["rank"] > 1
    return (
        f"the class means span {last['rank']:.0f} dimensions and {last.train_accuracy:.0%} of the "
        f"training set is right. Turn the decay {'up, or train longer' if more else 'down'}"
    )
