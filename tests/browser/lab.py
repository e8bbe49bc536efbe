"""Notebooks in a real JupyterLab in a real Chromium: start both, run cells, find every fault.

Used by the tests here and by ``benchmarks/interaction.py``. What is measured is returned, never
judged.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

# ---- Chromium --------------------------------------------------------------------------------


def chromium_path(playwright: Any) -> str | None:
    """A Chromium of the system's or Playwright's own; None when there is neither."""
    own = playwright.chromium.executable_path
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None) or (own if Path(own).exists() else None)


class Watched:
    """A page that remembers every error, and every request that would leave this machine."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.on("websocket", self._note)
        page.route("**/*", self._gate)

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _note(self, socket: Any) -> None:
        if not socket.url.startswith("ws://127.0.0.1:"):
            self.requests.append(socket.url)

    def _gate(self, route: Any) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            return route.continue_()
        self.requests.append(route.request.url)
        return route.abort()


# ---- JupyterLab ------------------------------------------------------------------------------

SETTINGS = {  # every cell is in the page, nothing is fetched, nothing saved behind our back
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
KERNEL = {"NCLIB_PROFILE": "ci", "NCLIB_WIDGETS": "anywidget", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address, the folder of its notebooks, the folder of its own."""

    address: str
    root: Path
    own: Path

    def ask(self, path: str, method: str = "GET") -> Any:
        """The answer of its REST interface."""
        request = urllib.request.Request(f"{self.address}/{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def tidy(self) -> None:
        """End all kernels, forget open documents, empty the folder of notebooks."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")
        for folder in (self.root, self.own / "workspaces"):
            for path in folder.iterdir() if folder.is_dir() else ():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def serve(folder: Path, **env: str) -> Iterator[Server]:
    """A JupyterLab with settings of its own under ``folder``; its kernels see ``env``."""
    root, own = folder / "root", folder / "own"
    root.mkdir(parents=True)
    for name, values in SETTINGS.items():
        path = own / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **KERNEL, "PYTHONPATH": str(ROOT), **env}
    for name in ("CONFIG", "RUNTIME", "DATA"):
        environment[f"JUPYTER_{name}_DIR"] = str(own / name.lower())
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(own / "settings")
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(own / "workspaces")
    environment["IPYTHONDIR"] = str(own / "ipython")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=", f"{root}"]
    command += ["--ServerApp.disable_check_xsrf=True", "--expose-app-in-browser"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", root, own)
            _wait_for(server, process, folder / "server.log")
            yield server
        finally:
            _stop(process)


def _wait_for(server: Server, process: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            server.ask("api/status")
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # our own session only
        process.wait()


# ---- A notebook in it ------------------------------------------------------------------------


def notebook(*sources: str, kernel: str = "python3") -> str:
    """A notebook of code cells, as JSON."""
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "source": source}
        | {"execution_count": None}
        for i, source in enumerate(sources)
    ]
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


# What the console says and is no fault of a notebook's: regular expressions, each with its reason.
NOISE = ()  # JupyterLab 4.6 says nothing

