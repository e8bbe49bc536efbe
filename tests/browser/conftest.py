"""A real Chromium, pages cut off from the network, and a JupyterLab to open notebooks in.

Missing locally, they are skipped with the remedy; in CI they must be there.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the made-up runs of test_player
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
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
        own = playwright.chromium.executable_path
        found = shutil.which("chromium") or shutil.which("google-chrome")
        if not (found or Path(own).exists()):
            _missing(f"no Chromium: {REMEDY}")
        browser = playwright.chromium.launch(executable_path=found or own, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page that remembers every error, and every request that would leave this machine."""

    def __init__(self, page: object) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.route("**/*", self._gate)

    def _listen(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _gate(self, route: object) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            return route.continue_()
        self.requests.append(route.request.url)
        return route.abort()


@pytest.fixture
def watch(chromium) -> Iterator:
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


@pytest.fixture
def jupyterlab(tmp_path) -> Iterator[tuple[str, Path]]:
    """Address and root folder of a JupyterLab with settings of its own."""
    if importlib.util.find_spec("jupyterlab") is None:
        _missing("jupyterlab is not installed: pip install jupyterlab")
    root, own = tmp_path / "root", tmp_path / "own"
    root.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
    environment = {**os.environ, **{f"JUPYTER_{name}": str(own / name) for name in places}}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(own / "ws"), "IPYTHONDIR": str(own / "ip")}
    environment |= {"PYTHONPATH": str(ROOT), "NCLIB_WIDGETS": "anywidget"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=", f"{root}"]
    command += ["--ServerApp.disable_check_xsrf=True", "--expose-app-in-browser"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status", server, tmp_path / "server.log")
            yield f"http://127.0.0.1:{port}", root
        finally:
            _stop(server)


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def _stop(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)  # our own session only
        server.wait()
