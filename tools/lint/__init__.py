"""The linter for notebooks: anatomy, code and prose, read from the .py."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from lint import code, exercises, prose, structure  # noqa: F401 - they enter their rules
from lint.core import RULES, Cell, Finding, Notebook, findings

__all__ = ["RULES", "Finding", "lint", "lint_text", "sizes"]

FOLDED = {"nc-setup", "solution"}
NOT_PROSE = re.compile(r"<!--.*?-->|```.*?```|\$\$.*?\$\$|\]\([^)]*\)|<[^>]+>", re.DOTALL)


def lint(path: Path) -> list[Finding]:
    """All findings in a notebook's .py."""
    return lint_text(path.read_text(encoding="utf-8"), path)


def lint_text(text: str, path: Path) -> list[Finding]:
    """All findings in the text of a notebook's .py."""
    return findings(Notebook(path, text))


def sizes(paths: list[Path]) -> str:
    """A table: words, and code lines that a reader sees; counted, never failed."""
    head = f"{'notebook':34}{'words':>7}{'lines':>7}{'cells':>7}{'median':>8}{'longest':>9}"
    return "\n".join([head, *(_size(path) for path in paths)])


def _size(path: Path) -> str:
    notebook = Notebook(path, path.read_text(encoding="utf-8"))
    words = sum(len(_words(cell)) for cell in notebook.of_kind("markdown"))
    seen = [cell for cell in notebook.of_kind("code") if not FOLDED & set(cell.tags)]
    lengths = [code.length(cell) for cell in seen] or [0]
    return (
        f"{path.stem:34}{words:7}{sum(lengths):7}{len(seen):7}"
        f"{statistics.median(lengths):8g}{max(lengths):9}"
    )


def _words(cell: Cell) -> list[str]:
    return re.findall(r"[^\W_][\w'’-]*", NOT_PROSE.sub(" ", cell.source))
