"""Every notebook with widgets, as a person meets it in JupyterLab: run, looked at, played with."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from lab import (
    Lab,
    count_pictures,
    follow,
    interrupt_ms,
    notebook,
    shoot,
    sliders,
    stop_ms,
    wait_for_pictures,
    work,
)
from made import collapsing_run

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = re.compile(r"\b(explore|player|CollapsePlayer|LiveTraining)\(")


def code_of(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


FOUND = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH_WIDGETS = [path for path in FOUND if WIDGETS.search(code_of(path))]
HERE = [path for path in WITH_WIDGETS if path.stem != "00_tour"]  # that one: test_hosts_in_lab.py


def train_once(lab: Lab) -> None:
    """Live training repeats a run when a control is let go, once it knows that runs are quick."""
    train = lab.page.get_by_role("button", name="Train", exact=True)
    for widget in lab.page.locator(".jp-Cell-outputArea", has=train).all():
        widget.get_by_role("button", name="Train", exact=True).click()
        widget.locator(".nc-player").wait_for()
        lab.settle()


def test_the_tour_is_among_them():
    assert "00_tour" in [path.stem for path in WITH_WIDGETS]


def look_at(lab: Lab, stem: str, folder: Path) -> None:
    """Screenshots of every widget, in both themes, on wide and narrow windows."""
    widgets = lab.page.locator(".jp-OutputArea-output:has(.noUi-handle, input[type=range])").all()
    assert widgets
    themes = {name: partial(lab.theme, name) for name in ("dark", "light")}
    shoot(lab.page, widgets, stem, folder, themes)


def play_with(lab: Lab) -> None:
    """Every slider, by mouse and keys; pages draw each picture that there is (test_site.py)."""
    for slider in sliders(lab.page):
        assert slider.name
        work(slider, lab.settle, steps=12)


@pytest.mark.parametrize("path", HERE, ids=lambda path: path.stem)
def test_it_runs_and_every_slider_moves_its_picture(path, open_lab):
    lab = open_lab(path.name, path.read_text(encoding="utf-8"))
    lab.run_all()
    assert lab.faults() == []
    play_with(lab)
    assert lab.faults() == []


SLOW = """import time
import nclib
from nclib.pictures.plane import moving_plane
from nclib.widgets.explore import explore

run = nclib.Trajectory.load("run.npz")
plane = moving_plane(run)


def slowly(epoch):
    time.sleep(0.1)
    return plane(epoch)


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


# ---- Live training ---------------------------------------------------------------------------

LIVE = """from nclib.widgets.live import LiveTraining

live = LiveTraining("digits", epochs={epochs})
live"""
KEPT = "print(len(live.trajectory) > 1, live.running)"


def test_live_training_trains_anew_when_a_slider_is_let_go(open_lab, screenshots):
    lab = open_lab("live.ipynb", notebook(LIVE.format(epochs=5)))
    lab.run_all()
    train_once(lab)
    look_at(lab, "live", screenshots)
    assert len(sliders(lab.page)) == 5  # four controls, and the player of the run
    play_with(lab)
    assert lab.faults() == []


def test_an_interrupt_and_stop_end_live_training_with_everything_kept(open_lab):
    """The cell that runs is interrupted; another run, in the background, is stopped by its button
    while cells answer."""
    live = LIVE.format(epochs=100_000)
    behind = (live, "live.run(background=True);", "print(live.running)", KEPT)
    lab = open_lab("live.ipynb", notebook(live, "live.run()", KEPT, *behind))
    lab.run_cell(0)
    count_pictures(lab)
    lab.start_cell(1)
    wait_for_pictures(lab, 3)
    assert interrupt_ms(lab) is not None
    assert lab.run_cell(2) == "True False\n"
    lab.run_cell(3)
    count_pictures(lab)
    lab.run_cell(4)
    wait_for_pictures(lab, 3)
    assert lab.run_cell(5) == "True\n"
    assert stop_ms(lab) is not None
    assert lab.run_cell(6) == "True False\n"
    assert lab.faults() == []
