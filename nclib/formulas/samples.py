"""Features kept by reference, and refused when they changed since; the first of each class."""

from __future__ import annotations

from typing import NamedTuple

import torch

from nclib.shapes import Bool, Float, Int, Tensor


class Samples(NamedTuple):
    """Features (N, p) as they were given, a copy of their labels (N,), and what tells a change.

    Attributes:
        version: torch's own count of writes to the features' memory.
        sample: of 8,192 or more samples, or all, a product with one vector. A write that torch does
            not count changes it (``features.data``, a numpy array of the same memory), unless it
            touches a few of many samples only.
    """

    features: Tensor
    labels: Tensor
    version: int
    sample: Tensor

    @classmethod
    def of(cls, features: Tensor, labels: Tensor) -> Samples:
        """Those of now, at a hundredth of what measuring them costs; a copy costs their memory."""
        features = features.detach()
        return cls(features, labels.clone(), _version(features), _sample(features))

    def unchanged(self) -> tuple[Tensor, Tensor]:
        """Features and labels, or ValueError where the features changed since."""
        same = _version(self.features) == self.version
        if not (same and torch.equal(_sample(self.features), self.sample)):
            raise ValueError(
                "features were changed in place after from_features had measured them; measure "
                "them again, or give a copy: from_features(features.clone(), labels)"
            )
        return self.features, self.labels

    def numbered(self, classes: Int[Tensor, " k"]) -> Samples:
        """The same features, with labels counted among these classes, which must be all."""
        place = self.labels.new_full((int(classes.max()) + 1,), -1, dtype=torch.long)
        place[classes] = torch.arange(len(classes), device=place.device)
        return self._replace(labels=place[self.labels.long()])

    def are(self, features: Tensor, labels: Tensor) -> bool:
        """Whether these very samples are given again; ValueError where they changed since."""
        if not self.features.is_set_to(features.detach()):
            return False
        return torch.equal(self.unchanged()[1].long(), labels.long())


def _version(features: Tensor) -> int:
    return 0 if features.is_inference() else features._version


def _sample(features: Float[Tensor, "N p"]) -> Float[Tensor, " n"]:
    rows = features[:: max(1, len(features) // 8192)]
    rows = rows if rows.dtype == torch.float64 else rows.float()  # half would round changes away
    return rows @ torch.arange(1, 1 + rows.shape[1]).cos().to(rows) / rows.shape[1]


def first_samples(
    features: Tensor, labels: Tensor, shift: Float[Tensor, "C p"], wanted: Bool[Tensor, " C"]
) -> None:
    """Put the first sample of each class present into ``shift``, for the classes wanted."""
    order = torch.arange(len(labels), device=labels.device)
    first = order.new_full((len(shift),), len(labels))
    first.scatter_reduce_(0, labels.long(), order, "amin")
    present = wanted & (first < len(labels))
    shift[present] = features[first[present]].to(shift.dtype)
