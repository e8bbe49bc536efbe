"""A page with a player and sliders, by keyboard alone, at rest, and as axe-core judges it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from framed import inner_frames
from lab import frames
from made import collapsing_run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from page import to_html

from nclib.pictures.picture import Picture, picture
from nclib.player.player import CollapsePlayer
from nclib.widgets.explore import explore

pytestmark = pytest.mark.browser

TEXT = """# A page

[First](#a-part)

## A part

| letter | word |
| --- | --- |
| p | features |

$$NC1 = 0$$
"""
FOCUSABLE = "a[href], summary, button:enabled, input, select, [tabindex='0']"
NAMES = f"""() => [...document.querySelectorAll("{FOCUSABLE}")]
  .filter((e) => e.checkVisibility()).map((e, i) => (e.dataset.stop = String(i)))"""
FOCUS = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  return { frame: e.tagName === "IFRAME", stop: e.dataset.stop, tag: e.tagName, name: e.className,
           outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 };
}"""
# Browsers let Tab stop at what scrolls by themselves (above); axe-core does not know.
AXE = """() => axe.run({ pingWaitTime: 10000,
                        rules: { "scrollable-region-focusable": { enabled: false } } })"""


def line(height: int, shift: int = 0) -> Picture:
    figure, axis = picture(size=(3, 2))
    axis.plot([0, 1], [shift, height])
    figure.alt = f"A line from {shift} to {height}."
    return figure


def shown(html: str, source: str = "show()") -> nbformat.NotebookNode:
    return new_code_cell(source, outputs=[new_output("display_data", {"text/html": html})])


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    """A notebook's page, from outputs made here instead of by a kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCLIB_WIDGETS", "html")
        player = CollapsePlayer(collapsing_run(per_class=5))._repr_mimebundle_()["text/html"]
    wide = pd.DataFrame({f"a long name of column {i}": [i] for i in range(9)}).to_html()
    setup = new_code_cell("import nclib  # find it", metadata={"tags": ["nc-setup"]})
    sliders = explore(line, height=[1, 2, 3], shift=[0, 5]).to_html()
    cells = [new_markdown_cell(TEXT), setup, shown(player), shown(sliders), shown(wide)]
    cells.append(new_markdown_cell("[Last](#a-part)"))
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(to_html(new_notebook(cells=cells), file.parent), encoding="utf-8")
    return file


@pytest.fixture
def opened(watch, page_file):
    watched = []

    def go(width: int = 1300, **options):
        watched.append(watch(width, 900, offline=True, **options))
        page = watched[-1].page
        page.goto(page_file.as_uri())
        return page, *inner_frames(page)

    yield go
    assert [w.errors for w in watched] == [[]] * len(watched)


def focus(page) -> tuple:
    """Where the focus is: frame (0 the page), number, tag; whether it is outlined."""
    found, number = page.evaluate(FOCUS), 0
    if found["frame"]:
        element = page.evaluate_handle("document.activeElement").as_element()
        inner = element.content_frame()
        number = page.frames.index(inner)
        found = inner.evaluate(FOCUS)
    return (number, found["stop"], found["tag"]), found


@pytest.mark.parametrize("width", [1300, 420])
def test_tab_reaches_everything_shows_where_it_is_and_leaves(opened, width):
    page, *_ = opened(width)
    wanted = {
        (page.frames.index(frame), stop) for frame in page.frames for stop in frame.evaluate(NAMES)
    }
    assert len(wanted) > 25
    page.evaluate("window.scrollTo(0, 0)")
    way, scrolled = [], set()
    for _ in range(3 * len(wanted)):
        page.keyboard.press("Tab")
        at, found = focus(page)
        if at[2] in ("BODY", "HTML"):
            continue
        assert found["outlined"], at
        if at in way:  # once around
            break
        way.append(at)
        if at[1] is None:
            scrolled.add(found["name"])
    assert {stop[:2] for stop in way if stop[1] is not None} == wanted
    assert ("wide" in scrolled) == (width == 420)  # what has to be scrolled can be
    page.keyboard.press("Shift+Tab")
    assert focus(page)[0] in way


def test_keys_work_what_they_reach(opened):
    page, player, sliders = opened()
    page.locator("summary").press("Enter")
    assert page.locator("details").first.evaluate("e => e.open")
    page.locator("summary").press(" ")
    assert not page.locator("details").first.evaluate("e => e.open")

    play = player.locator(".nc-play")
    for key in ("Enter", " "):
        play.press(key)
        assert play.inner_text() == "Pause"
        play.press(key)
        assert play.inner_text() == "Play"
    epoch = player.get_by_role("slider", name="epoch")
    epoch.press("End")
    assert "epoch 100 of 100" in epoch.get_attribute("aria-valuetext")
    speed = player.get_by_label("speed")
    speed.press("ArrowDown")
    assert speed.input_value() == "2"
    chip = player.locator(".nc-classes button").first
    chip.press("Enter")
    assert chip.get_attribute("aria-pressed") == "true"
    layer = player.locator(".nc-key button").first
    layer.press(" ")
    assert layer.get_attribute("aria-pressed") == "false"
    words = player.locator(".nc-stage canvas").get_attribute("aria-label")
    assert "at epoch 100 of 100" in words
    epoch.press("Home")
    assert "at epoch 0 of 100" in player.locator(".nc-stage canvas").get_attribute("aria-label")

    height = sliders.get_by_role("slider", name="height")
    image = sliders.locator("img")
    before = image.get_attribute("src")
    height.press("ArrowRight")
    assert height.get_attribute("aria-valuetext") == "2"
    assert image.get_attribute("alt") == "A line from 0 to 2."
    assert sliders.get_by_role("status").inner_text() == "A line from 0 to 2."
    assert image.get_attribute("src") != before


def test_nothing_moves_before_it_is_asked(opened):
    page, *_ = opened()
    page.set_viewport_size({"width": 1300, "height": 3000})  # frames in view draw
    for frame in page.frames:
        frames(frame)
    before = page.screenshot()
    for frame in page.frames:
        for _ in range(20):
            frames(frame)
        assert frame.evaluate("document.getAnimations().length") == 0
        assert frame.locator("video, audio, marquee, img[src^='data:image/gif']").count() == 0
    assert page.screenshot() == before


@pytest.mark.parametrize("width", [1300, 420])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(opened, screenshots, width, theme):
    page, *_ = opened(width, color_scheme=theme)
    for details in page.locator("details").all():
        details.evaluate("e => { e.open = true; }")
    for frame in page.frames:
        frame.evaluate(AXE_SCRIPT)
        frame.evaluate("axe.configure({ allowedOrigins: ['<unsafe_all_origins>'] })")
    found = page.evaluate(AXE)
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
    assert "frame-tested" not in [one["id"] for one in found["incomplete"]]  # frames were judged
    assert len(found["passes"]) > 20
    page.screenshot(path=screenshots / f"accessible_{theme}_{width}.png", full_page=True)


def test_headings_landmarks_and_language(opened):
    page, *_ = opened()
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4')].map((e) => Number(e.tagName[1]))"
    )
    assert levels == [1, 2]
    assert page.locator("main").count() == 1
    titles = page.locator("iframe").evaluate_all("all => all.map((frame) => frame.title)")
    assert titles == ["Collapse player: made up · none · none", "Picture under height, shift"]
    for frame in page.frames:
        assert frame.locator("html").get_attribute("lang") == "en"
        assert frame.title()
