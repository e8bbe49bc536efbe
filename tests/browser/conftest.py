"""A real Chromium, pages cut off from the network, and a JupyterLab to open notebooks in.

Missing locally, they are skipped with the remedy; in CI they must be there.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import FLAGS, Lab, Server, Watched, chromium_path, serve

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the made-up runs of test_player
REMEDY = "apt-get install chromium, or python -m playwright install chromium"


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; it must be there in CI")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """Playwright's handle on one Chromium for the whole session."""
    if importlib.util.find_spec("playwright") is None:
        _missing("playwright is not installed: pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = chromium_path(playwright)
        if found is None:
            _missing(f"no Chromium: {REMEDY}")
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watch(chromium) -> Iterator[Callable[..., Watched]]:
    """Opens watched pages: ``watch(width=…, height=…, color_scheme=…)``."""
    contexts = []

    def opened(width: int = 960, height: int = 760, **options: object) -> Watched:
        contexts.append(
            chromium.new_context(viewport={"width": width, "height": height}, **options)
        )
        return Watched(contexts[-1].new_page())

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def screenshots() -> Path:
    """Where screenshots are kept for people to look at."""
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory) -> Iterator[Server]:
    """One JupyterLab for the session."""
    if importlib.util.find_spec("jupyterlab") is None:
        _missing("jupyterlab is not installed: pip install jupyterlab")
    with serve(tmp_path_factory.mktemp("jupyterlab")) as server:
        yield server


@pytest.fixture
def jupyterlab(lab_server) -> Iterator[tuple[str, Path]]:
    """Address and (empty) root folder of a JupyterLab in which nothing is open or running."""
    yield lab_server.address, lab_server.root
    lab_server.tidy()


@pytest.fixture
def open_lab(watch, jupyterlab, lab_server) -> Callable[[str, str], Lab]:
    """Opens a notebook, given as name and JSON, alone on a page of JupyterLab."""

    def opened(name: str, text: str, width: int = 1300, height: int = 1400) -> Lab:
        (lab_server.root / name).write_text(text, encoding="utf-8")
        return Lab(watch(width, height), lab_server, name)

    return opened
