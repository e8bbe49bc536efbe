"""Rules about the order of cells, their tags and their headings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cells import TAGS, Cell

from lint.core import Complaint, Notebook, rule

KNOWN = ("nc-badges", "nc-setup", "parameters", "self-check", "exercise", "check", "solution")
KNOWN += ("instructor",)
CARD = ("You will be able to", "Needs", "Time", "Data", "Paper")
LAST = "Where this stops being true"
HEADING = re.compile(r"^ {0,3}(#{1,6})(?:\s+(.*?))?\s*#*$")


@rule
def cell_header(notebook: Notebook) -> Iterator[Complaint]:
    """A cell starts with `# %%`, `[markdown]` if it is text, and at most tags and slideshow."""
    for cell in notebook.cells:
        rest = TAGS.sub("", re.sub(r"\bslideshow=\{.*\}", "", cell.header))
        if cell.kind not in ("code", "markdown") or "=" in rest or ("tags" in rest):
            yield cell, 0, f'cannot read {cell.header!r}; write # %% [markdown] tags=["…"]'
        elif TAGS.search(cell.header) and not cell.tags:
            yield cell, 0, f'tags of {cell.header!r} are not a list such as ["exercise"]'
    first = notebook.cells[0].line if notebook.cells else 1
    for number, line in enumerate(notebook.text.splitlines()[: first - 1], 1):
        if line and not line.startswith("#"):
            yield None, number, "text before the first cell; only the jupytext header goes there"


@rule
def known_tags(notebook: Notebook) -> Iterator[Complaint]:
    """Only the tags of the anatomy are used."""
    for cell in notebook.cells:
        for tag in cell.tags:
            if tag not in KNOWN:
                yield cell, 0, f"unknown tag {tag!r}; there are {', '.join(KNOWN)}"


@rule
def anatomy(notebook: Notebook) -> Iterator[Complaint]:
    """Title, card, set-up, imports, parameters come first, in this order and once."""
    first = [*notebook.cells[:3], None, None, None][:3]
    code = [*notebook.of_kind("code")[1:3], None, None][:2]
    for cell, wanted in zip([*first, *code], BEGINNING, strict=True):
        if cell is None or not wanted(cell):
            yield cell, 0, wanted.__doc__
    for tag in ("nc-badges", "nc-setup", "parameters"):
        for again in [cell for cell in notebook.cells if tag in cell.tags][1:]:
            yield again, 0, f"a second cell tagged {tag}"


@rule
def sections(notebook: Notebook) -> Iterator[Complaint]:
    """Sections end with a self-check, the notebook with where this stops being true."""
    if not notebook.of_kind("code", "self-check"):
        yield None, 1, "no cell tagged self-check: each section ends with one"
    if LAST not in (text for _, _, _, text in headings(notebook)):
        yield None, 1, f"no heading {LAST!r}: a notebook says where it ends"


def _title(cell: Cell) -> bool:
    """Cell 0 is markdown tagged nc-badges and begins with the title, `# …`."""
    return cell.kind == "markdown" and "nc-badges" in cell.tags and cell.source[:2] == "# "


def _card(cell: Cell) -> bool:
    """Cell 1 is a table: You will be able to, Needs, Time, Data, Paper."""
    complete = all(word in cell.source for word in CARD)
    return cell.kind == "markdown" and complete and bool(re.search(r"\|\s*:?-{3}", cell.source))


def _set_up(cell: Cell) -> bool:
    """Cell 2 is code tagged nc-setup (leave it empty: stamp fills it)."""
    return cell.kind == "code" and "nc-setup" in cell.tags


def _imports(cell: Cell) -> bool:
    """The code cell after set-up imports nclib and prints one line (runtime.describe)."""
    imported = re.search(r"^(import|from) nclib\b", cell.source, re.MULTILINE)
    return bool(imported) and "print(" in cell.source


def _parameters(cell: Cell) -> bool:
    """The code cell after the imports is tagged parameters."""
    return "parameters" in cell.tags


BEGINNING = (_title, _card, _set_up, _imports, _parameters)


def headings(notebook: Notebook) -> Iterator[tuple[Cell, int, int, str]]:
    """Cell, line in it, level and text of every heading outside code fences."""
    for cell in notebook.of_kind("markdown"):
        fenced = False
        for number, line in enumerate(cell.lines, 1):
            fenced ^= line.lstrip().startswith(("```", "~~~"))
            if not fenced and (match := HEADING.match(line)):
                yield cell, number, len(match[1]), (match[2] or "").strip()


@rule
def one_title(notebook: Notebook) -> Iterator[Complaint]:
    """There is one heading of the first level, and no heading is blank."""
    levels = 0
    for cell, line, level, text in headings(notebook):
        levels += level == 1
        if not text:
            yield cell, line, "a heading without text"
        elif level == 1 and levels > 1:
            yield cell, line, f"a second title, {text!r}; sections start with ##"
    if not levels:
        yield None, 1, "no title: the first cell begins with `# …`"


@rule
def heading_order(notebook: Notebook) -> Iterator[Complaint]:
    """A heading is at most one level below the one before it."""
    last = 0
    for cell, line, level, text in headings(notebook):
        if level > last + 1:
            yield cell, line, f"{'#' * level} {text} follows a heading of level {last}"
        last = level


@rule
def self_check(notebook: Notebook) -> Iterator[Complaint]:
    """A cell tagged self-check holds a claim or an assert, and each assert says what failed."""
    for cell in notebook.of_kind("code", "self-check"):
        tree = notebook.trees.get(cell.number)
        asserts = [n for n in ast.walk(tree) if isinstance(n, ast.Assert)] if tree else []
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)] if tree else []
        if not asserts and not any(getattr(call.func, "id", "") == "claim" for call in calls):
            yield cell, 0, "no claim and no assert in a self-check"
        for one in asserts:
            if one.msg is None:
                yield cell, one.lineno, "assert without a message: name what, found and limit"
