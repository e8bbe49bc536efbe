"""Unequal norms, equal angles? What centred vectors owe: notebook 01, section 4."""

from __future__ import annotations

from typing import NamedTuple

from nclib.formulas.etf import simplex_gram
from nclib.shapes import Float, Tensor


class Tie(NamedTuple):
    """How unequal norms of centred vectors force unequal angles (notebook 01, section 4).

    Attributes:
        spread: v, std over mean of the norms, divisor C.
        off: root mean square over pairs of cos + 1/(C-1).
        least: C/(C-1)² · v/√(1+v²); no centred vectors have an ``off`` below it.
    """

    spread: float
    off: float
    least: float


def tie(centred: Float[Tensor, "C p"]) -> Tie:
    """Both sides of the inequality for centred vectors, none of them zero."""
    num_classes, norms = len(centred), centred.norm(dim=1)
    unit = centred / norms[:, None]
    off = (unit @ unit.T - simplex_gram(num_classes).to(unit)).fill_diagonal_(0)
    v = float(norms.std(correction=0) / norms.mean())
    rms = float(off.norm()) / (num_classes * (num_classes - 1)) ** 0.5
    return Tie(v, rms, num_classes / (num_classes - 1) ** 2 * v / (1 + v**2) ** 0.5)


def first_order(num_classes: int) -> float:
    """Factor k = √(2C/(C-2))/(C-1): least std of the cosines over ``equinorm``, both small.

    C at least 3. It is reached by ``deformations.gram_of_norms``.
    """
    return (2 * num_classes / (num_classes - 2)) ** 0.5 / (num_classes - 1)
