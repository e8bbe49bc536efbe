"""Every exercise, three ways: not done on the stub, right when solved, a hint when wrong."""

from __future__ import annotations

import importlib
import math
import symtable
from pathlib import Path

import numpy as np
import pytest
import torch
from cells import read_cells

import nclib
from nclib import presets
from nclib.lessons.answers import NOT_DONE, RIGHT
from nclib.lessons.measuring import checks as measuring
from nclib.lessons.squared import checks as squared
from nclib.lessons.squared import means
from nclib.lessons.tour import checks as tour
from nclib.runs.payload import Coordinates

ROOT = Path(__file__).parents[2]
# Plausible wrong answers, each with a word its hint must hold.
WRONG_ANSWERS = [
    (tour.check_angle, lambda c: 360 / c, "4 classes 109.47° was expected, 90.00° found"),
    (tour.check_angle, lambda c: 90.0, "cosines c: 0 = C"),
    (tour.check_angle, lambda c: math.acos(-1 / (c - 1)), "convert to degrees"),
    (tour.check_angle, lambda c: math.degrees(math.acos(1 / (c - 1))), "wider than 90°"),
    (tour.check_angle, lambda c: -1 / (c - 1), "the angle is its arccosine"),
    (tour.check_angle, lambda c: torch.tensor(-float(c)).acos(), "the arccosine of a number that"),
    (tour.check_angle, lambda c: None, "nothing was returned: is there a `return`?"),
    (tour.check_max_angle, lambda m: _off(m, centre=False), "Subtract the mean"),
    (tour.check_max_angle, lambda m: _off(m, pairs=False), "Leave out each vector with itself"),
    (tour.check_max_angle, lambda m: _off(m, absolute=False), "absolute values before the mean"),
    (tour.check_max_angle, lambda m: _off(m, unit=False), "Divide each row by its norm"),
    (tour.check_max_angle, lambda m: _off(m, widest=0), "Add 1/(C-1)"),
    (tour.check_max_angle, lambda m: _off(m, widest=0.25), "do not subtract it"),
    (tour.check_max_angle, lambda m: _off(m, widest=-0.2), "C-1, not C"),
    (tour.check_max_angle, lambda m: _off(m.T), "the products of different rows"),
    (tour.check_max_angle, lambda m: m @ m.T, "something of type Tensor and shape (5, 5)"),
    (tour.check_max_angle, lambda m: m.no_such_thing, "it raised AttributeError"),
    (tour.check_counter_example, lambda: on_three_digits(weight_decay=1e-2), "it collapsed"),
    (tour.check_counter_example, lambda: on_three_digits(epochs=600), "every measure is below"),
    (tour.check_counter_example, lambda: on_three_digits(epochs=2), "Train longer, or with less"),
    (tour.check_counter_example, lambda: 0.02, "a trajectory is asked for"),
    (measuring.check_equinorm, lambda m: _norms(m, correction=0), "Divide by C-1 under the root"),
    (measuring.check_equinorm, lambda m: _norms(m, centre=False), "Subtract the mean"),
    (measuring.check_equinorm, lambda m: m.norm(dim=1).std(), "then std / mean"),
    (measuring.check_equinorm, lambda m: (m - m).std() / (m - m).norm(), "nan was returned"),
    (measuring.check_vacuous, lambda: {"max_angle_means"}, "equiangularity_means = 0.0e+00"),
    (measuring.check_vacuous, lambda: {"nc1", "equinorm_means"}, "nc1 depends on the scatter"),
    (measuring.check_vacuous, lambda: {"self_duality"}, "depends on the classifier"),
    (measuring.check_vacuous, lambda: ["NC2"], "'NC2' is none of nc1, equinorm_means"),
    (measuring.check_vacuous, lambda: "equinorm_means", "one is missing"),
    (measuring.check_vacuous, lambda: 3, "a set of names is asked for"),
    (measuring.check_no_simplex, lambda: on_ten_digits(1, num_features=5), "have no room for"),
    (measuring.check_no_simplex, lambda: on_ten_digits(3), "below 0.05 is asked"),
    (
        measuring.check_no_simplex,
        lambda: ended(accuracy=0.99),
        "99.0% of the training set is right",
    ),
    (measuring.check_no_simplex, lambda: on_ten_digits(60), "Are there equally many of each class"),
    (measuring.check_no_simplex, lambda: ("network", "run"), "a tuple of 2 was returned"),
    (squared.check_squared_error, lambda h, y: _square(h, y).sum(1).mean(), "Average over the cla"),
    (squared.check_squared_error, lambda h, y: _square(h, y).sum(1).mean() / 2, "the papers' L"),
    (squared.check_squared_error, lambda h, y: h.square().mean(), "subtract the one-hot rows"),
    (squared.check_squared_error, lambda h, y: _square(h, y).mean() / 2, "Leave the ½ out"),
    (squared.check_squared_error, lambda h, y: _square(h.softmax(1), y).mean(), "No softmax"),
    (squared.check_squared_error, lambda h, y: _square(h, y).mean().sqrt(), "Without the root"),
    (squared.check_squared_error, lambda h, y: _square(h, y).mean(1), "one number is asked for"),
    (squared.check_squared_error, lambda h, y: (h - y[:, None]).square().mean(), "F.one_hot"),
    (squared.check_constant, lambda c: (c - 1) / c, "Divide by C once more"),
    (squared.check_constant, lambda c: 0.1, "The mean of the one-hot rows"),
    (squared.check_constant, lambda c: 1 / c, "what an output of zero costs"),
    (squared.check_constant, lambda c: (c - 1) / (2 * c), "That is the papers' L"),
    (squared.check_constant, lambda c: (c - 1) / (2 * c * c), "Leave the ½ out"),
    (squared.check_two_in_one, lambda: with_squared_error(1e-2), "Turn the decay up"),
    (squared.check_two_in_one, lambda: with_squared_error(0.3), "Turn the decay down"),
    (squared.check_two_in_one, lambda: ended(APART, accuracy=0.9), "Some digits are mixed up"),
    (squared.check_two_in_one, lambda: ended(ON_A_LINE, accuracy=0.67), "on one line, but apart"),
]


