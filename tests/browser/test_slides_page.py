"""Slides in a real browser without a network: nothing cut off, players play, keys lead back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lab import frames, page_faults, sliders, work
from made import collapsing_run
from slides import to_slides
from test_slides import notebook

from nclib.player.player import CollapsePlayer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
AT = "Reveal.getSlidePastCount() + 1"
OUT = """(area, all) => {
  const seen = [...all].filter((node) => {
    const { visibility } = getComputedStyle(node), { width, height } = node.getBoundingClientRect();
    return visibility === "visible" && width > 1 && height > 1 && !node.closest("svg, math");
  });
  const out = (box) => box.left < area.left - 1 || box.right > area.right + 1 ||
    box.top < area.top - 1 || box.bottom > area.bottom + 1;
  const cut = (node) => getComputedStyle(node).overflowX !== "visible" &&
    node.scrollWidth > node.clientWidth + 1;
  return seen.filter((node) => out(node.getBoundingClientRect()) || cut(node))
    .map((node) => node.outerHTML.slice(0, 90));
}"""
ON_SLIDE = f"""() => {{
  const area = document.querySelector(".slides").getBoundingClientRect();
  const {{ left, right, top, bottom }} = area, foot = 28 * Reveal.getScale();
  const slide = Reveal.getCurrentSlide();
  const parts = [...slide.querySelectorAll(":scope > :not(.notes), .fragment > *")]
    .filter((node) => !node.matches(".fragment")).map((node) => node.getBoundingClientRect());
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 &&
    b.top < a.bottom - 1;
  const clash = parts.some((a, i) => parts.slice(i + 1).some((b) => over(a, b)));
  const inside = slide.querySelectorAll(":not(.notes, .notes *)");
  const found = ({OUT})({{ left, right, top, bottom: bottom - foot }}, inside);
  return clash ? [...found, "parts lie upon one another"] : found;
}}"""
IN_FRAME = f"""() => ({OUT})({{ left: 0, top: 0, right: innerWidth, bottom: innerHeight }},
  document.querySelectorAll("body *"))"""


@pytest.fixture
def deck(tmp_path) -> Path:
    """Slides of a small notebook with a real player, quickly made."""
    made = to_slides(notebook(CollapsePlayer(collapsing_run())._iframe()), tmp_path)
    (tmp_path / "deck.html").write_text(made, encoding="utf-8")
    return tmp_path / "deck.html"


def opened(watch, path: Path, width: int = 1120, height: int = 630, query: str = "", **options):
    """Slides on a screen, of their own size if not told: a frame's pixels are then the page's."""
    watched = watch(width, height, offline=True, **options)
    watched.page.goto(path.as_uri() + query, wait_until="load")
    watched.page.wait_for_function("Reveal.isReady()")
    return watched


def forward(page: Any) -> bool:
    """One press of the right arrow; False when nothing more comes."""
    state = f"[{AT}, document.querySelectorAll('.fragment.visible').length].join()"
    before = page.evaluate(state)
    page.keyboard.press("ArrowRight")
    frames(page)
    return page.evaluate(state) != before


def frame_of(page: Any) -> Any:
    """The frame on the slide that is shown; None without one."""
    held = page.evaluate_handle("Reveal.getCurrentSlide().querySelector('iframe')").as_element()
    return held and held.content_frame()


def to_the_player(page: Any) -> Any:
    while frame_of(page) is None:
        assert forward(page)
    return frame_of(page)


def cut_off(page: Any) -> list[str]:
    frame = frame_of(page)
    if frame is not None:
        frame.wait_for_selector("input[type=range]")
        frames(frame)
    return page.evaluate(ON_SLIDE) + (frame.evaluate(IN_FRAME) if frame else [])


def use_slides(watch, path: Path, screenshots: Path) -> None:
    """Slides of the tour: nothing is cut off on two screens, and all players and sliders work."""
    for width, height, scheme in ((1280, 720, "light"), (1920, 1080, "dark")):
        watched = opened(watch, path, width, height, color_scheme=scheme)
        page, at = watched.page, 0
        while not at or forward(page):
            at = page.evaluate(AT)
            page.screenshot(path=screenshots / f"slides_{at:02}_{scheme}_{width}.png")
            assert cut_off(page) == [], f"slide {at} at {width} × {height}"
        assert at == page.evaluate("Reveal.getTotalSlides()") >= 15
        assert page_faults(watched) == []
    watched = opened(watch, path)
    held = 0
    while forward(watched.page):
        if frame := frame_of(watched.page):
            held += 1
            for slider in sliders(frame):
                work(slider, partial(frames, frame), steps=12)
            frame.locator("input[type=range]").first.press("Escape")
            watched.page.wait_for_function("!document.body.classList.contains('inside')")
    assert held == 4
    assert page_faults(watched) == []


def test_keys_in_a_player_are_its_own_and_lead_back(watch, deck):
    watched = opened(watch, deck)
    page = watched.page
    frame = to_the_player(page)
    at, readout = page.evaluate(AT), frame.locator("[data-part=readout]")
    for _ in range(4):  # in by the keyboard
        page.keyboard.press("Tab")
    page.wait_for_selector("body.inside .way-back", state="visible")
    frame.locator("[data-part=scrub]").focus()
    before = readout.inner_text()
    page.keyboard.press("ArrowRight")
    assert readout.inner_text() != before
    assert page.evaluate(AT) == at
    page.keyboard.press("Escape")
    page.wait_for_selector("body:not(.inside)")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{AT} === {at + 1}")
    for key, step in (("PageDown", 1), ("PageUp", -1)):
        page.keyboard.press("ArrowLeft")  # to the player
        page.wait_for_function(f"{AT} === {at}")
        frame.locator("[data-part=scrub]").focus()
        page.keyboard.press(key)  # a remote control's
        page.wait_for_function(f"{AT} === {at + step}")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{AT} === {at}")
    frame.locator("[data-part=scrub]").focus()
    page.mouse.click(600, 8)  # beside the player, on the slide
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{AT} === {at + 1}")
    assert page_faults(watched) == []


def test_the_mouse_meets_a_player_that_is_drawn_larger(watch, deck):
    watched = opened(watch, deck, 1920, 1080)
    page = watched.page
    frame = to_the_player(page)
    assert frame.get_by_role("slider", name="epoch").input_value() == "0"  # no motion until asked
    outer = page.evaluate_handle("Reveal.getCurrentSlide().querySelector('iframe')").bounding_box()
    centre = """(node) => { const { x, y, width, height } = node.getBoundingClientRect();
      return [(x + width / 2) / innerWidth, (y + height / 2) / innerHeight]; }"""
    across, down = frame.locator("[data-part=play]").evaluate(centre)
    page.mouse.click(outer["x"] + across * outer["width"], outer["y"] + down * outer["height"])
    frame.wait_for_function("() => Number(document.querySelector('input[type=range]').value) > 1")
    assert page_faults(watched) == []


def test_speaker_notes_open_from_a_file(watch, deck):
    watched = opened(watch, deck)
    with watched.page.expect_popup() as popup:
        watched.page.keyboard.press("s")
    popup.value.get_by_text("Draw three arrows").wait_for()
    popup.value.wait_for_function("document.querySelectorAll('iframe').length === 2")
    assert page_faults(watched) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_a_slide_is_a_page_and_the_player_is_at_its_end(watch, deck, scheme):
    watched = opened(watch, deck, query="?print-pdf", color_scheme=scheme)
    page = watched.page
    page.wait_for_selector(".pdf-page iframe")
    frame = page.locator("iframe").element_handle().content_frame()
    last = frame.wait_for_selector("input[type=range]").get_attribute("max")
    frame.wait_for_function(f"() => document.querySelector('input').value === '{last}'")
    assert frame.locator(".nc-player").get_attribute("data-theme") == "light"
    assert page.locator(".pdf-page").count() == page.locator("section.slide").count()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page_faults(watched) == []
