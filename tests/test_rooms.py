"""A file imports from its own room and from rooms to its left: docs/architecture.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imports import PACKAGE, closure, imports, modules_in

import nclib

# rooms of one step do not import one another
ORDER = "ground; formulas data player; inpage measuring; runs; pictures; widgets; lessons gallery"
STEP = {room: step for step, rooms in enumerate(ORDER.split(";")) for room in rooms.split()}
APART = ("lessons", "gallery")  # nobody imports one of these, not even its neighbour
LAZY_DOORS = {  # .player() and .to_html() of a run, .player() of its layers
    "runs/trajectory.py": "player",
    "runs/layer_runs.py": "player",
}
FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]
EACH_FILE = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


def room_of(path: Path) -> str:
    """``formulas`` for nclib/formulas/etf.py, ``ground`` for nclib/palette.py."""
    return path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else "ground"


def may_import(path: Path, other: Path) -> bool:
    here, there = room_of(path), room_of(other)
    if here != there:
        return STEP[there] < STEP[here]
    return here not in APART or other.parent in (path.parent, PACKAGE / here)


def wrong_imports(path: Path, text: str) -> list[str]:
    found = modules_in(text) - {PACKAGE / "__init__.py"}
    return sorted(str(p.relative_to(PACKAGE)) for p in found if not may_import(path, p))


@EACH_FILE
def test_a_file_imports_from_its_room_and_from_rooms_to_its_left(path):
    assert room_of(path) in STEP, f"{room_of(path)} is no room; docs/architecture.md lists them"
    wrong = wrong_imports(path, path.read_text(encoding="utf-8"))
    assert not wrong, f"{path.relative_to(PACKAGE)} imports {', '.join(wrong)} from its right"


def test_the_player_is_reached_from_runs_by_lazy_doors_alone():
    by_runs = {
        path.relative_to(PACKAGE).as_posix(): "player"
        for path in FILES
        if room_of(path) == "runs"
        and any(room_of(p) == "player" for p in modules_in(path.read_text(encoding="utf-8")))
    }
    assert by_runs == LAZY_DOORS
    for door in LAZY_DOORS:
        tree = ast.parse((PACKAGE / door).read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = imports(ast.Module(top, []))
        assert not [name for name in found if name.startswith("nclib.player")]


@EACH_FILE
def test_names_of_files_and_rooms(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert not [p for p in parts if p.startswith("_") and p != "__init__"]
    functions = {name for name, (_, inside) in nclib._HOME.items() if inside}
    functions |= {"measure", "profile"}
    assert not functions & {*parts}, "importing it would replace the function of that name"


@EACH_FILE
def test_imports_are_written_in_full(path):
    names = imports(ast.parse(path.read_text(encoding="utf-8")))
    assert not [name for name in names if name.startswith(".")], "write imports from nclib.…"
    if path != PACKAGE / "__init__.py":
        assert "import_module(" not in path.read_text(encoding="utf-8"), "copies cannot follow it"


def named(path: Path) -> set[str]:
    return set(imports(ast.parse(path.read_text(encoding="utf-8"))))


@EACH_FILE
def test_only_the_guard_imports_torchvision(path):
    found = {name for name in named(path) if name.split(".")[0] == "torchvision"}
    assert not found or path.name == "torchvision_guard.py", (
        "import it through nclib.torchvision_guard, which mends mismatched builds"
    )


@EACH_FILE
def test_progress_bars_are_text(path):
    bars = {name for name in named(path) if name.startswith(("tqdm.auto", "tqdm.notebook"))}
    assert not bars, "widget bars vanish from saved notebooks: from tqdm import tqdm"


def test_importing_nclib_is_light():
    heavy = ["torchvision", "matplotlib", "ipywidgets", "anywidget", "pandas"]
    code = "import nclib, nclib.formulas.collapse, sys; print([m for m in {} if m in sys.modules])"
    run = [sys.executable, "-c", code.format(heavy)]
    done = subprocess.run(run, cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_page_on_architecture_has_every_room_on_its_step():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d) \| (?:`(\w+)`|\*(ground)\*)", page, re.MULTILINE)
    rooms = {
        "ground",
        *(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()),
    }
    assert {room or ground: int(step) for step, room, ground in told} == {r: STEP[r] for r in rooms}


def test_every_name_of_the_table_is_there():
    for name in nclib.__all__:
        assert getattr(nclib, name) is not None


# --- and these tests would notice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import nclib.data.fetch", {"data/fetch.py"}),
        ("from nclib.data import fetch, raw", {"data/fetch.py", "data/raw.py"}),
        ("from nclib import runtime, __version__", {"runtime.py", "__init__.py"}),
        ("from nclib import simplex_etf", {"formulas/etf.py"}),
        ("import nclib\nnclib.train(1)", {"__init__.py", "runs/training.py"}),
        ("import nclib\nnclib.central_path.flow", {"__init__.py", "formulas/central_path.py"}),
        ("def f():\n    from nclib.data.dataset import x", {"data/dataset.py"}),
        ("try:\n    import nclib.palette\nexcept ImportError:\n    pass", {"palette.py"}),
        (
            "if TYPE_CHECKING:\n    import nclib.files\nelse:\n    import nclib.palette",
            {"palette.py"},
        ),
    ],
)
def test_imports_are_read(text, expected):
    assert {p.relative_to(PACKAGE).as_posix() for p in modules_in(text)} == expected


@pytest.mark.parametrize(
    ("place", "text", "wrong"),
    [
        ("formulas/a.py", "from nclib.formulas import etf", []),
        ("formulas/a.py", "from nclib.data import fetch", ["data/fetch.py"]),
        ("formulas/a.py", "def f():\n    from nclib import train", ["runs/training.py"]),
        ("palette.py", "from nclib.formulas import etf", ["formulas/etf.py"]),
        ("player/a.py", "from nclib import Trajectory", ["runs/trajectory.py"]),
        ("pictures/a.py", "from nclib import Trajectory, runtime", []),
        ("widgets/a.py", "from nclib.lessons.deep import pictures", ["lessons/deep/pictures.py"]),
        ("lessons/deep/a.py", "from nclib.lessons import answers", []),
        ("lessons/deep/a.py", "from nclib.lessons.deep import pictures", []),
        (
            "lessons/deep/a.py",
            "from nclib.lessons.path import pictures",
            ["lessons/path/pictures.py"],
        ),
    ],
)
def test_an_import_from_the_right_is_found(place, text, wrong):
    assert wrong_imports(PACKAGE / place, text) == wrong


def test_what_is_needed_includes_what_that_needs():
    found = {p.relative_to(PACKAGE).as_posix() for p in closure("from nclib import simplex_etf")}
    rooms = {"__init__.py", "checks.py", "formulas/__init__.py", "formulas/etf.py", "shapes.py"}
    assert found == rooms