def _norms(means, *, centre=True, correction=1):
    norms = (means - means.mean(0) if centre else means).norm(dim=1)
    return norms.std(correction=correction) / norms.mean()


def _square(logits, labels):
    return (logits - torch.eye(logits.shape[1])[labels]).square()


def _off(means, *, centre=True, unit=True, pairs=True, absolute=True, widest=None):
    means = means - means.mean(0) if centre else means
    means = means / means.norm(dim=1, keepdim=True) if unit else means
    cosines = means @ means.T
    if pairs:
        cosines = cosines[tuple(torch.triu_indices(len(means), len(means), 1))]
    off = cosines - (-1 / (len(means) - 1) if widest is None else widest)
    return (off.abs() if absolute else off).mean()


def in_plane(*, seed=0, **settings):
    data = nclib.load_data("digits", classes=[0, 1, 2])
    plane = {"width": 128, "num_features": 2, "linear_features": True, "seed": seed}
    network = nclib.build_network("mlp", data, **plane)
    epochs = nclib.train(network, data, schedule=nclib.cosine_schedule, **settings)
    return nclib.Trajectory.of(epochs)


def on_three_digits(*, weight_decay=0.0, epochs=100):
    return in_plane(weight_decay=weight_decay, epochs=epochs, learning_rate=0.1)


def with_squared_error(weight_decay):
    settings = {"loss": "squared_error", "learning_rate": 0.2, "epochs": 60}
    return in_plane(weight_decay=weight_decay, **settings)


def on_ten_digits(epochs, **options):
    data = nclib.load_data("digits")
    settings = presets.quick("mlp") | {"epochs": epochs}
    network = nclib.build_network("mlp", data, **options)
    return nclib.Trajectory.of(nclib.train(network, data, **settings))


APART = [[1.0, 0.0], [-0.5, 0.87], [-0.5, -0.87]]
ON_A_LINE = [[1.0, 0.0], [0.3, 0.0], [-1.3, 0.0]]
NEAR = [[1.0, 0.0], [-0.5, 5e-4], [-0.5, -5e-4]]  # a thousandth apart: numerically of rank 2


class Ended(nclib.Trajectory):
    """A run that ended with these class means, in points off the simplex."""

    def __init__(self, class_means, accuracy, rank):
        super().__init__()
        self.num_features, self.settings = 64, {"class_names": [*"0123456789"]}
        row = {"train_accuracy": accuracy, "rank": rank, "nc1": 0.01, "max_angle_means": 0.2}
        self._rows, self._means = [row], np.array([class_means])

    def coordinates(self):
        return Coordinates(self._means, self._means, self._means, np.ones(1))


