"""Moving a slider a thousand times leaves nothing behind."""

from __future__ import annotations

import gc
import itertools
import os
from pathlib import Path

import pytest
from made import collapsing_run
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from nclib.pictures.plane import moving_plane
from nclib.widgets.explore import explore

STATM = Path("/proc/self/statm")


def figures() -> int:
    gc.collect()
    return sum(issubclass(type(one), Figure) for one in gc.get_objects())


def megabytes() -> float:
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def move(slider, values: list[int], times: int) -> None:
    for value in itertools.islice(itertools.cycle(values), times):
        slider.value = value


@pytest.fixture
def explorer():
    run = collapsing_run(num_classes=3, num_features=2, per_class=60, num_epochs=12)
    made = explore(moving_plane(run), epoch=run.epochs.tolist())
    box = made.widget()
    yield made
    box.close_all()


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc, on Linux only")
def test_a_thousand_moves_leave_no_figure_and_no_memory(explorer):
    slider = explorer.controls["epoch"]
    values = [value for _, value in slider.options]
    pictures = set()
    slider.observe(lambda _: pictures.add(explorer._image.value), "value")
    move(slider, values[1:] + values[:1], 50)
    assert len(pictures) == len(values)  # each move drew
    figures_before, before = figures(), megabytes()
    move(slider, values[1:] + values[:1], 1000)
    assert figures() == figures_before
    assert plt.get_fignums() == []
    assert megabytes() - before < 20


def test_a_figure_left_open_would_be_counted():
    before, kept = figures(), Figure()
    assert figures() == before + 1
    assert kept is not None
