"""Run the notebooks on a host that has packages of its own, as a reader does, and change none.

python tools/host.py PYTHON [NOTEBOOK ...]     PYTHON: the host's, in which the kernels run
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import copies
import nbformat
import stamp
from address import Address
from cells import ROOT, sources
from execute import CellFailed, hidden_errors, run_all, unexecuted

SERVED = Address("https://github.com/someone/collapse")


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each notebook; return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="host.py", description=__doc__)
    parser.add_argument("python", help="the host's Python")
    parser.add_argument("paths", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all")
    parser.add_argument("--first", default="", help="code that runs before a notebook's first cell")
    options = parser.parse_args(arguments)
    before, wrong = freeze(options.python), 0
    with tempfile.TemporaryDirectory() as folder, kernel(options.python, Path(folder)) as name:
        visits = {"set-up cell": lambda: set_up(Path(folder))}
        for source in sources(options.paths):
            visits[source.stem] = lambda source=source: handed_in(source.read_text("utf-8"))
        for title, made in visits.items():
            empty = Path(tempfile.mkdtemp(dir=folder))
            wrong += not visit(title, made(), empty, name, options.first)
    changed = sorted(before ^ freeze(options.python))
    print("no package of the host was changed" if not changed else f"packages changed: {changed}")
    return int(bool(wrong or changed))


def freeze(python: str) -> set[str]:
    """The packages of an environment, with their versions."""
    command = [python, "-m", "pip", "freeze", "--all", "--disable-pip-version-check"]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


@contextmanager
def kernel(python: str, folder: Path) -> Iterator[str]:
    """The name under which Jupyter finds kernels of that Python, meanwhile."""
    place = folder / "jupyter" / "kernels" / "host"
    place.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "host", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    old = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    try:
        yield "host"
    finally:
        os.environ.pop("JUPYTER_PATH")
        if old is not None:
            os.environ["JUPYTER_PATH"] = old


def archive(folder: Path) -> Path:
    """The library as a repository's host serves it, a zip with one folder in it."""
    path = folder / "collapse-main.zip"
    files = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    files += [p for p in (ROOT / "nclib").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for file in files:
            made.write(file, Path("collapse-main", file.relative_to(ROOT)))
    return path


def set_up(folder: Path) -> dict[str, Any]:
    """A notebook of the stamped set-up cell, which installs the library from an archive."""
    cell = stamp.set_up(SERVED).replace(SERVED.archive, archive(folder).as_uri())
    return stamp.notebook(f"# %%\n{cell}\n# %%\nimport nclib.player.player\nprint(nclib)\n")


def handed_in(text: str) -> dict[str, Any]:
    """What a good student hands in, in one file that carries the library."""
    return copies.portable(text, copies.solved(text))


def visit(title: str, made: dict[str, Any], folder: Path, kernel: str, first: str) -> bool:
    """Run a notebook in an empty folder, print how it went, and return whether it went well."""
    made["cells"].insert(0, nbformat.v4.new_code_cell(first))
    start = time.perf_counter()
    try:
        executed = run_all(made, folder, checkout=False, kernel=kernel, PYTHONPATH="")
        complaints = found_wrong(executed)
    except CellFailed as error:
        complaints = [str(error)]
    took = time.perf_counter() - start
    print(f"{title}: {'wrong' if complaints else 'well'}, {took:.0f} s", flush=True)
    for complaint in complaints:
        print(complaint)
    return not complaints


def found_wrong(executed: nbformat.NotebookNode) -> list[str]:
    """What is wrong in an executed notebook in which every exercise is solved."""
    skipped = [f"cell {number} was not executed" for number in unexecuted(executed)]
    not_right = [one for one in said_by_checks(executed) if not one.startswith("✓")]
    return skipped + hidden_errors(executed) + not_right


def said_by_checks(executed: nbformat.NotebookNode, tag: str = "check") -> list[str]:
    """What each check of an executed notebook printed; of its solutions with ``tag`` "solution"."""
    checks = [c for c in executed.cells if tag in c.metadata.get("tags", ())]
    return ["".join(o.get("text", "") for o in cell.outputs).strip() for cell in checks]


if __name__ == "__main__":
    sys.exit(main())
