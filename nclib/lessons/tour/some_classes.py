"""Some classes of a run at its end: where their means point, and what is learnt of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nclib.runs.trajectory import Trajectory


def mean_cosines(
    run: Trajectory,
    classes: Sequence[int] | None = None,
    *,
    epoch: int | np.integer | None = None,
) -> np.ndarray:
    """Cosines between the class means of every pair of some classes: k(k-1)/2 numbers for k.

    All C means are centred on their common mean first, so for a simplex each is -1/(C-1). They are
    of the coordinates that the run keeps, as in ``panels.cosine_matrices``.

    Args:
        run: a trajectory.
        classes: numbers of at least two classes; all when not given.
        epoch: a measured one; the last when not given.

    Raises:
        ValueError: for fewer than two classes, or an epoch that was not measured.
    """
    chosen = list(range(run.num_classes) if classes is None else classes)
    if len(chosen) < 2:
        raise ValueError(f"classes are {chosen}; a cosine needs at least two")
    means = run.coordinates().class_means[-1 if epoch is None else run.index_of(epoch)]
    centred = (means - means.mean(0))[chosen].astype(float)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(chosen), 1)]


def training_accuracy(run: Trajectory, classes: Sequence[int]) -> float:
    """Share of some classes' training samples that the classifier gets right at the end.

    Of the samples that the run keeps: all of a class with at most 60.

    Raises:
        ValueError: if the run keeps no sample of these classes.
    """
    points, of_these = run.coordinates(), np.isin(run.labels, list(classes))
    if not of_these.any():
        raise ValueError(f"the run keeps no sample of the classes {list(classes)}; it has others")
    outputs = points.features[-1][of_these] @ points.weight[-1].T + run.bias[-1]
    return float((outputs.argmax(1) == run.labels[of_these]).mean())
