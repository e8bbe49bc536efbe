"""Every notebook with widgets, as a person meets it in JupyterLab: run, looked at, played with."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from lab import Lab, shoot, sliders, work

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
