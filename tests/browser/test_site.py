"""The site, as ``make site`` builds it: every page in a real browser that has no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from cells import sources
from framed import fits, inner_frames, play, work_all
from lab import page_faults
from site_pages import write_site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCES = sources([])


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Builds the site of one notebook; its folder."""

    def build(source: Path) -> Path:
        monkeypatch.setenv("NCLIB_PROFILE", "ci")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        write_site([source], tmp_path)
        return tmp_path

    return build


def opened(watch, path: Path, **options):
    watched = watch(1300, 1400, offline=True, **options)
    watched.page.goto(path.as_uri(), wait_until="load")
    return watched


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_page_works_without_a_network(source, built, watch, screenshots):
    name = source.stem
    watched = opened(watch, built(source) / f"{name}.html")
    page = watched.page
    inside = list(inner_frames(page))
    assert inside
    for frame in inside:
        work_all(frame)
    fits(page)
    page.screenshot(path=screenshots / f"site_{name}.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 420, "height": 1400})
    fits(page)
    page.screenshot(path=screenshots / f"site_{name}_dark_420.png", full_page=True)
    assert page_faults(watched) == []


def test_the_index_shows_what_there_is(built, watch, screenshots):
    folder, name = built(SOURCES[0]), SOURCES[0].stem
    watched = opened(watch, folder / "index.html")
    page = watched.page
    for frame in inner_frames(page):
        play(frame)
    for width, scheme in ((1300, "light"), (420, "dark")):
        page.set_viewport_size({"width": width, "height": 1400})
        page.emulate_media(color_scheme=scheme)
        fits(page)
        page.screenshot(path=screenshots / f"site_index_{scheme}_{width}.png", full_page=True)
    for link in page.locator("a[download]").all():
        assert (folder / link.get_attribute("href")).is_file()
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    page.locator(f".notebooks a[href='{name}.html']").click()
    assert page.url.endswith(f"{name}.html")
    assert page_faults(watched) == []
