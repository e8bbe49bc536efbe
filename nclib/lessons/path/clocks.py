"""Do the ratios ω_j move as on a flow? Their clocks say, and how fast they grow (notebook 05).

A training run's time is the integral of its learning rate, and it is near the central path where
the classifier's share of the squared error is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from nclib.formulas import central_path
from nclib.runs import presets
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Float, Int, Number, Tensor

KINDS = ("projected", "rescaled")
NEAR = 0.05  # of the squared error: less than that is the classifier's near the path


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


def rate_time(run: Trajectory) -> Float[np.ndarray, " T"]:
    """Integral of the learning rate, over epochs, up to each measured epoch: 0 at epoch 0.

    Raises:
        ValueError: for a run whose schedule is none of ``nclib.presets``.
    """
    settings, name = run.settings, run.settings["schedule"]
    if name not in ("step_schedule", "cosine_schedule"):
        raise ValueError(
            f"the schedule is {name}; take a run with step_schedule or cosine_schedule, whose "
            "rates are known"
        )
    schedule, epochs = getattr(presets, name), settings["epochs"]
    per_epoch = max(1, settings["num_samples"] // settings["batch_size"])
    moments = (np.arange(epochs * per_epoch) + 0.5) / (epochs * per_epoch)
    rates = np.array([settings["learning_rate"] * schedule(float(one)) for one in moments])
    return np.r_[0, rates.cumsum()][run.epochs * per_epoch] / per_epoch


def near_path(run: Trajectory, share: Number = NEAR) -> Int[np.ndarray, " later"]:
    """Positions of the measured epochs from which on L_LS^⊥/L stays below a share; maybe none."""
    far = (run.metrics.mse_perpendicular / run.metrics.mse_total >= share).to_numpy()
    return np.arange(far.nonzero()[0][-1] + 1 if far.any() else 0, len(far))


def growth_table(runs: Mapping[str, Trajectory]) -> pd.DataFrame:
    """A row for each run by its name: how its ratios grow, and whether they come together.

    Slopes of the mean log ω against the log of ``rate_time``, in epochs 1 to 10 and after; how far
    the clocks of either flow are ``apart`` at the end, started at epoch 0 or where the run comes
    ``near_path`` (NaN where it does not); largest over smallest ω at the start and at the end.
    """
    return pd.DataFrame.from_dict({name: _growth(run) for name, run in runs.items()}, "index")


def _growth(run: Trajectory) -> dict[str, float]:
    (epochs, ratios, size), time = of_run(run), rate_time(run)
    mean, near, row = ratios.log().mean(1).numpy(), near_path(run), {}
    for words, chosen in (("1 to 10", (epochs >= 1) & (epochs <= 10)), ("after 10", epochs >= 10)):
        row[f"slope, epochs {words}"] = np.polyfit(np.log(time[chosen]), mean[chosen], 1)[0]
    for kind in KINDS:
        row[f"clocks apart, {kind}"] = float(apart(ratios, kind=kind, **size)[-1])
    row["near from epoch"] = float(epochs[near[0]]) if len(near) > 1 else np.nan
    for kind in KINDS:
        far = float(apart(ratios[near], kind=kind, **size)[-1]) if len(near) > 1 else np.nan
        row[f"near: apart, {kind}"] = far
    first, last = (float(ratios[i, 0] / ratios[i, -1]) for i in (0, -1))
    return row | {"ω max/min, start": first, "ω max/min, end": last}


def step_errors(
    features: Float[Tensor, "N p"], labels: Int[Tensor, " N"], *, end: Number, steps: Sequence
) -> dict[str, dict[str, list[float]]]:
    """Largest relative error of simulated ratios at time ``end`` against either closed form.

    Simulated kind → closed form's kind → errors, one for each step size of ``steps``; arguments
    else as in ``central_path.simulate``.
    """
    size = {"num_classes": int(labels.max()) + 1}
    size["per_class"] = len(labels) // size["num_classes"]
    errors: dict = {kind: {law: [] for law in KINDS} for kind in KINDS}
    for kind, by_law in errors.items():
        for step in steps:
            options = {"steps": round(end / step), "step_size": step, "kind": kind}
            times, found = central_path.simulate(features, labels, **options)
            for law, row in by_law.items():
                goal = central_path.flow(found[0], times[-1:], kind=law, **size)
                row.append(float((found[-1] / goal[0] - 1).abs().max()))
    return errors
