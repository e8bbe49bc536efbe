"""Rules about code cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cells import Cell

from lint.core import Complaint, Notebook, parse, rule

LONGEST = 15
ABSOLUTE = re.compile(r"(/[A-Za-z_][\w.-]*(/|$)|[A-Za-z]:[\\/]|~/|file://)")
PIP = re.compile(r"\bpip3?\s+install\b[^\n]*\bnclib\b(?!-neural-collapse)")
DRAW = "end the cell with a picture of nclib.pictures, which shows itself with its alt text"
MAGIC = re.compile(r"^# ?[%!]")


def length(cell: Cell) -> int:
    """Lines a reader sees: those that are not blank."""
    return sum(bool(line.strip()) for line in cell.lines)


@rule
def parses(notebook: Notebook) -> Iterator[Complaint]:
    """Code is Python; magics are written as comments, `# %time …`."""
    for cell in notebook.of_kind("code"):
        if isinstance(error := parse(cell), SyntaxError):
            yield cell, error.lineno or 0, f"{error.msg} (write magics as comments: # %time …)"


@rule
def cell_length(notebook: Notebook) -> Iterator[Complaint]:
    """No cell shows more than 15 lines of code."""
    for cell in notebook.of_kind("code"):
        if "nc-setup" not in cell.tags and length(cell) > LONGEST:
            yield cell, 0, f"{length(cell)} lines, limit {LONGEST}: split it or move it to nclib"


@rule
def no_class(notebook: Notebook) -> Iterator[Complaint]:
    """A notebook defines no class."""
    for cell, node in notebook.nodes(ast.ClassDef):
        yield cell, node.lineno, f"class {node.name}: classes belong in nclib"


@rule
def imports_together(notebook: Notebook) -> Iterator[Complaint]:
    """Everything is imported in one cell, after set-up."""
    first = next((cell.number for cell in notebook.of_kind("code")[1:]), None)
    for cell, node in notebook.nodes(ast.Import, ast.ImportFrom):
        if cell.number != first:
            yield cell, node.lineno, f"{ast.unparse(node)}: import it in the imports cell"


@rule
def no_pyplot(notebook: Notebook) -> Iterator[Complaint]:
    """Notebooks draw with nclib, never with pyplot and its global state."""
    for cell, node in notebook.nodes(ast.Import, ast.ImportFrom):
        if "pyplot" in ast.unparse(node):
            yield cell, node.lineno, f"pyplot: {DRAW}"
    for cell, node in notebook.nodes(ast.Call):
        if re.search(r"\b(plt|pyplot)\.show$", ast.unparse(node.func)):
            yield cell, node.lineno, f"plt.show: {DRAW}"


@rule
def figures_described(notebook: Notebook) -> Iterator[Complaint]:
    """Figures are nclib's, which carry their words with them; no words are left empty."""
    for cell, node in notebook.nodes(ast.Call):
        called = ast.unparse(node.func).split(".")[-1]
        if called == "display" and any(map(_is_figure, node.args)):
            yield cell, node.lineno, f"display of a figure: {DRAW}"
        if _empty_alt(node):
            yield cell, node.lineno, "alt is empty: say what the figure shows"


def _is_figure(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and bool(re.search(r"(^|_)fig(ure)?\d*$", node.id))


def _empty_alt(call: ast.Call) -> bool:
    given = [k.value for k in call.keywords if k.arg == "alt"]
    return any(isinstance(v, ast.Constant) and not str(v.value or "").strip() for v in given)


@rule
def no_silenced_warnings(notebook: Notebook) -> Iterator[Complaint]:
    """Warnings are not silenced."""
    for cell, node in notebook.nodes(ast.Call):
        given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "action")]
        ignored = any(isinstance(v, ast.Constant) and v.value == "ignore" for v in given)
        if ignored and ast.unparse(node.func).split(".")[-1] in ("filterwarnings", "simplefilter"):
            yield cell, node.lineno, "a silenced warning: remove its cause"


@rule
def no_absolute_path(notebook: Notebook) -> Iterator[Complaint]:
    """No path of somebody's machine: not in code, not in links."""
    inside = {id(v) for _, n in notebook.nodes(ast.JoinedStr) for v in n.values[1:]}
    for cell, node in notebook.nodes(ast.Constant):
        text = node.value if isinstance(node.value, str) and id(node) not in inside else ""
        if ABSOLUTE.match(text):
            yield cell, node.lineno, f"absolute path {text!r}"
    for cell in notebook.cells:
        for number, line in enumerate(cell.lines, 1):
            linked = cell.kind == "markdown" and re.search(r"\]\((/|file:|[A-Za-z]:\\)", line)
            if linked or (MAGIC.match(line) and re.search(r"\s(/\w|~/)", line)):
                yield cell, number, f"absolute path in {line.strip()!r}"


@rule
def no_pip_nclib(notebook: Notebook) -> Iterator[Complaint]:
    """Nobody is told to install `nclib`: on the package index that is something else."""
    for cell in notebook.cells:
        for number, line in enumerate(cell.lines, 1):
            if PIP.search(line):
                yield cell, number, "the package of that name on the index is not ours"


@rule
def plain_progress(notebook: Notebook) -> Iterator[Complaint]:
    """Progress bars are text: widget bars vanish from saved notebooks."""
    for cell, node in notebook.nodes(ast.Import, ast.ImportFrom):
        if re.search(r"tqdm\.(notebook|auto|autonotebook)", ast.unparse(node)):
            yield cell, node.lineno, "use from tqdm import tqdm"
