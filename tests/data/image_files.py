"""Small image folders and archives of them, made in place."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

SPLIT = ("train/cat", "train/dog", "test/cat", "test/dog")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png")
    return buffer.getvalue()


def pictures(*folders: str, num: int = 5, shape: tuple = (6, 6, 3)) -> dict[str, bytes]:
    return {
        f"{folder}/{index}.png": png(noise(*shape, seed=100 * place + index))
        for place, folder in enumerate(folders)
        for index in range(num)
    }


def as_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_tar(path: Path, files: dict[str, bytes]) -> Path:
    mode = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2", ".tgz": "w:gz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def add_link(path: Path, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> None:
    """Add a link to a tar that is there, symbolic unless ``kind`` says hard."""
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo(name)
        link.type, link.linkname = kind, target
        tar.addfile(link)
