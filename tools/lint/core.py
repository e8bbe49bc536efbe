"""What a rule sees, what it says, and the list of all rules."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cells import Cell, read_cells, shown


@dataclass(frozen=True)
class Notebook:
    """The .py of one notebook."""

    path: Path
    text: str
    cells: list[Cell] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", read_cells(self.text))

    def of_kind(self, kind: str, tag: str | None = None) -> list[Cell]:
        """The cells of a kind ("code" or "markdown"), perhaps only those with a tag."""
        return [c for c in self.cells if c.kind == kind and (tag is None or tag in c.tags)]

    @cached_property
    def trees(self) -> dict[int, ast.Module]:
        """Syntax trees of the code cells that can be parsed, by cell number."""
        found = {c.number: parse(c) for c in self.of_kind("code")}
        return {n: tree for n, tree in found.items() if isinstance(tree, ast.Module)}

    def nodes(self, *types: type[ast.AST]) -> Iterator[tuple[Cell, ast.AST]]:
        """Every syntax node of the given types, with its cell; not those of the set-up cell."""
        for number, tree in self.trees.items():
            if "nc-setup" not in self.cells[number].tags:
                yield from ((self.cells[number], n) for n in ast.walk(tree) if isinstance(n, types))


def parse(cell: Cell) -> ast.Module | SyntaxError:
    """The syntax tree of a code cell, or what is wrong with it."""
    try:
        return ast.parse(cell.source)
    except SyntaxError as error:
        return error


# A complaint: the cell (None: the whole notebook), the line in it counted from 1, and what to do.
Complaint = tuple[Cell | None, int, str]
Rule = Callable[[Notebook], Iterator[Complaint]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Enter a function among the rules under its name, with hyphens; its docstring is the rule."""
    RULES[check.__name__.replace("_", "-")] = check
    return check


@dataclass(frozen=True)
class Finding:
    """One breach of a rule."""

    path: Path
    cell: int | None
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        where = "" if self.cell is None else f" (cell {self.cell})"
        return f"{shown(self.path)}:{self.line}{where} {self.rule}: {self.message}"


def findings(notebook: Notebook) -> list[Finding]:
    """Everything every rule has to say about a notebook, in the order of the file."""
    found = [
        Finding(
            notebook.path,
            cell and cell.number,
            cell.line + line if cell else line,
            name,
            message,
        )
        for name, check in RULES.items()
        for cell, line, message in check(notebook)
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.rule))
