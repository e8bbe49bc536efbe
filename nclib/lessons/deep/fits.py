"""Where notebook 07's descents begin, and what a dead direction gains when it is woken."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import torch

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss, threshold
from nclib.formulas.descent import least_eigenvalue, minimise
from nclib.shapes import Number


def nudged(model: DeepUFM, size: float = 0.02) -> DeepUFM:
    """The same model, a little beside where it stood."""
    for parameter in model.parameters():
        parameter.data += size * torch.randn(parameter.shape)
    return model


def half_awake(depth: int, part: Number, size: Number) -> DeepUFM:
    """Two classes in collapse, but each of the L+1 factors of one direction is ``size`` times it.

    So 0 is the trap, the classes merged, and 1 is collapse. One sample a class, width 2, float64.

    Args:
        depth: L, at least 2.
        part: Λ/Λ*, up to where collapse exists.
        size: of each factor, in units of what it is in collapse.
    """
    decay = (part * threshold(2, depth)) ** (1 / (depth + 1))
    model = DeepUFM(2, 1, depth, 2, weight_decay=decay, feature_decay=decay).double()
    model.start_collapsed()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter[1] *= size
    return model


def kicked(depth: int, part: Number, scale: Number) -> DeepUFM:
    """The trap, its dead direction kicked so that its output has the given scale s."""
    full = collapse_loss(2, depth, part * threshold(2, depth))[1]
    return half_awake(depth, part, (scale / full) ** (1 / (depth + 1)))


def least_curvature(model: DeepUFM) -> float:
    """Least eigenvalue of the Hessian where the model ends, once it has gone all the way down."""
    minimise(model)
    return least_eigenvalue(model)


def waking_orders(depths: Sequence[int], part: Number) -> pd.DataFrame:
    """Powers of ε in which the fit gains and the decays cost, where a dead direction wakes to ε."""
    rows = [_orders(depth, part) for depth in depths]
    return pd.DataFrame(rows, index=list(depths), columns=["gain", "cost"])


def _orders(depth: int, part: Number) -> list[float]:
    terms = [_terms(half_awake(depth, part, size)) for size in (0, 0.05, 0.1)]
    columns = zip(*terms, strict=True)
    return [math.log2((twice - none) / (once - none)) for none, once, twice in columns]


@torch.no_grad()
def _terms(model: DeepUFM) -> tuple[float, float]:
    """The two parts of the objective: of the data, and of the decays."""
    decays = float(model.energies().sum()) / 2
    return float(model.objective()) - decays, decays
