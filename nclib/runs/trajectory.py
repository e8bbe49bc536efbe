"""What a run recorded: metrics as a table, the moving geometry, one small file.

The geometry is kept in one fixed orthonormal basis, chosen at the last epoch: its first axes span
the centred class means (principal axes, largest first), the rest the classifier. There the last
epoch is complete, and of earlier epochs the file says what share it keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nclib.files import place
from nclib.formulas.collapse import CollapseMetrics
from nclib.formulas.mse import MSEDecomposition
from nclib.runs.payload import Coordinates, captured_share, payload, spanning_basis
from nclib.runs.trajectory_file import read, write
from nclib.texts import text_of, title_of

if TYPE_CHECKING:
    from nclib.player.player import CollapsePlayer
    from nclib.runs.epoch import Epoch

METRICS = [field.name for field in fields(CollapseMetrics)]
TERMS = [field.name for field in fields(MSEDecomposition)]
ABOUT = ("learning_rate", "weight_decay", "feature_decay", "bias_decay", "label_noise", "imbalance")
ABOUT += ("num_features", "linear_features", "batch_norm", "width", "epochs", "steps", "seed")
POINTS = ("features", "class_means", "weight", "bias", "snr")  # of a snapshot


class Trajectory:
    """Measured epochs of one run, in the order they were recorded.

    Made by ``record``, by ``Trajectory.of(train(...))``, or by ``load``.

    Attributes:
        settings: what was run, as ``train`` reports it.
        labels: (S,) classes of the sampled features.
        num_features: p of the network, also when only k coordinates are kept.
    """

    def __init__(self) -> None:
        self.settings: dict = {}
        self.labels = np.zeros(0, dtype=np.int64)
        self.num_features = 0
        self._rows: list[dict] = []
        self._points: dict[str, list[np.ndarray]] = {name: [] for name in POINTS}
        self._captured: np.ndarray | None = None  # set when the points already are coordinates

    @classmethod
    def of(cls, epochs: Iterable[Epoch]) -> Trajectory:
        """Run the epochs to the end and record them."""
        trajectory = cls()
        for epoch in epochs:
            trajectory.record(epoch)
        return trajectory

    def record(self, epoch: Epoch) -> None:
        """Add an epoch; those that were not measured are passed over.

        Raises:
            ValueError: if the epoch does not come after the last one, or the record is a file's.
        """
        if epoch.metrics is None:
            return
        if self._captured is not None:
            raise ValueError("this trajectory was loaded from a file; record a run into a new one")
        if self._rows and epoch.number <= self._rows[-1]["epoch"]:
            raise ValueError(
                f"epoch {epoch.number} comes after epoch {self._rows[-1]['epoch']}; "
                "record another run into a trajectory of its own"
            )
        self.settings, self.labels = dict(epoch.settings), epoch.snapshot.labels.numpy()
        self.num_features = epoch.snapshot.weight.shape[1]
        for name, points in self._points.items():
            points.append(getattr(epoch.snapshot, name).numpy())
        self._rows.append(table_row(epoch))

    # Reading it

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Trajectory({self.title}: {len(self)} measured epochs)"

    @property
    def metrics(self) -> pd.DataFrame:
        """One row per measured epoch.

        Columns: epoch, loss, accuracies, seconds; the CollapseMetrics of the training set and of
        the test set (``test_nc1`` …, as ``Epoch.test_metrics``); the terms of the squared error
        (``mse_total`` …). NaN where something was not measured.
        """
        return pd.DataFrame(self._rows)

    @property
    def epochs(self) -> np.ndarray:
        """(E,) numbers of the measured epochs."""
        return np.array([row["epoch"] for row in self._rows], dtype=np.int64)

    @property
    def class_names(self) -> tuple[str, ...]:
        """C names, as text: a data set of your own may number its classes."""
        return tuple(str(name) for name in self.settings["class_names"])

    @property
    def num_classes(self) -> int:
        """C."""
        return len(self.class_names)

    @property
    def title(self) -> str:
        """Data, network and loss in one line."""
        if not self.settings:
            return "empty"
        return title_of(self.settings)

    @property
    def about(self) -> dict[str, str]:
        """What it was made with, in words: tells runs of one title apart."""
        made_with = {name: self.settings[name] for name in ABOUT if name in self.settings}
        return {name.replace("_", " "): text_of(value) for name, value in made_with.items()}

    @property
    def terminal_epoch(self) -> int | None:
        """First measured epoch with 99.9 % of the training samples right, or None.

        There the terminal phase of training begins (Papyan, Han, Donoho 2020).
        """
        return next((row["epoch"] for row in self._rows if row["train_accuracy"] >= 0.999), None)

    @property
    def zero_error_epoch(self) -> int | None:
        """First measured epoch with every training sample right; None if there is none."""
        return next((row["epoch"] for row in self._rows if row["train_accuracy"] == 1), None)

    def summary(self) -> pd.DataFrame:
        """The metrics at the first epoch, at zero training error (if reached) and at the end."""
        moments = {"before": self.epochs[0], "zero error": self.zero_error_epoch}
        moments |= {"end": self.epochs[-1]}
        moments = {name: epoch for name, epoch in moments.items() if epoch is not None}
        columns = ["loss", "train_accuracy", "test_accuracy", *METRICS]
        rows = self.metrics.set_index("epoch").loc[[*moments.values()], columns]
        rows.index = [f"{name} (epoch {epoch})" for name, epoch in moments.items()]
        return rows.T

    @property
    def bias(self) -> np.ndarray:
        """(E, C) of the classifier."""
        return np.stack(self._points["bias"])

    @property
    def snr(self) -> np.ndarray:
        """(E, C-1) signal-to-noise singular values ω_j, descending; inf where Σ_W vanishes."""
        return np.stack(self._points["snr"])

    def coordinates(self) -> Coordinates:
        """The geometry in the fixed axes of the last epoch; ValueError if nothing was recorded."""
        if not self._rows:
            raise ValueError("nothing was recorded yet; record at least one measured epoch")
        features, means, weight = (np.stack(self._points[name]) for name in POINTS[:3])
        if self._captured is not None:
            return Coordinates(features, means, weight, self._captured)
        basis = spanning_basis(means[-1], weight[-1])
        share = captured_share(means, basis)
        return Coordinates(features @ basis, means @ basis, weight @ basis, share)

    def payload(self) -> dict[str, Any]:
        """What the player draws, as JSON values; ValueError if nothing was recorded."""
        points = self.coordinates()
        names = ("title", "class_names", "labels", "num_features", "zero_error_epoch")
        played = payload(points, self.metrics, **{name: getattr(self, name) for name in names})
        return played | {"about": self.about}

    def index_of(self, epoch: int | np.integer) -> int:
        """Position of a measured epoch among them; ValueError for another."""
        epochs = self.epochs.tolist()
        if epoch not in epochs:
            raise ValueError(f"epoch {epoch} was not measured; measured are {epochs}")
        return epochs.index(epoch)

    def player(self, other: Trajectory | None = None) -> CollapsePlayer:
        """The animated 3-D view of this run, or of this run beside another on the same classes.

        Raises:
            ValueError: if nothing was recorded, or if the class names of ``other`` differ.
        """
        from nclib.player.player import CollapsePlayer

        return CollapsePlayer(self, other)

    def to_html(self, path: str | Path, other: Trajectory | None = None) -> Path:
        """Write ``player(other)`` as one file without kernel and network; returns the path."""
        return self.player(other).save_html(path)

    # Keeping it

    def save(self, path: str | Path) -> Path:
        """Write one compressed ``.npz`` without pickles; about 1 MB for 50 epochs of 600 samples.

        Features are kept as float16 distances from their class mean, means and classifier as
        float32.

        Raises:
            ValueError: if nothing was recorded, or the path is no place for a file: its folder is
                missing, or it is a folder.
        """
        place(path)
        arrays, table = vars(self.coordinates()).copy(), self.metrics.astype(float)
        residuals = arrays.pop("features") - arrays["class_means"][:, self.labels]
        scale = np.abs(residuals).max(axis=(1, 2)) + np.finfo(np.float32).tiny
        residuals = (residuals / scale[:, None, None]).astype(np.float16)
        arrays |= {"residuals": residuals, "scale": scale, "bias": self.bias, "snr": self.snr}
        arrays |= {"metrics": table.to_numpy(), "labels": self.labels.astype(np.int32)}
        header = {"settings": self.settings, "num_features": self.num_features}
        write(path, arrays, header | {"columns": list(table.columns)})
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Trajectory:
        """Read a file written by ``save``.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is not ours, is damaged, or was made by a newer version.
        """
        arrays, header = read(Path(path))
        trajectory = cls()
        trajectory.settings, trajectory.num_features = header["settings"], header["num_features"]
        trajectory.labels = arrays["labels"].astype(np.int64)
        trajectory._rows = list(_table_rows(header["columns"], arrays["metrics"]))
        residuals = arrays["residuals"].astype(np.float32) * arrays["scale"][:, None, None]
        arrays["features"] = arrays["class_means"][:, trajectory.labels]
        arrays["features"][..., : residuals.shape[-1]] += residuals  # a copy may lack the last axes
        trajectory._points = {name: list(arrays[name]) for name in POINTS}
        trajectory._captured = arrays["captured"]
        return trajectory


def table_row(epoch: Epoch) -> dict:
    """A measured epoch as a row of ``Trajectory.metrics``."""
    names = ("loss", "train_accuracy", "test_accuracy", "seconds")
    row = {"epoch": epoch.number} | {name: getattr(epoch, name) for name in names}
    test = epoch.test_metrics.as_dict() if epoch.test_metrics else dict.fromkeys(METRICS, np.nan)
    terms = epoch.decomposition.as_dict() if epoch.decomposition else dict.fromkeys(TERMS, np.nan)
    row |= epoch.metrics.as_dict() | {f"test_{name}": value for name, value in test.items()}
    return row | {f"mse_{name}": value for name, value in terms.items()}


def _table_rows(columns: list[str], values: np.ndarray) -> Iterator[dict]:
    for line in values:
        row = dict(zip(columns, line.tolist(), strict=True))
        yield row | {name: int(row[name]) for name in ("epoch", "rank")}
