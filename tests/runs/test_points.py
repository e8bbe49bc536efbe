"""Points that repel each other, as runs for the player."""

from __future__ import annotations

import base64
import itertools

import numpy as np
import pytest
import torch

from nclib import packings
from nclib.player.page import strict_json
from nclib.player.player import CollapsePlayer
from nclib.runs.points import KINDS, point_run

pytestmark = pytest.mark.usefixtures("without_shape_checks")  # of hundreds of steps
RUNS = [(4, 3, "simplex"), (6, 5, "simplex"), (3, 6, "simplex"), (2, 2, "simplex")]
RUNS += [(4, 3, "quadratic"), (5, 3, "packing"), (6, 2, "packing"), (8, 4, "packing")]
EACH = pytest.mark.parametrize("asked", RUNS)


def means_of(payload):
    packed = np.frombuffer(base64.b64decode(payload["means"]), "<f4")
    return packed.reshape(len(payload["epochs"]), payload["num_classes"], payload["dims"])


@EACH
def test_a_run_is_a_walk_from_its_start(asked):
    num_points, dim, kind = asked
    run = point_run(*asked, seed=3)
    assert run.points.shape == (len(run.steps), num_points, dim)
    assert run.steps[0] == 0
    assert run.steps[-1] == KINDS[kind].steps
    assert torch.allclose(run.points.norm(dim=-1), torch.ones(1).double())
    starts = packings.random_points(num_points, dim, starts=KINDS[kind].starts, seed=3)
    ends = {
        "simplex": packings.repel, "quadratic": packings.quadratic_repulsion,
        "packing": packings.pack,
    }[kind](num_points, dim, starts=KINDS[kind].starts, seed=3)  # fmt: skip
    best = int(packings.margin(ends).argmax())
    assert torch.equal(run.points[0], starts[best])
    assert torch.equal(run.points[-1], ends[best])


@EACH
def test_the_player_gets_the_points_as_they_are(asked):
    run = point_run(*asked)
    payload = run.payload()
    means, (_, count, dim) = means_of(payload), run.points.shape
    assert payload["dims"] == min(count - 1, dim)
    gram = torch.tensor(means[-1] @ means[-1].T).double()
    assert torch.allclose(gram, run.points[-1] @ run.points[-1].T, atol=1e-6)
    if dim <= count - 1:  # nothing is cut off: unit vectors at each step, and only turned
        assert np.allclose(np.linalg.norm(means, axis=-1), 1, atol=1e-6)
    assert payload["kind"] == "points"
    assert payload["weights"] is None
    assert payload["labels"] == payload["features"] == ""
    assert payload["title"].startswith(f"{count} points in {dim} dimensions · ")
    named = {column for panel in payload["panels"] for column in panel["columns"]}
    named |= {one["column"] for one in payload["readout"]}
    assert named == set(payload["metrics"])
    assert [one["column"] for one in payload["readout"]][1] == "margin"
    for column in named:
        assert len(payload["metrics"][column]) == len(payload["epochs"]) == len(payload["status"])
        assert payload["metrics"][column][-1] == pytest.approx(run.table[column].iloc[-1], rel=1e-5)
    assert strict_json(payload)


@pytest.mark.parametrize("asked", [(20, 19, "simplex"), (20, 40, "quadratic"), (20, 10, "packing")])
def test_twenty_points_are_few_bytes(asked):
    run = point_run(*asked)
    assert len(strict_json(run.payload()).encode()) < 60_000
    assert len(run.steps) >= 15
    assert len(point_run(4, 3).steps) <= 60


def test_what_the_table_says():
    simplex, quadratic = (point_run(4, 3, kind).table for kind in ("simplex", "quadratic"))
    assert simplex.gram_error.iloc[-1] < 1e-9
    assert quadratic.imbalance.iloc[-1] < 1e-12
    assert quadratic.gram_error.iloc[-1] > 0.1
    for table in (simplex, quadratic):
        assert ((1 - table.largest_cosine) / 2).pow(0.5).to_numpy() == pytest.approx(table.margin)
    octahedron = point_run(6, 3, "packing").table
    assert octahedron.missing.iloc[-1] < 1e-12
    assert "missing" not in point_run(10, 3, "packing").table
    assert "gram_error" not in octahedron


