"""The files beside the code say the same things."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pins(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "--"))]


def test_binder_installs_the_tested_set():
    assert pins(ROOT / "binder" / "requirements.txt") == pins(ROOT / "requirements.txt")
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


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
