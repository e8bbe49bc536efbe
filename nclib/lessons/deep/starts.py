"""Where descents of ten classes end, over the width and the size of the start: recorded.

One sample a class, λ = 0.004 everywhere, three and four layers, Adam as in ``descent.fit``. Widths
double and sizes grow by √2, so that a diagonal of the map keeps size·√width: the norm of the
features at the start. ``python tools/record_starts.py`` makes ``starts.csv`` anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss
from nclib.formulas.descent import fit
from nclib.formulas.layers import layer_collapse
from nclib.recorded_table import read_table

FILE = Path(__file__).with_name("starts.csv")
CLASSES, DECAY, STEPS, SEEDS = 10, 4e-3, 2500, range(6)
DEPTHS, WIDTHS = (3, 4), (16, 32, 64, 128)
SIZES = (0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8)
CELL = ["depth", "width", "size"]
ENDS = ("below", "collapse", "above", "lost")


def cells() -> list[tuple[int, int, float]]:
    """Depth, width and size of the start of every cell, the narrow ones first."""
    return [(depth, *rest) for *rest, depth in product(WIDTHS, SIZES, DEPTHS)]


def descents(
    depth: int, width: int, size: float, seeds: Sequence[int] = SEEDS, steps: int = STEPS
) -> pd.DataFrame:
    """The rows of one cell, a row a seed.

    Columns: ``CELL``, seed, loss (the objective at the end), rank (least over the layers), told
    (classes whose own output is the largest).
    """
    model = (CLASSES, 1, depth, width)
    decays = {"weight_decay": DECAY, "feature_decay": DECAY, "init": size}
    models = [DeepUFM(*model, **decays, seed=seed) for seed in seeds]
    losses = fit(models, steps=steps).tolist()
    rows = []
    for seed, one, loss in zip(seeds, models, losses, strict=True):
        outputs = one().detach()
        told = int((outputs.argmax(1) == torch.arange(CLASSES)).sum())
        seen = float(outputs.abs().max()) > 1e-2
        rank = min(layer.rank for layer in layer_collapse(one)) if seen else 0
        rows.append([depth, width, size, seed, loss, rank, told if seen else 0])
    return pd.DataFrame(rows, columns=[*CELL, "seed", "loss", "rank", "told"])


def load_starts() -> pd.DataFrame:
    """The recorded rows, with ``sorted_ends``; ``attrs["environment"]`` says where and when."""
    return sorted_ends(read_table(FILE))


def sorted_ends(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with ``collapse``, its value, and ``end``, one of ``ENDS``.

    *lost*: not all classes are told apart (they merged, or all is zero); *collapse*: full rank,
    within 3e-3 of its value; *below*: lower by more than 1e-3; *above*: what is left.
    """
    values = {d: collapse_loss(CLASSES, d, DECAY ** (d + 1))[0] for d in set(table.depth)}
    collapse = table.depth.map(values)
    ratio = table.loss / collapse
    conditions = [table.told < CLASSES, (table["rank"] == CLASSES) & ((ratio - 1).abs() < 3e-3)]
    ends = np.select([*conditions, ratio < 0.999], ["lost", "collapse", "below"], "above")
    return table.assign(collapse=collapse, end=ends)


def shares(table: pd.DataFrame, end: str) -> pd.Series:
    """The share of seeds that end so, by depth, width and size of the start."""
    return (table.end == end).groupby([table[name] for name in CELL]).mean()


def spans(ranks: pd.DataFrame) -> pd.Series:
    """How far mean ranks of one depth (a row a size, a column a width) differ between widths.

    ``size``: of starts of size 0.28. ``norm``: of size·√width about 1.1, where features begin with
    one norm.
    """
    norm = [ranks.loc[size, width] for size, width in zip(SIZES[3::-1], WIDTHS, strict=True)]
    return pd.Series({"size": np.ptp(ranks.loc[0.28]), "norm": np.ptp(norm)})
