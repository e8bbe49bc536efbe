"""The workflows' own scripts, and what the workflows take for granted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import copies
import host
import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINK = "https://github.com/someone/collapse/actions/runs/1"
# Answers with the open issues, and writes down what else it is asked for.
GH = """#!/usr/bin/env bash
if [ "$1 $2" = "issue list" ]; then cat "$GH_FOLDER/open"; else echo "$*" >> "$GH_FOLDER/done"; fi
"""
NOTEBOOK = """# %% tags=["nc-setup"]
# %% tags=["exercise"]
def one():
    raise NotImplementedError


# %% tags=["check"]
print("✓ right" if one() == 1 else "✗ not yet")

# %% tags=["solution"]
def one():
    return 1
"""


# One issue for a check that fails


def report(folder: Path, check: str, already_open: str) -> str:
    """What ``gh`` was told when a check failed while these issues were open."""
    (folder / "gh").write_text(GH)
    (folder / "gh").chmod(0o755)
    (folder / "open").write_text(already_open)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "GH_FOLDER": str(folder)}
    subprocess.run([ROOT / ".github" / "report.sh", check, LINK], env=env, check=True)
    return (folder / "done").read_text()


@pytest.mark.parametrize("others", ["", "7\tWeekly check fails: colab, too\n8\tA question\n"])
def test_a_check_that_fails_opens_an_issue(tmp_path, others):
    told = report(tmp_path, "colab", others)
    assert told.startswith("issue create --title Weekly check fails: colab --body ")
    assert told.count("issue") == told.count("Close this issue") + 1 == 2
    assert LINK in told


def test_one_that_fails_again_comments_on_the_open_one(tmp_path):
    told = report(tmp_path, "colab", "8\tA question\n9\tWeekly check fails: colab\n")
    assert told.startswith("issue comment 9 --body ")
    assert LINK in told
    assert "create" not in told


def test_every_weekly_check_is_reported():
    jobs = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text("utf-8"))["jobs"]
    checks = [*jobs.keys() - {"report"}]
    assert sorted(jobs["report"]["needs"]) == sorted(checks)
    assert sorted(jobs["report"]["strategy"]["matrix"]["check"]) == sorted(checks)


# What is taken for granted


def test_what_the_workflows_leave_out_exists():
    left_out = {
        tuple(found)
        for path in WORKFLOWS
        for found in re.findall(r"--deselect (\S+)::(\w+)", path.read_text("utf-8"))
    }
    assert left_out
    for path, name in left_out:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8")


def test_the_scripts_find_the_pins_they_take():
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    (taken,) = re.findall(r"grep -E '(.+?)'", (ROOT / ".github/colab.sh").read_text("utf-8"))
    assert len(re.findall(taken, pins, re.MULTILINE)) == taken.count("|") + 1
    (start,) = re.findall(r"sed -n '/(.+?)/", (ROOT / ".github/lowest.sh").read_text("utf-8"))
    tools = pins[re.search(start, pins, re.MULTILINE).start() :]
    assert "pytest==" in tools
    assert not re.search(r"^(torch|numpy|pandas|ipywidgets|distributed)==", tools, re.MULTILINE)


# A host that keeps its packages


@pytest.mark.slow
def test_a_host_is_visited(tmp_path, capsys):
    (tmp_path / "good.py").write_text(NOTEBOOK)
    (tmp_path / "broken.py").write_text(NOTEBOOK.replace("return 1", "return 1 / 0"))
    paths = [str(tmp_path / f"{name}.py") for name in ("good", "broken")]
    assert host.main([sys.executable, *paths, "--first", "import json"]) == 1
    said = capsys.readouterr().out
    went = re.findall(r"^(.+), \d+ s$", said, re.MULTILINE)
    assert went == ["set-up cell: well", "good: well", "broken: wrong"]
    assert "ZeroDivisionError" in said
    assert said.endswith("no package of the host was changed\n")


def test_a_check_that_is_not_right_is_wrong():
    executed = nbformat.reads(json.dumps(copies.solved(NOTEBOOK)), as_version=4)
    for number, cell in enumerate(executed.cells):
        cell.execution_count = number
    check = executed.cells[-1]
    for said, wrong in (("✓ right\n", []), ("✗ not yet: it is one\n", ["✗ not yet: it is one"])):
        check.outputs = [nbformat.v4.new_output("stream", text=said)]
        assert host.found_wrong(executed) == wrong
    check.execution_count = None
    assert host.found_wrong(executed)[0].endswith("was not executed")


def test_a_package_that_changed_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(host, "visit", lambda *_: True)
    (tmp_path / "good.py").write_text(NOTEBOOK)
    found = iter([{"numpy==1"}, {"numpy==2"}])
    monkeypatch.setattr(host, "freeze", lambda _: next(found))
    assert host.main([sys.executable, str(tmp_path / "good.py")]) == 1
    assert "packages changed: ['numpy==1', 'numpy==2']" in capsys.readouterr().out
