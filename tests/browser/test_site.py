"""The site, as ``make site`` builds it: every page in a real browser that has no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import page
import pytest
import slides
from cells import sources
from framed import fits, inner_frames, play, work_all
from lab import page_faults
from site_pages import write_site
from slides import has_slides
from test_slides_page import use_slides

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCES = sources([])


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_it_works_without_a_network(source, watch, tmp_path, monkeypatch, screenshots):
    """The site of one notebook: its page, the index, and its slides if it has any."""
    monkeypatch.setenv("NCLIB_PROFILE", "ci")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run_once(monkeypatch)
    write_site([source], tmp_path)
    use_page(watch, tmp_path / f"{source.stem}.html", screenshots)
    use_index(watch, tmp_path / "index.html", screenshots)
    if has_slides(source):
        use_slides(watch, tmp_path / f"{source.stem}.slides.html", screenshots)


def run_once(monkeypatch) -> None:
    """Page and slides are made of one run of a notebook: that of the slides, if it has any."""
    executed = page.executed
    run = cache(lambda source: executed(source, NCLIB_DPI="200" if has_slides(source) else "100"))
    for tool in (page, slides):
        monkeypatch.setattr(tool, "executed", lambda source, **_: run(source))


def opened(watch, path: Path):
    watched = watch(1300, 1400, offline=True)
    watched.page.goto(path.as_uri(), wait_until="load")
    return watched


def use_page(watch, path: Path, screenshots: Path) -> None:
    """Every player and slider; nothing is wider than the window."""
    watched = opened(watch, path)
    page = watched.page
    inside = list(inner_frames(page))
    assert inside
    for frame in inside:
        work_all(frame)
    look_at(page, f"site_{path.stem}", screenshots)
    assert page_faults(watched) == []


def use_index(watch, path: Path, screenshots: Path) -> None:
    """The player at its top, the files it offers, the way to the notebook's page."""
    watched = opened(watch, path)
    page = watched.page
    for frame in inner_frames(page):
        play(frame)
    look_at(page, "site_index", screenshots)
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    links = [link.get_attribute("href") for link in page.locator(".files a").all()]
    assert len(links) >= 2
    assert [link for link in links if not (path.parent / link).is_file()] == []
    page.locator(".notebooks a:has(h2)").click()
    assert page.locator(".nc-setup").count() == 1
    assert page_faults(watched) == []


def look_at(page, stem: str, screenshots: Path) -> None:
    for width, scheme in ((1300, "light"), (420, "dark")):
        page.set_viewport_size({"width": width, "height": 1400})
        page.emulate_media(color_scheme=scheme)
        fits(page)
        page.screenshot(path=screenshots / f"{stem}_{scheme}_{width}.png", full_page=True)
