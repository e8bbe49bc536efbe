"""The cells of a py:percent notebook, with the line numbers that messages need."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = re.compile(r"^# %%(?:\s+\[(?P<kind>\w+)\])?(?:\s+(?P<options>\w+=.*))?\s*$")
TAGS = re.compile(r"\btags=(\[[^\]]*\])")


@dataclass(frozen=True)
class Cell:
    """One cell: its text without comment marks, and where it stands in the file."""

    number: int  # 0 is the title
    kind: str  # "code", "markdown", "raw", or "unknown" for a header that cannot be read
    tags: tuple[str, ...]
    header: str
    line: int  # of the header, counted from 1
    lines: tuple[str, ...]  # the first stands on ``line + 1``

    @property
    def source(self) -> str:
        """The cell's text."""
        return "\n".join(self.lines)


def read_cells(text: str) -> list[Cell]:
    """Split the text of a py:percent file into its cells; what stands before the first is left."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("# %%")]
    ends = [*starts[1:], len(lines)]
    return [_cell(n, i, lines[i:j]) for n, (i, j) in enumerate(zip(starts, ends, strict=True))]


def _cell(number: int, start: int, lines: list[str]) -> Cell:
    header, *body = lines
    match = HEADER.match(header)
    kind = (match["kind"] or "code").replace("md", "markdown") if match else "unknown"
    if kind == "markdown":
        body = [line.removeprefix("#").removeprefix(" ") for line in body]
    while body and not body[-1].strip():
        body.pop()
    return Cell(number, kind, read_tags(header), header, start + 1, tuple(body))


def read_tags(header: str) -> tuple[str, ...]:
    """The tags a cell's header line names; none when they are not a list of strings."""
    match = TAGS.search(header)
    try:
        return tuple(json.loads(match[1])) if match else ()
    except json.JSONDecodeError:
        return ()


def sources(paths: list[Path]) -> list[Path]:
    """The notebooks meant by paths (``.py``, ``.ipynb`` or a folder); all of them for none."""
    found = [one for path in paths or [ROOT / "notebooks"] for one in _meant(path)]
    return list(dict.fromkeys(found))


def _meant(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.py"))
    source = path.with_suffix(".py")
    if not source.is_file():
        raise ValueError(f"{path} has no {source.name}: the .py is the source of a notebook")
    return [source]


def shown(path: Path) -> str:
    """The path as a message names it: from the root of the checkout when it lies inside."""
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