# Errors are listened for where the kernel sends them: those of callbacks reach no cell.
LISTEN = """async () => {
  const panel = window.jupyterapp.shell.currentWidget, session = panel.context.sessionContext;
  await panel.context.ready;
  await session.ready;
  await session.session.kernel.info;
  window.nc = { errors: [], text: {}, ran: null };
  session.iopubMessage.connect((_, message) => {
    const { header, content, parent_header } = message, type = header.msg_type;
    if (type === "error") nc.errors.push(`${content.ename}: ${content.evalue}`);
    if (type === "stream") {
      const key = parent_header.msg_id + content.name;
      nc.text[key] = (nc.text[key] || "") + content.text;
    }
  });
}"""
RUN_ALL = """() => {
  window.jupyterapp.commands.execute("notebook:run-all-cells")
    .then(() => { nc.ran = true; }, (error) => { nc.ran = String(error); });
}"""
RUN_CELL = """(number) => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.deselectAll();
  panel.content.activeCellIndex = number;
  nc.ran = null;
  window.jupyterapp.commands.execute("notebook:run-cell")
    .then(() => { nc.ran = true; }, (error) => { nc.ran = String(error); });
}"""
QUIET = """() => {
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const loading = [...document.querySelectorAll(".jp-OutputArea-output")]
    .some((node) => node.innerText.trim().startsWith("Loading widget"));
  const seen = [...document.querySelectorAll(".jp-OutputArea-output img")]
    .every((image) => image.complete);
  return kernel.status === "idle" && !loading && seen;
}"""
# What a reader would see, and what the notebook would keep.
FAULTS = """() => {
  const found = [], traceback = "Traceback (most recent call last)";
  const last = (text) => text.trim().split("\\n").pop();
  const cells = window.jupyterapp.shell.currentWidget.content.model.toJSON().cells;
  cells.forEach((cell, i) => {
    if (cell.cell_type !== "code") return;
    const source = [].concat(cell.source).join("").trim();
    if (source && cell.execution_count === null) found.push(`cell ${i}: not executed`);
    for (const output of cell.outputs) {
      const text = [].concat(output.text || "").join("");
      const { output_type, ename, evalue } = output;
      if (output_type === "error") found.push(`cell ${i}: ${ename}: ${evalue}`);
      if (text.includes(traceback)) found.push(`cell ${i}: ${last(text)}`);
    }
  });
  for (const node of document.querySelectorAll(".jp-Notebook .jupyter-widgets")) {
    const inside = node.parentElement.closest(".jupyter-widgets"), text = node.innerText;
    if (!inside && text.includes("Traceback")) found.push(`widget: ${last(text)}`);
  }
  for (const node of document.querySelectorAll(".jp-OutputArea-output")) {
    if (/^(Error (displaying|creating)|Loading) widget/.test(node.innerText.trim()))
      found.push(`widget: ${node.innerText.trim()}`);
  }
  for (const error of nc.errors) found.push(`kernel: ${error}`);
  for (const text of Object.values(nc.text)) {
    if (text.includes(traceback)) found.push(`kernel: ${last(text)}`);
  }
  return found;
}"""
ALERTS = """() => [...document.querySelectorAll("[role=alert]")]
  .filter((node) => !document.querySelector(".jp-Notebook") || node.closest(".jp-Notebook"))
  .map((node) => node.innerText.trim().split("\\n").pop()).filter((text) => text)"""
OUTPUT = """(number) => {
  const cell = window.jupyterapp.shell.currentWidget.content.model.toJSON().cells[number];
  const said = (output) => [].concat(output.text || output.data?.["text/plain"] || "");
  return cell.outputs.flatMap(said).join("");
}"""


class Lab:
    """A notebook open in JupyterLab, alone on the page.

    Args:
        watched: the page to open it in.
        server: where it lies.
        name: of its file under the server's root.
    """

    def __init__(self, watched: Watched, server: Server, name: str) -> None:
        self.watched, self.page = watched, watched.page
        self.page.set_default_timeout(120_000)
        self.page.goto(f"{server.address}/doc/tree/{name}?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.model")
        self.page.evaluate(LISTEN)

    def run_all(self, timeout_s: float = 300) -> None:
        """Run every cell; returns when all are done and the kernel rests."""
        self.page.evaluate(RUN_ALL)
        self._wait_until_run(timeout_s)

    def run_cell(self, number: int, timeout_s: float = 120) -> str:
        """Run one cell; the text that it printed or showed."""
        self.start_cell(number)
        self._wait_until_run(timeout_s)
        return self.page.evaluate(OUTPUT, number)

    def start_cell(self, number: int) -> None:
        """Run one cell and do not wait for it."""
        self.page.evaluate(RUN_CELL, number)

    def _wait_until_run(self, timeout_s: float) -> None:
        self.page.wait_for_function("() => nc.ran !== null", timeout=1000 * timeout_s, polling=100)
        self.settle(timeout_s)

    def settle(self, timeout_s: float = 60) -> None:
        """Until the kernel is idle and what it sent is on the page."""
        self.page.wait_for_function(QUIET, timeout=1000 * timeout_s, polling=100)
        frames(self.page)

    def faults(self) -> list[str]:
        """Everything that went wrong so far, also where nobody looks; each with its place."""
        return self.page.evaluate(FAULTS) + page_faults(self.watched)

    def theme(self, name: str) -> None:
        """Change to ``light`` or ``dark``, and wait until it is there."""
        command = f"""() => window.jupyterapp.commands.execute(
            "apputils:change-theme", {{ theme: "JupyterLab {name.title()}" }})"""
        self.page.evaluate(command)
        shown = """(light) => document.body.dataset.jpThemeLight === light
            && !document.getElementById("jupyterlab-splash")"""
        self.page.wait_for_function(shown, arg=str(name == "light").lower(), polling=50)
        frames(self.page)


