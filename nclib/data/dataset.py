"""A data set: training and test images with their labels, as tensors on one device.

Small images fit in memory whole: kept as tensors, an epoch takes a tenth of a second where decoding
them anew takes seconds. Used from notebook 02 on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nclib.checks import check_tensor
from nclib.shapes import Float, Int, Tensor

__all__ = ["DataSet", "Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: (N, c, h, w) float32, normalised per channel.
        labels: (N,) int64, 0 … C-1.

    Raises:
        ValueError: unless images have four dimensions and one int64 label each.
    """

    images: Float[Tensor, "N c h w"]
    labels: Int[Tensor, " N"]

    def __post_init__(self) -> None:
        check_tensor("images", self.images, "float32")
        check_tensor("labels", self.labels, "int64")
        images, labels = self.images, self.labels
        if images.ndim != 4:
            hint = ": images[:, None]" if images.ndim == 3 else ""
            raise ValueError(
                f"images have shape {tuple(images.shape)}; expected (N, c, h, w){hint}"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"labels are {labels.dtype} {tuple(labels.shape)}; expected torch.int64 "
                f"({len(images)},), one for each image: "
                + ("labels.argmax(1)" if labels.ndim == 2 else "labels.long()")
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images {_shape(self.images)}, on {self.images.device})"

    @property
    def counts(self) -> Int[Tensor, " C"]:
        """(C,) number of images of each class."""
        return torch.bincount(self.labels)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Training and test images on one device.

    Attributes:
        name: the set's name, or the folder's or archive's.
        train: what a network is trained on.
        test: what it never sees; the whole test split of the chosen classes.
        num_classes: C.
        class_names: C names in label order.
        mean: (c,) per channel, of the training images on a scale from 0 to 1.
        std: (c,) likewise; 1 for a constant channel.
        note: where the test images come from, if there is something to say.

    Raises:
        ValueError: naming the split, for one that is empty, holds values that are not finite, or
            labels or shapes that fit neither the other nor ``num_classes``.
    """

    name: str
    train: Split
    test: Split
    num_classes: int
    class_names: tuple[str, ...]
    mean: Float[Tensor, " c"]
    std: Float[Tensor, " c"]
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.class_names) != self.num_classes:
            raise ValueError(
                f"class_names are {len(self.class_names)}; give one for each of {self.num_classes}"
            )
        for name, split in (("train", self.train), ("test", self.test)):
            _check_split(name, split, self.image_shape, self.num_classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(c, h, w)."""
        return tuple(self.train.images.shape[1:])

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.train.images.device

    def pixels(self, images: Float[Tensor, "*N c h w"]) -> Float[Tensor, "*N c h w"]:
        """Normalised images (…, c, h, w) back on the scale from 0 to 1, for showing."""
        return images * self.std[:, None, None] + self.mean[:, None, None]

    def __repr__(self) -> str:
        counts = self.train.counts
        each = f" ({counts[0]} a class)" if (counts == counts[0]).all() else ""
        note = f"; {self.note}" if self.note else ""
        return (
            f"{self.name}: {len(self.train):,} training{each} and {len(self.test):,} test images "
            f"{_shape(self.train.images)}, {self.num_classes} classes, on {self.device}{note}"
        )


def _check_split(name: str, split: Split, shape: tuple[int, ...], num_classes: int) -> None:
    """Raise ValueError unless a network can be trained or tested on the split."""
    images, labels = split.images, split.labels
    if not len(split):
        raise ValueError(f"{name} has no images; give some of every class")
    if images.dtype != torch.float32 or tuple(images.shape[1:]) != shape:
        raise ValueError(
            f"{name} has images {images.dtype} {_shape(images)}; expected torch.float32 "
            f"{'×'.join(map(str, shape))}: images.float()"
        )
    if images.is_meta:  # no values to look at
        return
    bad = (~torch.isfinite(images.flatten(1)).all(1)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"{name} holds NaN or infinite values in {len(bad)} of {len(images)} images, the first "
            f"is image {bad[0]}; leave them out, or mend what they were read from"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        step = f"- {low}" if low > 0 else f"+ {-low}"
        shift = f": give labels {step}" if low and high - low < num_classes else ""
        raise ValueError(
            f"{name} has labels {low} to {high}; with num_classes = {num_classes} they must lie in "
            f"0..{num_classes - 1}{shift}"
        )


def _shape(images: Tensor) -> str:
    return "×".join(map(str, images.shape[1:]))
