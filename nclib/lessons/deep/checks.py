"""Exercises of notebook 07, deep neural collapse."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.optimize import brentq

from nclib.formulas.deep_ufm import collapse_loss, threshold
from nclib.lessons.answers import check, number, slip, tensor
from nclib.shapes import Number, Tensor


@check
def check_barrier(answer: Callable[[int, float], float]) -> str | None:
    """A function of L and Λ/Λ*: the scale from which on a kick out of the trap succeeds."""
    for depth, part in ((4, 0.7), (2, 0.1), (3, 0.5), (6, 0.9)):
        found, expected = number(answer(depth, part)), barrier(depth, part)
        if abs(found - expected) > 0.02 * expected:
            hints = {
                0.0: "At 0 the direction is dead; the slope of f there points up",
                collapse_loss(2, depth, part * threshold(2, depth))[1]: "That is where the way "
                "ends, in collapse. Where does it begin to lead down?",
            }
            turned = (
                "falls already: less will do" if found > expected else "still rises: it returns"
            )
            return f"for depth {depth}, part {part:g} " + (
                slip(found, hints, within=1e-3) or f"{found:.4f} was returned; there f {turned}"
            )
    return None


def barrier(depth: int, part: Number) -> float:
    """Where f turns down: the lesser root of its slope, s - 1 + KΛ^{1/(L+1)} s^{(1-L)/(L+1)}."""
    factor = 2 * (part * threshold(2, depth)) ** (1 / (depth + 1))
    power = (depth - 1) / (depth + 1)
    lowest = (power * factor) ** (1 / (1 + power))  # of the slope
    return brentq(lambda s: s - 1 + factor * s**-power, 1e-9, lowest)


@check
def check_last(answer: Callable[[int], float]) -> str | None:
    """A function of L that gives the scale of the outputs where collapse ceases to exist."""
    for depth in (5, 2, 3, 10):
        found, expected = number(answer(depth)), (depth - 1) / (2 * depth)
        if abs(found - expected) > 1e-4:
            hints = {
                (depth - 1) / depth: "That is the scale at the threshold, where zero becomes as "
                "good. Collapse remains a minimum further up",
                0.0: "Zero is the other minimum. This one ends before it gets there",
            }
            return f"for depth {depth} {expected:.4f} was expected, {found:.4f} found. " + (
                slip(found, hints, within=1e-9)
                or "Two equations at one s: f has slope 0, and the slope has slope 0. Up to a "
                "factor f'(s) is s - 1 + c s^{-q}, with q = (L-1)/(L+1)"
            )
    return None


@check
def check_unfolding(answer: Callable[[int], Tensor]) -> str | None:
    """A function of K: a (K, K) matrix of rank at most 3 whose ReLU is the identity."""
    for num_classes in (4, 6, 10):
        found = tensor(answer(num_classes), num_classes, num_classes, called="a matrix (K, K)")
        identity = torch.eye(num_classes, dtype=torch.float64)
        off = float((found.relu() - identity).abs().max())
        if off > 1e-5:
            return (
                f"for {num_classes} classes the ReLU is {off:.2g} off the identity. What must the "
                "products of different classes be, before the ReLU? And divide by the diagonal"
            )
        singular = torch.linalg.svdvals(found)
        rank = int((singular > 1e-5 * singular[0]).sum())
        if rank > 3:
            return (
                f"for {num_classes} classes the rank is {rank}; at most 3 is asked for. Points in "
                "a plane have a Gram matrix of rank 2, and subtracting one number from every entry "
                "adds at most 1"
            )
    return None
