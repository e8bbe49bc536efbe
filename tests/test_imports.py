"""Imports point backwards along the line: formulas, then experiments, then pictures.

A module that needs another row in the table asks for it here, with the reason in a comment.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "nclib"
FORMULAS = {"etf", "statistics", "collapse", "mse", "central_path", "ufm", "deep_ufm"}
EXPERIMENTS = {"fetch", "data", "perturb", "networks", "losses", "presets", "checkpoint"}
EXPERIMENTS |= {"training", "measure", "trajectory", "runs", "free_features"}
PICTURES = {
    "palette",
    "picture",
    "figures",
    "comparisons",
    "mse_figures",
    "path_figures",
    "deep_figures",
    "ufm_figures",
    "widgets",
}

# module (or folder): what it may import from nclib
ALLOWED: dict[str, set[str]] = {
    "runtime": set(),
    "etf": set(),
    "statistics": set(),
    "collapse": {"etf", "statistics"},
    "mse": {"statistics"},
    "central_path": {"statistics", "mse"},
    "ufm": {"etf"},
    "deep_ufm": {"ufm"},
    "fetch": {"runtime"},
    "data": {"runtime", "fetch"},
    "perturb": {"data"},
    "networks": set(),
    "losses": set(),
    "presets": {"losses"},
    "checkpoint": set(),
    # an Epoch carries what is measured of it, taken in one pass by ClassStatistics
    "training": {"runtime", "data", "networks", "losses", "presets", "checkpoint"}
    | {"statistics", "collapse", "mse", "central_path"},
    "measure": {"statistics", "collapse", "mse"},
    "trajectory": {"collapse", "mse"},
    # a configuration in, a trajectory out
    "runs": {"data", "networks", "checkpoint", "training", "trajectory"},
    # epochs of a descent without network and data
    "free_features": {"ufm", "etf", "statistics", "collapse", "central_path", "training"},
    "palette": set(),
    # runtime: what is drawn on a reduced profile says so
    "picture": {"palette", "runtime"},
    "figures": {"trajectory", "palette", "picture"},
    "comparisons": {"trajectory", "palette", "picture"},
    "deep_figures": {"palette", "picture", "deep_ufm"},
    # pictures of a theory compute what they draw from its formulas
    "mse_figures": {"trajectory", "palette", "picture", "etf", "statistics", "mse"},
    "path_figures": {"trajectory", "palette", "picture", "etf", "statistics", "central_path"},
    "ufm_figures": {"trajectory", "palette", "picture", "etf", "collapse", "ufm"},
    "exercises": FORMULAS,
    # runtime: in Colab a widget is a page of its own; etf: what the scene is turned towards;
    # data, perturb, networks: live training starts from their names
    "widgets": {"figures", "picture", "palette", "trajectory", "training", "runtime", "etf"}
    | {"data", "perturb", "networks", "losses", "presets"},
}
# imported inside a function only, when somebody asks for it
LAZILY = {"trajectory": {"widgets"}}  # Trajectory.player() and .to_html()


def module_of(path: Path) -> str:
    """``collapse`` for nclib/collapse.py, ``widgets`` for everything in nclib/widgets."""
    first, *_ = path.relative_to(PACKAGE).parts
    return first.removesuffix(".py")


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]
MODULES = {module_of(path) for path in FILES}
PUBLIC = sorted(module for module in MODULES if not module.startswith("_"))


def imports(node: ast.AST, *, lazy: bool = False) -> Iterator[tuple[str, bool]]:
    """Dotted names imported below a node, and whether inside a function; not those for types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from imports(ast.Module(child.orelse, []), lazy=lazy)
        elif isinstance(child, ast.Import):
            yield from ((alias.name, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            yield from ((f"{base}.{alias.name}", lazy) for alias in child.names)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(child, lazy=lazy or inside)


def of_nclib(path: Path) -> set[tuple[str, bool]]:
    """Modules of nclib that a file imports; "nclib" stands for a name of the package itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    relative = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert not relative, f"{path.name}: write imports in full, from nclib.…"
    names = [(n.split("."), lazy) for n, lazy in imports(tree) if n.split(".")[0] == "nclib"]
    constants = {"__version__", "SUITE"}
    return {
        (parts[1] if len(parts) > 1 and parts[1] in MODULES else "nclib", lazy)
        for parts, lazy in names
        if not constants & set(parts[1:])
    }


DIRECT = {m: set().union(*(of_nclib(p) for p in FILES if module_of(p) == m)) for m in MODULES}


def reached(module: str, seen: frozenset[str] = frozenset()) -> set[tuple[str, bool]]:
    """Public modules imported by a module itself or through private ones, which belong to it."""
    found = set()
    for name, lazy in DIRECT[module]:
        if not name.startswith("_"):
            found.add((name, lazy))
        elif name not in seen:
            found |= {(n, lazy or later) for n, later in reached(name, seen | {name})}
    return found - {(module, True), (module, False)}


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_imports_only_what_lies_before_it(module):
    assert module in ALLOWED, (
        f"nclib/{module} is in no row of the table: say in tests/test_imports.py (and in the "
        "table of modules) what it may import, or begin its name with an underscore"
    )
    allowed = {(name, lazy) for name in ALLOWED[module] for lazy in (True, False)}
    allowed |= {(name, True) for name in LAZILY.get(module, ())}
    wrong = sorted({name for name, _ in reached(module) - allowed})
    assert not wrong, (
        f"nclib.{module} imports {', '.join(wrong)}; it may import "
        f"{', '.join(sorted(ALLOWED[module])) or 'nothing'} (nclib: write nclib.<module>)"
    )


def test_the_table_keeps_formulas_experiments_and_pictures_apart():
    assert set(ALLOWED) == FORMULAS | EXPERIMENTS | PICTURES | {"runtime", "exercises"}
    for module in FORMULAS | {"exercises"}:
        assert ALLOWED[module] <= FORMULAS
    for module in EXPERIMENTS:
        assert not ALLOWED[module] & PICTURES


def test_the_table_has_no_circles():
    done: set[str] = set()
    while ready := {m for m, needs in ALLOWED.items() if m not in done and needs <= done}:
        done |= ready
    assert done == set(ALLOWED)


def test_shapes_import_nothing_of_nclib():
    assert DIRECT["_shapes"] == set()


EACH_FILE = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


def named(path: Path) -> set[str]:
    return {name for name, _ in imports(ast.parse(path.read_text(encoding="utf-8")))}


@EACH_FILE
def test_only_the_guard_imports_torchvision(path):
    found = {name for name in named(path) if name.split(".")[0] == "torchvision"}
    assert not found or path.name == "_torchvision.py", (
        "import it through nclib._torchvision, which mends mismatched builds"
    )


@EACH_FILE
def test_progress_bars_are_text(path):
    bars = {name for name in named(path) if name.startswith(("tqdm.auto", "tqdm.notebook"))}
    assert not bars, "widget bars vanish from saved notebooks: from tqdm import tqdm"


def test_importing_nclib_is_light():
    heavy = ["torchvision", "matplotlib", "ipywidgets", "anywidget", "pandas"]
    code = "import nclib, nclib.collapse, sys; print([m for m in {} if m in sys.modules])"
    run = [sys.executable, "-c", code.format(heavy)]
    done = subprocess.run(run, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- and these tests would notice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import nclib.data", {("data", False)}),
        ("from nclib import data, __version__", {("data", False)}),
        ("from nclib import simplex_etf", {("nclib", False)}),
        ("import nclib", {("nclib", False)}),
        ("from nclib.widgets.player import CollapsePlayer", {("widgets", False)}),
        ("def f():\n    from nclib.data import x", {("data", True)}),
        ("try:\n    import nclib.data\nexcept ImportError:\n    pass", {("data", False)}),
        ("if TYPE_CHECKING:\n    import nclib.data\nelse:\n    import nclib.etf", {("etf", False)}),
    ],
)
def test_imports_are_read(tmp_path, text, expected):
    path = tmp_path / "one.py"
    path.write_text(text)
    assert of_nclib(path) == expected


def test_private_modules_count_for_those_that_import_them(monkeypatch):
    fake = {"collapse": {("_helper", False)}, "_helper": {("_deeper", True), ("_helper", False)}}
    fake["_deeper"] = {("data", False), ("_helper", False)}
    monkeypatch.setattr(sys.modules[__name__], "DIRECT", fake)
    assert reached("collapse") == {("data", True)}
