"""The guide for teachers and the glossary say what the notebooks and the library say."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest
from cells import read_cells

import nclib

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("notebooks/*.py")}
EACH = pytest.mark.parametrize("stem", sorted(NOTEBOOKS))
TENS = {"ten": 10, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "ninety": 90}
MINUTES = {"fifteen": 15, "lecture hour": 60} | TENS
MINUTES |= {f"{word}-five": minutes + 5 for word, minutes in TENS.items()}


def section(heading: str) -> str:
    """The text below a heading of the guide, to the next of its level or a higher one."""
    level = heading.split()[0]
    after = GUIDE.split(f"\n{heading}", 1)[1]
    return re.split(rf"\n#{{2,{len(level)}}} ", after)[0]


def of_notebook(stem: str) -> str:
    return section(f"### {stem[:2]}: ")


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]


# Times


def pace(stem: str) -> tuple[str, int]:
    """The first paragraph of the teaching cell, and the minutes that it begins with."""
    (cell,) = (c for c in read_cells(NOTEBOOKS[stem]) if "instructor" in c.tags)
    text = cell.source.split("\n\n")[0]
    begins = r"\*\*For the teacher\.\*\* (?:one lab of |one )?(lecture hour|[\w-]+ minutes)"
    return text, MINUTES[re.match(begins, text, re.IGNORECASE)[1].lower().split(" min")[0]]


@EACH
def test_times_are_those_of_the_notebook_and_the_readme(stem):
    times = r"\| \*\*Time\*\* \| ([\w-]+) minutes to read, ([\w-]+) with the exercises"
    read, done = (MINUTES[word] for word in re.search(times, NOTEBOOKS[stem]).groups())
    said = f"{read} minutes to read, {done} with the exercises, {pace(stem)[1]} to teach."
    assert said in of_notebook(stem)
    assert re.search(rf"\(notebooks/{stem}.ipynb\) .*\| {read} min \|", README)


@EACH
def test_a_teaching_cell_adds_up(stem):
    text, minutes = pace(stem)
    assert sum(map(int, re.findall(r"\((\d+)(?=[):; ])", text))) == minutes


@pytest.mark.parametrize(("plan", "minutes"), [("One lecture", 50), ("One lab", 90)])
def test_a_plan_adds_up(plan, minutes):
    assert sum(int(row[0]) for row in rows(section(f"### {plan} ({minutes} minutes)"))) == minutes


def test_each_session_adds_up():
    sessions = rows(section("### A two-week module (four sessions of 90 minutes)"))
    assert len(sessions) == 4
    for _, in_class, _ in sessions:
        assert sum(map(int, re.findall(r"\((\d+)\)", in_class))) == 90


# Answers


@EACH
def test_every_prediction_has_its_answer(stem):
    answers = re.findall(r"\*\*(\d)([a-f and]*):\*\*", of_notebook(stem))
    asked = NOTEBOOKS[stem].split("**Predict")[1:]
    assert [int(number) for number, _ in answers] == list(range(1, len(asked) + 1))
    for (number, letters), text in zip(answers, asked, strict=True):
        told = re.search(r"(?:[Aa]nswer|So|saw\.\*\*) \((\w)\)(?: and \((\w)\))?[,.:]", text)
        if told:
            found = letters.replace("and", " ").split()
            assert found == [one for one in told.groups() if one], f"prediction {number}"


@EACH
def test_every_exercise_has_its_answer(stem):
    listed = [int(row[0].split(".")[0]) for row in rows(of_notebook(stem))]
    asked = re.findall(r"^# ### Exercise (\d+)", NOTEBOOKS[stem], re.MULTILINE)
    assert listed == [int(number) for number in asked]
    assert all(len(row) == 3 and all(row) for row in rows(of_notebook(stem)))


@EACH
def test_there_is_something_to_ask_and_to_settle(stem):
    asked, settled = of_notebook(stem).split("**Ask the class**")[1].split("**Misconceptions**")
    assert len(re.findall(r"^- .*\? \*.+\*$", asked, re.MULTILINE)) >= 2
    places = re.findall(r'^- \*".+"\* .*([Ss]ection|[Ee]xercise) \d', settled, re.MULTILINE)
    assert len(places) >= 2


def test_squared_error_ends_lower_in_all_recorded_cells():  # prediction 2 of notebook 03
    cells = re.findall(r'"((?:digits|mnist|cifar10)-\w+)"', NOTEBOOKS["03_collapse_under_mse"])
    assert len(cells) == 6
    for cell in cells:
        seed = "-0" if cell.startswith("digits") else ""
        ends = [nclib.load_run(f"{cell}-{k}{seed}").metrics.nc1.iloc[-1] for k in ("mse", "ce")]
        assert ends[0] < ends[1], cell


# Words

LATEX = {r"\Sigma": "Σ", r"\mu": "μ", r"\omega": "ω", r"\lambda": "λ", r"\dot M": "Ṁ"}
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = rows(GLOSSARY)


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row[0])
def test_a_word_is_met_where_the_glossary_says(row):
    word, symbols, met, _ = row
    if not met:
        return
    (text,) = (text for stem, text in NOTEBOOKS.items() if stem.startswith(met))
    for latex, letter in LATEX.items():
        text = text.replace(latex, letter)
    symbol = re.split("[,;]", symbols)[0]
    wanted = [re.search(r"\*\*(.+?)\*\*", word)[1].split(",")[0].lower()]
    wanted += [symbol.lower()] if symbol and "`" not in symbol else []
    assert any(one in text.lower() for one in wanted), f"{wanted} not in {met}"


def test_words_are_in_order():
    words = [row[0].strip("*").lower() for row in TERMS]
    assert words == sorted(words)
    assert len(words) > 30


def exists(name: str) -> bool:
    """Whether ``collapse.max_angle``, ``Trajectory.player`` or ``train(checkpoint=)`` is there."""
    if call := re.fullmatch(r"(\w+)\((\w+)=\)", name):
        return call[2] in inspect.signature(getattr(nclib, call[1])).parameters
    first, *rest = name.split(".")
    try:
        thing = getattr(nclib, first, None) or importlib.import_module(f"nclib.{first}")
    except ModuleNotFoundError:
        return False
    for part in rest:
        if dataclasses.is_dataclass(thing) and part in {f.name for f in dataclasses.fields(thing)}:
            return True
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def test_every_name_exists():
    named = [name for row in TERMS for name in re.findall(r"`([^`]+)`", row[1])]
    assert len(named) > 30
    assert [name for name in named if not exists(name)] == []
    told = re.findall(r"`(?:nclib\.)?(train|sweep|tables\.\w+)`", GUIDE)
    assert len(told) == 3
    assert all(map(exists, told))
    assert not exists("collapse.no_such_measure")
    assert not exists("nowhere")
