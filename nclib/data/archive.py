"""What a tar archive of an image folder holds, as if it were unpacked; nothing is.

Links are followed inside the archive and never out of it.
"""

from __future__ import annotations

import io
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import Any
from zlib import error as ZlibError

from nclib.data.listing import Entry, Listing, Parts, is_image, readable, walk

_TRIPPED = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)  # over damage
_BROKEN_TAR = (tarfile.TarError, EOFError, OSError, ZlibError, LZMAError, *_TRIPPED)
_IN_MEMORY = 1 << 28  # bytes of an archive decompressed; a larger one is decompressed twice
_MOST_LINKS = 40  # one after the other, as in Linux


def list_tar(path: Path) -> Listing:
    """Of a tar (plain, gz, bz2, xz; several joined are read to the last), links followed inside.

    Raises:
        ValueError: naming what is no tar, damaged, cut short, or in it twice by a link.
    """
    try:
        if not path.is_file():
            raise tarfile.ReadError("no file")
        plain = _decompressed(path)
        with _opened(path, plain) as tar:
            members = _members(tar)
    except _BROKEN_TAR as error:
        said = readable(str(error)).partition(":\n")[0]
        raise ValueError(
            f"{readable(path)} is neither a folder nor a whole .tar, .tar.gz, .tar.bz2 or .tar.xz "
            f"({said}); unpack other archives, and give the folder"
        ) from error
    tree = _Tree(path, members)
    places, folders = walk(path, Entry("", (), ()), tree.look)
    found = {parts: tree.nodes[place] for parts, place in places.items()}

    def contents(wanted: list[Parts]) -> Iterator[tuple[Parts, bytes]]:
        """In the archive's order, what has several names once."""
        with _opened(path, plain) as tar:
            last = content = None
            for parts in sorted(wanted, key=lambda parts: found[parts].offset_data):
                if found[parts] is not last:
                    last, content = found[parts], _extracted(path, tar, found[parts])
                yield parts, content

    return Listing({*places}, folders, contents, tree.note())


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


def _members(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """All of them, of joined archives too; ReadError where one is damaged or cut short."""
    file, members = tar.fileobj, []
    while True:
        last = -1
        for member in tar:
            if member.size < 0 or member.offset <= last:
                raise tarfile.ReadError("damaged")
            last = member.offset
            members.append(member)
        start = _next_archive(file, tar.offset)
        if start is None:
            return members
        file.seek(start)
        tar = tarfile.TarFile(fileobj=file)


def _next_archive(file: Any, end: int) -> int | None:
    """Where another tar is joined to the one that ends here, None if there is no more.

    A tar ends in a block of zeros; cut short between two members it would read as a smaller one.
    """
    file.seek(end)
    if file.read(tarfile.BLOCKSIZE) != b"\0" * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("cut short")
    position = end + tarfile.BLOCKSIZE
    while chunk := file.read(1 << 20):
        rest = len(chunk.lstrip(b"\0"))
        if rest:
            return position + (len(chunk) - rest) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
        position += len(chunk)
    return None


def _extracted(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        return tar.extractfile(member).read()
    except _BROKEN_TAR as error:
        raise ValueError(
            f"{readable(path)}: {readable(member.name)} cannot be read ({error})"
        ) from error


class _OutsideError(Exception):
    """A link leads out of the archive."""


_FOLDER = object()
Node = Any  # a file's TarInfo, a symbolic link's text, _FOLDER, None for a hard link to nothing


class _Tree:
    """The names in an archive as if it were unpacked, links between them followed."""

    def __init__(self, path: Path, members: list[tarfile.TarInfo]) -> None:
        kept = [m for m in members if m.isreg() or m.isdir() or m.issym() or m.islnk()]
        named = [(*_start_and_parts(member.name), member) for member in kept]
        starts = Counter(start for start, parts, _ in named if parts and is_image(parts[-1]))
        if len(starts) > 1 and "" not in starts:
            raise ValueError(
                f"{readable(path)} holds names that begin with {' and '.join(sorted(starts))}, "
                "which have no common start; pack it anew from within the folder"
            )
        self.start = next(iter(starts)) if len(starts) == 1 else ""
        self.left = {"name(s)": sum(starts.values()) - starts[self.start], "link(s)": 0}
        self.nodes: dict[Parts, Node] = {(): _FOLDER}
        self.below: dict[Parts, set[str]] = defaultdict(set)
        for start, parts, member in named:
            if start == self.start and parts:
                self._add(parts, self._node(member))

    def _node(self, member: tarfile.TarInfo) -> Node:
        if member.islnk():  # to what had that name before
            start, parts = _start_and_parts(member.linkname)
            return self.nodes.get(self._unlinked(parts)) if start == self.start else None
        if member.issym():
            return member.linkname
        return _FOLDER if member.isdir() else member

    def _add(self, parts: Parts, node: Node) -> None:
        """A later one replaces an earlier of its name, as when they are unpacked."""
        parent = parts[:-1]
        if self.nodes.get(parent) is not _FOLDER:
            parent = self._unlinked(parent)
            for depth in range(1, len(parent) + 1):
                self.below[parent[: depth - 1]].add(parent[depth - 1])
                if not isinstance(self.nodes.get(parent[:depth]), str):
                    self.nodes[parent[:depth]] = _FOLDER
        self.below[parent].add(parts[-1])
        self.nodes[(*parent, parts[-1])] = node

    def _unlinked(self, parts: Parts) -> Parts:
        """Where unpacking would put it; where it says, if that is nowhere yet."""
        try:
            found = self.resolved(parts)
        except _OutsideError:
            found = None
        return parts if found is None else found

    def resolved(self, parts: Parts) -> Parts | None:
        """Where a name leads through links, None if to nothing there; _OutsideError if out."""
        done, rest, links = (), [*reversed(parts)], 0
        while rest:
            name = rest.pop()
            node = self.nodes.get((*done, name))
            if name == "..":
                if not done:
                    raise _OutsideError
                done = done[:-1]
            elif isinstance(node, str):
                links += 1
                absolute = node.startswith("/")
                if absolute and self.start != "/":
                    raise _OutsideError
                done = () if absolute else done
                rest += [part for part in reversed(node.split("/")) if part not in ("", ".")]
            else:
                done = (*done, name)
            if (node is None and name != "..") or links > _MOST_LINKS:
                return None
        return done

    def look(self, place: Parts) -> Iterator[Entry]:
        """What is in the folder, sorted; an image that a link has outside is left, and counted."""
        for name in sorted(self.below[place]):
            found = (*place, name)
            try:
                found = self.resolved(found) if isinstance(self.nodes[found], str) else found
            except _OutsideError:
                found = None
                if is_image(name):
                    self.left["link(s)"] += 1
                    continue
            node = None if found is None else self.nodes[found]  # of a hard link None, too
            yield Entry(name, None if node is None else found, found if node is _FOLDER else None)

    def note(self) -> str:
        """What leads out of the archive, and so was left."""
        left = [f"{number} {what}" for what, number in self.left.items() if number]
        return f"{' and '.join(left)} leading out of the archive left out" if left else ""


def _start_and_parts(name: str) -> tuple[str, Parts]:
    """What a name begins with beyond its folder ("", "/" or "../../"), and the parts after it."""
    parts: list[str] = []
    climbed = 0
    for part in name.split("/"):
        if part == "..":
            climbed += not parts
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" if name.startswith("/") else "../" * climbed, tuple(parts)
