"""What is built installs elsewhere, without the checkout, and holds all that it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEFT = (".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
LEFT += (".hypothesis", ".ipynb_checkpoints")
ANYWHERE = """
import importlib, pathlib, pkgutil, sys
import nclib
assert pathlib.Path(nclib.__file__).is_relative_to(sys.prefix), nclib.__file__
names = [one.name for one in pkgutil.walk_packages(nclib.__path__, "nclib.")]
for name in names:
    importlib.import_module(name)
run = nclib.load_run("digits-mlp-ce-0")
page = nclib.CollapsePlayer(run).save_html("player.html").read_text(encoding="utf-8")
assert "</html>" in page and len(page) > 100_000, len(page)
assert len(nclib.recorded_runs()) > 10 and len(names) > 80, names
print("as it should be")
"""

pytestmark = pytest.mark.slow


def said(*command, cwd):
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def in_checkout(room):
    """Files of a folder of the checkout, but for what running leaves there."""
    files = {p for p in (ROOT / room).rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    return {p.relative_to(ROOT).as_posix() for p in files if not p.name.startswith(".")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """``sdist`` and ``wheel``, of a copy; the unpacked ``source``; the wheel ``again`` from it."""
    pytest.importorskip("setuptools", "77")
    place = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, place / "copy", ignore=shutil.ignore_patterns(*LEFT))
    made = {}
    for kind, where in (("sdist", "copy"), ("wheel", "copy"), ("again", "source")):
        out = place / kind
        out.mkdir()
        build = f"import setuptools.build_meta as b; b.build_{kind.replace('again', 'wheel')}"
        said(sys.executable, "-c", f"{build}({str(out)!r})", cwd=place / where)
        (made[kind],) = out.iterdir()
        if kind == "sdist":
            with tarfile.open(made[kind]) as tar:
                tar.extractall(place / "unpacked", filter="data")
            (found,) = (place / "unpacked").iterdir()
            found.rename(place / "source")
    return made | {"source": place / "source"}


@pytest.fixture(scope="module", params=["wheel", "again"])
def elsewhere(request, built, tmp_path_factory):
    """The Python of an environment with the wheel, or the sdist, and what the package needs."""
    pytest.importorskip("pip")
    place = tmp_path_factory.mktemp(request.param)
    venv.create(place / "env", with_pip=False)
    python = place / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps")
    said(*install, "--no-index", "--quiet", built[request.param], cwd=place)
    paths = {sysconfig.get_path(one) for one in ("purelib", "platlib")}
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(said(python, "-c", ask, cwd=place).strip())
    (own / "needed.pth").write_text("\n".join(sorted(paths)))  # its editable nclib stays behind
    return python


@pytest.mark.parametrize("room", ["nclib", "tests", "tools", "notebooks"])
def test_the_sdist_holds_what_the_checkout_holds(built, room):
    with tarfile.open(built["sdist"]) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    missing = in_checkout(room) - names
    left = r"notebooks/(runs/.*|.*\.(html|npz))"  # what notebooks leave beside themselves
    assert not [name for name in missing if not re.fullmatch(left, name)]


@pytest.mark.parametrize("kind", ["wheel", "again"])
def test_a_wheel_holds_the_package_with_its_data_and_nothing_else(built, kind):
    names = set(zipfile.ZipFile(built[kind]).namelist())
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == in_checkout("nclib")
    assert {Path(name).suffix for name in inside} >= {".npz", ".csv", ".js", ".css", ".html"}


def test_every_module_is_imported_and_the_player_shown_elsewhere(elsewhere, tmp_path):
    assert said(elsewhere, "-I", "-c", ANYWHERE, cwd=tmp_path) == "as it should be\n"


@pytest.mark.parametrize("elsewhere", ["again"], indirect=True)  # both wheels hold the same
def test_the_tests_that_are_shipped_are_collected(built, elsewhere):
    collect = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    found = said(elsewhere, *collect, cwd=built["source"])
    assert "tests/formulas/test_etf.py" in found
    assert "error" not in found.splitlines()[-1]
