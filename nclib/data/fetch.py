"""Files over the network: cache, course server, mirrors; time-out, speed floor, checksum.

Public hosts of the usual data sets get throttled or vanish, in the middle of a course. So each file
has several addresses, a slow one is left for the next, nothing half-downloaded is ever kept, and
when all fail the error says which file to put where.

pooch would not spare this: tried, its downloader has no speed floor, serves no folder as a mirror
and blurs why a mirror failed (8 of 40 tests fail); behind one of ours it saves nothing.

Environment: ``NCLIB_DATA`` is the data root, ``NCLIB_MIRROR`` the address (or folder) of a server
that is asked first, ``NCLIB_OFFLINE=1`` forbids every download.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nclib.files import atomic_write
from nclib.host import in_notebook
from nclib.shapes import Number

_CHUNK = 1 << 16
_RETRIED_STATUS = (408, 425, 429)  # besides 5xx: the server may answer later


class DataUnavailableError(OSError):
    """A data file is neither on disk nor to be had; the message lists the remedies."""


@dataclass(frozen=True)
class Limits:
    """When a mirror is given up.

    Attributes:
        timeout_s: seconds to connect, and of silence between two reads.
        floor: bytes a second below which a mirror is left for the next; not in the second round.
        window_s: seconds over which the speed is taken, again and again.
    """

    timeout_s: Number = 20.0
    floor: Number = 256_000.0
    window_s: Number = 10.0


class _MirrorError(Exception):
    """One address failed; ``retry`` says whether a second attempt could end otherwise."""

    def __init__(self, reason: str, *, retry: bool = True) -> None:
        super().__init__(reason)
        self.retry = retry


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Where data files are kept: ``root``, else ``NCLIB_DATA``, else the user's cache folder.

    The folder need not exist; it may be read-only when it already holds what is asked for.
    """
    given = root or os.environ.get("NCLIB_DATA")
    if given:
        return expanded("NCLIB_DATA" if root is None else "root", given)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "nclib").expanduser()
    except RuntimeError:  # a container's user without a home
        return Path(tempfile.gettempdir(), f"nclib-{getattr(os, 'getuid', int)()}")


def expanded(name: str, given: str | os.PathLike[str]) -> Path:
    """The path, ``~`` replaced; ValueError naming the argument for what is no path."""
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise ValueError(f"{name} is {given!r}; give a path as str or Path")
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{name} is {str(given)!r}, and there is no such home; write it out"
        ) from error


def progress(total: int | None, what: str, unit: str) -> tqdm:
    """A text progress bar on stderr, for what takes over a second; only where a person looks.

    ``unit`` is ``"B"`` for bytes (shown as kB, MB) or a word. Widget bars vanish from saved
    notebooks and break their metadata, so it is text there too.
    """
    off = False if in_notebook() else None  # None: unless stderr is a terminal
    return tqdm(total=total, desc=what, unit=unit, unit_scale=unit == "B", delay=1, disable=off)


def fetch(
    place: str, root: Path, *, mirrors: Sequence[str], checksum: str, limits: Limits | None = None
) -> Path:
    """The path ``root/place`` of a file whose checksum is right, downloaded if it is not there yet.

    Args:
        place: the file's path under the root, with forward slashes.
        root: the data root.
        mirrors: the file's addresses, asked in this order after ``NCLIB_MIRROR``. Under that base
            address the file is looked for at ``place`` and then by its bare name, so that a copy
            of a filled data root serves, and so does one folder of archives.
        checksum: MD5 (32 hexadecimal digits) or SHA-256 (64).
        limits: when a mirror is given up.

    Raises:
        DataUnavailableError: if no address delivers the file, the network is forbidden or the
            root cannot be written. Neither the file nor a part of it is left behind.
        ValueError: if the file is there with another checksum; it is never replaced.
    """
    target = root / place
    if target.exists():
        require_checksum(target, checksum)
        return target
    if os.environ.get("NCLIB_OFFLINE", "") not in ("", "0"):
        raise _unavailable(target, place, checksum, ["NCLIB_OFFLINE is set: not downloaded"])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        addresses = [*_course_addresses(place), *mirrors]
        failures = _try_mirrors(addresses, target, checksum, limits or Limits())
    except OSError as error:  # the disk's: the network's are collected in failures
        reason = f"the folder cannot be written ({error})"
        raise _unavailable(target, place, checksum, [reason]) from error
    if failures:
        raise _unavailable(target, place, checksum, failures)
    return target


