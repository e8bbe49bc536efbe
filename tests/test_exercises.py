"""Every exercise, three ways: not done on the stub, right when solved, a hint when wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from cells import read_cells

import nclib
from nclib import presets
from nclib.exercises import NOT_DONE, RIGHT, measuring, squared, tour

ROOT = Path(__file__).parents[1]
# Plausible wrong answers, each with a word its hint must hold.
WRONG_ANSWERS = [
    (tour.check_angle, lambda c: 360 / c, "4 classes 109.47° was expected, 90.00° found"),
    (tour.check_angle, lambda c: 90.0, "cosines c: 0 = C"),
    (tour.check_angle, lambda c: math.acos(-1 / (c - 1)), "convert to degrees"),
    (tour.check_max_angle, lambda m: _off(m, centre=False), "Subtract the mean"),
    (tour.check_max_angle, lambda m: _off(m, pairs=False), "Leave out each vector with itself"),
    (tour.check_max_angle, lambda m: _off(m, absolute=False), "absolute values before the mean"),
    (tour.check_max_angle, lambda m: m.no_such_thing, "it raised AttributeError"),
    (measuring.check_equinorm, lambda m: _norms(m, correction=0), "Divide by C-1 under the root"),
    (measuring.check_equinorm, lambda m: _norms(m, centre=False), "Subtract the mean"),
    (measuring.check_equinorm, lambda m: m.norm(dim=1).std(), "then std / mean"),
    (measuring.check_vacuous, lambda: {"max_angle_means"}, "equiangularity_means = 0.0e+00"),
    (measuring.check_vacuous, lambda: {"nc1", "equinorm_means"}, "nc1 depends on the scatter"),
    (measuring.check_vacuous, lambda: {"self_duality"}, "depends on the classifier"),
    (measuring.check_vacuous, lambda: ["NC2"], "'NC2' is none of nc1, equinorm_means"),
    (squared.check_squared_error, lambda h, y: _square(h, y).sum(1).mean(), "Average over the cla"),
    (squared.check_squared_error, lambda h, y: _square(h, y).sum(1).mean() / 2, "the papers' L"),
    (squared.check_squared_error, lambda h, y: h.square().mean(), "subtract the one-hot rows"),
    (squared.check_squared_error, lambda h, y: (h - y[:, None]).square().mean(), "F.one_hot"),
    (squared.check_constant, lambda c: (c - 1) / c, "Divide by C once more"),
    (squared.check_constant, lambda c: 0.1, "The mean of the one-hot rows"),
]


def _norms(means, *, centre=True, correction=1):
    norms = (means - means.mean(0) if centre else means).norm(dim=1)
    return norms.std(correction=correction) / norms.mean()


def _square(logits, labels):
    return (logits - torch.eye(logits.shape[1])[labels]).square()


def _off(means, *, centre=True, pairs=True, absolute=True):
    means = means - means.mean(0) if centre else means
    unit = means / means.norm(dim=1, keepdim=True)
    cosines = unit @ unit.T
    if pairs:
        cosines = cosines[tuple(torch.triu_indices(len(unit), len(unit), 1))]
    off = cosines + 1 / (len(unit) - 1)
    return (off.abs() if absolute else off).mean()


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def run_on_three_digits(*, weight_decay, epochs, learning_rate=0.1):
    data = nclib.load_data("digits", classes=[0, 1, 2])
    network = nclib.build_network("mlp", data, width=128, num_features=2, linear_features=True)
    settings = {"epochs": epochs, "learning_rate": learning_rate, "weight_decay": weight_decay}
    epochs = nclib.train(network, data, schedule=nclib.cosine_schedule, **settings)
    return nclib.Trajectory.of(epochs)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"weight_decay": 1e-2, "epochs": 150}, "it collapsed"),
        ({"weight_decay": 0.0, "epochs": 1, "learning_rate": 1e-4}, "100 % is asked for"),
    ],
)
def test_no_counter_example(settings, hint, refused):
    refused(tour.check_counter_example, lambda: run_on_three_digits(**settings), hint)


def run_on_ten_digits(epochs, **options):
    data = nclib.load_data("digits")
    settings = presets.quick("mlp") | {"epochs": epochs}
    return nclib.Trajectory.of(
        nclib.train(nclib.build_network("mlp", data, **options), data, **settings)
    )


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"epochs": 3, "num_features": 5, "linear_features": True}, "below 0.01 is asked for"),
        ({"epochs": 80}, "How many dimensions does the simplex of ten classes need?"),
    ],
)
def test_there_is_a_simplex(settings, hint, refused):
    refused(measuring.check_no_simplex, lambda: run_on_ten_digits(**settings), hint)


@pytest.mark.parametrize(("decay", "hint"), [(1e-2, "Turn the decay up"), (0.3, "decay down")])
@pytest.mark.filterwarnings("ignore:all class means coincide:UserWarning")
def test_the_digits_are_apart_or_all_in_one(decay, hint, refused):
    data = nclib.load_data("digits", classes=[0, 1, 2])
    network = nclib.build_network("mlp", data, width=128, num_features=2, linear_features=True)
    settings = {"loss": "squared_error", "learning_rate": 0.2, "epochs": 60, "weight_decay": decay}
    epochs = nclib.train(network, data, schedule=nclib.cosine_schedule, **settings)
    refused(squared.check_two_in_one, lambda: nclib.Trajectory.of(epochs), hint)


def exercises():
    """(notebook, task, stub, check, solution) of every exercise of every notebook."""
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        cells = read_cells(path.read_text(encoding="utf-8"))
        for stub in (c for c in cells if c.kind == "code" and "exercise" in c.tags):
            check, solution = cells[stub.number + 1], cells[stub.number + 2]
            yield pytest.param(cells, stub, check, solution, id=f"{path.stem}-{stub.number}")


@pytest.mark.parametrize(("cells", "stub", "check", "solution"), list(exercises()))
def test_stub_is_not_done_and_solution_is_right(cells, stub, check, solution, capsys, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    monkeypatch.setenv("NCLIB_PROFILE", "ci")
    names: dict = {}
    skip = {"exercise", "check", "solution", "self-check", "nc-setup"}
    first = [c for c in cells if c.kind == "code" and c.number < stub.number]
    for cell in first:
        if not skip & set(cell.tags) and needed(cell.source):
            exec(cell.source, names)
    capsys.readouterr()
    exec(stub.source, names)
    exec(check.source, names)
    said = capsys.readouterr().out.strip()
    assert said.startswith(f"{NOT_DONE}: return ")
    exec(solution.source, names)
    assert capsys.readouterr().out.strip() == RIGHT
    exec(check.source, names)
    assert capsys.readouterr().out.strip() == RIGHT


def needed(source: str) -> bool:
    """Imports, parameters and what the exercises build on; not the cells that only show things."""
    return any(word in source for word in ("import nclib", "seed = ", "load_data", "def train_"))
