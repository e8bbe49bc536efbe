"""Damage of any kind in images and archives ends in an image or a ValueError, in nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile

import numpy as np
import pytest
from image_files import SPLIT, noise, pictures
from PIL import Image

from nclib.data import folders

TIMES = int(os.environ.get("NCLIB_FUZZ", "1"))
FORMATS = {
    "png": [("L", {}), ("RGB", {}), ("P", {}), ("RGBA", {}), ("1", {}), ("I;16", {})],
    "jpeg": [("L", {}), ("RGB", {}), ("CMYK", {}), ("RGB", {"progressive": True})],
    "bmp": [("L", {}), ("RGB", {}), ("1", {})],
    "ppm": [("L", {}), ("RGB", {}), ("1", {})],
    "webp": [("RGB", {}), ("RGBA", {"lossless": True})],
    "gif": [("P", {}), ("L", {})],
    "tiff": [("RGB", {"compression": name}) for name in ("raw", "tiff_lzw", "jpeg", "packbits")],
}


def seeds() -> list[bytes]:
    """A tiny image of each kind."""
    made = []
    for kind, modes in FORMATS.items():
        for mode, options in modes:
            image = Image.fromarray(noise(6, 5, 3)).convert("L" if mode == "I;16" else mode)
            buffer = io.BytesIO()
            image.convert(mode).save(buffer, kind, **options)
            made.append(buffer.getvalue())
    return made


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes changed, bits flipped, numbers made extreme, a piece lost, doubled or zeroed."""
    data = bytearray(content)
    for _ in range(random.integers(1, 5)):
        size, what = len(data), random.integers(7)
        at = int(random.integers(size)) if size else 0
        # headers decide the most: half of the damage is there
        at = at % 64 if random.integers(2) else at
        upto = at + int(random.integers(1, 17))
        if what == 0:
            data[at : at + 1] = random.bytes(1)
        elif what == 1 and at < size:
            data[at] ^= 1 << int(random.integers(8))
        elif what == 2:
            number = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31, 2**32 - 1)[random.integers(8)]
            order = ("big", "little")[random.integers(2)]
            data[at : at + 4] = number.to_bytes(4, order)
        elif what == 3:
            del data[at:upto]
        elif what == 4:
            data[at:at] = data[at:upto]
        elif what == 5:
            data[at:upto] = bytes(len(data[at:upto]))
        else:
            del data[max(at, 1) :]
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_mutated_image_is_read_or_refused(seed):
    """5,000 a seed, 30,000 in all; ten times as many with NCLIB_FUZZ=10."""
    whole, random, read = seeds(), np.random.default_rng(seed), 0
    for number in range(TIMES * 5_000):
        content = mutated(whole[number % len(whole)], random)
        try:
            image = folders._decode_one(content, "x.png")
        except ValueError as error:
            assert str(error).startswith("x.png cannot be read as an image (")
        else:
            read += 1
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[0] in (1, 3)
            assert image.size
    assert 500 < read / TIMES < 4_500  # else the damage is too small or too large to tell


def archives() -> list[bytes]:
    """Tars of each kind of name and link, some compressed."""
    plain, place = [], "train/cat/0.png"
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
            top = "" if form == tarfile.USTAR_FORMAT else "é/"
            files = pictures(*SPLIT, num=2, shape=(3, 3))
            files["train/dog/" + 150 * "n" + ".png" if top else "train/dog/n.png"] = files[place]
            for name, content in files.items():
                member = tarfile.TarInfo(top + name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            for kind, target in ((tarfile.LNKTYPE, f"{top}{place}"), (tarfile.SYMTYPE, "0.png")):
                member = tarfile.TarInfo(f"{top}train/cat/link{kind.decode()}.png")
                member.type, member.linkname = kind, target
                tar.addfile(member)
        plain.append(buffer.getvalue())
    return [*plain, *(pack(plain[0]) for pack in (gzip.compress, bz2.compress, lzma.compress))]


@pytest.mark.slow
def test_a_mutated_archive_is_read_or_refused(tmp_path):
    """2,000, or more as above: the headers damaged as such, and with a checksum that fits."""
    whole, random, read, path = archives(), np.random.default_rng(0), 0, tmp_path / "pets.tar"
    for number in range(TIMES * 2_000):
        content = mutated_archive(whole[number % len(whole)], random)
        path.write_bytes(content)
        try:
            raw = folders.open_image_folder(path, 0, 3)
            raw.read(np.arange(len(raw.labels)))
        except ValueError as error:
            assert "pets" in str(error) or "class" in str(error)
        else:
            read += 1
    assert 100 < read / TIMES < 1_900
    assert [*tmp_path.iterdir()] == [path]


def mutated_archive(content: bytes, random: np.random.Generator) -> bytes:
    """One block damaged; in half of the cases its checksum is made to fit."""
    at = int(random.integers(len(content) // 512 + 1)) * 512
    block = mutated(content[at : at + 512].ljust(512, b"\0"), random).ljust(512, b"\0")[:512]
    if random.integers(2):
        total = sum(block[:148]) + sum(block[156:]) + 8 * 32
        block = block[:148] + b"%06o\0 " % total + block[156:]
    return content[:at] + block + content[at + 512 :]
