"""The page that ``tools/nb.py page`` writes, in a real browser that has no network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import nb
from test_page import SAMPLE, png

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The sample notebook's page, as a file."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "dot.png").write_bytes(png())
    (folder / "sample.py").write_text(SAMPLE, encoding="utf-8")
    assert nb.main(["page", str(folder / "sample.py"), "--out", str(folder / "out")]) == 0
    return (folder / "out" / "sample.html").as_uri()


@pytest.fixture
def opened(watch, address):
    """The page, offline; afterwards it has asked for nothing and complained of nothing."""
    watched = watch(offline=True)
    watched.page.goto(address, wait_until="load")
    yield watched.page
    assert watched.errors == []
    assert watched.requests == []


def test_page_opens_offline_without_an_error(opened):
    assert opened.title() == "A small page"
    assert opened.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_formulas_are_drawn(opened):
    loaded = "document.fonts.ready.then((all) => [...all].map((f) => [f.family, f.status]))"
    assert opened.evaluate(loaded) == [["Formulas", "loaded"]]
    fraction = opened.locator("mfrac").bounding_box()
    letter = opened.locator("mfrac mi").bounding_box()
    assert fraction["height"] > 1.5 * letter["height"]
    rows = opened.locator("mtable mtr")
    left = [rows.nth(i).locator("mtd").nth(1).bounding_box()["x"] for i in range(2)]
    above, below = (rows.nth(i).bounding_box()["y"] for i in range(2))
    assert abs(left[0] - left[1]) < 1
    assert below > above


def test_the_frame_runs_and_is_as_wide_as_the_text(opened):
    opened.frames[1].wait_for_function("document.title === 'ran'")
    frame = opened.locator("iframe").bounding_box()
    around = opened.locator("iframe >> xpath=..").bounding_box()
    assert frame["width"] == pytest.approx(around["width"])


def test_the_solution_is_folded_until_it_is_opened(opened):
    output = opened.get_by_text("solved", exact=True)
    assert not output.is_visible()
    opened.get_by_text("Solution", exact=True).click()
    assert output.is_visible()


def test_a_narrow_screen_needs_no_sideways_scrolling(opened):
    opened.set_viewport_size({"width": 340, "height": 700})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 340


def test_dark_follows_the_system(opened):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(paper)
    opened.emulate_media(color_scheme="dark")
    assert opened.evaluate(paper) != light
