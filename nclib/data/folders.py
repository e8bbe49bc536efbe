"""Image folders, and tar archives of them, read without unpacking.

Only the images asked for are decoded.

Loading 15,000 of CIFAR-10's images from 60,000 JPEGs in a ``.tar.xz`` takes 6 to 7 s of processor
time. Unpacked once into a cache, the first load takes 13 s and a later one 3 s, while 236 MB stay;
hosted notebooks begin with an empty cache, and a session loads once. torchvision's ``ImageFolder``
is no faster with its import; it makes grey images coloured, clips deep ones, takes hidden folders
for classes and does not name a damaged image.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nclib.data.archive import list_tar
from nclib.data.fetch import progress
from nclib.data.layout import layout
from nclib.data.listing import Contents, Parts, list_folder, readable
from nclib.data.raw import RawData, resize
from nclib.shapes import Tensor

_FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")  # no EPS: it would run a program


def open_image_folder(
    path: Path, seed: int, image_size: int | None, splits: Sequence[str] | None = None
) -> RawData:
    """An image folder or a tar of one (plain, gz, bz2, xz): listed now, decoded when read.

    ``seed`` decides the split of a folder that has none, ``splits`` which folders are splits where
    their names leave that open; each image is resized to ``image_size`` as soon as it is decoded.
    ValueError if the path is neither or damaged, if its folders fit neither layout or both, and on
    reading if an image is damaged, too large, has more than 8 bits or, without ``image_size``,
    another size than the rest.
    """
    found = list_folder(path) if path.is_dir() else list_tar(path)
    said = layout(path, found, splits, seed)
    images = [*said.train, *said.test]

    def read(indices: np.ndarray) -> Tensor:
        wanted = [images[index][1] for index in indices]
        return _decode(path, wanted, found.contents(wanted), image_size)

    return RawData(said.class_names, said.labels(), len(said.train), read, note=said.note)


def _decode(path: Path, wanted: list[Parts], contents: Contents, size: int | None) -> Tensor:
    """The images (n, c, h, w) uint8, in the order wanted; grey (c = 1) only if all of them are."""
    images: dict[Parts, np.ndarray] = {}
    first = None
    with progress(len(wanted), f"reading {readable(path.name)}", "image") as bar:
        for parts, content in contents:
            name = "/".join(parts)
            image = _decode_one(content, f"{readable(path)}: {name}")
            if size is not None:
                image = resize(torch.from_numpy(image)[None], size)[0].numpy()
            height, width = image.shape[1:]
            first = first or (name, f"{width}×{height}")
            if f"{width}×{height}" != first[1]:
                raise ValueError(
                    f"the images of {readable(path)} differ in size: {first[0]} is {first[1]} and "
                    f"{name} is {width}×{height}; pass image_size to resize them all"
                )
            images[parts] = image
            bar.update()
    shape = max(image.shape for image in images.values())  # coloured, if one is
    stacked = np.empty((len(wanted), *shape), np.uint8)
    for position, parts in enumerate(wanted):
        stacked[position] = images[parts]
    return torch.from_numpy(stacked)


def _decode_one(content: bytes, where: str) -> np.ndarray:
    """One image as uint8 (1, h, w) if it is grey and (3, h, w) otherwise, or ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an image that can be read all the same
            with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
                return _pixels(image)
    except Exception as error:  # a decoder trips over damage in any way
        said = str(error) or type(error).__name__
        raise ValueError(f"{where} cannot be read as an image ({said})") from error


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"mode {image.mode} has more than 8 bits; convert the image")
    if 0 in image.size:
        raise ValueError("it has no pixels")
    if image.mode in ("1", "L", "LA"):
        return np.array(image.convert("L"))[None]
    if "transparency" in image.info:  # a palette's; PIL wants it made explicit
        image = image.convert("RGBA")
    return np.array(image.convert("RGB")).transpose(2, 0, 1)
