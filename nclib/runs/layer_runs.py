"""Runs recorded layer by layer: how collapse grows through a network, over training.

``record_layers`` trains as ``train`` does and measures every layer as ``measure`` does. Some runs
come with the package: ``load_layer_run(name)``; ``tools/record.py layers`` made them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nclib.formulas.law import LogLine, log_linear
from nclib.runs.layer_file import read, write
from nclib.runs.layer_geometry import SPLITS, LayerGeometry
from nclib.runs.layer_payload import layers_payload
from nclib.texts import title_of

if TYPE_CHECKING:
    from nclib.player.player import CollapsePlayer

FOLDER = Path(__file__).with_name("recorded_layers")
PLACE = ["epoch", "split", "layer", "name"]
QUANTITIES = ["nc1", "quotient", "cdnv", "ncc_accuracy", "effective_rank", "dnc2", "dnc3"]
QUANTITIES += ["shuffled", "accuracy"]


@dataclass(frozen=True, eq=False)
class LayerRun:
    """What one network's layers came to at the measured epochs of its training.

    Made by ``record_layers`` or ``load_layer_run``. Layer 0 is the network's input; layer l is what
    comes out of its l-th unit and goes into the next; the last is what the classifier reads.

    Attributes:
        settings: what was run, as ``train`` reports it; ``layers``, names of the modules that read
            each layer, and ``positions``, what became of maps.
        layers: L names for readers, "input" first.
        table: a row for each epoch, split ("train", "test") and layer: ``epoch``, ``split``,
            ``layer`` (0 … L-1), ``name``, the quantities of ``layers_table`` (``nc1``,
            ``quotient``, ``cdnv``, ``ncc_accuracy`` by the training means, ``effective_rank``,
            ``dnc2``, ``dnc3``, ``shuffled`` in the training set), and ``accuracy`` of the whole
            network on that split at that epoch. NaN is what was not measured or not defined.
        labels: split → (S,) classes of the samples kept.
        geometry: epoch → its ``LayerGeometry``, for those epochs that keep one.
    """

    settings: dict
    layers: tuple[str, ...]
    table: pd.DataFrame
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    geometry: dict[int, LayerGeometry] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"LayerRun({self.title}: {len(self.layers)} layers, {len(self.epochs)} epochs)"

    @property
    def epochs(self) -> tuple[int, ...]:
        """The measured epochs, from 0 on."""
        return tuple(map(int, self.table.epoch.unique()))

    @property
    def geometry_epochs(self) -> tuple[int, ...]:
        """The measured epochs that the player can show."""
        return tuple(self.geometry)

    @property
    def title(self) -> str:
        """Data, network and loss in one line."""
        return title_of(self.settings)

    # Numbers

    def values(self, quantity: str = "nc1", split: str = "train") -> np.ndarray:
        """(E, L) of one column of the table: a row for each measured epoch, a column a layer.

        Raises:
            ValueError: for a quantity or a split that there is not.
        """
        if quantity not in QUANTITIES:
            raise ValueError(f"quantity is {quantity!r}; take one of {', '.join(QUANTITIES)}")
        rows = self.table[self.table.split == checked_split(split)]
        return rows[quantity].to_numpy(float).reshape(len(self.epochs), len(self.layers))

    def at(self, epoch: int = -1, split: str = "train") -> pd.DataFrame:
        """The rows of the table at one measured epoch, from first to last layer; -1 is the last.

        Raises:
            ValueError: for an epoch that was not measured; those that were, are listed.
        """
        epoch = _measured(epoch, self.epochs, "was not measured; measured are")
        of = (self.table.epoch == epoch) & (self.table.split == checked_split(split))
        return self.table[of].reset_index(drop=True)

    def law(self, epoch: int = -1, split: str = "train", *, hidden: bool = False) -> LogLine:
        """The line through log NC1 over the layers at one epoch (He, Su 2023).

        Args:
            epoch: a measured one; -1 is the last.
            split: ``"train"`` or ``"test"``.
            hidden: leave out the input, which no layer made.

        Raises:
            ValueError: as ``at``.
        """
        return log_linear(self.at(epoch, split).nc1.to_numpy(float)[int(hidden) :])

    # Pictures

    def payload(self, split: str = "train", epoch: int = -1) -> dict[str, Any]:
        """What the player draws of one epoch, as JSON values: its frames are the layers.

        Class means are those of the training set, in both splits. Every frame is turned, as a
        whole, so that its class means come nearest to those of the last layer, and the last layers
        of all epochs likewise to that of the last epoch.

        Args:
            split: whose samples.
            epoch: one of ``geometry_epochs``; -1 is the last.

        Raises:
            ValueError: for another epoch or split.
        """
        epoch = _measured(epoch, self.geometry_epochs, "keeps no samples; those that do are")
        last = self.geometry[self.geometry_epochs[-1]].means[-1]
        return layers_payload(
            self.geometry[epoch],
            self.at(epoch, split),
            split=checked_split(split),
            labels=self.labels[split],
            last=last,
            title=f"{self.title} · epoch {epoch} · {split}",
            class_names=[str(name) for name in self.settings["class_names"]],
        )

    def frames(self, split: str = "train", epoch: int = -1) -> LayerFrames:
        """The same as something that has ``payload()``, for the player and for ``replay``.

        Raises:
            ValueError: as ``payload``.
        """
        epoch = _measured(epoch, self.geometry_epochs, "keeps no samples; those that do are")
        checked_split(split)
        return LayerFrames(self, split, epoch)

    def player(self, epoch: int = -1) -> CollapsePlayer:
        """The layers of one epoch in 3-D, training samples beside test samples.

        Raises:
            ValueError: as ``payload``.
        """
        from nclib.player.player import CollapsePlayer

        return CollapsePlayer(*(self.frames(split, epoch) for split in SPLITS))

    # Keeping it

    def save(self, path: str | Path) -> Path:
        """Write one compressed ``.npz`` without pickles; samples are kept in 8 bits.

        Raises:
            ValueError: where the path is no place for a file.
        """
        header = {"settings": self.settings, "layers": list(self.layers)}
        values = self.table[QUANTITIES].to_numpy(np.float32)
        return write(path, header, self.epochs, values, self.labels, self.geometry)

    @classmethod
    def load(cls, path: str | Path) -> LayerRun:
        """Read a file written by ``save``.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is not ours, is damaged, or was made by another version.
        """
        header, epochs, values, labels, geometry = read(Path(path))
        layers = tuple(header["layers"])
        if values.shape[1:] != (len(QUANTITIES),):
            raise ValueError(f"{path} lacks quantities, or is damaged; record the run again")
        table = pd.DataFrame(table_places(epochs, layers), columns=PLACE)
        table[QUANTITIES] = values.astype(float)
        return cls(header["settings"], layers, table, labels, geometry)


@dataclass(frozen=True)
class LayerFrames:
    """One split of a ``LayerRun`` at one epoch, as the player takes it."""

    run: LayerRun
    split: str = "train"
    epoch: int = -1

    def payload(self) -> dict[str, Any]:
        """As ``LayerRun.payload``."""
        return self.run.payload(self.split, self.epoch)


def table_places(epochs: Iterable[int], layers: Iterable[str]) -> list[tuple[int, str, int, str]]:
    """Epoch, split, layer and its name, of every row of a table in order."""
    return [
        (int(epoch), split, index, name)
        for epoch in epochs
        for split in SPLITS
        for index, name in enumerate(layers)
    ]


def checked_split(split: str) -> str:
    """The split, or ValueError for another text."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; take train or test")
    return split


def _measured(epoch: int, epochs: tuple[int, ...], else_said: str) -> int:
    """The epoch itself, the last for -1, or ValueError."""
    if epoch == -1 and epochs:
        return epochs[-1]
    if epoch not in epochs:
        raise ValueError(f"epoch {epoch} {else_said} {', '.join(map(str, epochs)) or 'none'}")
    return int(epoch)


def layer_runs() -> list[str]:
    """Names that ``load_layer_run`` takes."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load_layer_run(name: str) -> LayerRun:
    """A layer run of the package by name (``layer_runs``), with settings, environment and date.

    Raises:
        ValueError: for an unknown name; those there are, are listed.
    """
    if name not in layer_runs():
        raise ValueError(f"no layer run is called {name!r}; there are {', '.join(layer_runs())}")
    return LayerRun.load(FOLDER / f"{name}.npz")
