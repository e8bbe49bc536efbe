"""Points that repel each other on the sphere, step by step, as runs that the player plays.

A step takes the place of an epoch, a point that of a class mean; there are no features and no
classifier.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
import torch

from nclib.checks import check_positive
from nclib.formulas import packings
from nclib.formulas.descent import log_spaced
from nclib.palette import class_colors
from nclib.runs.payload import json_number, packed_base64
from nclib.shapes import Float, Number, Tensor

MOST_FRAMES, MOST_NUMBERS = 60, 8000  # in a payload: coordinates of all frames, 40 kB
MOST_STRUTS = 6  # with more points their pairs are too many to draw, if they are no contacts


class Kind(NamedTuple):
    """A way to repel, and its words.

    Attributes:
        words: in the title.
        steps: so many.
        starts: points walk from so many starts at once; the one of largest margin is kept.
    """

    words: str
    steps: int
    starts: int = 1


KINDS = {
    "simplex": Kind("repulsion, β = 1", 300),
    "quadratic": Kind("quadratic repulsion", 300),
    "packing": Kind("packing, β up to 1000", 500, 16),
}
PANELS = {
    "gram_error": ("off the simplex: largest |Gram − simplex|", "off the simplex"),
    "imbalance": ("off balance: length of the mean", "off balance"),
    "missing": ("margin missing to the best", "missing"),
    "largest_cosine": ("largest cosine", "largest cosine"),
    "margin": ("margin: half the least distance", "margin"),
}
LINEAR = ("largest_cosine", "margin")
TOLD = {"simplex": "gram_error", "quadratic": "imbalance", "packing": "largest_cosine"}


@dataclass(frozen=True)
class PointRun:
    """Points on their way.

    Attributes:
        kind: ``"simplex"``, ``"quadratic"`` or ``"packing"``.
        steps: E numbers of steps, the first is 0.
        points: (E, C, p) float64, unit rows.
    """

    kind: str
    steps: tuple[int, ...]
    points: Float[Tensor, "E C p"]

    @property
    def title(self) -> str:
        """Numbers and way."""
        num_points, dim = self.points.shape[1:]
        return f"{num_points} points in {dim} dimensions · {KINDS[self.kind].words}"

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row for each kept step.

        Columns: step, largest_cosine, margin; of a packing the margin that is ``missing`` to the
        best where that is known; of others ``gram_error`` and ``imbalance``.
        """
        columns = {"step": self.steps}
        columns |= {name: getattr(packings, name)(self.points).tolist() for name in LINEAR}
        best = packings.best_margin(*self.points.shape[1:])
        if self.kind != "packing":
            for name in ("gram_error", "imbalance"):
                columns[name] = getattr(packings, name)(self.points).tolist()
        elif best is not None:
            columns["missing"] = [max(best - found, 0) for found in columns["margin"]]
        return pd.DataFrame(columns)

    @functools.cached_property
    def edges(self) -> list[list[int]]:
        """Pairs to be joined: the nearest ones of a packing, all of others if they are few."""
        last, count = self.points[-1], self.points.shape[1]
        if self.kind == "packing":
            return packings.contacts(last).tolist()
        return packings.contacts(last, 2).tolist() if count <= MOST_STRUTS else []

    def payload(self) -> dict[str, Any]:
        """What the player draws, as JSON values: unit points, neither centred nor scaled.

        Of more than C-1 dimensions those are kept which the last points span; of two the second, of
        three the third is upwards.
        """
        num_points, dim = self.points.shape[1:]
        axes = _axes(self.points[-1])
        shown = [name for name in PANELS if name in self.table]
        packed = {
            "title": self.title,
            "kind": "points",
            "class_names": [str(c) for c in range(num_points)],
            "colors": class_colors(num_points),
            "num_classes": num_points,
            "num_features": dim,
            "dims": axes.shape[1],
            "epochs": list(self.steps),
            "zero_error_epoch": None,
            "status": ["ok"] * len(self.steps),
            "panels": [_panel(name) for name in shown],
            "metrics": {name: [json_number(x) for x in self.table[name]] for name in shown},
            "readout": [
                {"text": PANELS[name][1], "column": name} for name in (TOLD[self.kind], "margin")
            ],
            "labels": "",
            "features": "",
            "feature_scale": [1.0] * len(self.steps),
            "means": packed_base64((self.points @ axes).numpy(), "<f4"),
            "weights": None,
            "edges": self.edges,
        }
        if self.kind == "packing":
            packed |= {"note": f"{len(self.edges)} pairs at the least distance"}
        if axes.shape[1] == 3 and self.edges:  # drawn as they are, in space
            packed |= {"faces": packings.faces(self.points[-1] @ axes)}
        return packed

    def __repr__(self) -> str:
        return f"PointRun({self.title}: {self.steps[-1]} steps, {len(self.steps)} kept)"


