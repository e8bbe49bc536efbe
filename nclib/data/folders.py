"""Image folders, and tar archives of them, read without unpacking.

Layouts: ``train/<class>/*`` with ``test/<class>/*`` (or ``val``), or ``<class>/*`` alone, which is
split. A single folder around either is looked through. Only the images asked for are decoded.

Loading 15,000 of CIFAR-10's images from 60,000 JPEGs in a ``.tar.xz`` takes 6 to 7 s of processor
time. Unpacked once into a cache, the first load takes 13 s and a later one 3 s, while 236 MB stay;
hosted notebooks begin with an empty cache, and a session loads once. torchvision's ``ImageFolder``
is no faster with its import; it makes grey images coloured, clips deep ones, takes hidden folders
for classes and does not name a damaged image.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from lzma import LZMAError
from pathlib import Path
from struct import error as StructError
from zlib import error as ZlibError

import numpy as np
import torch
from PIL import Image

from nclib.data.fetch import progress
from nclib.data.raw import RawData, resize, stratified_split
from nclib.shapes import Tensor

# torchvision's list, so that a folder holds the same images for both
_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_TEST_FOLDERS = ("test", "val", "valid", "validation")
_LAYOUTS = "expected train/<class>/ and test/<class>/ (or val/<class>/), or <class>/ alone"
_BROKEN_TAR = (tarfile.TarError, EOFError, OSError, ZlibError, LZMAError)
_BROKEN_IMAGE = (OSError, SyntaxError, ValueError, EOFError, StructError, ZlibError)
_IN_MEMORY = 1 << 28  # bytes of an archive decompressed; a larger one is decompressed twice

Parts = tuple[str, ...]  # ("train", "cat", "1.png")
Contents = Iterable[tuple[Parts, bytes]]
Listing = tuple[set[Parts], set[Parts], Callable[[list[Parts]], Contents]]


def open_image_folder(path: Path, seed: int, image_size: int | None) -> RawData:
    """An image folder or a tar of one (plain, gz, bz2, xz): listed now, decoded when read.

    ``seed`` decides the split of a folder that has none; each image is resized to ``image_size`` as
    soon as it is decoded. ValueError if the path is neither or damaged, if its folders fit neither
    layout, and on reading if an image is damaged, has more than 8 bits or, without ``image_size``,
    another size than the rest.
    """
    files, folders, contents = _list_directory(path) if path.is_dir() else _list_tar(path)
    class_names, train, test, note = _splits(path, files, folders, seed)
    images = [*train, *test]
    labels = _labels(images, class_names)

    def read(indices: np.ndarray) -> Tensor:
        wanted = [images[index][1] for index in indices]
        return _decode(path, wanted, contents(wanted), image_size)

    return RawData(class_names, labels, len(train), read, note=note)


# ── What is there: images, folders (each by its path below the top), and a way to the bytes ───────


def _list_directory(path: Path) -> Listing:
    """Of a folder; links are followed."""
    files, folders = set(), set()
    for here, below, names in os.walk(path, followlinks=True):
        parts = Path(here).relative_to(path).parts
        below[:] = [name for name in below if _visible((name,))]
        folders.update((*parts, name) for name in below)
        files.update((*parts, name) for name in names if _is_image(name))
    return files, folders, lambda wanted: ((p, path.joinpath(*p).read_bytes()) for p in wanted)


def _list_tar(path: Path) -> Listing:
    """Of a tar archive; what is no plain file or reaches outside the archive is left."""
    try:
        plain = _decompressed(path)
        with _opened(path, plain) as tar:
            members = tar.getmembers()
            _require_end(tar)
    except _BROKEN_TAR as error:
        raise ValueError(
            f"{path} is neither a folder nor a whole .tar, .tar.gz, .tar.bz2 or .tar.xz ({error})"
        ) from error
    found, folders = {}, set()
    for member in members:
        parts = tuple(part for part in member.name.split("/") if part != ".")
        if _visible(parts) and (member.isreg() or member.isdir()):
            folders.update(parts[:depth] for depth in range(1, len(parts) + member.isdir()))
            if member.isreg() and _is_image(parts[-1]):
                found[parts] = member

    def contents(wanted: list[Parts]) -> Iterator[tuple[Parts, bytes]]:
        """In the archive's order."""
        with _opened(path, plain) as tar:
            for parts in sorted(wanted, key=lambda parts: found[parts].offset):
                yield parts, tar.extractfile(found[parts]).read()

    return {*found}, folders, contents


def _decompressed(path: Path) -> bytes | None:
    """The tar in a compressed archive, if it is no larger than ``_IN_MEMORY``."""
    with tarfile.open(path) as tar:
        if isinstance(tar.fileobj, io.BufferedReader):
            return None
        tar.fileobj.seek(0)
        plain = tar.fileobj.read(_IN_MEMORY + 1)
    return plain if len(plain) <= _IN_MEMORY else None


