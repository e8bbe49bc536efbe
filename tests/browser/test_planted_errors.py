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


IDLE = """import ipywidgets

ipywidgets.IntSlider(description="idle")"""
PLANTED = (EXPLORE.format(bad=5), THREAD, OUTPUT, IDLE, "1 / 0", "print('never reached')")


def test_planted_errors_are_found_where_they_are(open_lab):
    """At a slider's value, where nothing is stopped, in a cell; a cell left out, an idle slider."""
    lab = open_lab("planted.ipynb", notebook(*PLANTED))
    lab.run_all()
    faults = lab.faults()
    assert places_of("RuntimeError: planted in a thread", faults) == {"cell 1", "kernel"}
    assert places_of("RuntimeError: planted in an Output", faults) == {"widget", "kernel"}
    assert "cell 4: ZeroDivisionError: division by zero" in faults
    assert "cell 5: not executed" in faults
    at_a_value = "alert: RuntimeError: planted at a slider's value"
    assert at_a_value not in faults  # at the first value all is well
    height, idle = sliders(lab.page)
    with pytest.raises(TimeoutError, match="slider 'idle': no pixel changed"):
        idle.wait_until_changed(idle.pixels(), "by a drag", timeout_s=0.5)
    height.press("End")
    lab.page.locator(".jp-Notebook [role=alert]").wait_for()
    assert at_a_value in lab.faults()


def places_of(words: str, faults: list[str]) -> set[str]:
    found = [fault.split(": ", 1) for fault in faults]
    return {place for place, said in found if said == words}
