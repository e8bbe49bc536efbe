"""Errors planted where nobody looks are found in the browser; a clean notebook has none."""

from __future__ import annotations

import pytest
from lab import notebook, sliders, work

pytestmark = pytest.mark.browser

EXPLORE = """from nclib.pictures.picture import picture
from nclib.widgets.explore import explore


def line(height):
    if height == {bad}:
        raise RuntimeError("planted at a slider's value")
    figure, axis = picture(size=(3, 2))
    axis.plot([0, 1], [0, height])
    figure.alt = f"a line up to {{height}}"
    return figure


explore(line, height=[1, 2, 3, 4, 5])"""
THREAD = """import threading


def fail():
    raise RuntimeError("planted in a thread")


thread = threading.Thread(target=fail)
thread.start()
thread.join()"""
OUTPUT = """import ipywidgets

out = ipywidgets.Output()
with out:
    raise RuntimeError("planted in an Output")
out"""


def test_a_clean_notebook_has_no_fault(open_lab):
    lab = open_lab("clean.ipynb", notebook("print('hello')", EXPLORE.format(bad=-1)))
    lab.run_all()
    (slider,) = sliders(lab.page)
    assert slider.name == "height"
    work(slider, lab.settle)
    assert lab.faults() == []


def test_an_error_at_one_value_of_a_slider_is_found(open_lab):
    lab = open_lab("callback.ipynb", notebook(EXPLORE.format(bad=5)))
    lab.run_all()
    assert lab.faults() == []  # at the first value all is well
    (slider,) = sliders(lab.page)
    slider.press("End")
    lab.page.locator(".jp-Notebook [role=alert]").wait_for()
    found = "alert: RuntimeError: planted at a slider's value"
    assert found in lab.faults()


@pytest.mark.parametrize(
    ("code", "words", "places"),
    [
        (THREAD, "RuntimeError: planted in a thread", {"cell 0", "kernel"}),
        (OUTPUT, "RuntimeError: planted in an Output", {"widget", "kernel"}),
    ],
    ids=["thread", "Output"],
)
def test_an_error_that_stops_nothing_is_found(open_lab, code, words, places):
    lab = open_lab("planted.ipynb", notebook(code))
    lab.run_all()
    found = [fault.split(": ", 1) for fault in lab.faults()]
    assert {place for place, said in found if said == words} == places


def test_a_cell_left_out_and_a_slider_that_does_nothing_are_found(open_lab):
    idle = "import ipywidgets\nipywidgets.IntSlider(description='idle')"
    lab = open_lab("idle.ipynb", notebook(idle, "1 / 0", "print('never reached')"))
    lab.run_all()
    faults = lab.faults()
    assert "cell 1: ZeroDivisionError: division by zero" in faults
    assert "cell 2: not executed" in faults
    (slider,) = sliders(lab.page)
    with pytest.raises(TimeoutError, match="slider 'idle': no pixel changed"):
        slider.wait_until_changed(slider.pixels(), "by a drag", timeout_s=0.5)
