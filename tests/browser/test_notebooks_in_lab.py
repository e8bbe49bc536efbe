"""Every notebook with widgets, as a person meets it in JupyterLab: run, looked at, played with."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from lab import Lab, follow, notebook, shoot, sliders, work
from test_player import collapsing_run

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = re.compile(r"\b(explore|player|CollapsePlayer|LiveTraining)\(")


def code_of(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


FOUND = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH_WIDGETS = [path for path in FOUND if WIDGETS.search(code_of(path))]


def train_once(lab: Lab) -> None:
    """Live training repeats a run when a control is let go, once it knows that runs are quick."""
    for button in lab.page.get_by_role("button", name="Train", exact=True).all():
        button.click()
        lab.settle()


def test_the_tour_is_among_them():
    assert "00_tour" in [path.stem for path in WITH_WIDGETS]


@pytest.mark.parametrize("path", WITH_WIDGETS, ids=lambda path: path.stem)
def test_it_runs_and_every_slider_moves_its_picture(path, open_lab, screenshots):
    lab = open_lab(path.name, path.read_text(encoding="utf-8"))
    lab.run_all()
    assert lab.faults() == []
    widgets = lab.page.locator(".jp-OutputArea-output:has(.noUi-handle, input[type=range])").all()
    assert widgets
    themes = {name: partial(lab.theme, name) for name in ("dark", "light")}
    shoot(lab.page, widgets, path.stem, screenshots, themes)
    train_once(lab)
    for slider in sliders(lab.page):
        assert slider.name
        work(slider, lab.settle)
    assert lab.faults() == []


SLOW = """import time
import nclib
from nclib.figures import FeaturePlane
from nclib.widgets.panels import explore

run = nclib.Trajectory.load("run.npz")
plane = FeaturePlane(run)


def slowly(epoch):
    time.sleep(0.1)
    return plane.at(epoch)


shown = explore(slowly, epoch=run.epochs.tolist())
shown"""
TELL = "print(shown.controls['epoch'].value, '|', shown.picture.alt)"


def test_only_the_newest_value_is_computed(open_lab, lab_server):
    """Pictures that take longer than the mouse: none is waited for but the last."""
    run = collapsing_run(num_classes=3, num_features=2, num_epochs=31)
    run.save(lab_server.root / "run.npz")
    lab = open_lab("slow.ipynb", notebook(SLOW, TELL))
    lab.run_all()
    found = follow(lab, steps=30)
    assert len(found["moves"]) > 15
    assert found["most"] == 1
    assert found["sent"] == sorted(set(found["sent"]))
    assert len(found["sent"]) < len(found["moves"]) / 2
    assert found["sent"][-1] == found["moves"][-1] == len(run) - 1
    value, words = lab.run_cell(1).strip().split(" | ")
    assert value == str(run.epochs[-1])
    assert words in lab.page.locator(".jp-Notebook [role=status]").all_inner_texts()
    (slider,) = sliders(lab.page)
    last = slider.pixels()
    slider.press("ArrowLeft")
    slider.wait_until_changed(last, "by ArrowLeft")
    lab.settle()
    before = slider.pixels()
    slider.press("ArrowRight")
    assert slider.wait_until_changed(before, "by ArrowRight") == last  # the drag ended on this one
    assert lab.faults() == []
