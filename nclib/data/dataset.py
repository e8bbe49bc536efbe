"""Named data sets and image folders as tensors that stay on the device.

Small images fit in memory whole: kept as tensors, an epoch takes a tenth of a second where decoding
them anew takes seconds. Used from notebook 02 on.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nclib import runtime
from nclib.checks import at_least, check_tensor
from nclib.data.fetch import DataUnavailableError, data_root
from nclib.data.folders import open_image_folder
from nclib.data.named import NAMED
from nclib.data.raw import RawData, resize, shuffled
from nclib.shapes import Float, Int, Tensor

__all__ = ["DataSet", "DataUnavailableError", "Split", "load_data"]


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
        if self.device.type == "meta":  # tensors without values
            return
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
    bad = (~torch.isfinite(images.flatten(1)).all(1)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"{name} holds NaN or infinite values in {len(bad)} of {len(images)} images, the first "
            f"is image {bad[0]}; leave them out, or mend what they were read from"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        shift = f": give labels - {low}" if low and high - low < num_classes else ""
        raise ValueError(
            f"{name} has labels {low} to {high}; with num_classes = {num_classes} they must lie in "
            f"0..{num_classes - 1}{shift}"
        )


def _shape(images: Tensor) -> str:
    return "×".join(map(str, images.shape[1:]))


def load_data(
    name_or_path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    per_class: int | None = None,
    classes: Sequence[int | str] | None = None,
    image_size: int | None = None,
    device: str | torch.device | None = None,
    seed: int = 0,
) -> DataSet:
    """A data set as normalised tensors on the device.

    Images are normalised per channel by the mean and standard deviation of the selected training
    images. ``digits`` (1,797 images 8×8, part of scikit-learn) needs no file; the other named
    sets are fetched unless the root has them, in torchvision's formats and places.

    Args:
        name_or_path: ``digits``, ``mnist``, ``fashion-mnist``, ``kmnist``, ``cifar10``,
            ``cifar100``, ``svhn`` or ``stl10``; or an image folder, or a ``.tar``, ``.tar.gz`` or
            ``.tar.xz`` of one, holding ``train/<class>/*`` and ``test/<class>/*`` (or ``val``), or
            ``<class>/*`` alone.
        root: folder of data files; else ``NCLIB_DATA``, else the user's cache folder.
        per_class: this many training images of every class, drawn by ``seed``; a larger draw
            contains every smaller one. The test split stays whole.
        classes: a selection, as indices (int) or names (str), in the order of the new labels
            0 … C-1; all when not given.
        image_size: images are resized to this height and width, bilinear and antialiased.
        device: where the tensors live; the first device that works when not given.
        seed: decides ``per_class`` and the 80/20 split of sets that have none (``digits``, a
            folder of classes alone), the same way on every platform.

    Raises:
        ValueError: if the name is unknown, an argument is out of range, a class is unknown,
            given twice, without images or the only one, more images a class are asked for than
            there are, a file is damaged (it is named), or sizes differ without ``image_size``.
        FileNotFoundError: if the path does not exist.
        DataUnavailableError: if a file is neither in the root nor reachable; never answered
            by another data set.
    """
    given = {"per_class": per_class, "image_size": image_size}
    at_least(1, **{name: value for name, value in given.items() if value is not None})
    at_least(0, seed=seed)
    name, raw = _open(name_or_path, data_root(root), seed, image_size)
    chosen = _chosen_classes(name, raw.class_names, classes)
    train, test = _select(name, raw, chosen, per_class, seed)
    images = raw.read(np.concatenate([train, test]))
    if image_size is not None:
        images = resize(images, image_size)
    new_labels = np.empty(len(raw.class_names), np.int64)  # only those of the chosen are used
    new_labels[chosen] = np.arange(len(chosen))
    labels = torch.from_numpy(new_labels[raw.labels])
    device = runtime.device() if device is None else torch.device(device)
    mean, std = _statistics(images[: len(train)], raw.full_scale)
    scale = [(raw.full_scale * value).float().to(device) for value in (mean, std)]
    return DataSet(
        name=name,
        train=_split(images[: len(train)], labels[train], *scale),
        test=_split(images[len(train) :], labels[test], *scale),
        num_classes=len(chosen),
        class_names=tuple(raw.class_names[index] for index in chosen),
        mean=mean.float().to(device),
        std=std.float().to(device),
        note=raw.note,
    )


def _open(
    name_or_path: str | os.PathLike[str], root: Path, seed: int, image_size: int | None
) -> tuple[str, RawData]:
    """The name and the raw data; a known name goes before a folder that is called the same."""
    if isinstance(name_or_path, str) and name_or_path in NAMED:
        return name_or_path, NAMED[name_or_path](root, seed)
    path = Path(name_or_path).expanduser()
    if path.exists():
        raw = open_image_folder(path, seed, image_size)
        return path.resolve().name.partition(".tar")[0].removesuffix(".tgz"), raw
    if isinstance(name_or_path, str) and name_or_path == path.name and not path.suffix:
        raise ValueError(
            f"no data set is called {name_or_path!r}{_did_you_mean(name_or_path, NAMED)}; there "
            f"are {', '.join(NAMED)}, and any image folder or tar of one by its path"
        )
    raise FileNotFoundError(
        f"{path} does not exist (from {Path.cwd()}); expected an image folder, a tar of one, or "
        f"one of the names {', '.join(NAMED)}"
    )


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.5)
    return f" (did you mean {lowered[close[0]]!r}?)" if close else ""


def _chosen_classes(
    name: str, class_names: Sequence[str], classes: Sequence[int | str] | None
) -> list[int]:
    """The indices of the classes asked for, in that order."""
    if isinstance(classes, str):
        raise ValueError(f"classes is {classes!r}; expected a list, such as [{classes!r}, ...]")
    asked = range(len(class_names)) if classes is None else classes
    chosen = [_class_index(name, class_names, item) for item in asked]
    twice = sorted({class_names[index] for index in chosen if chosen.count(index) > 1})
    if twice:
        raise ValueError(f"classes names {', '.join(map(repr, twice))} more than once")
    if len(chosen) < 2:
        found = [class_names[index] for index in chosen]
        raise ValueError(f"at least 2 classes are needed; found {found} of {name}")
    return chosen


def _class_index(name: str, class_names: Sequence[str], item: int | str) -> int:
    if isinstance(item, str) and item in class_names:
        return class_names.index(item)
    if not isinstance(item, str) and 0 <= item < len(class_names):
        return int(item)
    listed = ", ".join(f"{index} {known!r}" for index, known in enumerate(class_names[:20]))
    more = f", … {len(class_names)} in all" if len(class_names) > 20 else ""
    hint = _did_you_mean(item, class_names) if isinstance(item, str) else ""
    raise ValueError(f"{name} has no class {item!r}{hint}; it has {listed}{more}")


def _select(
    name: str, raw: RawData, chosen: Sequence[int], per_class: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ascending indices of the training and the test images that are wanted."""
    is_test = np.arange(len(raw.labels)) >= raw.num_train
    train = {index: np.flatnonzero((raw.labels == index) & ~is_test) for index in chosen}
    test = {index: np.flatnonzero((raw.labels == index) & is_test) for index in chosen}
    for kind, members in (("training", train), ("test", test)):
        empty = [raw.class_names[index] for index in chosen if not len(members[index])]
        if empty:
            raise ValueError(f"{name} has no {kind} images of {', '.join(map(repr, empty))}")
    if per_class is not None:
        smallest = min(chosen, key=lambda index: len(train[index]))
        if per_class > len(train[smallest]):
            raise ValueError(
                f"per_class is {per_class}, but class {raw.class_names[smallest]!r} of {name} has "
                f"{len(train[smallest])} training images; ask for at most that"
            )
        for index, members in train.items():
            train[index] = members[shuffled(len(members), seed, index, 0)[:per_class]]
    return tuple(np.sort(np.concatenate(list(members.values()))) for members in (train, test))


def _statistics(
    images: Tensor, full_scale: float
) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
    """(c,) mean and standard deviation of uint8 images (n, c, h, w), from exact histograms."""
    counts = [torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]
    share = torch.stack(counts).double() / images[:, 0].numel()
    levels = torch.arange(256, dtype=torch.float64) / full_scale
    mean = share @ levels
    std = (share * (levels - mean[:, None]).square()).sum(1).sqrt()
    return mean, torch.where(std > 0, std, 1.0)


def _split(
    images: Tensor, labels: Int[Tensor, " n"], mean: Float[Tensor, " c"], std: Float[Tensor, " c"]
) -> Split:
    """Move uint8 images to the device of ``mean`` and only there make them float32."""
    images = images.to(mean.device).to(torch.float32)
    return Split(images.sub_(mean[:, None, None]).div_(std[:, None, None]), labels.to(mean.device))
