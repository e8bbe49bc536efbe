"""Rows of features waiting to be measured: large blocks are cheap, errors still name batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from nclib.measuring.batch_labels import IGNORED, check_labels, samples
from nclib.shapes import Float, Int, Tensor

ROWS = 8192
BYTES = 2**26


class Origin(NamedTuple):
    """``count`` rows from ``row`` on are those of a batch from ``start`` on."""

    row: int
    count: int
    number: int  # of the batch
    start: int
    shape: tuple[int, ...]  # of the batch's labels


class RowBuffer:
    """Copies of (B, p) features and their labels, given back in large blocks.

    Rows are checked when they come on a CPU, and once a block on other devices, where looking at a
    value waits for everything before it. Rows labelled -100 are left out then.

    Args:
        num_classes: C, of labels 0..C-1.
        like: the first features (B, p): blocks have their width, dtype and device.
        limit: bytes of a block; it has at most 8192 rows.
        name: what errors call the data.
    """

    def __init__(
        self, num_classes: int, like: Float[Tensor, "B p"], *, limit: int = BYTES, name: str
    ) -> None:
        self.num_classes, self.width, self.name = num_classes, like.shape[1], name
        self.dtype, self.device = like.dtype, like.device
        self.capacity = max(1, min(ROWS, limit // (self.width * like.element_size())))
        self._features: Tensor | None = None  # allocated when rows come
        self._labels: Tensor | None = None
        self._origins: list[Origin] = []
        self._filled = 0
        self._from_zero = False  # whether a label 0 was seen
        self._at_once = self.device.type == "cpu"  # look at rows when they come

    def add(
        self, features: Float[Tensor, "M p"], labels: Int[Tensor, "*B"], number: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Take a batch; the blocks that are full, one by one.

        Raises:
            ValueError: for rows that are not finite, or labels that are no class; the batch and its
                samples are named.
        """
        shape, labels = tuple(labels.shape), labels.reshape(-1)
        if self._at_once:
            self._check(features, labels, [Origin(0, len(labels), number, 0, shape)])
            features, labels = _counting(features, labels)
        done = 0
        while done < len(labels):
            count = min(self.capacity - self._filled, len(labels) - done)
            self._origins.append(Origin(self._filled, count, number, done, shape))
            self._copy(features[done : done + count], labels[done : done + count])
            done += count
            if self._filled == self.capacity:
                yield self.take()

    def take(self) -> tuple[Tensor, Tensor]:
        """What is there, (M, p) features and (M,) labels; the buffer is empty afterwards."""
        if self._features is None:
            empty = torch.empty(0, self.width, dtype=self.dtype, device=self.device)
            return empty, torch.empty(0, dtype=torch.int64, device=self.device)
        features, labels = self._features, self._labels
        if self._filled < self.capacity:  # a copy, that lets go of the rest
            features, labels = (x[: self._filled].clone() for x in (features, labels))
        if not self._at_once:
            self._check(features, labels, self._origins)
            features, labels = _counting(features, labels)
        self._features, self._labels, self._origins, self._filled = None, None, [], 0
        return features, labels

    def _copy(self, features: Tensor, labels: Tensor) -> None:
        if self._features is None:
            settings = {"device": self.device}
            self._features = torch.empty(self.capacity, self.width, dtype=self.dtype, **settings)
            self._labels = torch.empty(self.capacity, dtype=torch.int64, **settings)
        rows = slice(self._filled, self._filled + len(labels))
        self._features[rows] = features
        self._labels[rows] = labels
        self._filled = rows.stop

    def _check(self, features: Tensor, labels: Tensor, origins: list[Origin]) -> None:
        """One look at all rows; where something is wrong, another at each batch."""
        if not len(labels):
            return
        counted = torch.where(labels == IGNORED, self.num_classes - 1, labels)
        low, high = (int(x) for x in torch.stack(counted.aminmax()).cpu())
        # not finite where a row is not; seldom otherwise, and then no row is found
        sound = bool(features.sum(dtype=_wide(features.dtype)).isfinite())
        if low < 0 or high >= self.num_classes or not sound:
            for origin in origins:
                self._check_batch(features, labels, origin)
        self._from_zero = self._from_zero or low == 0

    def _check_batch(self, features: Tensor, labels: Tensor, origin: Origin) -> None:
        where = f"batch {origin.number} of {self.name}"
        rows = slice(origin.row, origin.row + origin.count)
        part = slice(origin.start, origin.start + origin.count)
        given = torch.full(origin.shape, IGNORED)
        given.view(-1)[part] = labels[rows].cpu()
        check_labels(given, self.num_classes, where, from_zero=self._from_zero)
        bad = torch.zeros(origin.shape, dtype=torch.bool)
        bad.view(-1)[part] = (~features[rows].isfinite().all(1)).cpu()
        bad &= given != IGNORED
        if bad.any():
            raise ValueError(
                f"{where} has NaN or infinite features in {samples(bad)}; look at its inputs, or "
                "the network diverged"
            )


def _counting(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Without the rows whose labels are -100."""
    counts = labels != IGNORED
    return (features, labels) if counts.all() else (features[counts], labels[counts])


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
