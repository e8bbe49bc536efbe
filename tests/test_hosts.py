"""Hosted services: their old IPython and widgets, and a set-up cell that leaves them as they are.

``make oldest`` makes an environment with the versions that Colab's kernel has (IPython 7.34,
ipykernel 6.17, ipywidgets 7.7.1) and another numpy; everything else in it is the tested set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import copies
import host
import stamp
from execute import hidden_errors, run_all, unexecuted
from test_copies import HIDDEN

from nclib.lessons.answers import NOT_DONE, RIGHT

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / "build" / "oldest" / "bin" / "python"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def oldest():
    """The Python of the oldest host; without one the test is skipped, or fails in CI."""
    if PYTHON.exists():
        return PYTHON
    if os.environ.get("CI"):
        pytest.fail("there is no oldest host: run make oldest")
    return pytest.skip("there is no oldest host (make oldest)")


@pytest.fixture
def kernel(oldest, tmp_path):
    with host.kernel(str(oldest), tmp_path) as name:
        yield name


@pytest.fixture
def site(tmp_path):
    """A folder for PYTHONPATH that hides the checkout and stands in for Colab."""
    (tmp_path / "site" / "google" / "colab").mkdir(parents=True)
    (tmp_path / "site" / "google" / "colab" / "__init__.py").write_text("")
    (tmp_path / "site" / "sitecustomize.py").write_text(HIDDEN)
    return tmp_path / "site"


def test_it_is_as_old_as_it_should_be(oldest):
    code = "import IPython, ipykernel, ipywidgets as w, numpy; "
    code += "print(IPython.__version__, ipykernel.__version__, w.__version__, numpy.__version__)"
    done = subprocess.run([oldest, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7.34.0", "6.17.1", "7.7.1", "2.2.6"]


def test_a_students_copy_and_what_a_good_student_hands_in_run_there(kernel, site, tmp_path):
    """One kernel in an empty folder, beside a foreign package of the name; unsolved, then solved.

    So every cell runs twice, as when "Run all" is pressed again. The tour's exercises are judged
    so in JupyterLab (test_hosts_in_lab.py), and every other notebook runs there for its page
    (test_site.py), with stubs and solutions.
    """
    text = (ROOT / "notebooks" / "05_central_path.py").read_text(encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (site / "nclib").mkdir()
    (site / "nclib" / "__init__.py").write_text("raise RuntimeError('the wrong nclib')\n")
    env = {"PYTHONPATH": str(site), "NCLIB_PROFILE": "ci", "OMP_NUM_THREADS": "1"}
    env["PYTHONWARNINGS"] = "error::RuntimeWarning,error::FutureWarning"
    made = unsolved_then_solved(text)
    executed = run_all(made, tmp_path / "empty", checkout=False, kernel=kernel, **env)
    assert unexecuted(executed) == []
    assert hidden_errors(executed) == []
    are_judged(text, executed)


def unsolved_then_solved(text, which=lambda cells: cells):
    """A notebook that carries the library: ``which`` cells of a student's copy, then all solved."""
    made, solved = copies.portable(text, copies.student(text)), host.handed_in(text)
    first = [cell | {"id": f"0-{cell['id']}"} for cell in which(made["cells"])]
    return made | {"cells": [*first, *solved["cells"]]}


def are_judged(text, executed):
    """The checks say what is asked of each exercise, then that its solution is right."""
    told, half = host.said_by_checks(executed), text.count('tags=["check"]')
    assert len(told) == 2 * half
    assert all(one.startswith(f"{NOT_DONE}: return ") for one in told[:half]), told
    assert set(told[half:]) == {RIGHT}


def exercises(cells):
    """The set-up, the cell of imports after it, parameters, and what the exercises are made of."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    tags = [set(cell["metadata"].get("tags", ())) for cell in code]
    imports = 1 + next(number for number, one in enumerate(tags) if "nc-setup" in one)
    wanted = {"nc-setup", "parameters", "exercise", "check"}
    return [cell for n, cell in enumerate(code) if n == imports or tags[n] & wanted]


def test_the_set_up_cell_changes_no_package_of_the_host(oldest, site, tmp_path):
    cell = stamp.set_up(host.SERVED).replace(host.SERVED.archive, host.archive(tmp_path).as_uri())
    (tmp_path / "empty").mkdir()
    code = f"import google.colab\n{cell}\nimport nclib, nclib.player.player as p\n"
    code += "print(nclib.__file__, p.CollapsePlayer, sep='\\n')\nprint(nclib.host.in_colab())"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "NCLIB"))}
    env |= {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    before = host.freeze(oldest)
    run = [oldest, "-c", code]
    done = subprocess.run(
        run, cwd=tmp_path / "empty", capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    where, player, colab = done.stdout.splitlines()[-3:]
    assert not where.startswith(str(ROOT))
    assert "CollapsePlayer" in player
    assert colab == "True"
    assert "restart" not in (done.stdout + done.stderr).lower()
    assert host.freeze(oldest) == before