def ended(class_means=APART, *, accuracy=1.0, rank=2):
    return Ended(class_means, accuracy, rank)


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
@pytest.mark.filterwarnings("ignore:all class means coincide:UserWarning")
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_two_digits_a_hair_apart_are_in_one_point(capsys):
    squared.check_two_in_one(lambda: ended(NEAR, accuracy=0.67))
    assert capsys.readouterr().out.strip() == RIGHT


@pytest.mark.parametrize(
    ("class_means", "rank", "found"),
    [
        (APART, 2, (2, 3)), (NEAR, 2, (1, 2)), (ON_A_LINE, 1, (1, 3)), (APART, 0, (0, 1)),
        ([[0.0, 0.0]] * 3, 0, (0, 1)), ([[0.0, 0.0]] * 3, 2, (0, 1)),
    ],
)  # fmt: skip
def test_directions_and_places_by_the_stated_tolerance(class_means, rank, found):
    run = ended(class_means, rank=rank)
    assert (means.directions(run), means.places(run)) == found
    for scale in (1e-8, 1e8):
        scaled = ended((scale * np.array(class_means)).tolist(), rank=rank)
        assert (means.directions(scaled), means.places(scaled)) == found


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "decay"), [(0, 0.22), (2, 0.24), (2, 0.26)])
def test_pairs_that_an_exact_rank_misses_are_accepted(seed, decay, capsys):
    settings = {"loss": "squared_error", "learning_rate": 0.2, "epochs": 100}
    run = in_plane(seed=seed, weight_decay=decay, **settings)
    squared.check_two_in_one(lambda: run)
    assert capsys.readouterr().out.strip() == RIGHT


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (tour.check_max_angle, lambda m: _off(m.float())),
        (measuring.check_equinorm, lambda m: _norms(m.float())),
        (squared.check_squared_error, lambda h, y: _square(h.float(), y).mean()),
    ],
)
def test_single_precision_is_right(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.strip() == RIGHT


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


def exercises(path):
    """Cells, stub, check and solution of each exercise of a notebook."""
    cells = read_cells(path.read_text(encoding="utf-8"))
    stubs = [c for c in cells if c.kind == "code" and "exercise" in c.tags]
    return [(cells, stub, cells[stub.number + 1], cells[stub.number + 2]) for stub in stubs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stubs_are_not_done_and_solutions_are_right(path, capsys, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    monkeypatch.setenv("NCLIB_PROFILE", "ci")
    names: dict = {}
    done: set[int] = set()
    for cells, stub, check, solution in exercises(path):
        for cell in needed(cells[: stub.number], solution):
            if cell.number not in done:
                exec(cell.source, names)
            done.add(cell.number)
        capsys.readouterr()
        exec(stub.source, names)
        exec(check.source, names)
        said = capsys.readouterr().out.strip()
        assert said.startswith(f"{NOT_DONE}: return "), check.source
        exec(solution.source, names)
        assert capsys.readouterr().out.strip() == RIGHT, check.source
        exec(check.source, names)
        assert capsys.readouterr().out.strip() == RIGHT, check.source


def needed(cells, last):
    """The cells that define what ``last`` uses, and what those use in turn."""
    wanted, found = names_of(last.source)[1], []
    for cell in (c for c in reversed(cells) if c.kind == "code" and not TAGGED & {*c.tags}):
        defined, used = names_of(cell.source)
        if defined & wanted:
            found.insert(0, cell)
            wanted |= used
    return found


TAGGED = {"exercise", "check", "solution", "self-check", "nc-setup"}


def names_of(source):
    """Names that a cell defines, and global names that it uses."""
    top = symtable.symtable(source, "cell", "exec")
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global() or table is top}
    return defined, used


def test_every_check_has_two_wrong_answers_or_more():
    modules = [
        importlib.import_module(path.stem)
        for path in Path(__file__).parent.glob("test_exercises*.py")
    ]
    kept = [row[0].__name__ for module in modules for row in module.WRONG_ANSWERS]
    for path in NOTEBOOKS:
        for _, _, check, _ in exercises(path):
            name = check.source.split(".")[1].split("(")[0]
            assert kept.count(name) >= 2, f"{path.stem}: {name}"
