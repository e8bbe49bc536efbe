"""Pages that stand alone, cut off from the network: the executed tour, and a saved player."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import nb
import pytest
from lab import frames, page_faults, shoot, sliders, work
from test_player import collapsing_run

from nclib.widgets.player import CollapsePlayer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tour(tmp_path_factory) -> Path:
    """The tour, executed with the smallest settings, as one page."""
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NCLIB_PROFILE", "ci")
        patch.setenv("OMP_NUM_THREADS", "1")
        source = ROOT / "notebooks" / "00_tour.py"
        assert nb.main(["page", str(source), "--out", str(folder)]) == 0
    return folder / "00_tour.html"


@pytest.fixture(scope="session")
def player(tmp_path_factory) -> Path:
    """A player as ``save_html`` leaves it."""
    return CollapsePlayer(collapsing_run()).save_html(tmp_path_factory.mktemp("saved") / "p.html")


@pytest.fixture
def opened(watch):
    """Opens a page offline; at the end nothing complained and nothing was asked of the network."""
    pages = []

    def go(path: Path):
        pages.append(watch(1300, 1400, offline=True))
        pages[-1].page.goto(path.as_uri(), wait_until="load")
        return pages[-1].page

    yield go
    assert [page_faults(watched) for watched in pages] == [[]] * len(pages)


def themes(page):
    schemes = ("dark", "light")
    return {name: partial(page.emulate_media, color_scheme=name) for name in schemes}


def inner_frames(page):
    """The frames in a page, each with its element; drawn only once they were in view."""
    for element in page.locator("iframe").all():
        element.scroll_into_view_if_needed()
        frame = element.element_handle().content_frame()
        frame.wait_for_selector("input[type=range]")
        frames(frame)
        yield frame


def test_the_tour_plays_in_every_frame(opened, tour, screenshots):
    page = opened(tour)
    inside = list(inner_frames(page))
    assert len(inside) >= 3
    shoot(page, page.locator("iframe").all(), "page_00_tour", screenshots, themes(page))
    for frame in inside:
        found = sliders(frame)
        assert found
        for slider in found:
            assert slider.name
            work(slider, partial(frames, frame))
            assert slider.seen > 2


@pytest.mark.parametrize("width", [1300, 700])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_tours_frames_fit_the_page(opened, tour, width, theme):
    page = opened(tour)
    page.set_viewport_size({"width": width, "height": 1400})
    page.emulate_media(color_scheme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for frame in inner_frames(page):
        root = "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
        needed, given = frame.evaluate(f"() => {{ {root} }}")
        assert needed <= given


def test_the_saved_player(opened, player, screenshots):
    """In both themes and widths; what it does is tested in ``test_player_page.py``."""
    page = opened(player)
    shoot(page, [page.locator(".nc-player")], "page_player", screenshots, themes(page))
    (slider,) = sliders(page)
    work(slider, partial(frames, page))
    assert slider.seen == 10  # a new one whenever it was looked at