def require_checksum(path: Path, expected: str) -> None:
    """Raise ValueError, with the file and both checksums, unless MD5 or SHA-256 is ``expected``."""
    digest = _hasher(expected)
    require_file(path)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{path} is damaged or another file: its {digest.name.upper()} is "
            f"{digest.hexdigest()}, expected {expected}; delete it and it is fetched again"
        )


def require_file(path: Path) -> None:
    """Raise ValueError for a folder: some unpackers put a file into one of its own name."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file of that name: move it up from there")


def _hasher(checksum: str) -> Any:
    """A fresh hash of the kind that ``checksum`` is of."""
    kinds = {32: "md5", 64: "sha256"}
    if len(checksum) not in kinds:
        raise ValueError(f"checksum is {checksum!r}; expected MD5 or SHA-256 in hexadecimal")
    return hashlib.new(kinds[len(checksum)], usedforsecurity=False)


def _course_addresses(place: str) -> list[str]:
    """Where ``NCLIB_MIRROR`` may have the file: at its place under the base, or by its name."""
    base = os.environ.get("NCLIB_MIRROR", "").rstrip("/")
    if not base:
        return []
    if "://" not in base:
        base = Path(base).expanduser().resolve().as_uri()
    names = dict.fromkeys((place, Path(place).name))
    return [f"{base}/{urllib.parse.quote(name)}" for name in names]


def _try_mirrors(
    addresses: Sequence[str], target: Path, checksum: str, limits: Limits
) -> list[str]:
    """Download from the first address that delivers; what went wrong at each if none does."""
    failures: dict[str, _MirrorError] = {}
    for floor in (limits.floor, 0.0):
        for url in addresses:
            if url in failures and not failures[url].retry:
                continue
            try:
                _download(url, target, checksum, Limits(limits.timeout_s, floor, limits.window_s))
                return []
            except _MirrorError as error:
                failures[url] = error
    return [f"{url}: {error}" for url, error in failures.items()] or ["no address is known"]


def _download(url: str, target: Path, checksum: str, limits: Limits) -> None:
    """Write what ``url`` delivers, and keep it if the checksum is right."""
    digest = _hasher(checksum)
    with atomic_write(target) as file, closing(_chunks(url, target.name, limits)) as chunks:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
        if digest.hexdigest() != checksum:
            found = f"{digest.name.upper()} {digest.hexdigest()}"
            raise _MirrorError(f"delivers another file ({found})", retry=False)


def _chunks(url: str, name: str, limits: Limits) -> Iterator[bytes]:
    """The bytes at ``url``; whatever the network does wrong becomes a ``_MirrorError``."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "nclib"})
        with urllib.request.urlopen(request, timeout=limits.timeout_s) as response:
            yield from _paced(response, name, limits)
    except urllib.error.HTTPError as error:
        error.close()
        retry = error.code >= 500 or error.code in _RETRIED_STATUS
        raise _MirrorError(f"HTTP status {error.code} {error.reason}", retry=retry) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise _MirrorError(str(reason)) from error


def _paced(response: Any, name: str, limits: Limits) -> Iterator[bytes]:
    """The response's bytes, as long as they arrive fast enough and none is missing at the end."""
    expected = int(response.headers["Content-Length"] or 0)
    received = mark = 0
    since = time.monotonic()
    with progress(expected or None, name, "B") as bar:
        while chunk := response.read1(_CHUNK):
            yield chunk
            bar.update(len(chunk))
            received += len(chunk)
            elapsed = time.monotonic() - since
            if elapsed >= limits.window_s:
                speed = (received - mark) / elapsed
                if speed < limits.floor:
                    raise _MirrorError(f"too slow ({speed / 1000:.0f} kB/s)")
                since, mark = time.monotonic(), received
    if received < expected:
        raise _MirrorError(f"broke off after {received} of {expected} bytes")


def _unavailable(
    target: Path, place: str, checksum: str, reasons: Sequence[str]
) -> DataUnavailableError:
    kind = _hasher(checksum).name.upper()
    return DataUnavailableError(
        f"{target.name} ({kind} {checksum}) is not on this machine and could not be had:\n"
        + "".join(f"  - {reason}\n" for reason in reasons)
        + "What helps, any one of:\n"
        f"  - put the file at {target}\n"
        f"  - name another data folder, one that holds {place}: root=..., or NCLIB_DATA\n"
        "  - set NCLIB_MIRROR to the address or folder of a server that has the file\n"
        "  - use another data set: load_data('digits') needs no file"
    )