def page_faults(watched: Watched) -> list[str]:
    """Alerts in the page and its frames, errors of the console, requests to outside."""
    alerts = [text for frame in watched.page.frames for text in frame.evaluate(ALERTS)]
    said = [text for text in watched.errors if not any(re.search(n, text) for n in NOISE)]
    return [
        *(f"alert: {text}" for text in alerts),
        *(f"console: {text}" for text in said),
        *(f"request: {url}" for url in watched.requests),
    ]


def frames(frame: Any) -> None:
    """Until two animation frames have passed: whatever was asked for is drawn."""
    frame.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


# ---- Sliders and the pictures beside them ----------------------------------------------------

FIND = """() => {
  const all = [...document.querySelectorAll(".noUi-handle, input[type=range]")];
  return all.filter((node) => node.getClientRects().length).map((node) => {
    const box = node.closest(".widget-inline-hbox") || node.parentElement;
    const label = box.querySelector(".widget-label");
    return node.getAttribute("aria-label") || (label ? label.textContent : "");
  });
}"""
ABOUT = """(nth) => {
  const all = [...document.querySelectorAll(".noUi-handle, input[type=range]")];
  const node = all.filter((one) => one.getClientRects().length)[nth];
  const track = node.closest(".noUi-base") || node;
  const holds = ".nc-player, .jp-OutputArea-output:not(.widget-output *), body";
  const value = Number(node.value ?? node.getAttribute("aria-valuenow"));
  const least = Number(node.min ?? node.getAttribute("aria-valuemin"));
  const most = Number(node.max ?? node.getAttribute("aria-valuemax"));
  return { node, track, box: node.closest(holds), part: (value - least) / (most - least) };
}"""
PIXELS = f"""async (nth) => {{
  const found = [...({ABOUT})(nth).box.querySelectorAll("img, canvas")];
  const shown = found.filter((one) => one.clientWidth > 40 && one.clientHeight > 40);
  return Promise.all(shown.map(async (one) => {{
    if (one.tagName === "CANVAS") return one.toDataURL();
    for (let i = 0; i < 100; i++) {{ // it may be replaced while it is loading
      if (await one.decode().then(() => one.naturalWidth, () => 0)) break;
      await new Promise(requestAnimationFrame);
    }}
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [one.naturalWidth, one.naturalHeight];
    if (copy.width) copy.getContext("2d").drawImage(one, 0, 0);
    return copy.toDataURL();
  }}));
}}"""


@dataclass
class Slider:
    """One slider of a page or frame, the ``nth`` that is to be seen."""

    frame: Any
    nth: int
    name: str
    seen: int = field(default=0, init=False)  # different pictures in a drag, looked at now and then

    def pixels(self) -> list[str]:
        """The pictures in its widget, as they are now."""
        return self.frame.evaluate(PIXELS, self.nth)

    def still(self) -> list[str]:
        """The pictures, once they stay as they are for a moment."""
        before = None
        while (now := self.pixels()) != before:
            before = now
            time.sleep(0.2)
        return now

    def about(self, what: str) -> Any:
        """``part``: where it stands, 0 to 1; ``node``, ``track`` or ``box`` of it."""
        return self.frame.evaluate_handle(f"(nth) => ({ABOUT})(nth).{what}", self.nth)

    def wait_until_changed(self, before: list[str], how: str, timeout_s: float = 60) -> list[str]:
        """The new pictures; TimeoutError names the slider when they stay as they were."""
        until = time.monotonic() + timeout_s
        while (now := self.pixels()) == before:
            if time.monotonic() > until:
                raise TimeoutError(f"slider {self.name!r}: no pixel changed {how}")
            time.sleep(0.05)
        return now

    def drag(self, steps: int = 30) -> None:
        """By the mouse, to the farther end, in ``steps`` moves with a drawn frame after each."""
        node = self.about("node")
        node.evaluate("(node) => node.scrollIntoView({ block: 'center' })")  # of the page, too
        frames(self.frame)
        track = None
        while (now := self.about("track").bounding_box()) != track:  # until scrolling is over
            track = now
            time.sleep(0.1)
        part = self.about("part").json_value()
        inset = 8 if track["height"] > 12 else 0  # a range input's thumb stays within
        left, width = track["x"] + inset, track["width"] - 2 * inset
        y, goal = track["y"] + track["height"] / 2, float(part < 0.5)
        mouse, seen = _mouse(self.frame), set()
        mouse.move(left + part * width, y)
        mouse.down()
        for step in range(1, steps + 1):
            mouse.move(left + (part + (goal - part) * step / steps) * width, y)
            frames(self.frame)
            if step % 3 == 0:  # reading pixels takes time
                seen.add(tuple(self.pixels()))
        mouse.up()
        self.seen = len(seen)

    def press(self, key: str) -> None:
        """A key, with the slider in focus."""
        self.about("node").press(key)


