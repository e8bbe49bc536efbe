"""Pictures of the deep model: what they show, what they say in words, and what they refuse."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from nclib.formulas.deep_ufm import (
    DeepUFM,
    collapse_loss,
    existence_limit,
    graph_loss,
    partial_loss,
    threshold,
)
from nclib.formulas.descent import descend
from nclib.lessons.deep import grams, maps, starts
from nclib.lessons.deep import pictures as deep


def model(num_classes=2, depth=3, part=0.5, width=10, per_class=1, **options):
    decay = (part * threshold(num_classes, depth) / per_class) ** (1 / (depth + 1))
    decays = {"weight_decay": decay, "feature_decay": decay}
    return DeepUFM(num_classes, per_class, depth, width, **decays, **options)


def killed(num_classes, rank, part):
    """Collapse with only ``rank`` directions left alive."""
    one = model(num_classes, 4, part).start_collapsed()
    with torch.no_grad():
        one.features[rank:] = 0
        for weight in one.weights:
            weight[rank:] = 0
    return one


@pytest.fixture(scope="module")
def strip():
    two = model(per_class=3, part=0.01, init=0.6)
    return grams.layer_strip(two, descend([two], steps=400, record_every=10))


@pytest.fixture(scope="module")
def crossing():
    kept = [model(2, d, p).start_collapsed() for d in (2, 3) for p in (0.2, 0.9, 1.5)]
    return deep.threshold_crossing(kept, [killed(2, 0, 0.3)])


@pytest.fixture(scope="module")
def pictures(strip, crossing):
    tens = [model(10, 4, 0.01, seed=seed) for seed in range(3)]
    graph = {"graph": graph_loss(10, 4, tens[0].decay_product)[0]}
    collapsed = [model(2, depth, part).start_collapsed() for depth in (2, 5) for part in (0.1, 0.5)]
    return {
        "strip": strip[0](400),
        "against theory": deep.losses_against_theory(collapsed),
        "crossing": crossing(3, 0.79),
        "merging": deep.merging([killed(2, r, 0.5) for r in (0, 1, 1, 2)], "small"),
        "histograms": deep.below_collapse({"ten": tens, "four": [model(4)]}, {"ten": graph}),
        "ranks": deep.least_rank([model(10, 4, p) for p in (0.01, 0.1)]),
        "map": maps.starts_map(starts.load_starts())(3, 0.28),
        "grams": grams.layer_grams({"a": tens[0], "graph": model(10, 4).start_graph()}),
    }


def test_every_picture_fits_and_is_described(pictures):
    for name, picture in pictures.items():
        image = Image.open(io.BytesIO(picture.png())).convert("RGB")
        assert image.width <= 900, name
        assert len(image.getcolors(2**24)) > 20, name
        assert len(picture.alt) > 60, name


def test_words_hold_the_numbers(pictures):
    assert "depths 2, 5: the ends of 4 descents" in pictures["against theory"].alt
    assert "small, 4 descents of depth 4: 1 collapsed, 2 merged, 1 zero" in pictures["merging"].alt
    value = collapse_loss(10, 4, model(10, 4, 0.01).decay_product)[0]
    assert f"ten: 0 of 3 seeds below collapse, {value:.4f}" in pictures["histograms"].alt
    assert "graph: objective" in pictures["grams"].alt
    assert "ranks 5, 5, 5, 10" in pictures["grams"].alt


def test_ends_are_where_the_models_are():
    models = [killed(2, rank, 0.5) for rank in range(3)]
    table = deep.ends([*models, model(10, 4, 0.3).start_graph()])
    assert table["rank"].tolist() == [0, 1, 2, 5]
    assert table.part.tolist() == pytest.approx([0.5] * 3 + [0.3])
    assert table.classes.tolist() == [2, 2, 2, 10]
    product = models[0].decay_product
    assert table.loss[2] == pytest.approx(collapse_loss(2, 4, product)[0], abs=1e-6)
    assert table.loss[1] == pytest.approx(partial_loss(2, 4, product, 1)[0], abs=1e-6)
    assert table.loss[0] == pytest.approx(0.5, abs=1e-6)
    assert table.collapse[:3].nunique() == 1


def test_a_strip_shows_the_recorded_step(strip):
    at, steps = strip
    assert steps == [*range(0, 200, 10), 200, 280, 360, 400]
    before = at(0)
    first = [axis.images[0].get_array().copy() for axis in before.axes[:3]]
    after = at(400)
    assert after is before
    blocks = np.kron(np.eye(2), np.ones((3, 3)))
    for axis, was in zip(after.axes[1:3], first[1:], strict=True):
        assert np.abs(axis.images[0].get_array() - blocks).max() < 0.1
        assert np.abs(was - blocks).max() > 0.3
    with pytest.raises(ValueError, match="step 5 was not recorded; recorded are"):
        at(5)


def test_the_crossing_says_what_is_best(crossing):
    limit = existence_limit(2, 3) / threshold(2, 3)
    for decay, says in ((0.9, "collapse is the best"), (1.1, "zero better"), (3.9, "zero better")):
        assert says in crossing(3, decay).alt
    assert "no minimum but zero" in crossing(3, limit * 1.01).alt
    cost, values = crossing(3, 0.9).axes
    (best,) = (line for line in cost.lines if line.get_marker() == "o")
    expected = collapse_loss(2, 3, 0.9 * threshold(2, 3))
    assert (best.get_ydata()[0], best.get_xdata()[0]) == pytest.approx(expected, abs=1e-3)
    solid, dashed = values.lines[2:4]
    assert solid.get_ydata().max() <= 0.5 < dashed.get_ydata().min() + 1e-3
    assert dashed.get_xdata().max() == pytest.approx(limit)


def test_a_moved_crossing_is_drawn_anew(crossing):
    pictures = {crossing(*at).png() for at in ((2, 0.2), (3, 0.2), (3, 0.9), (3, 10.0))}
    assert len(pictures) == 4
