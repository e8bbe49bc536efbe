"""The quantities of neural collapse and their words: one list for figures, GIFs and the player."""

from __future__ import annotations

from typing import Any, NamedTuple


class Quantity(NamedTuple):
    """Columns of ``Trajectory.metrics`` and how each picture names and scales them.

    Attributes:
        title: above a panel of a figure.
        columns: the second one is drawn thin.
        floor: lower end of a figure's axis, None for a log axis.
        thin: what the second column is.
        player: title in the collapse player and its short form; None where it is not shown.
        live: title in the live picture; None where it is not shown.
        limits: of the live picture's axis, which is logarithmic where they are positive.
    """

    title: str
    columns: tuple[str, ...]
    floor: float | None = 0
    thin: str = "test set"
    player: tuple[str, str] | None = None
    live: str | None = None
    limits: tuple[float, float] = (0, 1)

    @property
    def played(self) -> tuple[str, ...]:
        """Columns in the player: of the training set, and of the classifier beside the means."""
        return self.columns if self.thin == "classifier" else self.columns[:1]


def _nc2(name: str, title: str, *player: str, **options: Any) -> Quantity:
    return Quantity(title, (f"{name}_means", f"{name}_weights"), 0, "classifier", player, **options)


# Of Papyan, Han, Donoho 2020: Figures 6, 2, 3, 4, 5 and 7, after accuracy and loss.
# Unequal norms is a standard deviation with divisor C-1, unequal angles one over all pairs.
QUANTITIES = {
    "accuracy": Quantity(
        "accuracy", ("train_accuracy", "test_accuracy"), player=("training error",) * 2
    ),
    "loss": Quantity("training loss", ("loss",), None),
    "nc1": Quantity(
        "NC1: within / between", ("nc1", "test_nc1"), None,
        player=("NC1 · scatter within / between classes", "NC1 · scatter"),
        live="NC1 · scatter within / between", limits=(1e-5, 1e2),
    ),
    "equinorm": _nc2(
        "equinorm", "NC2: unequal norms",
        "NC2 · equinorm: spread of the norms", "NC2 · equinorm",
    ),
    "equiangularity": _nc2(
        "equiangularity", "NC2: unequal angles",
        "NC2 · equiangularity: spread of the cosines", "NC2 · equiangularity",
    ),
    "max_angle": _nc2(
        "max_angle", "NC2: off the widest angle",
        "NC2 · max angle: |cos + 1/(C−1)|", "NC2 · max angle",
        live="NC2 · angles off −1/(C−1)", limits=(1e-3, 1),
    ),
    "self_duality": Quantity(
        "NC3: W against class means", ("self_duality",),
        player=("NC3 · self-duality: classifier − means", "NC3 · self-duality"),
        live="NC3 · classifier ≠ class means", limits=(1e-4, 4),
    ),
    "ncc_mismatch": Quantity(
        "NC4: not the nearest mean", ("ncc_mismatch", "test_ncc_mismatch"),
        player=("NC4 · nearest-mean mismatch", "NC4 · mismatch"),
        live="NC4 · nearest-mean mismatch", limits=(-0.03, 1),
    ),
}  # fmt: skip


# The yardstick of the whole suite: *collapsed* is a training set with each of these below its
# limit. NC1 of .05 is noise with a twentieth of the class means' variance, or .22 of their spread.
COLLAPSED = {
    "nc1": 0.05,
    "equinorm_means": 0.1,
    "max_angle_means": 0.1,
    "self_duality": 0.1,
    "ncc_mismatch": 0.01,
}


def panels_played(num_classes: int) -> list[dict[str, Any]]:
    """The player's panels as JSON values; of two classes NC2 says nothing.

    ``share_of_right`` marks a column whose complement is drawn: every curve tends to 0.
    """
    right = {"accuracy": {"share_of_right": True}}
    return [
        {"title": one.player[0], "short": one.player[1], "columns": list(one.played)}
        | right.get(name, {})
        for name, one in QUANTITIES.items()
        if one.player and not (num_classes == 2 and one.thin == "classifier")
    ]