def _mouse(frame: Any) -> Any:
    return getattr(frame, "page", frame).mouse


def sliders(frame: Any) -> list[Slider]:
    """All sliders that are to be seen in a page or frame."""
    return [Slider(frame, nth, name.strip()) for nth, name in enumerate(frame.evaluate(FIND))]


def work(slider: Slider, rest: Any, steps: int = 30) -> None:
    """Drag a slider, then press arrow keys: each must change the pictures beside it.

    Args:
        slider: which.
        rest: called after each; returns when nothing is going on any more.
        steps: of the drag.

    Raises:
        TimeoutError: names the slider that changes nothing, and how it was moved.
    """
    before = slider.still()
    slider.drag(steps)
    slider.wait_until_changed(before, "by a drag")
    rest()
    inwards = "ArrowLeft" if slider.about("part").json_value() > 0.5 else "ArrowRight"
    before = slider.still()
    slider.press(inwards)
    slider.wait_until_changed(before, f"by {inwards}")
    rest()


def shoot(
    page: Any, places: Sequence[Any], stem: str, folder: Path, change: dict[str, Any]
) -> list[Path]:
    """Screenshots of ``places`` in two themes and two widths of the window.

    Args:
        page: on which they are.
        places: locators.
        stem: the files are called ``<stem>_<number>_<theme>_<width>.png``.
        folder: for the files.
        change: for each theme, a function that changes to it.
    """
    made = []
    for width in (1300, 700):
        page.set_viewport_size({"width": width, "height": 2200})
        for theme, to_theme in change.items():
            to_theme()
            for number, place in enumerate(places, 1):
                made.append(folder / f"{stem}_{number}_{theme}_{width}.png")
                place.scroll_into_view_if_needed()
                frames(page)
                place.screenshot(path=made[-1])
    page.set_viewport_size({"width": 1300, "height": 1400})
    return made


# ---- How fast a computed picture follows its slider ------------------------------------------

# A move is answered by the first picture whose message left after it: for its value, or a newer.
FOLLOW = """() => {
  const notebook = window.jupyterapp.shell.currentWidget;
  const handle = document.querySelector(".noUi-handle"), log = { moves: [], sent: [], most: 0 };
  const open = new Set(), holder = handle.closest(".jp-OutputArea-output");
  nc.follow = { ...log, idle: () => open.size === 0 };
  notebook.context.sessionContext.session.kernel.anyMessage.connect((_, { msg, direction }) => {
    const { msg_type, msg_id } = msg.header, data = msg.content.data || {};
    const parent = msg.parent_header.msg_id, slid = "index" in (data.state || {});
    if (direction === "send" && msg_type === "comm_msg" && slid) {
      open.add(msg_id);
      nc.follow.sent.push({ id: msg_id, index: data.state.index, at: performance.now() });
      nc.follow.most = Math.max(nc.follow.most, open.size);
    }
    if (direction !== "recv") return;
    const asked = nc.follow.sent.find((one) => one.id === parent);
    if (asked && (data.buffer_paths || []).length) asked.drawn = true;
    if (msg_type === "status" && msg.content.execution_state === "idle") open.delete(parent);
  });
  holder.addEventListener("load", () => requestAnimationFrame((now) => {
    for (const one of nc.follow.sent) if (one.drawn && !one.shown) one.shown = now;
  }), true);
  let last = handle.getAttribute("aria-valuenow");
  window.addEventListener("pointermove", ({ timeStamp }) => setTimeout(() => {
    const value = handle.getAttribute("aria-valuenow");
    if (value === last) return;
    last = value;
    nc.follow.moves.push({ at: timeStamp, index: Number(value) });
  }), true);
}"""
FOLLOWED = """() => {
  const { moves, sent, most } = nc.follow;
  const answer = ({ at }) => Math.min(...sent.filter((s) => s.at >= at && s.shown)
    .map((s) => s.shown)) - at;
  return { moves: moves.map((m) => m.index), sent: sent.map((s) => s.index), most,
           ms: moves.map(answer) };
}"""
ANSWERED = """() => nc.follow.idle() && nc.follow.sent.length
  && nc.follow.sent.at(-1).shown && nc.follow.sent.at(-1).index === nc.follow.moves.at(-1).index"""


