"""Every notebook, section and exercise that a text names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.name[:2]: path.read_text("utf-8") for path in ROOT.glob("notebooks/*.py")}
LESSONS = {path.name: path for path in ROOT.glob("nclib/lessons/*/") if "__" not in path.name}
TEXTS = [
    *(ROOT / name for name in ("README.md", "TEACHING.md", "CONTRIBUTING.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("notebooks/*.py")),
    *sorted(ROOT.glob("nclib/**/*.py")),
    *sorted(ROOT.glob("benchmarks/*.py")),
]

NUMBERS = r"\d+(?:(?:, | and | or |–|-| to )\d+)*"
# "notebook 04", "notebooks 04 and 05", "derived in 01", "03's networks"
NAMED = re.compile(
    rf"\b[Nn]otebooks? ({NUMBERS})|\b(?:in|of|by|from|see) (0\d)\b(?![.%,]\d)|(?<![\d.-])(0\d)'s\b"
)
# "section 3", "sections 1–4", "exercise 2 of notebook 04", "00, section 4", "02, exercises 2 and 3"
PLACES = re.compile(
    r"(?:(?:^|\D)(?P<before>0\d|1\d)[,:] )?"
    rf"(?P<kind>[Ss]ection|[Ee]xercise)s? (?P<numbers>{NUMBERS})"
    r"(?: of notebook (?P<after>\d\d))?"
)
PAPERS = re.compile(
    r"(?:et al\.|[A-Z]\w+(?:, [A-Z]\w+)*) \d{4}[a-z]?,? (?:sections?|figures?) [^;.]*"
)
HEADS = {"section": r"## {}\. ", "exercise": r"### Exercise {}: "}


def spelt(numbers: str) -> Iterator[int]:
    """1, 2 and 5–7: 1, 2, 5, 6, 7."""
    for part in re.split(r", | and | or ", numbers):
        first, *last = re.split(r"–|-| to ", part)
        yield from range(int(first), int(last[0] if last else first) + 1)


def unknown_notebooks(text: str) -> list[str]:
    """Numbers of notebooks that a text names and that are not there."""
    found = [n for match in NAMED.findall(text) for n in spelt(next(filter(None, match)))]
    return [f"{n:02}" for n in found if f"{n:02}" not in NOTEBOOKS]


def unknown_places(text: str, home: str | None) -> list[str]:
    """Sections and exercises that a text of notebook ``home`` names and that are not there.

    A notebook named once in a sentence or a row of a table holds to its end.
    """
    missing = []
    for sentence in re.split(r"\. |\n|\|", PAPERS.sub("", text)):
        where = home
        for match in PLACES.finditer(sentence):
            where = match["before"] or where
            notebook, kind = match["after"] or where, match["kind"].lower()
            for n in spelt(match["numbers"]):
                head = re.compile(rf"^# {HEADS[kind].format(n)}", re.MULTILINE)
                if not (notebook in NOTEBOOKS and head.search(NOTEBOOKS[notebook])):
                    missing.append(f"{kind} {n} of notebook {notebook}")
    return missing


def home_of(path: Path) -> str | None:
    """The notebook that a file belongs to: itself, or the one that imports its lesson."""
    if path.parent.name == "notebooks":
        return path.name[:2]
    name = f"nclib.lessons.{path.parent.name}"
    homes = [number for number, text in NOTEBOOKS.items() if name in text]
    return homes[0] if path.parent.name in LESSONS and homes else None


def pieces(path: Path) -> list[tuple[str, str | None]]:
    """The text of a file, cut where it speaks of another notebook, each with that notebook."""
    text = path.read_text("utf-8")
    if path.name != "TEACHING.md":
        return [(text, home_of(path))]
    general, *each = re.split(r"^### (?=\d\d: )", text, flags=re.MULTILINE)
    *each, last = each
    last, rest = last.split("\n## ", 1)
    return [(general, None), *((one, one[:2]) for one in [*each, last]), (rest, None)]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_text_points_to_is_there(path):
    for text, home in pieces(path):
        assert unknown_notebooks(text) == []
        assert unknown_places(text, home) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("derived in 01", ["01"]),
        ("Measured in 08, and in 00.", ["08"]),
        ("see notebooks 04 and 77", ["77"]),
        ("notebooks 05–08", ["08"]),
        ("08's networks", ["08"]),
        ("a limit of 0.05, in 2003", []),
        ("a share of 05.3", []),
    ],
)
def test_a_notebook_that_is_not_there_is_found(text, said, monkeypatch):
    here = {name: path for name, path in NOTEBOOKS.items() if name not in ("01", "08")}
    monkeypatch.setitem(globals(), "NOTEBOOKS", here)
    assert unknown_notebooks(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("section 2 and exercise 3", []),
        ("section 22", ["section 22 of notebook 04"]),
        ("exercises 1, 2 and 9", ["exercise 9 of notebook 04"]),
        ("sections 1–3; 00, section 5, and exercise 4", ["exercise 4 of notebook 00"]),
        ("exercise 9 of notebook 05", ["exercise 9 of notebook 05"]),
        ("00, section 99", ["section 99 of notebook 00"]),
        ("Zhu et al. 2021, sections 20 and 30; section 1", []),
    ],
)
def test_a_place_that_is_not_there_is_found(text, said):
    assert unknown_places(text, "04") == said
