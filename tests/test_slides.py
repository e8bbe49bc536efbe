"""tools/nb.py slides: which cells become slides, and one page that needs nothing beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import nb
import nbformat
import page
import pytest
from bs4 import BeautifulSoup
from cells import read_cells
from made import collapsing_run
from slides import REVEAL, to_slides
from test_page import png

from nclib.player.player import CollapsePlayer

ROOT = Path(__file__).resolve().parents[1]
FRAME = '<iframe srcdoc="&lt;html&gt;&lt;p&gt;in it&lt;/p&gt;&lt;/html&gt;"></iframe>'
PICTURE = base64.b64encode(png()).decode()
VOTE = "**Predict.** It is\n\n- **(a)** this;\n- **(b)** that."


def text(source: str, kind: str | None = None, *tags: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata=_metadata(kind, tags))


def code(source: str, kind: str | None, *outputs: dict, tags: tuple[str, ...] = ()):
    made = [nbformat.v4.new_output("display_data", **output) for output in outputs]
    return nbformat.v4.new_code_cell(source, outputs=made, metadata=_metadata(kind, tags))


def _metadata(kind: str | None, tags: tuple[str, ...]) -> dict:
    return {"tags": list(tags)} | ({"slideshow": {"slide_type": kind}} if kind else {})


def html(source: str) -> dict:
    return {"data": {"text/html": source}}


def table(rows: int, columns: int) -> str:
    row = "<tr>" + "<td>1</td>" * columns + "</tr>"
    return f"<table><tbody>{row * rows}</tbody></table>"


def notebook(player: str = FRAME) -> nbformat.NotebookNode:
    """Every kind of cell there is on slides, and every kind that is left out."""
    picture = {"data": {"image/png": PICTURE}, "metadata": {"image/png": {"alt": "a red dot"}}}
    progress = nbformat.v4.new_output("stream", text="100 %|███|")
    drawn = code("draw_a_dot()", "slide", picture)
    drawn.outputs.insert(0, progress)
    return nbformat.v4.new_notebook(
        cells=[
            text("# The title", "slide", "nc-badges"),
            text("A card", "skip"),
            code("set_up()", None, tags=("nc-setup",)),
            text("## A section\n\nA question?", "slide"),
            text(VOTE, "subslide"),
            code("show_a_player()", "slide", html(player)),
            text("Say this", "notes"),
            text("**What we saw.** This", "slide"),
            text("**What it does not show.** That", "fragment"),
            code("assert 1 == 1", None, tags=("self-check",)),
            drawn,
            code("a_point = 1", "slide"),
            code("table()", "slide", html(table(9, 3))),
            text("Beside it: $x_1$", "-"),
            code("table()", "slide", html(table(3, 3))),
            text("A task", None, "exercise"),
            text("Draw *three* arrows", None, "instructor"),
        ]
    )


@pytest.fixture(scope="module")
def deck(tmp_path_factory) -> BeautifulSoup:
    return BeautifulSoup(to_slides(notebook(), tmp_path_factory.mktemp("pictures")), "html.parser")


def slides(deck: BeautifulSoup) -> list:
    return deck.select("section.slide")


def test_cells_become_slides_as_they_say(deck):
    def shown(slide):
        return re.sub(r"\s+", " ", slide.get_text(" ", strip=True))

    assert [shown(slide) for slide in slides(deck)][:5] == [
        "The title Draw three arrows",
        "A section A question?",
        "A section Predict. It is (a) this; (b) that.",
        "A section Say this",
        "A section What we saw. This What it does not show. That",
    ]
    stacks = [len(stack.select("section")) for stack in deck.select(".slides > section")]
    assert stacks[:3] == [1, 2, 1]
    assert [f.get_text(strip=True) for f in deck.select(".fragment")] == [
        "What it does not show.That"
    ]


def test_teaching_notes_are_the_speakers(deck):
    noted = [note.get_text(" ", strip=True) for note in deck.select("aside.notes")]
    assert noted == ["Draw three arrows", "Say this"]  # that of the whole lecture is on the title


def test_code_is_seen_where_it_is_all_there_is(deck):
    assert [found.get_text().strip() for found in deck.select(".highlight")] == ["a_point = 1"]
    assert "███" not in deck.get_text()
    assert deck.select_one(".slides img")["alt"] == "a red dot"


def test_options_are_to_be_voted_on_and_tall_tables_have_words_beside_them(deck):
    assert [listed.find_parent("section").get("class") for listed in deck.select("ul.options")] == [
        ["slide"]
    ]
    assert [slide.table is not None for slide in deck.select("section.beside")] == [True]
    assert deck.select_one("section.beside math")


def test_the_page_is_alone_and_always_the_same(deck, tmp_path):
    assert list(page.faults(deck)) == []
    assert not deck.select("script[src], link[rel=stylesheet]")
    assert to_slides(notebook(), tmp_path) == to_slides(notebook(), tmp_path)
    outside = notebook('<iframe srcdoc="&lt;img src=https://example.org/a.png alt=a&gt;"></iframe>')
    with pytest.raises(page.PageError, match=r"example\.org"):
        to_slides(outside, tmp_path)


def test_scripts_stand_whole_in_the_page(deck):
    ours = [script.string for script in deck.select("main ~ script")]
    assert "Reveal" in ours[0]
    assert "RevealNotes" in ours[1]
    assert not any("<!--" in script for script in ours)
    assert "Reveal.initialize" in ours[2]


def test_frames_know_the_way_back(tmp_path):
    shown = CollapsePlayer(collapsing_run())._iframe()
    deck = BeautifulSoup(to_slides(notebook(shown), tmp_path), "html.parser")
    inside = BeautifulSoup(deck.select_one("iframe")["srcdoc"], "html.parser")
    assert "postMessage" in inside.select("script")[-1].string
    assert "--nc-height" in inside.select("style")[-1].string


def test_reveal_is_the_release_that_its_readme_names():
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (REVEAL / "README.md").read_text(), re.M)
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in REVEAL.iterdir()}
    del found["README.md"]
    assert {name: digest for digest, name in listed} == found


def test_a_notebook_without_slides_is_refused(tmp_path, capsys):
    (tmp_path / "bare.py").write_text("# %% [markdown]\n# # Bare\n")
    assert nb.main(["slides", str(tmp_path / "bare.py"), "--out", str(tmp_path)]) == 2
    assert "bare.py has no slides" in capsys.readouterr().err


def test_the_tour_says_of_every_cell_where_it_goes():
    """Else a new cell would hang below the slide before it, and off the screen."""
    cells = read_cells((ROOT / "notebooks" / "00_tour.py").read_text(encoding="utf-8"))
    silent = [cell for cell in cells if "slideshow=" not in cell.header and not cell.tags]
    joined = [cell.source.split(".**")[0] for cell in silent]
    assert joined == ["**What we saw", "**What we saw"]  # beside and below tables
    assert 15 <= sum('"slide"' in cell.header for cell in cells) <= 25
