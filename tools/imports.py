"""What a file of the library, or a notebook, imports from the library: read, not run."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Iterator
from pathlib import Path

from cells import ROOT

PACKAGE = ROOT / "nclib"
# the public names and where they live; run as a file, for hosts where nothing is installed
HOME = runpy.run_path(str(PACKAGE / "__init__.py"))["_HOME"]


def imports(node: ast.AST) -> Iterator[str]:
    """Dotted names imported below a node, inside functions too; not those for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from imports(ast.Module(child.orelse, []))
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (f"{'.' * child.level}{child.module or ''}.{a.name}" for a in child.names)
        else:
            yield from imports(child)


def uses(tree: ast.AST) -> Iterator[str]:
    """The imports, and names of the package that are reached through it, as ``nclib.train`` is."""
    found = [*imports(tree)]
    yield from found
    if "nclib.*" in found:
        yield from (f"nclib.{name}" for name in HOME)
    called = {"nclib"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "nclib" and alias.asname
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in called:
            yield f"nclib.{node.attr}"


def modules_in(text: str) -> set[Path]:
    """Files of the library whose names a text uses, those of its own table resolved."""
    return set(filter(None, map(_file_of, uses(ast.parse(text)))))


def _file_of(name: str) -> Path | None:
    """The file that a dotted name, of a module or of something in one, is found in."""
    first, *rest = name.split(".")
    if first != "nclib":
        return None
    if rest and rest[0] in HOME:
        first, *rest = HOME[rest[0]][0].split(".")
    place = PACKAGE
    for part in rest:
        if (place / f"{part}.py").is_file():
            return place / f"{part}.py"
        if not (place / part).is_dir():
            break
        place /= part
    return place / "__init__.py"


def closure(text: str) -> set[Path]:
    """All files of the library that a text needs, with what those need, and their packages.

    A package that is only passed by is run, too, but what it imports when a name of its own is
    asked for is not needed.
    """
    found, new = set(), modules_in(text)
    while new:
        found |= new
        new = set().union(*(modules_in(path.read_text(encoding="utf-8")) for path in new)) - found
    above = {folder for path in found for folder in path.parents if folder.is_relative_to(PACKAGE)}
    return found | {folder / "__init__.py" for folder in above | {PACKAGE}}
