"""Copies of notebooks for other readers: portable, for students, for teachers; and adopting one.

Each is a pure function of the .py: the same bytes whenever it is made.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from cells import ROOT, Cell, read_cells
from stamp import BADGES, notebook

TEMPLATE = Path(__file__).with_name("templates") / "portable.py.txt"
PACKAGE = ROOT / "nclib"
CARRIED = {".py", ".js", ".css", ".html", ".mplstyle"}
LINE = 16_000  # characters of base64 a line: editors dislike both one line and many
STAMPED = {"nc-setup", "nc-badges"}
COLAB_BADGE = re.compile(r'<a href="https://colab\.research\.google\.com/.*?</a>', re.DOTALL)


# Portable: the library inside


def portable(text: str, made: dict[str, Any]) -> dict[str, Any]:
    """A notebook with the library, and the recorded runs it uses, in its set-up cell.

    Args:
        text: the whole .py.
        made: the notebook of it, or a student's or teacher's copy; it is changed.
    """
    archive = library_zip(recorded_in(text))
    checksum = hashlib.sha256(archive).hexdigest()
    encoded = base64.b64encode(archive).decode()
    lines = "\n".join(encoded[i : i + LINE] for i in range(0, len(encoded), LINE))
    values = {"CHECKSUM": checksum, "VERSION": version(), "CARRIED": lines}
    set_up = TEMPLATE.read_text(encoding="utf-8").rstrip()
    for name, value in values.items():
        set_up = set_up.replace(f"@{name}@", value)
    for cell in made["cells"]:
        tags = cell["metadata"].get("tags", ())
        if "nc-setup" in tags:
            cell["source"] = set_up.splitlines(keepends=True)
        elif "nc-badges" in tags:
            said = f"*Portable copy: nclib {version()} is inside (SHA-256 `{checksum[:16]}…`).*"
            cell["source"] = _badge_row(cell["source"], said)
    return made


def _badge_row(source: list[str], said: str) -> list[str]:
    begin, end = map(re.escape, BADGES)
    row = re.compile(f"{begin}.*?{end}", re.DOTALL)
    return row.sub(lambda _: said, "".join(source)).splitlines(keepends=True)


def library_zip(runs: tuple[str, ...]) -> bytes:
    """The package as a zip that is the same whenever it is made: sorted names, one date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(_carried(runs)):
            info = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), compresslevel=9)
    return buffer.getvalue()


def _carried(runs: tuple[str, ...]) -> Iterator[Path]:
    yield from (path for path in PACKAGE.rglob("*") if path.suffix in CARRIED and path.is_file())
    yield from (PACKAGE / "recorded" / f"{name}.npz" for name in runs)


def recorded_in(text: str) -> tuple[str, ...]:
    """The recorded runs of which a notebook's code names data and network, such as mnist-vgg11.

    With every loss, as a notebook may exchange them; of several seeds the first and those that are
    named, unless ``recorded_runs`` asks for all.
    """
    code = "\n".join(cell.source for cell in read_cells(text) if cell.kind == "code")
    names = sorted(path.stem for path in (PACKAGE / "recorded").glob("*.npz"))
    if "recorded_runs" in code:
        return tuple(names)
    return tuple(name for name in names if _named(name, code))


def _named(name: str, code: str) -> bool:
    data, network, _, *seed = name.split("-")
    if not seed or seed == ["0"]:
        return f"{data}-{network}" in code
    return re.search(rf"\b{data}-{network}-\w+-{seed[0]}\b", code) is not None


def version() -> str:
    """Of the library, as it says itself."""
    init = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"', init, re.MULTILINE)[1]


# For students and teachers


def student(text: str) -> dict[str, Any]:
    """Without solutions and teaching notes; the checks stay and say what is not done yet."""
    return _without(text, {"solution", "instructor"})


def instructor(text: str) -> dict[str, Any]:
    """With everything, solutions unfolded."""
    made = _without(text, set())
    for cell in made["cells"]:
        if "solution" in cell["metadata"].get("tags", ()):
            del cell["metadata"]["cellView"], cell["metadata"]["jupyter"]
    return made


def _without(text: str, tags: set[str]) -> dict[str, Any]:
    made = notebook(text)
    kept = [c for c in made["cells"] if not tags & set(c["metadata"].get("tags", ()))]
    return made | {"cells": kept}


def solved(text: str) -> dict[str, Any]:
    """The student's copy with every stub replaced by its solution: what a good student hands in."""
    solutions, stubs = (
        [c.source for c in read_cells(text) if c.kind == "code" and tag in c.tags]
        for tag in ("solution", "exercise")
    )
    made, answers = student(text), dict(zip(stubs, solutions, strict=True))
    for cell in made["cells"]:
        answer = answers.get("".join(cell["source"]))
        if cell["cell_type"] == "code" and answer is not None:
            cell["source"] = answer.splitlines(keepends=True)
    return made


# Back from a hosted service


def adopted(saved: str, text: str) -> str:
    """The .py that a saved notebook stands for; ``text`` is the .py as it is.

    What a host puts in is left out: outputs, ids, its own metadata and badge. Set-up cell and
    badge row stay those of the .py, which ``stamp`` writes.

    Raises:
        ValueError: if it is no notebook, or has cells that the .py's format cannot keep.
    """
    try:
        node = nbformat.reads(saved, as_version=4)
    except Exception as error:
        raise ValueError(f"this is no notebook: {error}") from error
    old = {(cell.kind, cell.tags, cell.source): raw for cell, raw in _raw_cells(text)}
    ours = {cell.tags[:1]: cell.source for cell in read_cells(text) if STAMPED & set(cell.tags)}
    blocks = []
    for cell in filter(lambda cell: cell.source.strip(), map(_plain, node.cells)):
        tags = tuple(cell.metadata.get("tags", ()))
        if "nc-setup" in tags:
            cell.source = ours[tags[:1]]
        known = old.get((cell.cell_type, tags, cell.source.rstrip()))
        blocks.append(known or _written(cell))
    return text[: text.index("# %%")] + "".join(blocks).rstrip("\n") + "\n"


def _raw_cells(text: str) -> Iterator[tuple[Cell, str]]:
    """Each cell with its lines as they stand, blank ones after it included."""
    cells, lines = read_cells(text), text.splitlines(keepends=True)
    ends = [*(cell.line - 1 for cell in cells[1:]), len(lines)]
    for cell, end in zip(cells, ends, strict=True):
        yield cell, "".join(lines[cell.line - 1 : end])


def _written(cell: nbformat.NotebookNode) -> str:
    text = jupytext.writes(nbformat.v4.new_notebook(cells=[cell]), fmt="py:percent")
    return text[text.index("# %%") :].rstrip("\n") + "\n\n"


def _plain(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A cell without what a host adds."""
    source = COLAB_BADGE.sub("", cell.source) if cell.cell_type == "markdown" else cell.source
    metadata = {key: cell.metadata[key] for key in ("slideshow", "tags") if key in cell.metadata}
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(source, metadata=metadata)
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(source, metadata=metadata)
    raise ValueError(f"a {cell.cell_type} cell cannot be adopted; make it markdown or code")
