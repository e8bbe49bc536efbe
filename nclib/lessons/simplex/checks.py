"""Exercises of notebook 01, sections 3 and 4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nclib.formulas.collapse import equiangularity, equinorm, pair_cosines
from nclib.formulas.etf import simplex_etf
from nclib.formulas.packings import margin
from nclib.lessons.answers import OtherKindError, check, described, number, slip, tensor
from nclib.lessons.simplex.bound import first_order, tie
from nclib.shapes import Float, Tensor

CLASSES = 10
UNEVEN = 0.08, 0.12  # equinorm of the means asked for
NEAR = 0.96  # std of their cosines, at most this part of k·equinorm


@check
def check_exponent(answer: Callable[[Tensor], float]) -> str | None:
    """A function of class means: the error exponent of the nearest class mean."""
    draw = torch.Generator().manual_seed(0)
    uneven = torch.randn(5, 4, generator=draw, dtype=torch.float64)
    for words, means in (("a simplex of four", simplex_etf(4)), ("five random means", uneven)):
        expected, found = float(margin(means)) ** 2 / 2, number(answer(means.clone()))
        if abs(found - expected) > 1e-6:
            away = torch.pdist(means)
            hints = {
                4 * expected: "An error begins at *half* the distance of two means",
                2 * expected: "The exponent of exp(-δ²/(2σ²)) is δ²/2: halve it",
                float(away.min()) / 2: "That is δ; the exponent is δ²/2",
                float(away.min()): "That is the smallest distance; half of it is δ",
                float(away.mean()) ** 2 / 8: "Not the mean of the distances: the smallest rules",
                float(away.max()) ** 2 / 8: "That is the largest distance; the smallest rules",
                0.0: "A mean's distance from itself is 0; look at pairs only",
            }
            return f"for {words} {expected:.4f} was expected, {found:.4f} found. " + (
                slip(found, hints) or "Which two classes are confused first?"
            )
    return None


@check
def check_uneven(answer: Callable[[], Tensor]) -> str | None:
    """Ten centred class means of unequal norms whose angles are as equal as they can be."""
    means = _ten_vectors(answer())
    centre = float(means.mean(0).norm() / means.norm(dim=1).mean())
    if centre > 1e-6:
        return (
            f"the means are not centred: their mean has {centre:.1%} of their length. Subtract it, "
            "as NC2 does, and look at norms and angles again"
        )
    uneven = equinorm(means)
    if not UNEVEN[0] <= uneven <= UNEVEN[1]:
        way = "more" if uneven < UNEVEN[0] else "less"
        return f"equinorm is {uneven:.3f}; {UNEVEN[0]} to {UNEVEN[1]} is asked: {way} uneven norms"
    spread = equiangularity(pair_cosines(means @ means.T))
    share = spread / (first_order(CLASSES) * uneven)
    if share > NEAR:
        sides = tie(means)
        return (
            f"the cosines have the standard deviation {spread:.4f}, {share:.3f} of k·equinorm; "
            f"{NEAR} is asked. (Their rms from -1/9 is {sides.off:.4f}, and the theorem lets it go "
            f"down to {sides.least:.4f} at most.) Try another kind of unequal: many a little, one "
            "a lot, longer, shorter"
        )
    return None


def _ten_vectors(found: Any) -> Float[Tensor, "10 p"]:
    shape = getattr(found, "shape", ())
    if len(shape) != 2 or shape[0] != CLASSES or not shape[1]:
        hint = ": is there a `return`?" if found is None else ""
        raise OtherKindError(
            f"ten class means, a tensor (10, p), are asked for, {described(found)} was "
            f"returned{hint}"
        )
    means = tensor(found, *shape, called="ten class means")
    if not means.norm(dim=1).all():
        raise OtherKindError("a class mean is zero and has no angles: leave it some length")
    return means
