"""Write each notebook's .ipynb, a pure function of its .py, and what is stamped into both."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jupytext
from address import Address
from cells import ROOT, Cell, read_cells, shown

TEMPLATE = Path(__file__).with_name("templates") / "setup.py.txt"
BADGES = ("<!-- badges: written by tools/nb.py stamp -->", "<!-- /badges -->")
FOLDED = {"nc-setup", "solution"}
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "toc_visible": True},
    "execution": {"timeout": 600},  # seconds a cell, read by nbmake
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def refresh(text: str, notebook: str, address: Address) -> str:
    """The .py with its set-up cell and badge row as they should be; nothing else is touched.

    Args:
        text: the whole .py.
        notebook: path of the .ipynb in the repository, for the links.
        address: where the suite is published.
    """
    lines = text.splitlines()
    for cell in reversed(read_cells(text)):  # from the end, so that line numbers stay right
        if "nc-setup" in cell.tags:
            _replace(lines, cell, set_up(address).splitlines())
        elif "nc-badges" in cell.tags:
            badged = _with_badges(cell.source, address.badges(notebook))
            _replace(lines, cell, [f"# {line}".rstrip() for line in badged.splitlines()])
    return "\n".join(lines).rstrip("\n") + "\n"


def set_up(address: Address) -> str:
    """The set-up cell's code."""
    return TEMPLATE.read_text(encoding="utf-8").replace("@ARCHIVE@", address.archive)


def _replace(lines: list[str], cell: Cell, body: list[str]) -> None:
    lines[cell.line : cell.line + len(cell.lines)] = body


def _with_badges(markdown: str, row: str) -> str:
    """The title cell with its badge region rewritten, or put in under the title."""
    region = f"{BADGES[0]}\n{row}\n{BADGES[1]}"
    old = re.compile(re.escape(BADGES[0]) + r".*?" + re.escape(BADGES[1]), re.DOTALL)
    if old.search(markdown):
        return old.sub(lambda _: region, markdown, count=1)
    title, _, rest = markdown.partition("\n")
    return f"{title}\n\n{region}\n\n{rest.lstrip()}".rstrip()


def notebook(text: str) -> dict[str, Any]:
    """The notebook (nbformat 4.5) of a py:percent text."""
    seen: Counter[str] = Counter()
    cells = [_notebook_cell(cell, seen) for cell in jupytext.reads(text, fmt="py:percent").cells]
    return {"cells": cells, "metadata": copy.deepcopy(METADATA), "nbformat": 4, "nbformat_minor": 5}


def _notebook_cell(cell: Any, seen: Counter[str]) -> dict[str, Any]:
    metadata = {key: cell.metadata[key] for key in ("slideshow", "tags") if key in cell.metadata}
    content = json.dumps([cell.cell_type, cell.source, metadata], sort_keys=True)
    seen[content] += 1
    made = {
        "cell_type": cell.cell_type,
        "id": hashlib.sha256(f"{seen[content]} {content}".encode()).hexdigest()[:12],
        "metadata": metadata,
        "source": cell.source.splitlines(keepends=True),
    }
    if cell.cell_type == "code":
        made |= {"execution_count": None, "outputs": []}
        if FOLDED & set(metadata.get("tags", ())):  # Colab's word for it, and Jupyter's
            metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return made


def to_bytes(made: dict[str, Any]) -> bytes:
    """A notebook as the bytes that are committed."""
    return (json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def expected(source: Path, address: Address) -> dict[Path, bytes]:
    """What the two files of a notebook should hold."""
    target = source.with_suffix(".ipynb")
    text = refresh(source.read_bytes().decode(), _in_repository(target), address)
    return {source: text.encode(), target: to_bytes(notebook(text))}


def _in_repository(path: Path) -> str:
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def stamp(source: Path, address: Address) -> list[Path]:
    """Bring a notebook's two files up to date; return those that changed."""
    changed = stale(source, address)
    wanted = expected(source, address)
    for path in changed:
        path.write_bytes(wanted[path])
    return changed


def stale(source: Path, address: Address) -> list[Path]:
    """Those of a notebook's two files that are missing or differ by a byte."""
    wanted = expected(source, address)
    return [p for p, data in wanted.items() if not p.is_file() or p.read_bytes() != data]


def orphans(folder: Path) -> list[Path]:
    """Notebooks in a folder that no .py makes."""
    return [p for p in sorted(folder.glob("*.ipynb")) if not p.with_suffix(".py").is_file()]


def check(found: list[Path], address: Address) -> list[str]:
    """One line for each file that is not what ``stamp`` would write."""
    differing = [path for source in found for path in stale(source, address)]
    lost = [path for folder in sorted({p.parent for p in found}) for path in orphans(folder)]
    return [f"{shown(path)} is stale" for path in differing] + [
        f"{shown(path)} has no .py beside it" for path in lost
    ]
