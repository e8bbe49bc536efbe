"""Features of a stream collected into class statistics: kept where they fit, summed otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from nclib.checks import at_least
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.batch_labels import check_labels
from nclib.measuring.ranks import largest, together, total, world
from nclib.measuring.row_buffer import BYTES, ROWS, RowBuffer
from nclib.shapes import Float, Int, Tensor

KEEP = 2**29  # bytes of features that are kept
SCATTER_UP_TO = 4096  # features whose (p, p) scatter is summed: 134 MB


class WideStatistics(ClassStatistics):
    """Class statistics whose sums and products are float64 whatever the features are.

    What the features' own rounding may have made is still known, as it would not be of features
    that were cast before. On MPS, which has no float64, as ``ClassStatistics``.
    """

    def __init__(self, *sizes: int, **settings: Any) -> None:
        super().__init__(*sizes, **settings)
        self._precision = torch.float32 if self.device.type == "mps" else torch.float64


@dataclass(frozen=True, eq=False)
class Collected:
    """One layer's features on one split.

    Attributes:
        stats: of all C classes, on all ranks; classes without samples may be among them.
        features: (N, p), this rank's own, where all ranks could keep them; else None.
        labels: (N,) of these.
    """

    stats: ClassStatistics
    features: Float[Tensor, "N p"] | None
    labels: Int[Tensor, " N"] | None

    @property
    def present(self) -> Int[Tensor, " k"]:
        """The classes that have samples, ascending."""
        return self.stats.counts.nonzero().flatten()

    @property
    def samples(self) -> int:
        """N over all ranks, without those labelled -100."""
        return self.stats.num_samples

    def blocks(self, size: int = ROWS) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and labels, ``size`` rows at a time; ValueError where they were not kept."""
        if self.features is None:
            raise ValueError("the features were not kept: they need more than keep= bytes")
        yield from zip(self.features.split(size), self.labels.split(size), strict=True)


class Collector:
    """Collects (M, p) features with labels, batch by batch.

    Up to ``keep`` bytes they are kept, and NC1 is then a projection. Beyond, they are summed: in
    one pass with the (p, p) scatter up to ``scatter_up_to`` features, without it for more.

    Args:
        num_classes: C, of labels 0..C-1.
        keep: bytes of features that are kept, in their own dtype; 0 keeps none.
        scatter_up_to: p.
        device: where features are kept and summed; give the model's.
        buffer: bytes of rows that are gathered before they are summed.
        name: what errors call the data.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        keep: int = KEEP,
        scatter_up_to: int = SCATTER_UP_TO,
        device: torch.device | str = "cpu",
        buffer: int = BYTES,
        name: str = "data",
    ) -> None:
        at_least(2, ": collapse needs two classes", num_classes=num_classes)
        at_least(0, keep=keep, scatter_up_to=scatter_up_to)
        self.num_classes, self.name, self.device = num_classes, name, torch.device(device)
        self._keep, self._scatter_up_to, self._limit = keep, scatter_up_to, buffer
        self._buffer: RowBuffer | None = None
        self._kept: list[tuple[Tensor, Tensor]] | None = []  # None once they took too much
        self._rows = 0  # with labels that count
        self._stats: ClassStatistics | None = None

    def add(self, features: Tensor, labels: Tensor, number: int) -> None:
        """Take a batch.

        Args:
            features: (M, p), any floating dtype; they are copied.
            labels: M of them in any shape, integers in 0..C-1; rows labelled -100 are left out.
            number: of the batch, for errors.

        Raises:
            ValueError: naming the batch and its samples, for labels that are no class or features
                that are not finite; on a GPU not at once, but before they are used.
        """
        where = f"batch {number} of {self.name}"
        features, labels = (x.detach().to(self.device) for x in (features, labels))
        if features.ndim != 2:
            shape = tuple(features.shape)
            raise ValueError(f"{where} has features of shape {shape}; expected (M, p)")
        self._prepare(features, where)
        if labels.numel() != len(features):
            check_labels(labels, self.num_classes, where, rows=len(features))
        for block in self._buffer.add(features, labels, number):
            self._take(*block)

    def finish(self, group: Any = None) -> Collected:
        """What was collected, over all ranks of a ``torch.distributed`` group (default: the one).

        Every rank must call it, also one without samples.

        Raises:
            ValueError: where there were no samples, or ranks have features of different widths.
        """
        with together(group):
            if self._buffer is not None:
                self._take(*self._buffer.take())
        width = self._agree(group)
        if world(group) > 1:
            return self._over_ranks(width, group)
        if self._kept is None:
            return Collected(self._stats, None, None)
        features, labels = self._joined(width)
        stats = WideStatistics.from_features(features, labels, self.num_classes)
        return Collected(stats, features, labels)

    def _prepare(self, features: Tensor, where: str) -> None:
        """The buffer, made for the first features; the later ones must be like them."""
        if self._buffer is None:
            settings = {"limit": self._limit, "name": self.name}
            self._buffer = RowBuffer(self.num_classes, features, **settings)
        if features.shape[1] != self._buffer.width:
            raise ValueError(
                f"{where} has {features.shape[1]} features a sample, those before had "
                f"{self._buffer.width}; one layer's width must not change (flattened maps: give "
                "inputs of one size)"
            )

    def _take(self, features: Tensor, labels: Tensor) -> None:
        """Keep a block, or add it to the sums."""
        if not len(labels):
            return
        self._rows += len(labels)
        if self._kept is not None and self._rows * features[0].nbytes > self._keep:
            self._sum_up(features.shape[1])
        if self._kept is None:
            self._stats.update(features, labels)
        else:
            self._kept.append((features, labels))

    def _sum_up(self, width: int) -> None:
        """From now on sums alone; what was kept goes into them."""
        kept, self._kept = self._kept or [], None
        settings = {"device": self.device, "scatter": width <= self._scatter_up_to}
        self._stats = WideStatistics(self.num_classes, width, **settings)
        while kept:
            self._stats.update(*kept.pop(0))

    def _joined(self, width: int) -> tuple[Tensor, Tensor]:
        """All that was kept, in one piece."""
        kept = self._kept
        if len(kept) == 1:
            return kept[0]
        if not kept:
            features = torch.empty(0, width, device=self.device)
            return features, torch.empty(0, dtype=torch.int64, device=self.device)
        return torch.cat([features for features, _ in kept]), torch.cat([y for _, y in kept])

    def _agree(self, group: Any) -> int:
        """The width that all ranks with samples have."""
        if not int(total(torch.tensor([self._rows]), group)):
            raise ValueError(f"{self.name} gave no samples to measure; give some of every class")
        width = self._buffer.width if self._rows else 0
        known = torch.tensor([width, -width if self._rows else -(2**62)])
        most, least = largest(known, group).tolist()
        if most != -least:
            raise ValueError(
                f"{self.name} has {-least} features a sample on one rank, {most} on another; "
                "measure one layer of one model"
            )
        return most

    def _over_ranks(self, width: int, group: Any) -> Collected:
        """Sums of all ranks; the features stay with the rank that has them, if all could."""
        kept = not int(largest(torch.tensor([int(self._kept is None)]), group))
        features, labels = self._joined(width) if kept else (None, None)
        with together(group):
            if self._kept is not None:
                self._sum_up(width)
        return Collected(self._stats.all_reduce(group), features, labels)
