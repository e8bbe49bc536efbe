"""What an image folder holds: the path of each image, and its bytes.

Links are followed, here and in an archive, as long as they come by each folder once. Names are what
a reader sees: in one Unicode form, with bytes that are no UTF-8 spelled out.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

# torchvision's list, so that a folder holds the same images for both
_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

Parts = tuple[str, ...]  # ("train", "cat", "1.png")
Contents = Iterable[tuple[Parts, bytes]]


@dataclass(frozen=True)
class Listing:
    """What is there.

    Attributes:
        images: the path of each image below the top.
        folders: of each folder, empty ones too.
        contents: given paths of images, each with its bytes, in an order that reads fast.
        note: what was left out, if anything.
    """

    images: set[Parts]
    folders: set[Parts]
    contents: Callable[[list[Parts]], Contents]
    note: str = ""


class Entry(NamedTuple):
    """A name in a folder, links followed."""

    name: str
    place: Any  # what finds it again; None where a link leads to nothing
    folder: Hashable = None  # tells a folder from all others; None for a file


def readable(name: str | os.PathLike[str]) -> str:
    r"""A name as it is shown: composed (NFC), bytes that are no UTF-8 as ``\xe9``."""
    encoded = os.fspath(name).encode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", encoded.decode("utf-8", "backslashreplace"))


def is_image(name: str) -> bool:
    """By its ending; not hidden, which includes a Mac's shadow copies."""
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")


def walk(
    path: Path, top: Entry, look: Callable[[Any], Iterable[Entry]]
) -> tuple[dict[Parts, Any], set[Parts]]:
    """Where each image is, by its path, and the folders; each real folder is entered once."""
    places, folders, entered = {}, set(), {}
    waiting = [((), top)]
    while waiting:
        parts, folder = waiting.pop()
        before = entered.setdefault(folder.folder, parts)
        if before != parts:
            raise ValueError(
                f"{readable(path)}: {'/'.join(parts) or '.'} and {'/'.join(before) or '.'} are "
                "one folder by a link, and its images would count twice; remove the link"
            )
        for entry in look(folder.place):
            inner = (*parts, readable(entry.name))
            _require_new(path, inner, inner in folders or inner in places)
            if not _visible(inner[-1]):
                continue
            if entry.folder is not None:
                folders.add(inner)
                waiting.append((inner, entry))
            elif entry.place is None:
                _require_no_image(path, inner)
            elif is_image(inner[-1]):
                places[inner] = entry.place
    return places, folders


def _require_new(path: Path, parts: Parts, known: bool) -> None:
    if known:
        raise ValueError(
            f"{readable(path)}: two names are shown alike, {'/'.join(parts)}, in two Unicode "
            "forms; rename one"
        )


def _visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _require_no_image(path: Path, parts: Parts) -> None:
    """Raise ValueError for a link to nothing if it stands for an image or a folder of them."""
    if is_image(parts[-1]) or "." not in parts[-1]:
        raise ValueError(
            f"{readable(path)}: {'/'.join(parts)} is a link that leads to nothing there; "
            "remove it, or put there what it leads to"
        )


# ── A folder ──────────────────────────────────────────────────────────────────────────────────────


def list_folder(path: Path) -> Listing:
    """Of a folder; its links may lead out of it. ValueError if a part of it cannot be read."""
    status = path.stat()
    top = Entry("", path, (status.st_dev, status.st_ino))
    places, folders = walk(path, top, lambda place: _look_into(path, place))
    return Listing({*places}, folders, lambda wanted: ((p, _bytes_of(places[p])) for p in wanted))


def _look_into(path: Path, place: Path) -> Iterator[Entry]:
    """What is in the folder, sorted; links may lead out of it, devices and pipes are left."""
    try:
        with os.scandir(place) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file(follow_symlinks=False):  # without asking the disk again
                    yield Entry(entry.name, Path(entry.path))
                else:
                    yield from _linked(entry)
    except OSError as error:
        raise ValueError(f"{readable(path)} cannot be read ({readable(str(error))})") from error


def _linked(entry: os.DirEntry[str]) -> Iterator[Entry]:
    try:
        status = Path(entry.path).stat()
    except OSError:
        if not entry.is_symlink():
            raise
        yield Entry(entry.name, None)
        return
    if stat.S_ISDIR(status.st_mode):
        yield Entry(entry.name, Path(entry.path), (status.st_dev, status.st_ino))
    elif stat.S_ISREG(status.st_mode):
        yield Entry(entry.name, Path(entry.path))


def _bytes_of(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise ValueError(f"{readable(place)} cannot be read ({error.strerror})") from error