def _opened(path: Path, plain: bytes | None) -> tarfile.TarFile:
    return tarfile.open(path) if plain is None else tarfile.open(path, "r:", io.BytesIO(plain))


def _require_end(tar: tarfile.TarFile) -> None:
    """A tar ends in a block of zeros; cut short between two members it reads as a smaller one."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != b"\0" * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("cut short")


def _visible(parts: Parts) -> bool:
    """Not hidden, not a Mac's shadow copy, not absolute and not climbing out."""
    return not any(part.startswith(".") or part in ("", "__MACOSX") for part in parts)


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


# ── What it means ─────────────────────────────────────────────────────────────────────────────────

Images = list[tuple[str, Parts]]  # (class name, file), sorted


def _splits(
    path: Path, files: set[Parts], folders: set[Parts], seed: int
) -> tuple[Parts, Images, Images, str]:
    """Class names, training and test images, and a remark on the split."""
    below = defaultdict(list)
    for folder in sorted(folders):
        below[folder[:-1]].append(folder[-1])
    base = _base(below, {parts[:-1] for parts in files})
    found = tuple(below[base])
    test = next((name for name in _TEST_FOLDERS if name in found), None)
    if "train" in found and test:
        class_names = tuple(below[(*base, "train")])
        unknown = sorted(set(below[(*base, test)]) - set(class_names))
        if unknown:
            raise ValueError(f"{path} has {unknown} under {test}/ but not under train/")
        rest = [f"{name}/ left out" for name in found if name not in ("train", test)]
        note = ", ".join([f"tested on {test}/", *rest] if rest or test != "test" else [])
        return class_names, _images(files, (*base, "train")), _images(files, (*base, test)), note
    if set(found) <= {"train", *_TEST_FOLDERS}:
        raise ValueError(f"{path} holds the folders {list(found)}; {_LAYOUTS}")
    images = _images(files, base)
    indices = stratified_split(_labels(images, found), found, seed)
    train, test = ([images[index] for index in part] for part in indices)
    return found, train, test, f"no test folder: split 80/20 with seed {seed}"


def _labels(images: Images, class_names: Parts) -> np.ndarray:
    label = {name: index for index, name in enumerate(class_names)}
    return np.array([label[name] for name, _ in images], dtype=np.int64)


def _base(below: dict[Parts, list[str]], with_images: set[Parts]) -> Parts:
    """The folder that holds the layout: down through folders that hold one folder and nothing."""
    base = ()
    while len(below[base]) == 1 and base not in with_images:
        inner = (*base, below[base][0])
        if inner[-1] == "train" or not below[inner]:
            break
        base = inner
    return base


def _images(files: set[Parts], folder: Parts) -> Images:
    """The images in the class folders of ``folder``, however deep, sorted by their path."""
    depth = len(folder)
    inside = sorted(parts for parts in files if parts[:depth] == folder and len(parts) > depth + 1)
    return [(parts[depth], parts) for parts in inside]


# ── Decoding ──────────────────────────────────────────────────────────────────────────────────────


def _decode(path: Path, wanted: list[Parts], contents: Contents, size: int | None) -> Tensor:
    """The images (n, c, h, w) uint8, in the order wanted; grey (c = 1) only if all of them are."""
    images: dict[Parts, np.ndarray] = {}
    first = None
    with progress(len(wanted), f"reading {path.name}", "image") as bar:
        for parts, content in contents:
            name = "/".join(parts)
            image = _decode_one(content, f"{path}: {name}")
            if size is not None:
                image = resize(torch.from_numpy(image)[None], size)[0].numpy()
            height, width = image.shape[1:]
            first = first or (name, f"{width}×{height}")
            if f"{width}×{height}" != first[1]:
                raise ValueError(
                    f"the images of {path} differ in size: {first[0]} is {first[1]} and {name} is "
                    f"{width}×{height}; pass image_size to resize them all"
                )
            images[parts] = image
            bar.update()
    shape = max(image.shape for image in images.values())  # coloured, if one is
    stacked = np.empty((len(wanted), *shape), np.uint8)
    for position, parts in enumerate(wanted):
        stacked[position] = images[parts]
    return torch.from_numpy(stacked)


def _decode_one(content: bytes, where: str) -> np.ndarray:
    """One image as uint8 (1, h, w) if it is grey and (3, h, w) otherwise."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"mode {image.mode} has more than 8 bits; convert the image")
            if image.mode in ("1", "L", "LA"):
                return np.array(image.convert("L"))[None]
            if "transparency" in image.info:  # a palette's; PIL wants it made explicit
                image = image.convert("RGBA")
            return np.array(image.convert("RGB")).transpose(2, 0, 1)
    except _BROKEN_IMAGE as error:
        raise ValueError(f"{where} cannot be read as an image ({error})") from error