def follow(lab: Lab, *, steps: int = 30, pause_ms: float = 16) -> dict[str, Any]:
    """Drag the only ipywidgets slider of a notebook, and watch its pictures follow.

    Args:
        lab: with one ``explore`` of at least ``steps`` values, run.
        steps: moves of the mouse, from one end to the other.
        pause_ms: between two of them.

    Returns:
        ``moves``, the values passed over, and ``sent``, those the kernel was asked for (indices);
        ``most``, how many were under way at once; ``ms``, for each move the time from the mouse's
        event to the frame that shows the picture of its value or of a newer one.
    """
    (slider,) = sliders(lab.page)
    lab.page.evaluate(FOLLOW)
    track, part = slider.about("track").bounding_box(), slider.about("part").json_value()
    y, goal = track["y"] + track["height"] / 2, float(part < 0.5)
    lab.page.mouse.move(track["x"] + part * track["width"], y)
    lab.page.mouse.down()
    for step in range(1, steps + 1):
        there = part + (goal - part) * step / steps
        lab.page.mouse.move(track["x"] + there * track["width"], y)
        lab.page.wait_for_timeout(pause_ms)
    lab.page.mouse.up()
    lab.page.wait_for_function(ANSWERED, polling=100)
    return lab.page.evaluate(FOLLOWED)


# ---- Live training ---------------------------------------------------------------------------

COUNT_PICTURES = """() => {
  nc.pictures = 0;
  if (nc.counting) return;
  nc.counting = true;
  document.querySelector(".jp-Notebook").addEventListener("load", (event) => {
    if (event.target.tagName === "IMG") nc.pictures += 1;
  }, true);
}"""
INTERRUPT = """async () => {
  const begin = performance.now();
  await window.jupyterapp.commands.execute("notebook:interrupt-kernel");
  while (nc.ran === null && performance.now() - begin < 30000)
    await new Promise(requestAnimationFrame);
  return nc.ran === null ? null : performance.now() - begin;
}"""
STOPS = """() => {
  const named = (node) => node.innerText.trim() === "Stop" && node.getClientRects().length;
  const button = [...document.querySelectorAll("button.jupyter-button")].find(named);
  const widget = button.closest(".jp-OutputArea-output");
  nc.ended = new Promise((done) => button.addEventListener("click", ({ timeStamp }) => {
    const look = () => {
      const passed = performance.now() - timeStamp;
      if (!button.getClientRects().length && widget.innerText.includes("stopped")) done(passed);
      else if (passed > 30000) done(null);
      else requestAnimationFrame(look);
    };
    look();
  }, { capture: true, once: true }));
}"""
TIMED_CELL = """async (number) => {
  const panel = window.jupyterapp.shell.currentWidget, begin = performance.now();
  panel.content.deselectAll();
  panel.content.activeCellIndex = number;
  await window.jupyterapp.commands.execute("notebook:run-cell");
  return performance.now() - begin;
}"""


def count_pictures(lab: Lab) -> None:
    """From now on ``pictures_seen`` counts."""
    lab.page.evaluate(COUNT_PICTURES)


def wait_for_pictures(lab: Lab, count: int, timeout_s: float = 120) -> None:
    """Until so many have been shown since ``count_pictures``."""
    lab.page.wait_for_function(
        "(count) => nc.pictures >= count", arg=count, timeout=1000 * timeout_s, polling=50
    )


def pictures_seen(lab: Lab) -> int:
    """Since ``count_pictures``."""
    return lab.page.evaluate("() => nc.pictures")


def interrupt_ms(lab: Lab) -> float | None:
    """From the front end's own interrupt to the end of the running cell; None after 30 s."""
    return lab.page.evaluate(INTERRUPT)


def stop_ms(lab: Lab) -> float | None:
    """From a click on Stop to the message that it stopped; None after 30 s."""
    lab.page.evaluate(STOPS)
    lab.page.get_by_role("button", name="Stop", exact=True).click()
    return lab.page.evaluate("() => nc.ended")


def cell_ms(lab: Lab, number: int) -> float:
    """From asking for a cell's execution to its reply."""
    return lab.page.evaluate(TIMED_CELL, number)
