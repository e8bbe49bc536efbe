"""Notebook 01, section 4: which number answers to which knob, and what norms and angles owe."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nclib import simplex_etf
from nclib.formulas.collapse import equiangularity, equinorm, pair_cosines
from nclib.lessons.simplex import deformations
from nclib.lessons.simplex.bound import first_order, tie
from nclib.lessons.simplex.deformations import Knobs, deformed, gram_of_norms
from nclib.lessons.simplex.responses import (
    KNOBS,
    NUMBERS,
    numbers,
    response_bars,
    responses,
    separation,
    sliders,
    table,
)

EXACT = ("spread", "turn_of_classifier", "bias")  # no other number moves


def evenly(count, size):
    even = torch.linspace(-1, 1, count, dtype=torch.float64)
    return 1 + size * even / even.std(correction=0)


# The layer


@pytest.mark.parametrize("num_classes", [3, 4, 10, 17, 20])
def test_undeformed_all_is_collapsed_but_for_the_scatter(num_classes):
    found = numbers(deformed(num_classes))
    assert found.pop("nc1") == pytest.approx(9.1e-3, rel=1e-12)
    assert max(found.values()) < 1e-14


@pytest.mark.parametrize("num_classes", [6, 10, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_knobs_do_what_they_say(num_classes, seed):
    t = 0.05
    knobs = Knobs(2.0, t, t / 2, t, t / 2, 0.4, 0.7)
    layer, rest = deformed(num_classes, knobs, seed=seed), deformed(num_classes, seed=seed)
    means = torch.stack([layer.features[layer.labels == c].mean(0) for c in range(num_classes)])
    assert means.mean(0).norm() < 1e-14
    for rows in (means, layer.weight):
        norms = rows.norm(dim=1)
        assert norms.mean() == pytest.approx(1, abs=1e-12)
        assert norms.std(correction=0) == pytest.approx(t, rel=1e-10)
    w = layer.weight / layer.weight.norm(dim=1, keepdim=True)
    assert pair_cosines(w @ w.T).std(correction=0) == pytest.approx(t / 2, rel=1e-9)
    spread = [one.features - m[one.labels] for one, m in ((layer, means), (rest, _means(rest)))]
    assert torch.allclose(spread[0], 2 * spread[1], atol=1e-14)
    assert layer.bias.min() == -0.7
    assert layer.bias.max() == 0.7


def _means(layer):
    return torch.stack([layer.features[layer.labels == c].mean(0) for c in layer.labels.unique()])


@given(st.integers(2, 12), st.floats(0, 1.5), st.integers(0, 99))
@settings(max_examples=50)
def test_a_turn_is_orthogonal_and_turns_no_direction_further(size, angle, seed):
    q = deformations.turn(size, angle, seed=seed)
    assert torch.allclose(q @ q.T, torch.eye(size, dtype=torch.float64), atol=1e-12)
    turned = torch.linalg.eigvals(q).angle().abs().max()
    assert float(turned) == pytest.approx(angle, abs=1e-7)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="num_classes is 17; angles are turned for pairs"):
        deformed(17, Knobs(angles_of_means=0.01))
    with pytest.raises(ValueError, match=r"norms_of_classifier is 0\.9, and a norm would be 0"):
        deformed(10, Knobs(norms_of_classifier=0.9))
    with pytest.raises(ValueError, match="no vectors have these norms and angles"):
        deformed(10, Knobs(angles_of_means=0.9))
    with pytest.raises(ValueError, match="spread is 0; features without scatter"):
        deformed(10, Knobs(spread=0))
    with pytest.raises(ValueError, match="bias is -1"):
        deformed(10, Knobs(bias=-1))
    with pytest.raises(ValueError, match="num_classes is 2"):
        deformed(2)


# Who answers to whom


def test_at_twenty_classes_each_knob_has_its_number_ten_times():
    found = separation(table(20))
    assert set(found.index) == set(KNOBS)
    assert found.min() > 10
    assert found[list(EXACT)].min() > 1e13
    tabled = {"norms_of_means": 12.7, "norms_of_classifier": 51}
    tabled |= dict.fromkeys(("angles_of_means", "angles_of_classifier"), 22)
    for knob, ratio in tabled.items():
        assert found[knob] == pytest.approx(ratio, rel=0.02), knob


@pytest.mark.parametrize(("num_classes", "ratio"), [(20, 12.7), (17, 10.6), (16, 9.9), (10, 5.7)])
def test_norms_of_means_are_tied_to_their_angles(num_classes, ratio):
    found = separation(table(num_classes, {"norms_of_means": 0.02})).iloc[0]
    assert found == pytest.approx(ratio, rel=0.01)
    assert found == pytest.approx(1 / first_order(num_classes), rel=0.01)


@pytest.mark.parametrize("num_classes", [6, 10, 20])
def test_the_first_number_of_each_knob_moves_most_at_every_value_of_its_slider(num_classes):
    for knob, (values, *_) in KNOBS.items():
        for value in values[1:]:
            found = responses(num_classes, Knobs(**{knob: value}))
            if knob == "bias" and value < num_classes / (num_classes - 1) / 2:
                assert max(found.values()) < 1e-12  # nothing changes its decision yet
            else:
                assert max(found, key=found.get) == KNOBS[knob].own[0]


@pytest.mark.parametrize("num_classes", [6, 10, 20])
def test_the_other_knobs_leave_nc4_alone_however_they_are_turned_together(num_classes):
    names = [name for name in KNOBS if name != "bias"]
    every = [(KNOBS[name].values[0], KNOBS[name].values[-1]) for name in names]
    for values in itertools.product(*every):
        knobs = Knobs(**dict(zip(names, values, strict=True)))
        assert responses(num_classes, knobs)["ncc_mismatch"] == 0
        moved = responses(num_classes, knobs._replace(bias=1.2))
        assert moved["ncc_mismatch"] > 0.4
        still = responses(num_classes, knobs)
        assert all(moved[name] == still[name] for name in NUMBERS if name != "ncc_mismatch")


@pytest.mark.parametrize("seed", range(2))
def test_nor_between_the_ends_of_their_sliders(seed):
    draw = torch.Generator().manual_seed(seed)
    names = [name for name in KNOBS if name != "bias"]
    for num_classes in sliders(live=True)["classes"]:
        for _ in range(40):
            picks = [int(torch.randint(5, (1,), generator=draw)) for _ in names]
            values = {n: KNOBS[n].values[i] for n, i in zip(names, picks, strict=True)}
            assert responses(num_classes, Knobs(**values))["ncc_mismatch"] == 0


@pytest.mark.parametrize("num_classes", [6, 10, 20])
def test_far_beyond_the_sliders_other_knobs_move_nc4(num_classes):
    for knobs in (Knobs(turn_of_classifier=1.5), Knobs(3.0, norms_of_classifier=0.6)):
        assert 0 < responses(num_classes, knobs)["ncc_mismatch"] < 0.6


@pytest.mark.parametrize("num_classes", [10, 20])
def test_self_duality_answers_to_norms_and_angles_in_second_order(num_classes):
    for knob in ("norms_of_means", "angles_of_means", "norms_of_classifier"):
        small, double = (
            responses(num_classes, Knobs(**{knob: t}))["self_duality"] for t in (0.005, 0.01)
        )
        assert double / small == pytest.approx(4, rel=0.02)


# Unequal norms, equal angles?


def random_frames(count, seed):
    """Centred vectors of any number, dimension and unevenness."""
    draw = torch.Generator().manual_seed(seed)
    for _ in range(count):
        num_classes = int(torch.randint(2, 25, (1,), generator=draw))
        dim = int(torch.randint(1, 30, (1,), generator=draw))
        rows = torch.randn(num_classes, dim, generator=draw, dtype=torch.float64)
        size = 2 * float(torch.rand(1, generator=draw))
        logs = size * torch.randn(num_classes, 1, generator=draw, dtype=torch.float64)
        rows = rows * logs.exp()
        yield rows - rows.mean(0)


def near_frames(count, seed):
    """Simplexes, a little deformed in any direction."""
    draw = torch.Generator().manual_seed(seed)
    for _ in range(count):
        num_classes = int(torch.randint(3, 25, (1,), generator=draw))
        noise = torch.randn(num_classes, num_classes, generator=draw, dtype=torch.float64)
        size = 10 ** (-4 * float(torch.rand(1, generator=draw)))
        rows = simplex_etf(num_classes) + size * noise
        yield rows - rows.mean(0)


def test_no_frame_is_below_the_exact_bound():
    frames = [*random_frames(4000, 0), *near_frames(2000, 1)]
    sides = [tie(frame) for frame in frames]
    assert all(one.off >= one.least * (1 - 1e-9) - 1e-12 for one in sides)
    assert sum(one.spread > 0.5 for one in sides) > 500
    assert {len(frame) for frame in frames} >= set(range(2, 25))
    assert {frame.shape[1] for frame in frames} >= set(range(1, 30))


def test_vectors_that_are_not_centred_break_it():
    sides = tie(simplex_etf(10) * evenly(10, 0.1)[:, None])
    assert sides.off < 1e-12
    assert sides.spread == pytest.approx(0.1)
    assert sides.least > 0.01


@given(st.integers(3, 15), st.integers(0, 999))
@settings(max_examples=60)
def test_both_sides_of_the_bound_by_a_double_loop(num_classes, seed):
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(num_classes, num_classes, generator=draw, dtype=torch.float64)
    rows, found = (rows - rows.mean(0)).tolist(), tie(rows - rows.mean(0))
    norms = [math.hypot(*row) for row in rows]
    mean = sum(norms) / num_classes
    v = math.sqrt(sum((r - mean) ** 2 for r in norms) / num_classes) / mean
    squares = [
        (sum(x * y for x, y in zip(rows[a], rows[b], strict=True)) / norms[a] / norms[b]
         + 1 / (num_classes - 1)) ** 2
        for a in range(num_classes) for b in range(num_classes) if a != b
    ]  # fmt: skip
    assert found.spread == pytest.approx(v)
    assert found.off == pytest.approx(math.sqrt(sum(squares) / len(squares)))
    least = num_classes / (num_classes - 1) ** 2 * v / math.sqrt(1 + v * v)
    assert found.least == pytest.approx(least)


@given(st.integers(3, 20), st.integers(0, 999))
@settings(max_examples=60)
def test_a_gram_matrix_has_the_norms_is_centred_and_is_reached(num_classes, seed):
    draw = torch.Generator().manual_seed(seed)
    size = 0.3 / num_classes**0.5
    norms = 1 + size * torch.randn(num_classes, generator=draw, dtype=torch.float64)
    gram = gram_of_norms(norms)
    assert torch.allclose(gram.diagonal().sqrt(), norms)
    assert gram.sum(1).abs().max() < 1e-12
    rows = deformations.vectors_of(gram, simplex_etf(num_classes, num_classes + 2))
    assert torch.allclose(rows @ rows.T, gram, atol=1e-12)


def share(rows):
    """std of the cosines over k·equinorm."""
    rows = rows - rows.mean(0)
    uneven = equinorm(rows)
    return equiangularity(pair_cosines(rows @ rows.T)) / (first_order(len(rows)) * uneven), uneven


K = {3: 1.22, 4: 0.667, 6: 0.346, 10: 0.176, 16: 0.101, 20: 0.0785}


@pytest.mark.parametrize("num_classes", K)
def test_to_first_order_the_factor_is_reached(num_classes):
    assert first_order(num_classes) == pytest.approx(K[num_classes], rel=5e-3)
    rows = deformations.vectors_of(
        gram_of_norms(evenly(num_classes, 1e-4)), simplex_etf(num_classes)
    )
    assert share(rows)[0] == pytest.approx(1, abs=1e-3)


def few_short(num_classes, target):
    """A simplex with as few vectors shortened as give it this equinorm."""
    for few in range(1, num_classes):
        low, high = 0.05, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            rows = simplex_etf(num_classes)
            rows[:few] *= middle
            low, high = (middle, high) if share(rows)[1] > target else (low, middle)
        if share(rows)[1] == pytest.approx(target, rel=1e-3):
            return rows
    raise AssertionError(f"no {num_classes} vectors have equinorm {target}")


def worst(num_classes, target):
    """The frame of about that equinorm with the least std of the cosines, as descent finds it."""
    rows = few_short(num_classes, target)
    rows = rows.requires_grad_()
    options = {"max_iter": 60, "line_search_fn": "strong_wolfe", "tolerance_change": 1e-13}
    optimizer = torch.optim.LBFGS([rows], **options)

    def closure():
        optimizer.zero_grad()
        centred = rows - rows.mean(0)
        norms = centred.norm(dim=1)
        uneven = norms.std() / norms.mean()
        cosines = pair_cosines(centred @ centred.T)
        ratio = cosines.std(correction=0) / (first_order(num_classes) * uneven)
        value = ratio + 100 * torch.log(uneven / target) ** 2
        value.backward()
        return value

    optimizer.step(closure)
    return share(rows.detach())


@pytest.mark.parametrize("num_classes", [3, 4, 10, 20])
def test_the_worst_frames_keep_the_first_order_bound_with_its_factor(num_classes):
    targets = (0.01, 0.05, 0.1, 0.3, 0.7 if num_classes > 4 else 0.4)
    found = {target: worst(num_classes, target) for target in targets}
    for target, (ratio, uneven) in found.items():
        assert uneven == pytest.approx(target, rel=0.1)
        assert 1 - 1.2 * uneven <= ratio < 1
    assert found[0.01][0] > 0.98
    assert found[0.1][0] < 0.97
    assert found[targets[-1]][0] < 0.75


def test_so_do_random_frames():
    for frame in [*random_frames(2000, 2), *near_frames(2000, 3)]:
        if len(frame) > 2 and frame.norm(dim=1).min() > 0:
            ratio, uneven = share(frame)
            assert ratio >= 1 - 1.2 * uneven - 1e-9


# The picture


def test_bars_are_as_long_as_the_numbers_move():
    draw = response_bars()
    picture = draw(classes=20, norms_of_means=0.05, spread=1.0)
    found = responses(20, Knobs(norms_of_means=0.05))
    ends = [bar.get_x() + bar.get_width() for bar in picture.axes[0].patches]
    for end, value in zip(ends, found.values(), strict=True):
        assert end == pytest.approx(max(value, 1e-5), rel=1e-9)
    solid = [bar.get_hatch() in ("", None) for bar in picture.axes[0].patches]
    assert solid == [name == "equinorm_means" for name in NUMBERS]
    assert "20 classes. Turned: norms of means 0.05." in picture.alt
    assert "NC2 means: norms 0.051" in picture.alt
    assert "NC4: nearest mean 0." in picture.alt


def test_one_knob_at_a_time_shows_the_same():
    draw = response_bars()
    one = draw(classes=10, knob="norms of means", amount=4).alt
    assert one == draw(classes=10, norms_of_means=KNOBS["norms_of_means"].values[4]).alt
    assert "Turned: nothing" in draw(classes=10, knob="bias", amount=0).alt


@pytest.mark.parametrize("live", [True, False])
def test_every_end_of_every_slider_draws(live):
    draw, choices = response_bars(), sliders(live)
    start = choices.pop("start")
    assert "Turned: norms of means 0.05" in draw(**start).alt
    seen = {draw(**start | {name: value}).alt for name, of in choices.items() for value in of}
    assert len(seen) > 12
    count = math.prod(map(len, choices.values()))
    assert live or count <= 120
