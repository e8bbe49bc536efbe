"""The site, as ``make site`` builds it: every page in a real browser that has no network.

The tour is run as ``make site`` runs it. Of the other notebooks the page shows a run on the oldest
host, in an empty folder and with the library inside the notebook: two tests in one run.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import copies
import page
import pytest
import slides
from cells import sources
from execute import hidden_errors, run_all, unexecuted
from framed import fits, inner_frames, play, work_all
from host import said_by_checks
from lab import page_faults
from site_pages import write_site
from slides import has_slides
from stamp import notebook
from test_hosts import kernel, oldest, site  # noqa: F401 - fixtures
from test_slides_page import use_slides

from nclib.lessons.answers import NOT_DONE, RIGHT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOUR, *OTHERS = sources([])


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setenv("NCLIB_PROFILE", "ci")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_the_tour_its_page_and_its_slides(watch, tmp_path, monkeypatch, screenshots):
    """Both are made of one run, with the slides' resolution."""
    run = cache(page.executed)
    for tool in (page, slides):
        monkeypatch.setattr(tool, "executed", lambda source, **_: run(source, NCLIB_DPI="200"))
    assert has_slides(TOUR)
    write_site([TOUR], tmp_path)
    use_page(watch, tmp_path / f"{TOUR.stem}.html", screenshots)
    use_index(watch, tmp_path / "index.html", screenshots)
    leads_to_files(watch, tmp_path / "index.html")
    use_slides(watch, tmp_path / f"{TOUR.stem}.slides.html", screenshots)


@pytest.mark.parametrize("source", OTHERS, ids=lambda path: path.stem)
def test_it_runs_on_the_oldest_host_and_its_page_works(
    source,
    watch,
    kernel,  # noqa: F811
    site,  # noqa: F811
    tmp_path,
    monkeypatch,
    screenshots,
):
    """Its page, without a network, and the way to it."""
    node = run_there(source, kernel, site, tmp_path / "empty")
    assert unexecuted(node) == []
    assert hidden_errors(node) == []
    asked, right = said_by_checks(node), said_by_checks(node, "solution")
    assert all(one.startswith(f"{NOT_DONE}: return ") for one in asked), asked
    assert right == [RIGHT] * len(asked)
    monkeypatch.setattr(page, "executed", lambda _: node)
    write_site([source], tmp_path / "pages")
    use_page(watch, tmp_path / "pages" / f"{source.stem}.html", screenshots)
    leads_to_files(watch, tmp_path / "pages" / "index.html")


def run_there(source: Path, kernel: str, site: Path, folder: Path):  # noqa: F811
    """The notebook, with its own set-up cell again, and what it shows when all is inside it."""
    folder.mkdir()
    text = source.read_text(encoding="utf-8")
    made, env = copies.portable(text, notebook(text)), {"PYTHONPATH": str(site)}
    node = run_all(made, folder, checkout=False, kernel=kernel, NCLIB_WIDGETS="html", **env)
    for ran, cell in zip(node.cells, notebook(text)["cells"], strict=True):
        ran.source = "".join(cell["source"])
    return node


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
    """The player at its top."""
    watched = opened(watch, path)
    for frame in inner_frames(watched.page):
        play(frame)
    look_at(watched.page, "site_index", screenshots)
    assert page_faults(watched) == []


def leads_to_files(watch, path: Path) -> None:
    """The files that the index offers, its pictures, the way to the notebook's page."""
    watched = opened(watch, path)
    page = watched.page
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
