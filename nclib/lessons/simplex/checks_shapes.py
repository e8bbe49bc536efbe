"""Exercises of notebook 01, sections 1 and 2: margins, and eight points better than the cube."""

from __future__ import annotations

import math
from collections.abc import Callable

from nclib.formulas.packings import contacts, largest_cosine
from nclib.lessons.answers import check, number, slip, tensor
from nclib.lessons.simplex.twist import ANTIPRISM, CUBE
from nclib.shapes import Float, Number, Tensor

ASKED = 0.3  # largest cosine of eight points, between the antiprism's and the cube's


@check
def check_lost(answer: Callable[[int], Number]) -> str | None:
    """A function of even C: the share of the simplex's margin that half as many dimensions lose."""
    for num_classes in (10, 4, 1000):
        simplex, orthoplex = math.sqrt(num_classes / (2 * (num_classes - 1))), math.sqrt(0.5)
        expected, found = 1 - orthoplex / simplex, number(answer(num_classes))
        if abs(found - expected) > 1e-9:
            hints = {
                1 - expected: "That is what is left; asked is what is lost",
                1 / num_classes: "The margin is the *root* of (1 - cos)/2",
                simplex - orthoplex: "That is the difference; divide it by the simplex's margin",
                simplex / orthoplex - 1: "Divide by the simplex's margin, not by the orthoplex's",
                100 * expected: "A share is asked for, not percent",
            }
            said = f"for C = {num_classes} {expected:.5f} was expected, {found:.5f} found. "
            return said + (slip(found, hints, 1e-9) or "The orthoplex's margin is √½ for every C")
    return None


@check
def check_eight(answer: Callable[[], Float[Tensor, "8 3"]]) -> str | None:
    """A function that returns eight unit vectors in space whose largest cosine is below 0.3."""
    points = tensor(answer(), 8, 3, called="a tensor of eight points")
    norms = points.norm(dim=1)
    if (norms - 1).abs().max() > 1e-6:
        row = int((norms - 1).abs().argmax())
        return f"row {row} has length {norms[row]:.4f}; points on the sphere have length 1"
    found = float(largest_cosine(points))
    if found < ASKED:
        return None
    pairs = contacts(points, 1e-6).tolist()
    said = f"the largest cosine is {found:.4f}, below {ASKED} is asked for. "
    if found > CUBE + 1e-6:
        return said + f"Even the cube has 1/3: move rows {pairs[0][0]} and {pairs[0][1]} apart"
    if len(pairs) == 12:
        return said + "That is the cube: turn one of its squares"
    if found > CUBE - 1e-6:
        return said + "Turned, but the points *within* a square are as near as before: lower both"
    return said + f"Better than the cube; go on, the least is {ANTIPRISM:.4f}"
