"""The portable tour in JupyterLab: from an empty folder without network, and on the oldest host.

In neither can the library be imported but from the notebook itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import copies
import nbformat
import pytest
import stamp
from framed import inner_frames, work_all
from lab import Lab, serve
from test_copies import HIDDEN
from test_hosts import are_judged, exercises, kernel, oldest, unsolved_then_solved  # noqa: F401 - fixtures
from test_notebooks_in_lab import play_with, train_once

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOUR = Path(__file__).resolve().parents[2] / "notebooks" / "00_tour.py"
ALONE = """import socket
reach = socket.socket.connect


def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError("there is no network")
    return reach(self, address)


socket.socket.connect = connect
"""
COLAB = "import google.colab\n"
NO_MANAGER = {
    "disabledExtensions": {"@jupyter-widgets/jupyterlab-manager": True, "anywidget": True}
}
NOBODY_LISTENS = ("opening new comm",)  # says the console of each widget that live training makes


EACH = pytest.mark.parametrize("source", [TOUR], ids=lambda path: path.stem)
SAVED = "window.jupyterapp.shell.currentWidget.content.model.toJSON()"


def whole(text: str) -> dict:
    """The notebook in one file."""
    return copies.portable(text, stamp.notebook(text))


def start(folder: Path, customize: str) -> str:
    """A folder for PYTHONPATH in which the library is hidden, and what else is said."""
    (folder / "site" / "google" / "colab").mkdir(parents=True)
    (folder / "site" / "google" / "colab" / "__init__.py").write_text("")
    (folder / "site" / "sitecustomize.py").write_text(HIDDEN + customize)
    return str(folder / "site")


def first_the_exercises(text: str) -> dict:
    """The exercises as they are given, then what a good student hands in."""
    return unsolved_then_solved(text, exercises)


def open_there(server, watch, source: Path, make=whole, kernel_name: str = "python3") -> Lab:
    """Run what ``make`` makes of a notebook, and of a last cell that says where the library is."""
    made = make(source.read_text(encoding="utf-8") + "\n# %%\nprint(nclib.__file__)\n")
    made["metadata"] = {**made["metadata"], "kernelspec": {"name": kernel_name, "display_name": ""}}
    (server.root / f"{source.stem}.ipynb").write_text(json.dumps(made), encoding="utf-8")
    lab = Lab(watch(1300, 1400), server, f"{source.stem}.ipynb")
    lab.run_all()
    assert "/nclib-" in lab.run_cell(len(made["cells"]) - 1)
    assert sorted(set(lab.faults())) == []
    return lab


@EACH
def test_from_an_empty_folder_without_network(source, tmp_path, watch, screenshots):
    path = start(tmp_path, ALONE)
    with serve(tmp_path / "lab", PYTHONPATH=path, NCLIB_WIDGETS="auto") as server:
        lab = open_there(server, watch, source)
        train_once(lab)
        play_with(lab)
        lab.page.screenshot(path=screenshots / "portable_tour.png")
        assert lab.faults() == []


@EACH
def test_on_the_oldest_host_without_a_widget_manager(
    source,
    tmp_path,
    watch,
    kernel,  # noqa: F811
    screenshots,
    monkeypatch,
):
    """As in Colab when its manager of custom widgets fails: players and sliders are HTML there.

    First the exercises as they are given, then what a good student hands in.
    """
    monkeypatch.setattr("lab.NOISE", NOBODY_LISTENS)
    path = start(tmp_path, ALONE + COLAB)
    settings = tmp_path / "lab" / "own" / "config" / "labconfig"
    settings.mkdir(parents=True)
    (settings / "page_config.json").write_text(json.dumps(NO_MANAGER))
    with serve(tmp_path / "lab", PYTHONPATH=path, NCLIB_WIDGETS="auto") as server:
        lab = open_there(server, watch, source, first_the_exercises, kernel)
        executed = nbformat.from_dict(lab.page.evaluate(SAVED))
        are_judged(source.read_text(encoding="utf-8"), executed)
        assert lab.page.locator(".jupyter-widgets").count() == 0
        inside = list(inner_frames(lab.page))
        assert len(inside) >= 3
        for frame in inside:
            work_all(frame)
        lab.page.screenshot(path=screenshots / "oldest_host.png")
        assert lab.faults() == []
