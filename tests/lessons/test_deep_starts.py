"""Notebook 07's recorded map, its trap, and sentences that were false and must not return."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.deep_ufm import DeepUFM
from nclib.formulas.descent import fit, least_eigenvalue
from nclib.formulas.layers import layer_collapse
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.ufm import UFM
from nclib.lessons.deep import fits, maps, starts
from nclib.quantities import COLLAPSED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "notebooks" / "07_deep_neural_collapse.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def recorded():
    return starts.load_starts()


# The map


def test_the_record_is_whole_and_says_where_and_when(recorded):
    found = set(map(tuple, recorded[[*starts.CELL, "seed"]].to_numpy().tolist()))
    assert found == {
        (*cell, seed) for cell, seed in itertools.product(starts.cells(), starts.SEEDS)
    }
    assert len(recorded) == len(found) == 336
    assert recorded.attrs["environment"].keys() >= {"date", "processor", "torch"}
    assert set(recorded.end) == set(starts.ENDS)
    assert (recorded.loss > 0).all()
    assert (recorded.loss <= 0.5 + 1e-6).all()


def test_ends_are_sorted_by_value_rank_and_classes_told_apart():
    value = starts.sorted_ends(pd.DataFrame([row(0.5, 0, 0)])).collapse[0]
    rows = [row(value, 10, 10), row(0.99 * value, 7, 10), row(1.01 * value, 8, 10)]
    rows += [row(value, 9, 10), row(1.5 * value, 9, 9), row(0.5, 0, 0)]
    ends = ["collapse", "below", "above", "above", "lost", "lost"]
    assert starts.sorted_ends(pd.DataFrame(rows)).end.tolist() == ends


def row(loss, rank, told):
    names = [*starts.CELL, "loss", "rank", "told"]
    return dict(zip(names, (3, 16, 0.2, loss, rank, told), strict=True))


def test_an_end_called_collapse_is_collapsed_by_the_yardstick_of_the_suite():
    """From the second layer on; one sample a class leaves nothing to NC1."""
    decays = {"weight_decay": starts.DECAY, "feature_decay": starts.DECAY}
    model = DeepUFM(starts.CLASSES, 1, 3, 32, **decays, init=0.57)
    loss = float(fit([model], steps=starts.STEPS))
    end = row(loss, min(layer.rank for layer in layer_collapse(model)), starts.CLASSES)
    assert starts.sorted_ends(pd.DataFrame([end])).end[0] == "collapse"
    for means in model.class_means()[1:]:
        stats = ClassStatistics.from_features(means, torch.arange(10))
        found = collapse_metrics(stats, model.weights[-1].detach())
        assert found.equinorm_means < COLLAPSED["equinorm_means"]
        assert found.max_angle_means < COLLAPSED["max_angle_means"]
    assert found.self_duality < COLLAPSED["self_duality"]


@pytest.mark.parametrize(
    ("cell", "end"),
    [((4, 16, 0.1), "lost"), ((4, 16, 0.57), "below"), ((3, 32, 0.57), "collapse")],
)
def test_descents_of_today_end_as_recorded(cell, end, recorded):
    again = starts.sorted_ends(starts.descents(*cell, seeds=range(2), steps=1500))
    was = recorded[(recorded[starts.CELL] == list(cell)).all(axis=1)]
    assert set(again.end) == set(was.end) == {end}


def test_at_one_size_rank_rises_with_width_and_at_every_width_a_size_leads_below(recorded):
    ranks = recorded.pivot_table("rank", ["depth", "size"], "width")
    assert (ranks.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert starts.shares(recorded, "below").groupby(["depth", "width"]).max().min() > 0.6
    spans = starts.spans(ranks.loc[3])
    assert spans["norm"] < 0.6 * spans["size"]
    large, small = recorded[recorded["size"] >= 0.4], recorded[recorded["size"] <= 0.14]
    assert (large[large.width >= 64].end == "collapse").all()
    assert (small[small.depth == 4].end == "lost").all()


def test_the_map_says_and_shows_the_seeds(recorded):
    at = maps.starts_map(recorded)
    pictures = {at(*cell).png() for cell in itertools.product(starts.DEPTHS, starts.SIZES)}
    assert len(pictures) == 14
    assert "width 64: 6 collapse, mean rank 10.0" in at(4, 0.4).alt
    cells, ranks = at(4, 0.28).axes
    for axis, shown in ((cells, 168), (ranks, 24)):
        marks = [line for line in axis.lines if line.get_marker() in maps.LOOKS.values()]
        assert sum(len(line.get_xdata()) for line in marks) == shown
    with pytest.raises(ValueError, match=r"depth 5, size 0.28 were not recorded"):
        at(5, 0.28)
    with pytest.raises(ValueError, match=r"size 0.3 were not recorded; sizes are \[0.1"):
        at(3, 0.3)


# The trap


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_merged_state_has_no_negative_curvature(depth, part):
    assert least_eigenvalue(fits.half_awake(depth, part, 0)) > -1e-9
    orders = fits.waking_orders([depth], part)
    assert orders.gain[depth] == pytest.approx(depth + 1, abs=0.01)
    assert orders.cost[depth] == pytest.approx(2, abs=1e-6)


def test_with_one_layer_a_merged_state_is_a_saddle():
    """The control: gain and cost are both of order 2, and the gain is larger."""
    decays = {"weight_decay": 0.1, "feature_decay": 0.1}
    model = UFM(2, 1, 2, loss="squared_error", **decays)
    size = (1 - 2 * 0.1) ** 0.5
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()[0, 0] = size
    slopes = torch.autograd.grad(model.objective(), list(model.parameters()))
    assert max(float(slope.abs().max()) for slope in slopes) < 1e-12
    assert least_eigenvalue(model) < -0.1


# Sentences


def test_what_was_false_is_not_said_again():
    texts = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md")}
    texts |= {"TEACHING.md": (ROOT / "TEACHING.md").read_text(encoding="utf-8"), "07": PAGE}
    false = [
        "NC1 to NC3 of every layer",
        "bias of the descent",
        "not at three layers",
        "collapse in wide ones",
        r"known there for linear layers \(Garrod",
    ]
    found = [
        (name, said) for name, text in texts.items() for said in false if re.search(said, text)
    ]
    assert not found


def test_no_exercise_is_answered_above_it():
    above, below = PAGE.split("# ## Exercises", 1)
    assert r"\frac{L-1}{2L}" not in above
    assert "(depth - 1) / (2 * depth)" not in above
    assert "0.075" not in above
    assert "0.075" in below
