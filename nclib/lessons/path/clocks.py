"""Do the ratios ω_j move as on a flow? Their clocks say, and how fast they grow (notebook 05)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from nclib.formulas import central_path
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Float, Int, Tensor


def increments(
    omega: Float[Tensor, "T modes"], *, num_classes: int, per_class: int, kind: str
) -> Float[Tensor, "later modes"]:
    """F(ω_j(t)) - F(ω_j(0)) over their mean over j, at all but the first time: 1 on that flow.

    Args:
        omega: ratios over time, positive.
        num_classes: C.
        per_class: n.
        kind: of flow, "projected" or "rescaled".
    """
    law = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    growth = ((omega[1:] - omega[0]) / omega[0]).log1p()
    moved = central_path.passed(omega[0], growth, **law)
    return moved / moved.mean(1, keepdim=True)


def apart(
    omega: Float[Tensor, "T modes"], *, num_classes: int, per_class: int, kind: str
) -> Float[Tensor, " later"]:
    """Largest over smallest of the ``increments``: 1 on that flow; arguments as there."""
    law = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    clocks = increments(omega, **law)
    return clocks.max(1).values / clocks.min(1).values


def of_run(
    run: Trajectory,
) -> tuple[Int[np.ndarray, " T"], Float[Tensor, "T modes"], dict[str, int]]:
    """Measured epochs, ratios, and what the laws need to know of a run: C, and n on average."""
    size = {"num_classes": run.num_classes}
    size["per_class"] = run.settings["num_samples"] // run.num_classes
    return run.epochs, torch.as_tensor(run.snr).double(), size


def growth_table(runs: Mapping[str, Trajectory]) -> pd.DataFrame:
    """A row for each run by its name: how its ratios grow, and whether they come together.

    Slopes of the mean log ω against log epoch, in epochs 1 to 10 and after; how far the clocks of
    either flow are ``apart`` at the end; largest over smallest ω at the start and at the end.
    """
    return pd.DataFrame.from_dict({name: _growth(run) for name, run in runs.items()}, "index")


def _growth(run: Trajectory) -> dict[str, float]:
    epochs, ratios, size = of_run(run)
    mean, row = ratios.log().mean(1).numpy(), {}
    for words, chosen in (("1 to 10", (epochs >= 1) & (epochs <= 10)), ("after 10", epochs >= 10)):
        row[f"slope, epochs {words}"] = np.polyfit(np.log(epochs[chosen]), mean[chosen], 1)[0]
    for kind in ("projected", "rescaled"):
        row[f"clocks apart, {kind}"] = float(apart(ratios, kind=kind, **size)[-1])
    first, last = (float(ratios[i, 0] / ratios[i, -1]) for i in (0, -1))
    return row | {"ω max/min, start": first, "ω max/min, end": last}
