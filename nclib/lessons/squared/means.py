"""How many points, and how many directions, the class means of a run end in."""

from __future__ import annotations

import numpy as np

from nclib.runs.trajectory import Trajectory

NEAR = 1 / 20  # of the greatest distance, or singular value: nearer, or smaller, counts as none


def directions(run: Trajectory) -> int:
    """Singular values of the centred class means above a twentieth of the greatest, at the end."""
    values = np.linalg.svd(_centred(run), compute_uv=False)
    return int((values > NEAR * values[0]).sum())


def evenness(run: Trajectory) -> float:
    """The second singular value of the centred class means over the first, at the end."""
    values = np.linalg.svd(_centred(run), compute_uv=False)
    return float(values[1] / values[0])


def places(run: Trajectory) -> int:
    """Points in which the class means lie at the end; as one count those that are near.

    Near are two that are no farther apart than a twentieth of the two farthest.
    """
    means = _centred(run)
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    near = apart <= NEAR * apart.max()
    return sum(not near[c, :c].any() for c in range(len(means)))


def _centred(run: Trajectory) -> np.ndarray:
    """(C, k) of the last epoch; zeros where its rank is 0: what is left there is rounding."""
    means = run.coordinates().class_means[-1].astype(float)
    return (means - means.mean(0)) * (run.metrics["rank"].iloc[-1] > 0)
