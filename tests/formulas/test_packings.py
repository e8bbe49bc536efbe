"""Points that repel each other: simplex, balanced sets, packings, and what theory says of them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import packings
from nclib.formulas.etf import nearest_etf
from nclib.runs.points import point_run

quick = pytest.mark.usefixtures("without_shape_checks")  # of hundreds of steps, or of wrong types
CASES = [(c, p) for c in range(3, 21) for p in sorted({c - 1, c, 2 * c})]


def ended(points, betas, factor):
    *_, last = packings.repulsion(points, betas, factor=factor)
    return last


def spectra(points):
    """Sorted Gram entries of each set: equal for congruent sets."""
    return (points @ points.mT).flatten(1).sort(1).values


# The formula


@given(st.integers(2, 7), st.integers(2, 5), st.floats(0.01, 50), st.integers(0, 2**31))
def test_a_step_follows_the_gradient(num_points, dim, beta, seed):
    points = packings.random_points(num_points, dim, seed=seed)[0].requires_grad_()
    pairs = (points @ points.T)[tuple(torch.triu_indices(num_points, num_points, 1))]
    (torch.logsumexp(beta * pairs, 0) / (2 * beta)).backward()
    slope = points.grad
    slope = slope - (slope * points).sum(1, keepdim=True) * points
    wanted = torch.nn.functional.normalize(points - 0.3 * slope, dim=1)
    found = packings.repulsion_step(points.detach(), beta, 0.3)
    assert torch.allclose(found, wanted, atol=1e-12)


def test_no_repulsion_of_the_nearest_is_the_quadratic():
    points = packings.random_points(6, 3, seed=1)[0].requires_grad_()
    points.sum(0).square().sum().backward()
    slope = points.grad - (points.grad * points).sum(1, keepdim=True) * points
    moved = packings.repulsion_step(points.detach(), 0, 1e-6) - points.detach()
    cosine = torch.nn.functional.cosine_similarity(moved.flatten(), -slope.detach().flatten(), 0)
    assert float(cosine) == pytest.approx(1, abs=1e-5)


def test_starts_do_not_meet():
    batch = packings.random_points(6, 3, starts=4, seed=2)
    for whole, one in zip(ended(batch, packings.annealing(50), 1), batch, strict=True):
        assert torch.allclose(ended(one, packings.annealing(50), 1), whole, atol=1e-12)


# Enough dimensions: the simplex


@quick
@pytest.mark.parametrize(("num_classes", "dim"), CASES)
def test_repulsion_finds_the_simplex(num_classes, dim):
    points = packings.repel(num_classes, dim, starts=8)
    assert points.shape == (8, num_classes, dim)
    assert packings.gram_error(points).max() < 1e-9
    best = packings.best_margin(num_classes, dim)
    assert torch.allclose(packings.margin(points), torch.tensor(best).double(), atol=1e-9)


@quick
@pytest.mark.parametrize("num_classes", range(15, 21))
def test_with_half_the_step_300_are_too_few(num_classes):
    start = packings.random_points(num_classes, num_classes - 1, starts=8)
    assert packings.gram_error(ended(start, [1.0] * 300, 1)).max() > 1e-9
    assert packings.gram_error(ended(start, [1.0] * 300, 2)).max() < 1e-9


@quick
def test_with_a_longer_step_three_points_do_not_come_to_rest():
    start = packings.random_points(3, 2, starts=8)
    assert packings.gram_error(ended(start, [1.0] * 300, 2.5)).min() > 1e-2


@quick
@pytest.mark.parametrize("dim", [2, 3, 6])
def test_two_points_are_opposite(dim):
    assert packings.gram_error(packings.repel(2, dim, starts=8)).max() < 1e-12
    start = packings.random_points(2, dim, starts=8)
    assert packings.gram_error(ended(start, [1.0] * 300, 2)).max() > 1e-6


@quick
@pytest.mark.parametrize(("num_classes", "dim"), CASES)
def test_quadratic_repulsion_stops_at_any_balanced_set(num_classes, dim):
    points = packings.quadratic_repulsion(num_classes, dim, starts=3)
    assert packings.imbalance(points).max() < 1e-12
    errors = packings.gram_error(points)
    if num_classes == 3:
        assert errors.max() < 1e-9  # three unit vectors that sum to zero are a simplex
    else:
        assert errors.min() > 0.01
    # it rests: no slope is left, and a step of another length changes nothing
    assert (packings.repulsion_step(points, 0, num_classes / 2) - points).abs().max() < 1e-6


@quick
def test_more_points_need_more_steps():
    few, many = (packings.repel(50, 49, steps=steps, starts=2) for steps in (300, 1000))
    assert packings.gram_error(few).min() > 1e-9
    assert packings.gram_error(many).max() < 1e-9


# Too few dimensions: packings

EXACT = {
    "pentagon": (5, 2, math.cos(2 * math.pi / 5), 5),
    "hexagon": (6, 2, 0.5, 6),
    "octahedron": (6, 3, 0.0, 12),
    "icosahedron": (12, 3, 5**-0.5, 30),
    "8 in 4": (8, 4, 0.0, 24),
    "10 in 5": (10, 5, 0.0, 40),
    "20 in 10": (20, 10, 0.0, 180),
}


@quick
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", EXACT)
def test_symmetric_packings_are_exact_from_every_start(name, seed):
    num_points, dim, cosine, pairs = EXACT[name]
    points = packings.pack(num_points, dim, seed=seed)
    assert points.shape == (16, num_points, dim)
    assert (packings.largest_cosine(points) - cosine).abs().max() < 1e-9
    assert [len(packings.contacts(one)) for one in points] == [pairs] * 16
    best = packings.best_margin(num_points, dim)
    assert torch.allclose(packings.margin(points), torch.tensor(best).double(), atol=1e-9)
    assert torch.allclose(spectra(points), spectra(points)[:1], atol=1e-5)


@quick
def test_with_twice_the_step_the_hexagon_is_lost():
    points = packings.random_points(6, 2, starts=16)
    cosines = packings.largest_cosine(ended(points, packings.annealing(500), 2))
    assert (cosines - 0.5).abs().min() > 1e-6


@quick
@pytest.mark.parametrize("shape", ["hexagon", "icosahedron"])
def test_without_annealing_it_gets_stuck(shape):
    num_points, dim, cosine, _ = EXACT[shape]
    start = packings.random_points(num_points, dim, starts=16)
    cosines = packings.largest_cosine(ended(start, [1000.0] * 500, 1))
    assert (cosines - cosine < 1e-6).sum() <= 1


def cube():
    corners = torch.tensor([*itertools.product((-1.0, 1.0), repeat=3)], dtype=torch.float64)
    return corners / 3**0.5


@quick
def test_eight_points_make_an_antiprism_and_not_the_cube():
    points = packings.pack(8, 3)
    best = (2 * 2**0.5 - 1) / 7  # Schütte & van der Waerden 1951: 0.2612
    cosines = packings.largest_cosine(points)
    assert ((cosines > best) & (cosines < best + 3e-4)).all()
    assert all(len(packings.contacts(one)) == 16 for one in points)  # a cube has 12 edges
    assert packings.largest_cosine(cube()) == pytest.approx(1 / 3)
    later = ended(points[:4], packings.annealing(2000, first=1000, last=1e6), 1)
    assert (packings.largest_cosine(later) - best).abs().max() < 1e-6


@quick
@pytest.mark.parametrize(("num_points", "dim"), packings.PROVED)
def test_annealing_comes_close_to_the_best_that_is_proved(num_points, dim):
    best = packings.best_margin(num_points, dim)
    found = packings.margin(packings.pack(num_points, dim)).max()
    assert best - 5e-4 < found < best + 1e-12


@quick
def test_ten_points_in_space_need_more_than_one_start():
    cosines = packings.largest_cosine(packings.pack(10, 3))
    assert cosines.min() == pytest.approx(0.4044, abs=1e-3)
    assert 1 <= (cosines < 0.4054).sum() < 16


@quick
def test_five_points_in_space_are_not_unique():
    points = packings.pack(5, 3, first=10)
    good = points[packings.largest_cosine(points) < 1e-3]
    gram = spectra(good)
    apart = (gram[:, None] - gram[None]).abs().amax(-1)
    assert apart.max() > 0.1
    slow = packings.pack(5, 3)
    assert packings.largest_cosine(slow).abs().max() < 1e-5
    assert (spectra(slow) - spectra(slow)[:1]).abs().max() < 0.01  # symmetry is preferred


@pytest.mark.parametrize("angle", [90, 100, 120, 150, 180])
def test_five_points_by_hand(angle):
    """Two poles, and on the equator three points none nearer than a right angle: all the best."""
    turns = torch.tensor([0, angle, 360 - (360 - angle) / 2]).double().deg2rad()
    equator = torch.stack([turns.cos(), turns.sin(), torch.zeros(3)], 1)
    poles = torch.tensor([[0.0, 0, 1], [0, 0, -1]], dtype=torch.float64)
    points = torch.cat([poles, equator])
    assert float(packings.largest_cosine(points)) == pytest.approx(0, abs=1e-12)
    assert float(packings.margin(points)) == pytest.approx(packings.best_margin(5, 3))


# Margins


def test_margins_of_ten_classes_to_four_digits():
    simplex = packings.margin(packings.repel(10, 9)[0])
    orthoplex = torch.cat([torch.eye(5), -torch.eye(5)]).double()
    assert round(float(simplex), 4) == round(packings.best_margin(10, 9), 4) == 0.7454
    assert round(float(packings.margin(orthoplex)), 4) == 0.7071
    assert {round(packings.best_margin(10, p), 4) for p in (5, 6, 7, 8)} == {0.7071}
    assert round(packings.best_margin(10, 4), 4) == 0.6455
    assert round(packings.best_margin(10, 2), 4) == 0.3090
    assert packings.best_margin(10, 3) is None
    assert packings.best_margin(3, 1) == 0  # two directions for three points


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**31))
def test_nothing_beats_what_theory_calls_the_best(num_classes, dim, seed):
    best = packings.best_margin(num_classes, dim)
    points = packings.random_points(num_classes, dim, starts=8, seed=seed)
    if best is not None:
        assert packings.margin(points).max() < best + 1e-12
        assert packings.margin(ended(points, packings.annealing(20), 1)).max() < best + 1e-12


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**31))
def test_margin_is_half_the_least_distance(num_points, dim, seed):
    points = packings.random_points(num_points, dim, seed=seed)
    pairs = itertools.combinations(points[0].tolist(), 2)
    by_hand = min(math.dist(*pair) for pair in pairs) / 2
    found = float(packings.margin(points)[0])
    assert found == pytest.approx(by_hand, rel=1e-9)
    cosine = float(packings.largest_cosine(points)[0])
    assert math.sqrt((1 - cosine) / 2) == pytest.approx(found, rel=1e-6)
    assert float(packings.margin(3 * points)[0]) == pytest.approx(3 * found)


def test_contacts_are_the_nearest_pairs():
    square = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    assert packings.contacts(square).tolist() == [[0, 1], [0, 3], [1, 2], [2, 3]]
    assert len(packings.contacts(nclib.simplex_etf(5))) == 10
    assert packings.contacts(torch.eye(3)[:, :2], tolerance=0).tolist() == [[0, 1], [0, 2], [1, 2]]


@quick
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: packings.repel(1, 3), "num_points is 1"),
        (lambda: packings.repel(3, 1), "dim is 1"),
        (lambda: packings.repel(3, 2, steps=0), "steps is 0"),
        (lambda: packings.repel(3, 2, starts=0), "starts is 0"),
        (lambda: packings.repel(3, 2, beta=-1.0), "beta is -1"),
        (lambda: packings.quadratic_repulsion(3, 2, steps=0), "steps is 0"),
        (lambda: packings.pack(3, 0), "dim is 0"),
        (lambda: packings.pack(3, 2, first=0), "first is 0"),
        (lambda: packings.best_margin(1, 2), "num_classes is 1"),
        (lambda: packings.best_margin(3, 0), "dim is 0"),
        (lambda: nearest_etf(torch.eye(4)[:, :2]), "dim is 2.*at least 3"),
        (lambda: nearest_etf(torch.full((3, 3), math.nan)), "points contain NaN"),
        (lambda: packings.repel(3, 2, beta="1"), "beta is '1'"),
        (lambda: packings.repel(3, 2, seed="a"), "seed is 'a'"),
        (lambda: packings.annealing(5, first=-1), "first is -1"),
        (lambda: packings.margin(torch.ones(1, 3)), r"points have shape \(1, 3\)"),
        (lambda: packings.margin(torch.ones(3)), r"points have shape \(3,\)"),
        (lambda: packings.largest_cosine([[1.0], [0.0]]), "points are a builtins.list"),
        (lambda: packings.contacts(torch.full((3, 3), math.nan)), "points contain NaN"),
        (lambda: packings.contacts(torch.eye(3), -1), "tolerance is -1"),
        (lambda: packings.margin(torch.eye(3).long()), "points have dtype torch.int64"),
        (lambda: point_run(4, 3, first=math.nan), "first is nan"),
        (lambda: point_run(4, 3, ["simplex"]), "kind is"),
    ],
)
def test_what_cannot_be(call, said):
    with pytest.raises(ValueError, match=said):
        call()


# The nearest simplex


@given(st.integers(2, 8), st.integers(0, 5), st.integers(0, 2**31))
def test_nearest_etf_is_one_and_no_other_is_nearer(num_classes, extra, seed):
    draw = torch.Generator().manual_seed(seed)
    dim = num_classes - 1 + extra
    points = torch.randn(num_classes, dim, generator=draw, dtype=torch.float64)
    found = nearest_etf(points)
    size = float(found.norm(dim=1).mean())
    assert packings.gram_error(found / size) < 1e-9
    least = (points - found).norm()
    for other in range(5):
        turned = nclib.simplex_etf(num_classes, dim, seed=other)
        scale = (points * turned).sum() / turned.square().sum()
        assert (points - scale * turned).norm() >= least - 1e-9
    assert torch.allclose(nearest_etf(found), found, atol=1e-9)


def test_nearest_etf_is_at_the_distance_that_is_measured():
    draw = torch.Generator().manual_seed(3)
    means = torch.randn(6, 8, generator=draw, dtype=torch.float64)
    means -= means.mean(0)
    away = (means - nearest_etf(means)).norm() / means.norm()
    assert nclib.etf.etf_distance(means) == pytest.approx(float(away), rel=1e-12)


# Faces


def test_faces_of_cube_and_antiprism():
    assert sorted(map(len, packings.faces(cube()))) == [4] * 6
    for face in packings.faces(cube()):  # around: neighbours are an edge apart
        sides = [
            (cube()[a] - cube()[b]).norm() for a, b in zip(face, [*face[1:], face[0]], strict=True)
        ]
        assert sides == pytest.approx([2 / 3**0.5] * 4)
    antiprism = packings.pack(8, 3)[0]
    assert sorted(map(len, packings.faces(antiprism))) == [3] * 8 + [4] * 2


@quick
@pytest.mark.parametrize("points", [torch.eye(4), torch.tensor([[1.0, 0, 0]] * 5)])
def test_what_has_no_faces(points):
    with pytest.raises(ValueError, match="give points that span space"):
        packings.faces(points)
