"""Sums over the samples of each class, and how two lots of them, or many, become one.

The scatter is symmetric and kept by its lower half, in panels: an update writes nothing else, which
saves three eighths of the largest product there is (``mirror`` writes the other half).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nclib.checks import raise_not_finite
from nclib.formulas.samples import first_samples
from nclib.shapes import Float, Int, Tensor

PANEL = 256  # columns of the scatter that one product fills


@dataclass
class Sums:
    """Of C classes of (N, p) samples, each measured from its own first sample, the shift.

    Attributes:
        counts: samples of each class.
        shift: one sample of each class.
        offset: class mean - shift.
        spread: Σ ‖h - μ_c‖² of each class.
        scatter: Σ (h - μ_c)(h - μ_c)ᵀ over all classes, its lower half; or none is kept.
    """

    counts: Int[Tensor, " C"]
    shift: Float[Tensor, "C p"]
    offset: Float[Tensor, "C p"]
    spread: Float[Tensor, " C"]
    scatter: Float[Tensor, "p p"] | None = None

    @classmethod
    def zeros(
        cls, num_classes: int, num_features: int, *, scatter: bool, device: torch.device
    ) -> Sums:
        """Of no samples; float64, or float32 where the device has no float64 (MPS)."""
        dtype = torch.float32 if device.type == "mps" else torch.float64
        zeros = lambda *shape: torch.zeros(*shape, dtype=dtype, device=device)  # noqa: E731
        means = (num_classes, num_features)
        square = zeros(num_features, num_features) if scatter else None
        counts = zeros(num_classes).long()
        return cls(counts, zeros(*means), zeros(*means), zeros(num_classes), square)

    def of(self, classes: Int[Tensor, " k"]) -> Sums:
        """Of some of the classes, copied, without the scatter."""
        parts = (self.counts, self.shift, self.offset, self.spread)
        return Sums(*(part.index_select(0, classes) for part in parts))

    def clear(self) -> None:
        """Back to no samples."""
        for part in (self.counts, self.shift, self.offset, self.spread, self.scatter):
            if part is not None:
                part.zero_()

    def means_of(
        self, features: Tensor, labels: Tensor, classes: Int[Tensor, " k"], dtype: torch.dtype
    ) -> Sums:
        """Counts and means of samples of these classes alone, from the shifts that are known here.

        Labels are counted among ``classes``. ValueError for features that are not finite.
        """
        batch = self.of(classes)
        first_samples(features, labels, batch.shift, wanted=batch.counts == 0)
        batch.counts = torch.bincount(labels, minlength=len(classes))
        batch.offset.zero_()
        batch.spread.zero_()
        for h, y in batch.shifted(features, labels, dtype):
            batch.offset.index_add_(0, y, h.to(batch.offset))
        if not math.isfinite(size(batch.offset)):
            raise_not_finite(features)
        batch.offset /= batch.counts[:, None]
        return batch

    def shifted(
        self, features: Tensor, labels: Tensor, dtype: torch.dtype
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of h - shift_y, exact in floating point for h near the shift; cache-sized."""
        shift = self.shift.to(dtype)
        step = max(64, (2**19 if shift.device.type == "cpu" else 2**26) // shift.shape[1])
        for h, y in zip(features.detach().split(step), labels.split(step), strict=True):
            yield h.to(shift.device) - shift.index_select(0, y), y

    def residuals(
        self, features: Tensor, labels: Tensor, dtype: torch.dtype
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of h - μ_y, in this precision, with their labels."""
        if len(labels) < len(self.counts):
            classes, labels = numbered(labels, len(self.counts))
            for h, y in self.of(classes).residuals(features, labels, dtype):
                yield h, classes[y]
            return
        offset = self.offset.to(dtype)
        for h, y in self.shifted(features, labels, dtype):
            yield h.sub_(offset.index_select(0, y)), y

    def absorb(self, other: Sums, classes: Int[Tensor, " k"]) -> None:
        """Chan's merge with sums of these classes alone; only terms ≥ 0 enter the scatter."""
        mine = self.of(classes)
        new = (mine.counts == 0).nonzero().flatten()
        mine.shift[new] = other.shift[new]
        self.shift[classes[new]] = other.shift[new]
        total = mine.counts + other.counts
        share = other.counts.to(mine.spread) / total.clamp(min=1)
        weight = mine.counts * share
        delta = torch.sub(other.shift, mine.shift, out=mine.shift)
        delta.add_(other.offset).sub_(mine.offset)
        squares = weight * torch.linalg.vector_norm(delta, dim=1).square()
        if self.scatter is not None:
            add_product(self.scatter, delta, weight)
        self.counts[classes] = total
        self.offset.index_add_(0, classes, delta.mul_(share[:, None]))
        self.spread.index_add_(0, classes, other.spread + squares)

    def all_reduce(self, group: object | None = None) -> None:
        """Those of all ranks together, on every rank; counts, shift, means, spread, scatter."""
        from torch.distributed import ReduceOp, get_rank, get_world_size

        own, rank = self.counts.clone(), get_rank(group)
        _reduce(self.counts, group)
        # the first rank that has samples of a class gives its shift
        first = torch.where(own > 0, rank, get_world_size(group))
        _reduce(first, group, ReduceOp.MIN)
        shift = self.shift * (first == rank)[:, None]
        _reduce(shift, group)
        mean = (self.shift - shift).add_(self.offset)  # own mean, from the common shift
        mean[own == 0] = 0
        offset = mean * own[:, None]
        _reduce(offset, group)
        offset /= self.counts.clamp(min=1)[:, None]
        away = mean.sub_(offset)
        self.spread += own * away.square().sum(1)
        _reduce(self.spread, group)
        if self.scatter is not None:
            add_product(self.scatter, away, own.to(away))
            _reduce(self.scatter, group)
        self.shift, self.offset = shift, offset


def size(tensor: Tensor) -> float:
    """The largest magnitude, NaN where there is one; nothing of the tensor's size is made."""
    return float(torch.linalg.vector_norm(tensor, torch.inf)) if tensor.numel() else 0.0


def _reduce(tensor: Tensor, group: object | None, operation: object | None = None) -> None:
    from torch.distributed import ReduceOp, all_reduce

    all_reduce(tensor, operation or ReduceOp.SUM, group=group)


def highest(sums: Sums, numbers: tuple[float, ...], group: object | None) -> list[float]:
    """The largest of each number over all ranks, or ValueError on all if sums differ in shape."""
    from torch.distributed import ReduceOp

    kept = [*sums.shift.shape, int(sums.scatter is not None)]
    parts = sums.shift.new_tensor([*numbers, *kept, *(-n for n in kept)])
    _reduce(parts, group, ReduceOp.MAX)
    *found, a, b, c, d, e, f = parts.tolist()
    if [a, b, c] != [-d, -e, -f]:
        raise ValueError(
            f"ranks have statistics of {-d:g} to {a:g} classes and {-e:g} to {b:g} features, "
            f"{'some' if c != -f else 'all alike'} without scatter; make them alike on every rank"
        )
    return found


def add_product(
    scatter: Float[Tensor, "p p"],
    rows: Float[Tensor, "n p"],
    weight: Float[Tensor, " n"] | None = None,
) -> None:
    """Add Σ w h hᵀ over the rows h to the lower half of the scatter, in the rows' precision."""
    if weight is not None:  # as ≥ 0 as the weights are; most are zero where classes are new
        used = weight.nonzero().flatten()
        rows = rows[used] * weight[used].sqrt()[:, None]
    for start in range(0, len(scatter), PANEL):
        end = start + PANEL
        part, left, right = scatter[start:, start:end], rows[:, start:].T, rows[:, start:end]
        part.addmm_(left, right) if rows.dtype == scatter.dtype else part.add_(left @ right)


def gram_of(rows: Float[Tensor, "n p"]) -> Float[Tensor, "n n"]:
    """Inner products of all rows, at five eighths of the cost of the product."""
    gram = rows.new_zeros(len(rows), len(rows))
    add_product(gram, rows.T)
    return mirror(gram)


def mirror(scatter: Float[Tensor, "p p"]) -> Float[Tensor, "p p"]:
    """The same with its upper half written, too."""
    for start in range(0, len(scatter), PANEL):
        end = start + PANEL
        scatter[start:end, end:] = scatter[end:, start:end].T
    return scatter


def numbered(labels: Int[Tensor, " N"], num_classes: int) -> tuple[Tensor, Tensor]:
    """The k classes present, ascending, and the labels counted 0..k-1 among them."""
    classes = torch.bincount(labels, minlength=num_classes).nonzero().flatten()
    place = labels.new_empty(num_classes)
    place[classes] = torch.arange(len(classes), device=labels.device)
    return classes, place[labels]
