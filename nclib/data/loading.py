"""Named data sets and image folders, loaded: checked, selected, resized, normalised, on the device.

Used from notebook 02 on.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nclib import runtime
from nclib.checks import at_least, held
from nclib.data.dataset import DataSet, Split
from nclib.data.fetch import data_root, expanded
from nclib.data.folders import open_image_folder
from nclib.data.layout import listed
from nclib.data.listing import readable
from nclib.data.named import NAMED
from nclib.data.raw import RawData, resize, shuffled
from nclib.shapes import Float, Int, Tensor


def load_data(
    name_or_path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    per_class: int | None = None,
    classes: Sequence[int | str] | None = None,
    image_size: int | None = None,
    splits: Sequence[str] | None = None,
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
            ``.tar.xz`` of one, holding ``train/<class>/*`` and ``test/<class>/*`` (or ``val``,
            ``Training`` and ``Testing``, ``seg_train`` …), or ``<class>/*`` alone.
        root: folder of data files; else ``NCLIB_DATA``, else the user's cache folder.
        per_class: this many training images of every class, drawn by ``seed``; a larger draw
            contains every smaller one. The test split stays whole.
        classes: a selection, as indices (int) or names (str), in the order of the new labels
            0 … C-1; all when not given.
        image_size: images are resized to this height and width, bilinear and antialiased.
        splits: of an image folder whose folders' names leave it open: the folders of training and
            of test images, ``("fold1", "fold2")``; ``("all",)`` for one, split 80/20; ``()`` if
            each folder is a class.
        device: where the tensors live; the first device that works when not given.
        seed: decides ``per_class`` and the 80/20 split of sets that have none (``digits``, a
            folder of classes alone), the same way on every platform.

    Raises:
        ValueError: if the name is unknown, an argument is of another kind or out of range, a class
            is unknown, given twice, without images or the only one, more images a class are asked
            for than there are, folders can be read in two ways, a file is damaged (it is named),
            or sizes differ without ``image_size``.
        FileNotFoundError: if the path does not exist.
        DataUnavailableError: if a file is neither in the root nor reachable; never answered
            by another data set.
    """
    per_class = None if per_class is None else _whole("per_class", per_class, 1)
    image_size = None if image_size is None else _whole("image_size", image_size, 1)
    seed = _whole("seed", seed, 0)
    device = _device(device)
    name, raw = _open(name_or_path, root, seed, image_size, _chosen_splits(splits))
    chosen = _chosen_classes(name, raw.class_names, classes)
    train, test = _select(name, raw, chosen, per_class, seed)
    images = raw.read(np.concatenate([train, test]))
    if image_size is not None:
        images = resize(images, image_size)
    new_labels = np.empty(len(raw.class_names), np.int64)  # only those of the chosen are used
    new_labels[chosen] = np.arange(len(chosen))
    labels = torch.from_numpy(new_labels[raw.labels])
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


def _whole(name: str, given: Any, minimum: int) -> int:
    at_least(minimum, **{name: held(given)})
    return int(held(given))


def _device(device: str | torch.device | None) -> torch.device:
    try:
        return runtime.device() if device is None else torch.empty(0, device=device).device
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"device is {device!r} ({reason}); give 'cpu' or None") from error


def _chosen_splits(splits: Any) -> list[str] | None:
    """ValueError unless ``splits`` are up to two names."""
    if splits is None:
        return None
    names = [] if isinstance(splits, str) or not isinstance(splits, Iterable) else [*splits]
    good = isinstance(splits, Sequence) and not isinstance(splits, str) and len(names) <= 2
    if not good or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f"splits is {splits!r}; give two folders, ('train', 'test'), one, or () for none"
        )
    return names


def _open(
    name_or_path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None,
    seed: int,
    image_size: int | None,
    splits: Sequence[str] | None,
) -> tuple[str, RawData]:
    """The name and the raw data; a known name goes before a folder that is called the same."""
    if root is not None and expanded("root", root).is_file():
        raise ValueError(f"root is {root}, a file; give the folder of the data files")
    if isinstance(name_or_path, str) and name_or_path in NAMED:
        if splits is not None:
            raise ValueError(f"splits is {splits!r}, but {name_or_path} is no folder; leave it out")
        return str(name_or_path), NAMED[name_or_path](data_root(root), seed)
    path = expanded("name_or_path", name_or_path)
    if _exists(path):
        raw = open_image_folder(path, seed, image_size, splits)
        name = readable(path.resolve().name)
        return name.partition(".tar")[0].removesuffix(".tgz"), raw
    if isinstance(name_or_path, str) and name_or_path == path.name and not path.suffix:
        raise ValueError(
            f"no data set is called {name_or_path!r}{_did_you_mean(name_or_path, NAMED)}; there "
            f"are {', '.join(NAMED)}, and any image folder or tar of one by its path"
        )
    raise FileNotFoundError(
        f"{path} does not exist (from {Path.cwd()}); expected an image folder, a tar of one, or "
        f"one of the names {', '.join(NAMED)}"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.5)
    return f" (did you mean {lowered[close[0]]!r}?)" if close else ""


def _chosen_classes(
    name: str, class_names: Sequence[str], classes: Sequence[int | str] | None
) -> list[int]:
    """The indices of the classes asked for, in that order."""
    asked = range(len(class_names)) if classes is None else classes
    if isinstance(asked, str | bytes | set | frozenset) or not _has_items(asked):
        raise ValueError(f"classes is {asked!r}; expected a list, such as [{asked!r}, ...]")
    chosen = [_class_index(name, class_names, item) for item in asked]
    twice = sorted({class_names[index] for index in chosen if chosen.count(index) > 1})
    if twice:
        raise ValueError(f"classes names {listed(twice)[1:-1]} more than once")
    if len(chosen) < 2:
        found = [class_names[index] for index in chosen]
        raise ValueError(f"at least 2 classes are needed; found {found} of {name}")
    return chosen


def _has_items(given: Any) -> bool:
    return isinstance(given, Iterable) and getattr(given, "ndim", 1) == 1


def _class_index(name: str, class_names: Sequence[str], item: int | str) -> int:
    item = held(item)
    if isinstance(item, str) and readable(item) in class_names:
        return class_names.index(readable(item))
    a_number = isinstance(item, Integral) and not isinstance(item, bool)
    if a_number and 0 <= item < len(class_names):
        return int(item)
    known = ", ".join(f"{index} {known!r}" for index, known in enumerate(class_names[:20]))
    more = f", … {len(class_names)} in all" if len(class_names) > 20 else ""
    hint = _did_you_mean(item, class_names) if isinstance(item, str) else ""
    raise ValueError(f"classes: {name} has no class {item!r}{hint}; it has {known}{more}")


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
            raise ValueError(f"{name} has no {kind} images of {listed(empty)[1:-1]}")
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
