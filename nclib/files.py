"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LONGEST = 200  # bytes of a target's name in its temporary file's, which may have 255


def place(path: str | os.PathLike[str]) -> Path:
    """The file that is written when ``path`` is: a link is followed, there or not, to its end.

    Raises:
        ValueError: for what is no path, a missing folder, a folder, or links in a circle.
    """
    try:
        given = Path(path)
    except TypeError:
        raise ValueError(f"path is {path!r}; give the path of a file, as text or Path") from None
    target = Path(os.path.realpath(given))
    away = f"{given} is a link to {target}, and " if given.is_symlink() else ""
    if target.is_symlink():
        raise ValueError(f"{given} is a link that leads to itself; delete it, or give another path")
    if target.is_dir():
        raise ValueError(f"{given} is a folder; give a file in it, such as {given / 'run'}")
    if not target.parent.is_dir():
        folder = target.parent if away else given.parent
        if folder.exists():
            raise ValueError(f"{away}{folder} is a file; give a path in a folder")
        raise ValueError(
            f"{away}folder {folder} does not exist; create it, or mount the drive it lies on: "
            f"Path({str(folder)!r}).mkdir(parents=True)"
        )
    return target


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write: it becomes ``path`` when the block ends well and vanishes otherwise.

    A link stays one, and what it points to is replaced; a pipe or a device is written to.

    Raises:
        ValueError: as ``place``.
        OSError: the disk's own, with ``path`` for its file.
    """
    target = place(path)
    if Path(path).exists() and not Path(path).is_file():
        with Path(path).open("wb") as file:
            yield file
        return
    part = target.with_name(f"{_begin(target)}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        if error.filename == str(part):  # nobody asked for that file
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Delete what ``atomic_write`` left of ``path`` when its process was killed."""
    target = place(path)
    for part in target.parent.glob(f"{glob.escape(_begin(target))}.????????.part"):
        part.unlink(missing_ok=True)


def _begin(target: Path) -> str:
    """The target's name, or as much of it as leaves room for what tells it apart."""
    return os.fsdecode(os.fsencode(target.name)[:LONGEST])
