"""Which class? NC1 by class says which spreads, CDNV by pair which two are least apart.

A class that spreads raises its own nc1_c. Two classes that merge raise everybody's alike, since
all residuals are measured along the direction that tells the two apart: they show up in the CDNV
of the pair and in the weakest direction of the means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import cosine_similarity, normalize

from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Number, Tensor

STANDS_OUT = 1.5  # times the median: from here on a class is named
MERGED = 0.5  # CDNV of a pair from which on nc1_c tells of the pair, and of no other class
MOST_CLASSES = 10_000  # of which every cosine is computed


class Worst(NamedTuple):
    """What a report warns of.

    Attributes:
        pair: the least separated classes: ``a``, ``b``, ``cdnv``, and ``next``, the CDNV of the
            pair after it (None where there is none); None where no pair was measured.
        spread: the class with the largest nc1_c, if it exceeds 1.5 times the median: ``class``,
            ``samples``, ``nc1_c``, ``times`` the median.
    """

    pair: dict[str, Any] | None
    spread: dict[str, Any] | None


def class_rows(
    stats: ClassStatistics,
    names: Sequence[Any],
    weight: Tensor | None = None,
    *,
    split: str = "train",
    **by_class: Tensor | None,
) -> list[dict[str, Any]]:
    """A row of numbers for each class.

    Args:
        stats: of the classes present.
        names: of these C classes.
        weight: (C, p), the classifier's rows of these classes.
        split: where the samples are from.
        by_class: ``nc1_c``, ``accuracy``, ``ncc_mismatch``: (C,) each, or None.

    Returns:
        Rows of ``split``, ``class``, ``samples``, ``nc1_c``, ``spread`` (mean square distance from
        the class mean over the mean square norm of the centred means: weighted by samples its mean
        is tr Σ_W / tr Σ_B), ``norm`` (‖μ̇_c‖ over the mean), ``nearest`` and ``cosine`` (the largest
        cosine to another centred mean, and whose), ``classifier_cosine`` (of w_c and μ̇_c),
        ``accuracy``, ``ncc_mismatch``. Not measured is None.

    Raises:
        ValueError: where the names or numbers are not one a class, or a class has no samples.
    """
    given = {"names": names, "weight": weight, **by_class}
    for name, values in given.items():
        if values is not None and len(values) != stats.num_classes:
            raise ValueError(
                f"{name} has {len(values)} entries; give one for each of the {stats.num_classes} "
                "classes of stats"
            )
    means = stats.centred_means
    norms = means.norm(dim=1)
    nearest, cosines = _nearest(means, stats.resolution)
    alignment = None if weight is None else cosine_similarity(weight.detach().to(means), means)
    columns = {
        "class": list(names),
        "samples": stats.counts,
        "nc1_c": by_class.get("nc1_c"),
        "spread": stats.class_variances / norms.square().mean(),
        "norm": norms / norms.mean(),
        "nearest": None if nearest is None else [names[i] for i in nearest.tolist()],
        "cosine": cosines,
        "classifier_cosine": alignment,
        "accuracy": by_class.get("accuracy"),
        "ncc_mismatch": by_class.get("ncc_mismatch"),
    }
    values = [_listed(column, stats.num_classes) for column in columns.values()]
    return [
        {"split": split, **dict(zip(columns, row, strict=True))}
        for row in zip(*values, strict=True)
    ]


def _listed(column: Any, count: int) -> list:
    if column is None:
        return [None] * count
    return column.tolist() if isinstance(column, torch.Tensor | np.ndarray) else list(column)


def _nearest(
    means: Float[Tensor, "C p"], resolution: Number
) -> tuple[Tensor | None, Tensor | None]:
    """Of each centred mean the one at the smallest angle, and the cosine; in tiles of 1,024."""
    if len(means) > MOST_CLASSES:
        return None, None
    pointing = means.norm(dim=1) > resolution
    unit = normalize(means) * pointing[:, None]
    found = [_tile(unit, start) for start in range(0, len(unit), 1024)]
    cosines, nearest = (torch.cat(part) for part in zip(*found, strict=True))
    return nearest, cosines.where(pointing, math.nan)


def _tile(unit: Float[Tensor, "C p"], start: int) -> tuple[Tensor, Tensor]:
    cosines = unit[start : start + 1024] @ unit.T
    cosines.diagonal(start).fill_(-math.inf)
    return tuple(cosines.max(1))


def corrected(row: dict[str, Any]) -> float | None:
    """nc1_c·n/(n-1): small classes look tight by 1 - 1/n. None for one sample, or no number."""
    samples, value = row.get("samples") or 0, row.get("nc1_c")
    if samples < 2 or value is None or not math.isfinite(value):
        return None
    return value * samples / (samples - 1)


def ranked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, most spread class first; those that cannot be ranked (one sample) stand last."""
    sizes = [(corrected(row), row) for row in rows]
    known = sorted((one for one in sizes if one[0] is not None), key=lambda one: -one[0])
    return [row for _, row in [*known, *(one for one in sizes if one[0] is None)]]


def worst(rows: Iterable[dict[str, Any]], pairs: Iterable[dict[str, Any]]) -> Worst:
    """The least separated pair, and the class that spreads more than others do.

    Args:
        rows: of one split.
        pairs: ``a``, ``b``, ``cdnv``.

    Where a pair has merged (CDNV above .5), no class but one of these two is named.
    """
    pair = _worst_pair(pairs)
    return Worst(pair, _most_spread(list(rows), pair))


def _worst_pair(pairs: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    known = [one for one in pairs if one["cdnv"] is not None and not math.isnan(one["cdnv"])]
    known.sort(key=lambda one: -one["cdnv"])
    if not known:
        return None
    return known[0] | {"next": known[1]["cdnv"] if len(known) > 1 else None}


def _most_spread(rows: list[dict[str, Any]], pair: dict[str, Any] | None) -> dict[str, Any] | None:
    sizes = [size for size in map(corrected, rows) if size is not None]
    if len(sizes) < 2:
        return None
    first = ranked(rows)[0]
    usual, size = median(sizes), corrected(first)
    merged = pair is not None and pair["cdnv"] > MERGED
    if size <= STANDS_OUT * usual or (merged and first["class"] not in (pair["a"], pair["b"])):
        return None
    kept = {name: first[name] for name in ("class", "samples", "nc1_c")}
    return kept | {"times": size / usual if usual else math.inf}


def not_told_apart(
    rows: Sequence[dict[str, Any]], cosines: Sequence[Sequence[float]] | None, rank: int
) -> tuple[Any, Any, float] | None:
    """The two classes that make up the weakest direction of the means, if two do.

    Args:
        rows: of one split, in the order of ``cosines``.
        cosines: between centred means, (C, C).
        rank: of the centred means.

    Returns:
        Both names, and the smallest singular value of the means over the largest. None unless it
        is below half of the second smallest one and two classes hold .9 of its column of U.
    """
    if cosines is None or not 2 <= rank < len(rows) or len(cosines) != len(rows):
        return None
    norms = np.array([row["norm"] for row in rows], float)
    gram = norms[:, None] * np.array(cosines, float) * norms
    if not np.isfinite(gram).all():
        return None
    squares, columns = np.linalg.eigh(gram)  # ascending, the first len(rows) - rank of them are 0
    values = np.sqrt(squares.clip(0)[-rank:])
    share = columns[:, -rank] ** 2
    two = np.sort(np.argsort(share)[-2:])
    if values[0] > values[1] / 2 or share[two].sum() < 0.9:
        return None
    return rows[two[0]]["class"], rows[two[1]]["class"], float(values[0] / values[-1])
