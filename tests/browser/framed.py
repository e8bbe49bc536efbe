"""Players and explorers as self-contained HTML, each in a frame of a page or of an output."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lab import frames, sliders, work

WIDTHS = "() => { const r = document.documentElement; return [r.scrollWidth, r.clientWidth]; }"


def inner_frames(page: Any) -> Iterator[Any]:
    """The frames in a page; drawn only once they were in view."""
    for element in page.locator("iframe").all():
        element.scroll_into_view_if_needed()
        frame = element.element_handle().content_frame()
        frame.wait_for_selector("input[type=range]")
        frames(frame)
        yield frame


def fits(page: Any) -> None:
    """Nothing on the page or in its frames has to be scrolled sideways."""
    for frame in (page, *inner_frames(page)):
        needed, given = frame.evaluate(WIDTHS)
        assert needed <= given


MOVED = """() => {
  const { value, max } = document.querySelector("[data-part=scrub]");
  return Number(value) > Math.min(3, max - 1);
}"""


def play(frame: Any) -> None:
    """From the beginning to another epoch, step or layer, by its button; then it is stopped."""
    scrub = frame.locator("[data-part=scrub]").first
    scrub.press("Home")
    frame.get_by_role("button", name="play").click()
    frame.wait_for_function(MOVED)
    scrub.press("Home")


def work_all(frame: Any) -> None:
    """Play it, if it is a player; drag every slider, and move it by a key."""
    if frame.locator(".nc-player").count():
        play(frame)
    for slider in sliders(frame):
        assert slider.name
        work(slider, partial(frames, frame), steps=12)
        assert slider.seen > 1
