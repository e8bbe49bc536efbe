"""Pictures of notebook 08: they show the numbers they were given, and say them."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import torch
from layer_tables import EPOCHS, falling, law_rows, run_of
from PIL import Image
from torch import nn

import nclib
from nclib.formulas.law import log_linear
from nclib.lessons.layers import fronts, heads, law, pictures, story


def width(picture) -> int:
    return Image.open(io.BytesIO(picture.png())).width


# Layers by epochs


def test_a_heat_map_has_a_row_a_layer_and_a_column_an_epoch():
    runs = {"one": run_of(falling()), "other": run_of(falling(0.1, 6))}
    at = pictures.heat_maps(runs)
    for name, split, factor in (("one", "train", 1), ("other", "test", 2), ("one", "test", 2)):
        picture, nc1 = at(name, split), runs[name].values("nc1")
        left, right = picture.axes[:2]
        assert np.allclose(left.images[0].get_array(), factor * nc1.T)
        assert [t.get_text() for t in left.get_yticklabels()] == list(runs[name].layers)
        lines = {line.get_label(): line.get_xdata() for line in right.lines}
        assert np.allclose(lines["untrained"], factor * nc1[0])
        assert np.allclose(lines["trained: training images"], nc1[-1])
        assert np.allclose(lines["trained: test images"], 2 * nc1[-1])
        assert np.allclose(lines["labels shuffled"], 100)
        assert f"{name}: NC1 on {pictures.WORDS[split]} images" in picture.alt
        assert width(picture) <= 900
    assert "at epoch 10 2, 1, 0.5, 0.25." in at("one", "test").alt
    assert "at epoch 10 1, 0.5, 0.25, 0.12." in at("one", "train").alt


def test_numbers_of_reports_become_tables():
    images, labels = torch.rand(60, 1, 8, 8), torch.arange(60) % 10
    report = nclib.measure(heads.DeepHead(1), (images, labels), layers=True, progress=False)
    rows = pictures.rows_of(report)
    assert rows.index.tolist() == [row["layer"] for row in report.layers]
    table = pictures.nc1_by_epoch({0: report, 7: report})
    assert table.columns.tolist() == [0, 7]
    assert table[7].tolist() == rows.nc1.tolist()
    assert table.index.tolist() == rows.index.tolist()


# Fronts


def test_fronts_are_the_epochs_at_which_it_happens():
    nc1 = np.array([[1, 1, 1, 1], [1, 0.9, 0.5, 0.2], [1, 0.9, 0.3, 0.01], [1, 0.9, 0.05, 1e-3],
                    [1, 1.0, 0.04, 1e-4]])  # fmt: skip
    found = fronts.fronts(run_of(nc1), 0.1)
    assert found == {"below": [None, 5, 2], "half": [None, 5, 2]}
    assert fronts.fronts(run_of(nc1), 0.01) == {"below": [None, None, 5], "half": [None, 5, 2]}
    assert fronts.fronts(run_of(nc1), 0.95)["below"] == [1, 1, 1]


def test_a_front_that_moves_back_and_layers_that_fall_together():
    found = fronts.fronts(run_of(falling(0.1, 5)), 0.02)
    assert found["below"] == [None, 10, 5, 2]
    assert found["half"] == [2, 2, 2, 2]


def test_the_picture_marks_both_answers_of_each_run():
    runs = {"one": run_of(falling(0.1, 5)), "short": run_of(falling(0.5, 3))}
    at = fronts.front_slider(runs)
    alts = set()
    for name, share in (("one", 0.02), ("short", 0.02), ("one", 0.5)):
        picture, found = at(name, share), fronts.fronts(runs[name], share)
        left, right = picture.axes
        by_layer = {line.get_label(): line for line in right.lines}
        for words, of in zip(fronts.STYLES.values(), found.values(), strict=True):
            reached = [i + 1 for i, epoch in enumerate(of) if epoch is not None]
            assert by_layer[words].get_ydata().tolist() == reached
            assert by_layer[words].get_xdata().tolist() == [e + 1 for e in of if e is not None]
        drawn = [line for line in left.lines[:4] if len(line.get_xdata())]
        assert len(drawn) == len(runs[name].layers) - 1
        assert np.allclose(drawn[-1].get_ydata(), runs[name].values("nc1")[:, -1])
        assert [t.get_text() for t in left.texts if t.get_text()] == [*runs[name].layers[1:]]
        assert width(picture) <= 900
        alts.add(picture.alt)
    assert len(alts) == 3
    assert "below 0.02 of its start at epoch never, 10, 5, 2" in at("one", 0.02).alt
    assert "half of its own fall at epoch 2, 2, 2, 2" in at("one", 0.02).alt


# The law


def test_the_law_needs_both_numbers():
    straight = 0.5 ** np.arange(6.0)
    assert law.holds(law.hidden_line(straight))
    assert not law.holds(law.hidden_line(1 / straight))  # as straight, but rising
    assert not law.holds(law.hidden_line(straight**0.5))  # as straight, too slow
    bent = straight.copy()
    bent[-1] /= 30
    assert law.hidden_line(bent).ratio < law.RATIO
    assert not law.holds(law.hidden_line(bent))
    assert not law.holds(law.hidden_line(straight * np.nan))


def test_the_line_leaves_the_input_out():
    values = np.array([7.0, 0.4, 0.2, 0.1])
    assert law.hidden_line(values) == log_linear(values[1:])
    assert law.hidden_line(values).ratio == pytest.approx(0.5)


def test_a_line_has_no_bend():
    straight = 0.5 ** np.arange(7.0)
    assert law.bend(straight) == pytest.approx(1)
    assert law.bend(straight * np.array([1, 1, 1, 1, 1, 1, 0.1])) == pytest.approx(0.1)
    assert law.bend(straight * np.array([1, 1, 1, 0.5, 0.5, 0.5, 0.5])) == pytest.approx(2)


def test_networks_are_told_apart_by_depth_and_loss():
    table = law_rows()
    names = ["3 layers", "5 layers", "3 layers, squared error", "5 layers, squared error"]
    assert list(law.networks(table)) == names
    rows = law.cell(table, "5 layers, squared error", "without", 5e-3)
    assert (
        rows[["loss", "batch_norm", "depth", "weight_decay"]].to_numpy().tolist()
        == [["squared_error", False, 5, 5e-3]] * 2
    )


def test_the_law_is_drawn_for_every_cell_of_the_table():
    table = law_rows()
    at = law.law_slider(table)
    alts = set()
    for setting in itertools.product(law.networks(table), law.KINDS, (0.0, 5e-3)):
        picture, rows = at(*setting), law.cell(table, *setting)
        left, right = picture.axes
        dots = [line for line in left.lines if line.get_marker() in ("s", "o")]
        for drawn, nc1 in zip(dots, [*rows.nc1_start, *rows.nc1_end], strict=True):
            assert np.array_equal(drawn.get_ydata(), nc1)
        count = sum(law.holds(law.hidden_line(nc1)) for nc1 in rows.nc1_end)
        assert f"the law holds in {count} of 2 seeds" in picture.alt
        assert right.get_title(loc="left") in picture.alt
        alts.add(picture.alt)
    assert len(alts) == 16
    assert width(picture) <= 900
    assert (
        "holds in 2 of 2 seeds. untrained: ratio 1.20, R² 1.0000" in at("3 layers", "with", 0.0).alt
    )


def test_lines_in_the_picture_go_through_the_hidden_layers():
    picture = law.law_slider(law_rows())("5 layers", "with", 0.0)
    (line, *_) = [x for x in picture.axes[0].lines if x.get_marker() == "None"]
    assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert np.allclose(line.get_ydata(), 0.9 * 1.2 ** np.arange(1, 6))


def test_a_run_without_nc1_is_counted_and_not_drawn():
    table = law_rows()
    table.at[0, "nc1_end"] = np.full(4, np.nan)
    picture = law.law_slider(table)("3 layers", "with", 0.0)
    assert "holds in 1 of 2 seeds (1 without NC1)" in picture.alt
    assert "R² 1.0000 (1 without NC1)" in picture.alt
    assert width(picture) <= 900
    table.at[1, "nc1_end"] = np.full(4, np.nan)
    picture = law.law_slider(table)("3 layers", "with", 0.0)
    assert "holds in 0 of 2 seeds (2 without NC1). untrained: ratio 1.20" in picture.alt
    assert "trained: no line (2 without NC1)" in picture.alt


def test_lines_of_a_setting_are_those_through_its_rows():
    table = law_rows()
    for when in ("start", "end"):
        found = law.lines(table, "5 layers", "with", 5e-3, when)
        rows = law.cell(table, "5 layers", "with", 5e-3)[f"nc1_{when}"]
        names = ["ratio", "r_squared", "intercept"]
        assert found[names].to_numpy().tolist() == [list(law.hidden_line(nc1)) for nc1 in rows]
        assert found.bend.tolist() == [law.bend(nc1) for nc1 in rows]
        assert not found.holds.any()
    assert law.lines(table, "3 layers", weight_decay=0.0).holds.all()
    assert law.holding(table).equals(table.batch_norm & (table.weight_decay == 0))


# Stories


@pytest.fixture(scope="module")
def told():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(160) % 4
    deep = 3 * torch.eye(4, 6)[labels] + torch.randn(160, 6, generator=generator)
    wide = torch.cat([deep, torch.randn(160, 70, generator=generator)], dim=1)
    features = {"mean": {"a": deep[:, :2], "b": deep}, "flatten": {"a": wide, "b": deep}}
    return story.stories(features, labels, [3, 10], draws=4), features, labels


def test_every_story_is_nc1_of_what_it_says(told):
    table, features, labels = told
    some = ["all", "3 drawn", "the first 3", "10 drawn", "the first 10"]
    assert table.index.unique("images").tolist() == some
    assert len(table) == 2 * 5 * 2
    nc1 = story.nc1_of
    for way, layers in features.items():
        whole = table.loc[way, "all", "true"]
        assert whole.to_dict() == pytest.approx({k: nc1(h, labels) for k, h in layers.items()})
        first = story.some_of_each(labels, 10, seed=None)
        expected = {k: nc1(h[first], labels[first]) for k, h in layers.items()}
        assert table.loc[way, "the first 10", "true"].to_dict() == pytest.approx(expected)
    drawn = [story.some_of_each(labels, 3, seed=seed) for seed in range(4)]
    mean = np.mean([nc1(features["flatten"]["a"][i], labels[i]) for i in drawn])
    assert table.loc["flatten", "3 drawn", "true"].a == pytest.approx(mean)  # 12 of 76 wide


def test_positions_are_taken_in_both_ways():
    data = nclib.load_data("digits")
    network = nclib.build_network("convnet", data, width=4)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    found = story.by_positions(network, data.test)
    names = ["input", "conv 1", "conv 2", "conv 3", "conv 4", "conv 5"]
    assert [list(h) for h in found.values()] == [names, names]
    assert {way: h["conv 1"].shape[1] for way, h in found.items()} == {"mean": 4, "flatten": 256}
    assert torch.equal(found["mean"]["conv 5"], found["flatten"]["conv 5"])
    flat = found["flatten"]["conv 1"].unflatten(1, (4, 64)).mean(2)
    assert torch.allclose(flat, found["mean"]["conv 1"], atol=1e-5)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_shuffled_labels_are_the_same_labels_in_another_order(told):
    table, _, _ = told
    true, shuffled = (table.loc["flatten", "all", kind] for kind in ("true", "shuffled"))
    assert (shuffled > 5 * true).all()


def test_the_slider_draws_each_story(told):
    table, _, _ = told
    at = story.story_slider(table)
    alts = set()
    for way in table.index:
        picture = at(*way)
        assert np.allclose(picture.axes[0].lines[-1].get_ydata(), table.loc[way])
        alts.add(picture.alt)
    assert len(alts) == len(table)
    assert (
        "positions: mean; the first 3 of each class; shuffled labels"
        in at("mean", "the first 3", "shuffled").alt
    )
    assert width(at(*table.index[0])) <= 900


# Deep heads


def test_a_deep_head_is_what_it_says():
    model = heads.DeepHead(2, width=12, seed=3)
    assert torch.equal(
        model.classifier.weight, heads.DeepHead(2, width=12, seed=3).classifier.weight
    )
    weights = [m.weight for m in model.head if isinstance(m, nn.Linear)]
    assert len(weights) == 2
    for weight in weights:
        assert torch.allclose(weight @ weight.T, 1.44 * torch.eye(12), atol=1e-5)
    images = torch.rand(50, 1, 8, 8)
    labels = torch.arange(50) % 10
    report = nclib.measure(model, (images, labels), layers=True, progress=False)
    assert len(report.layers) == len(model.layer_names) == 5
    features = model.eval().features(images)
    assert (features < 0).any()  # they may be anything
    with pytest.raises(ValueError, match="layers is 0"):
        heads.DeepHead(0)


def test_deep_heads_are_drawn_by_layer():
    images, labels = torch.rand(90, 1, 8, 8), torch.arange(90) % 10
    models = {f"{n} layers": heads.DeepHead(n) for n in (1, 3)}
    reports = {
        name: nclib.measure(model, (images, labels), layers=True, progress=False)
        for name, model in models.items()
    }
    at = pictures.deep_collapse(reports, {n: m.layer_names for n, m in models.items()})
    for name, model in models.items():
        picture = at(name)
        for axis, quantity in zip(picture.axes, pictures.PANELS, strict=True):
            found = [row[quantity] for row in reports[name].layers]
            assert np.allclose(axis.lines[0].get_ydata(), found)
            said = [t.get_text() for t in axis.get_xticklabels()]
            assert said == model.layer_names
        assert f"{name}, by layer (pixels, 256 units, features" in picture.alt
        assert width(picture) <= 900
    assert at("1 layers").alt != at("3 layers").alt


def test_the_epochs_of_these_tables_are_measured_ones():
    assert run_of(falling()).epochs == EPOCHS
