"""Rules about exercises: task, stub, check, solution."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cells import Cell

from lint.core import Complaint, Notebook, rule

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")
Function = ast.FunctionDef


@rule
def exercise_parts(notebook: Notebook) -> Iterator[Complaint]:
    """An exercise is task (markdown), stub, check, solution, in this order."""
    code = notebook.of_kind("code")
    for cell, after in zip([None, *code], [*code, None], strict=True):
        for part, then in (("exercise", "check"), ("check", "solution")):
            if _has(cell, part) and not _has(after, then):
                yield cell, 0, f"the next code cell after this {part} is tagged {then}"
            if _has(after, then) and not _has(cell, part):
                yield after, 0, f"the code cell before this {then} is tagged {part}"


@rule
def exercise_task(notebook: Notebook) -> Iterator[Complaint]:
    """A stub follows its task and is a function; a check cell calls check_…(answer)."""
    for stub in notebook.of_kind("code", "exercise"):
        task = notebook.cells[stub.number - 1] if stub.number else None
        if not _has(task, "exercise") or task.kind != "markdown":
            yield stub, 0, "no task before the stub: a markdown cell tagged exercise"
        if not any(isinstance(n, Function) for n in _top(notebook, stub)):
            yield stub, 0, "a stub is a function for the reader to complete"
    for check in notebook.of_kind("code", "check"):
        if "check_" not in check.source:
            yield check, 0, "a check calls check_…(answer) of nclib.lessons"


def _has(cell: Cell | None, tag: str) -> bool:
    return cell is not None and tag in cell.tags


@rule
def stub_differs(notebook: Notebook) -> Iterator[Complaint]:
    """A stub raises NotImplementedError; its solution has its signature and another body."""
    solutions = {f.name: f for _, f in _functions(notebook, "solution")}
    for cell, stub in _functions(notebook, "exercise"):
        solution = solutions.get(stub.name)
        if not _says_not_implemented(stub):
            yield cell, stub.lineno, f'{stub.name}: end it with raise NotImplementedError("…")'
        if solution is None:
            yield cell, stub.lineno, f"no solution defines {stub.name}"
        elif ast.dump(stub.args) != ast.dump(solution.args):
            yield cell, stub.lineno, f"{stub.name} has other arguments in its solution"
        elif _body(stub) == _body(solution) or _says_not_implemented(solution):
            yield cell, stub.lineno, f"{stub.name} is the same in stub and solution"


def _functions(notebook: Notebook, tag: str) -> Iterator[tuple[Cell, Function]]:
    for cell in notebook.of_kind("code", tag):
        yield from ((cell, n) for n in _top(notebook, cell) if isinstance(n, Function))


def _top(notebook: Notebook, cell: Cell) -> list[ast.stmt]:
    tree = notebook.trees.get(cell.number)
    return tree.body if tree else []


def _body(function: Function) -> list[str]:
    skip = ast.get_docstring(function) is not None
    return [ast.dump(statement) for statement in function.body[skip:]]


def _says_not_implemented(function: Function) -> bool:
    raised = [n.exc for n in ast.walk(function) if isinstance(n, ast.Raise)]
    return any(
        isinstance(e, ast.Call) and ast.unparse(e.func) == "NotImplementedError" and e.args
        for e in raised
    )


@rule
def solution_marks(notebook: Notebook) -> Iterator[Complaint]:
    """BEGIN and END SOLUTION stand in pairs, in every solution's code and nowhere else."""
    for cell in notebook.of_kind("code"):
        marks = [(n, s) for n, line in enumerate(cell.lines, 1) if (s := line.strip()) in MARKS]
        if marks and "solution" not in cell.tags:
            yield cell, marks[0][0], "solution marks in a cell that is not tagged solution"
        elif [s for _, s in marks] != [*MARKS] * (len(marks) // 2):
            yield cell, marks[0][0], f"{MARKS[0]} and {MARKS[1]} do not pair"
        elif not marks and "solution" in cell.tags:
            yield cell, 0, f"put {MARKS[0]} and {MARKS[1]} around what is to be found"