def test_edges_and_faces_are_those_of_the_solid():
    edges = {(6, 3): 12, (12, 3): 30, (8, 3): 16, (8, 4): 24, (6, 2): 6}
    for (count, dim), number in edges.items():
        payload = point_run(count, dim, "packing").payload()
        assert len(payload["edges"]) == number
        assert ("faces" in payload) == (dim == 3)
        if dim == 3:  # Euler
            assert count - number + len(payload["faces"]) == 2
            around = [zip(f, [*f[1:], f[0]], strict=True) for f in payload["faces"]]
            sides = {tuple(sorted(pair)) for pair in itertools.chain(*around)}
            assert sides == set(map(tuple, payload["edges"]))
    assert sorted(map(len, point_run(8, 3, "packing").payload()["faces"])) == [3] * 8 + [4] * 2
    tetrahedron = point_run(4, 3).payload()
    assert (len(tetrahedron["edges"]), len(tetrahedron["faces"])) == (6, 4)
    assert point_run(10, 9).payload()["edges"] == []


@pytest.mark.parametrize(("count", "levels"), [(4, 2), (6, 3), (12, 4), (7, 3), (5, 3)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_solid_has_a_point_on_top(count, levels, seed):
    kind = "simplex" if count == 4 else "packing"
    last = means_of(point_run(count, 3, kind, seed=seed, first=10).payload())[-1]
    heights = np.sort(last[:, 2])
    assert heights[-1] == pytest.approx(1, abs=1e-5)
    assert (np.diff(heights) > 0.01).sum() + 1 == levels


def test_the_antiprism_stands_on_a_square():
    heights = np.sort(means_of(point_run(8, 3, "packing").payload())[-1][:, 2])
    assert np.ptp(heights[:4]) < 1e-3
    assert np.ptp(heights[4:]) < 1e-3


@pytest.mark.parametrize("seed", [0, 1])
def test_a_polygon_has_a_point_on_top(seed):
    assert np.allclose(means_of(point_run(6, 2, "packing", seed=seed).payload())[-1][0], [0, 1])


@pytest.mark.parametrize("count", [5, 6, 10, 20])
def test_a_larger_simplex_is_seen_as_a_crown(count):
    last = means_of(point_run(count, count - 1).payload())[-1][:, :3]
    angles = np.unwrap(np.arctan2(last[:, 1], last[:, 0]))
    assert np.diff(angles) == pytest.approx([2 * np.pi / count] * (count - 1), abs=1e-4)
    assert np.linalg.norm(last[:, :2], axis=1) == pytest.approx((2 / (count - 1)) ** 0.5, abs=1e-4)
    if count % 2 == 0:
        assert np.allclose(np.diff(np.sign(last[:, 2])), [-2, 2] * (count // 2 - 1) + [-2])


def test_five_points_begin_anywhere_and_end_differently():
    ends = [point_run(5, 3, "packing", seed=seed, first=10).points[-1] for seed in range(4)]
    spectra = torch.stack([(end @ end.T).flatten().sort().values for end in ends])
    assert (spectra - spectra[0]).abs().amax(1).max() > 0.1
    assert all(packings.largest_cosine(end) < 1e-3 for end in ends)


def test_a_run_plays():
    player = CollapsePlayer(point_run(4, 3), height=300)
    assert player.epochs[-1] == 300
    assert repr(point_run(4, 3)).startswith("PointRun(4 points in 3 dimensions · repulsion, β = 1:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((4, 3, "other"), "kind is 'other'; choose"), ((1, 3), "is 1"), ((4, 1), "dim is 1")],
)
def test_what_cannot_be(arguments, said):
    with pytest.raises(ValueError, match=said):
        point_run(*arguments)
