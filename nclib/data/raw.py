"""Images as they are stored, before any is selected: what every reader hands to ``load_data``.

Every draw of the library orders images by the raw 64-bit stream of PCG64, the part of numpy that is
promised to stay the same on every platform and in every release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from nclib.shapes import Tensor

TEST_SHARE = 0.2
_RESIZE_CHUNK = 2048


@dataclass(frozen=True)
class RawData:
    """A data set on the shelf: labels are known, images are read when asked for.

    Attributes:
        class_names: one name a class, in label order.
        labels: (N,) int64; the first ``num_train`` are the training images'.
        num_train: how many of the images are training images.
        read: given (n,) indices, all training before all test ones, the uint8 images (n, c, h, w).
        full_scale: the stored value that means 1.
        note: what a user should know about the split, if anything.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    num_train: int
    read: Callable[[np.ndarray], Tensor]
    full_scale: float = 255.0
    note: str = ""


Arrays = tuple[np.ndarray, np.ndarray]  # images (N, c, h, w) or (N, h, w) uint8, labels (N,)


def from_arrays(
    class_names: tuple[str, ...], train: Arrays, test: Arrays, **options: Any
) -> RawData:
    """Raw data from both splits; ``options`` are ``full_scale`` and ``note``."""
    num_train = len(train[1])

    def read(indices: np.ndarray) -> Tensor:
        split = np.count_nonzero(indices < num_train)
        chosen = train[0][indices[:split]], test[0][indices[split:] - num_train]
        images = torch.from_numpy(np.concatenate(chosen))
        return images if images.ndim == 4 else images[:, None]

    labels = np.concatenate([train[1], test[1]]).astype(np.int64)
    return RawData(class_names, labels, num_train, read, **options)


def shuffled(num: int, *key: int) -> np.ndarray:
    """The numbers 0 … num-1 in an order that depends only on ``num`` and the (non-negative) key."""
    return np.argsort(np.random.PCG64(key).random_raw(num), kind="stable")


def stratified_split(
    labels: np.ndarray, class_names: tuple[str, ...], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ascending indices of a training and a test split, the same share of every class in each.

    Of (N,) class indices; the seed gives the same split on every platform.

    Raises:
        ValueError: if a class has one image, which cannot be in both.
    """
    test = []
    for index, name in enumerate(class_names):
        members = np.flatnonzero(labels == index)
        if len(members) < 2:
            raise ValueError(
                f"class {name!r} has {len(members)} image(s); at least 2 a class are needed to "
                "split a data set that has no test folder"
            )
        num_test = max(1, round(TEST_SHARE * len(members)))
        test.append(members[shuffled(len(members), seed, index, 1)[:num_test]])
    test = np.sort(np.concatenate(test))
    return np.setdiff1d(np.arange(len(labels)), test), test


def resize(images: Tensor, size: int) -> Tensor:
    """uint8 images (n, c, h, w) resized to (n, c, size, size), bilinear and antialiased."""
    if images.shape[2:] == (size, size):
        return images
    resized = images.new_empty(*images.shape[:2], size, size)
    for start in range(0, len(images), _RESIZE_CHUNK):
        block = images[start : start + _RESIZE_CHUNK].float()
        block = functional.interpolate(block, (size, size), mode="bilinear", antialias=True)
        resized[start : start + _RESIZE_CHUNK] = block.round_()
    return resized
