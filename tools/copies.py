"""Copies of notebooks for other readers: portable, for students, for teachers; and adopting one.

Each is a pure function of the .py and the library: the same bytes whenever it is made.

A portable copy carries what its notebook uses, and no more: the files of the library that the code
reaches by imports (solutions and lazy imports count, those for types alone do not), the assets
that these name, and the recorded runs that the code names. What a reader adds may use all that is
carried; for the rest of the public names, the copy says that the whole library is needed.
"""

from __future__ import annotations

import ast
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
import numpy as np
from cells import ROOT, Cell, read_cells
from imports import PACKAGE, closure
from stamp import BADGES, notebook

TEMPLATE = Path(__file__).with_name("templates") / "portable.py.txt"
RECORDED = PACKAGE / "runs" / "recorded"
LAYERS = PACKAGE / "runs" / "recorded_layers"
LOADED_BY = {  # the module that loads such runs, and what in a notebook's code asks for all
    RECORDED: ("recorded.py", r"recorded_runs"),
    LAYERS: ("layer_runs.py", r"\blayer_runs\("),
}
ASSETS = {".js", ".css", ".html", ".csv"}
LINE = 16_000  # characters a line: editors dislike both one line and many
STAMPED = {"nc-setup", "nc-badges"}
COLAB_BADGE = re.compile(r'<a href="https://colab\.research\.google\.com/.*?</a>', re.DOTALL)


# Portable: what it uses of the library is inside


def portable(text: str, made: dict[str, Any]) -> dict[str, Any]:
    """A notebook with all that it uses of the library in its set-up cell.

    Args:
        text: the whole .py.
        made: the notebook of it, or a student's or teacher's copy; it is changed.
    """
    archive = library_zip(carried(text))
    checksum = hashlib.sha256(archive).hexdigest()
    encoded = base64.b85encode(archive).decode()  # a sixteenth shorter than base64
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
            said = f"what it uses of nclib {version()} is inside (SHA-256 `{checksum[:16]}…`)"
            said = f"*Portable copy: {said}.*"
            cell["source"] = _badge_row(cell["source"], said)
    return made


def _badge_row(source: list[str], said: str) -> list[str]:
    begin, end = map(re.escape, BADGES)
    row = re.compile(f"{begin}.*?{end}", re.DOTALL)
    return row.sub(lambda _: said, "".join(source)).splitlines(keepends=True)


def library_zip(paths: set[Path]) -> bytes:
    """Files of the package as a zip that is always the same: sorted names, one date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted((path.relative_to(ROOT).as_posix(), path) for path in paths):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            content = _thinned(path) if path.parent == RECORDED else path.read_bytes()
            archive.writestr(info, content, compresslevel=9)
    return buffer.getvalue()


def _thinned(run: Path) -> bytes:
    """A recorded run whose samples lack the axes in which none is drawn, beyond the first C-1."""
    arrays, buffer = dict(np.load(run)), io.BytesIO()
    arrays["residuals"] = arrays["residuals"][..., : arrays["class_means"].shape[1] - 1]
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def carried(text: str) -> set[Path]:
    """The files that a notebook needs: of the library, assets and recorded runs."""
    files = closure(_code(text))
    assets = {asset for path in files for asset in _assets(path)}
    runs = {f / f"{name}.npz" for f in LOADED_BY for name in recorded_in(text, f)}
    return files | assets | runs


def _code(text: str) -> str:
    """The code cells but the set-up cell, which a copy replaces."""
    cells = [c for c in read_cells(text) if c.kind == "code" and "nc-setup" not in c.tags]
    return "\n".join(cell.source for cell in cells)


def _assets(module: Path) -> Iterator[Path]:
    """Scripts, styles and pages beside a module that its text names."""
    text = module.read_text(encoding="utf-8")
    for path in module.parent.iterdir():
        if path.suffix in ASSETS and re.search(rf"(?<![\w.-]){re.escape(path.name)}\b", text):
            yield path


def recorded_in(text: str, folder: Path = RECORDED) -> tuple[str, ...]:
    """The runs of a folder of recorded ones that a notebook's code names.

    A run is named when the code reaches ``nclib.runs.recorded``, and strings of the code that hold
    nothing but names hold each part of the run's: ``"digits-mlp-ce-0"`` is a run's name, and
    ``f"{cell}-{loss}"`` makes one of ``"mnist-vgg11"`` and ``"mse"``, which stand elsewhere.
    All are, if the code asks for them with ``recorded_runs``. Runs of layers likewise, by
    ``nclib.runs.layer_runs`` and ``layer_runs()``.
    """
    code, names = _code(text), sorted(path.stem for path in folder.glob("*.npz"))
    module, every = LOADED_BY[folder]
    if folder.with_name(module) not in closure(code):
        return ()
    tree = ast.parse(code)
    if re.search(every, code):
        return tuple(names)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    parts = [s for s in strings if isinstance(s, str) and re.fullmatch(r"[\w-]+", s)]
    words = {word for part in parts for word in part.split("-")}
    return tuple(name for name in names if words.issuperset(name.split("-")))


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