def point_run(
    num_points: int, dim: int, kind: str = "simplex", *, seed: int = 0, first: Number = 1.0
) -> PointRun:
    """Random points, and what becomes of them.

    Args:
        num_points: C, at least 2.
        dim: p, at least 2.
        kind: ``"simplex"``: ``packings.repel``, a simplex for p ≥ C-1; ``"quadratic"``:
            ``quadratic_repulsion``; ``"packing"``: the best of 16 starts of ``pack``.
        seed: of the start.
        first: β at which a packing begins.

    Raises:
        ValueError: for another kind; as ``packings.repel`` and ``pack``.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; choose from {list(KINDS)}")
    check_positive("begin at 1, say", first=first)
    _, steps, starts = KINDS[kind]
    points = packings.random_points(num_points, dim, starts=starts, seed=seed)
    betas = {"simplex": [1.0] * steps, "quadratic": [0.0] * steps}.get(kind)
    betas = packings.annealing(steps, first=first) if betas is None else betas
    factor = packings.simplex_factor(num_points) if kind == "simplex" else 1
    size = num_points * min(dim, num_points - 1)
    kept = {0} | log_spaced(steps, min(MOST_FRAMES, MOST_NUMBERS // size) - 1)
    walk = packings.repulsion(points, betas, factor=factor)
    frames = torch.stack([state for step, state in enumerate(walk) if step in kept], dim=1)
    best = packings.margin(frames[:, -1]).argmax()
    return PointRun(kind, tuple(sorted(kept)), frames[best])


def _panel(name: str) -> dict[str, Any]:
    title, short = PANELS[name]
    panel = {"title": title, "short": short, "columns": [name]}
    return panel | ({"linear": True} if name in LINEAR else {})


def _axes(points: Float[Tensor, "C p"]) -> Float[Tensor, "p d"]:
    """Orthonormal axes of d = min(p, C-1) dimensions: as the points of the last step are seen best.

    In the plane a point is upwards, in space the axis about which they stand on the fewest levels;
    in more dimensions a simplex shows itself as a crown, its points in their order around.
    """
    count, dim = points.shape
    size = min(dim, count - 1)
    span = torch.linalg.svd(points, full_matrices=False)[2][:size].T
    inside = points @ span  # in coordinates of the span
    if size in (2, 3):
        return span @ _completed(_upwards(inside)[:, None], size).roll(-1, 1)
    if size > 3 and packings.gram_error(points) < 1e-3:
        return span @ _completed(inside.T @ _crown(count), size)
    return span


def _upwards(points: Float[Tensor, "C d"]) -> Float[Tensor, " d"]:
    """Of the points, in space of the principal axes, too, that with the fewest levels along it."""
    if points.shape[1] == 2:
        return points[0]
    axes = torch.cat([points, torch.linalg.svd(points, full_matrices=False)[2]])
    levels = (points @ axes.T).sort(0).values.diff(dim=0) > 1e-2
    return axes[levels.sum(0).argmin()]


def _crown(count: int) -> Float[Tensor, "C 3"]:
    """Around once, and by turns up and down, as if no point of the simplex were special.

    For an odd number they go up and down twice as they go around once.
    """
    turn = 2 * math.pi / count * torch.arange(count, dtype=torch.float64)
    up = (count // 2 if count % 2 == 0 else 2) * turn
    return torch.stack([turn.cos(), turn.sin(), up.cos()], dim=1)


def _completed(axes: Float[Tensor, "d k"], size: int) -> Float[Tensor, "d d"]:
    """Orthonormal axes of which the first have the directions of ``axes``."""
    found = torch.linalg.qr(torch.cat([axes, torch.eye(size).to(axes)], dim=1)).Q
    signs = (found[:, : axes.shape[1]] * axes).sum(0).sign()
    found[:, : axes.shape[1]] *= signs
    return found
