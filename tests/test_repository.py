"""The files beside the code say the same things."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "--"))]


def test_binder_installs_the_tested_set():
    assert pins(ROOT / "binder" / "requirements.txt") == pins(ROOT / "requirements.txt")
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


@pytest.fixture
def repo2docker():
    """Binder's own program; without it the test is skipped, or fails in CI."""
    path = ROOT / "build" / "repo2docker" / "bin" / "repo2docker"
    if not path.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no repo2docker: run make binder")
    return path


# In this order: a change of the library must not install torch again, nor the library miss it.
BUILT = (
    "COPY --chown=1000:1000 src/binder/requirements.txt ${REPO_DIR}/binder/requirements.txt",
    '/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
    "COPY --chown=1000:1000 src/ ${REPO_DIR}/\n",
    "RUN ./binder/postBuild",
)


@pytest.mark.slow
def test_binder_installs_the_pins_then_the_checkout(repo2docker):
    command = [repo2docker, "--no-build", "--debug", "--user-id", "1000", "--user-name", "reader"]
    made = subprocess.run([*command, ROOT], capture_output=True, text=True, check=True).stdout
    assert "environment-2epy-2d3-2e12-2d" in made  # environment.py-3.12-
    places = [made.find(step) for step in BUILT]
    assert places == sorted(places)
    assert places[0] > 0
    assert made.count("pip install") == 1


def test_every_requirement_is_pinned_and_every_dependency_required():
    pinned = {re.split(r"[=;]", line)[0].lower() for line in pins(ROOT / "requirements.txt")}
    assert all("==" in line for line in pins(ROOT / "requirements.txt"))
    declared = re.findall(r'"([\w-]+)>=', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    missing = {name.lower() for name in declared} - pinned - {"setuptools", "pillow"}
    assert not missing  # pillow comes with torchvision and matplotlib


def test_committed_notebooks_carry_no_output():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert "widgets" not in notebook["metadata"]
        for cell in notebook["cells"]:
            assert not cell.get("outputs"), path.name


def test_no_path_of_a_machine_in_tracked_files():
    places = "|".join(("work", "tmp", "root", "home"))
    found = subprocess.run(
        ["git", "grep", "-nIE", rf"(^|[^A-Za-z0-9_.])/({places})/", "--", ":!*.ipynb"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
