"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """A file to write: it becomes ``target`` when the block ends well and vanishes otherwise."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def remove_unfinished(target: Path) -> None:
    """Delete what ``atomic_write`` left of ``target`` when its process was killed."""
    for part in target.parent.glob(f"{glob.escape(target.name)}.*.part"):
        part.unlink(missing_ok=True)
