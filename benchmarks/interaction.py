"""How fast pictures answer a hand: in JupyterLab in a Chromium, as a table.

    python benchmarks/interaction.py [--ipykernel 6.31 7.1 7.4]

Needs what the browser tests need. Other versions of ipykernel are installed under build/kernels/.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

import lab
import measure
from made import collapsing_run

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("6.31", "7.1", "7.4")
LOAD = "import nclib\nrun = nclib.Trajectory.load('run.npz')\n"
PLAYER = LOAD + "run.player()"
PLANE = (
    LOAD
    + "from nclib.pictures.plane import moving_plane\nfrom nclib.widgets.explore import explore\n"
    "explore(moving_plane(run), epoch=run.epochs.tolist())"
)
LIVE = """import nclib
from nclib.widgets.live import LiveTraining
live = LiveTraining('digits', epochs={})
live"""
KEPT = "print(len(live.trajectory), live.running)"
HEADLESS = """import time, torch
torch.set_num_threads(1)
data = nclib.load_data('digits')
network = nclib.build_network('mlp', data)
settings = dict(epochs={}, learning_rate=0.1, weight_decay=1e-2, batch_size=256, progress=False)
begin = time.perf_counter()
nclib.Trajectory.of(nclib.train(network, data, schedule=nclib.cosine_schedule, **settings))
print(time.perf_counter() - begin)"""
WATCHED = """begin = time.perf_counter()
live.run()
print(time.perf_counter() - begin)"""


class Bench:
    """A JupyterLab and a Chromium, and the table that grows."""

    def __init__(self, server: lab.Server, chromium: Any) -> None:
        self.server, self.chromium = server, chromium
        print("| what | measured |\n| --- | --- |", flush=True)

    def row(self, what: str, measured: str) -> None:
        """Print one row."""
        print(f"| {what} | {measured} |", flush=True)

    @contextlib.contextmanager
    def opened(self, *cells: str, run: Any = None, kernel: str = "python3") -> Iterator[lab.Lab]:
        """A notebook with these cells, not yet run; ``run`` lies beside it as run.npz."""
        if run is not None:
            run.save(self.server.root / "run.npz")
        (self.server.root / "bench.ipynb").write_text(lab.notebook(*cells, kernel=kernel))
        context = self.chromium.new_context(viewport={"width": 1300, "height": 1400})
        try:
            yield lab.Lab(lab.Watched(context.new_page()), self.server, "bench.ipynb")
        finally:
            context.close()
            self.server.tidy()


def recorded(bench: Bench) -> None:
    """The player: keys, and play."""
    with bench.opened(PLAYER, run=collapsing_run(per_class=63)) as page:
        page.run_all()
        keys = measure.key_latencies(page.page, presses=30)
    bench.row("recorded scrub, 630 points: key → new pixels", _spread(keys))
    with bench.opened(PLAYER, run=collapsing_run(per_class=200)) as page:
        page.run_all()
        keys = measure.key_latencies(page.page, presses=30)
        play = measure.frames_per_second(page.page)
    bench.row("recorded scrub, 2,000 points: key → new pixels", _spread(keys))
    bench.row(
        "play, 2,000 points in ten classes",
        f"{play['fps']:.0f} frames/s, 95 % of the frames within {play['p95_ms']:.0f} ms",
    )


def computed(bench: Bench) -> None:
    """A picture from the kernel."""
    run = collapsing_run(num_classes=3, num_features=2, num_epochs=40)
    with bench.opened(PLANE, run=run) as page:
        page.run_all()
        slow = lab.follow(page, pause_ms=300)["ms"]
    bench.row("computed slider, one move at a time: mouse → its picture", _spread(slow))
    with bench.opened(PLANE, run=run) as page:
        page.run_all()
        found = lab.follow(page, pause_ms=16)
    bench.row(
        f"computed slider, drag of {len(found['moves'])} values: mouse → its picture or a newer",
        f"{_spread(found['ms'])}; {len(found['sent'])} computed, at most {found['most']} under way",
    )


def live(bench: Bench, epochs: int) -> None:
    """Training in the foreground: what the pictures cost, and how it ends."""
    with bench.opened(LIVE.format(epochs), HEADLESS.format(epochs), WATCHED) as page:
        page.run_cell(0)
        alone, watched, pictures = [], [], []
        for _ in range(3):
            alone.append(float(page.run_cell(1)))
            lab.count_pictures(page)
            watched.append(float(page.run_cell(2)))
            pictures.append(lab.pictures_seen(page) / watched[-1])
    bench.row(
        "live training at 3 pictures a second, share of the speed without pictures",
        f"{min(alone) / min(watched):.0%} ({min(alone):.1f} s → {min(watched):.1f} s, "
        f"{max(pictures):.1f} pictures/s)",
    )
    with bench.opened(LIVE.format(100_000), "live.run()", KEPT) as page:
        page.run_cell(0)
        times, kept = [], []
        for _ in range(5):
            lab.count_pictures(page)
            page.start_cell(1)
            lab.wait_for_pictures(page, 3)
            times.append(lab.interrupt_ms(page))
            kept.append(page.run_cell(2))
    bench.row(
        "interrupt of `live.run()` → cell ended",
        f"{_times(times)}; epochs kept, still running: {kept[-1].strip()}",
    )


def background(bench: Bench, version: str) -> None:
    """Training in a thread, on one version of ipykernel."""
    install_kernel(bench.server, version)
    cells = (LIVE.format(100_000), "live.run(background=True)", "1 + 1", KEPT)
    cells += ("import ipykernel\nprint(ipykernel.__version__)",)
    times, beside, kept = [], [], []
    with bench.opened(*cells, kernel=f"ipykernel-{version}") as page:
        page.run_cell(0)
        exact = page.run_cell(4).strip()
        if not exact.startswith(version):
            raise ValueError(f"the kernel says ipykernel {exact}; expected {version}")
        for _ in range(5):
            lab.count_pictures(page)
            page.run_cell(1)
            lab.wait_for_pictures(page, 3)
            beside += [lab.cell_ms(page, 2) for _ in range(3)]
            times.append(lab.stop_ms(page))
            kept.append(page.run_cell(3))
        faults = page.faults()
    words = f"Stop → ended {_times(times)}; `1 + 1` beside it {_spread(beside)}; "
    words += f"epochs kept, still running: {kept[-1].strip()}" + "".join(f"; {f}" for f in faults)
    bench.row(f"live training in the background, ipykernel {exact}", words)


def install_kernel(server: lab.Server, version: str) -> None:
    """A kernel of this environment, with another ipykernel before its own."""
    folder = ROOT / "build" / "kernels" / version
    if not folder.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        wanted = [f"ipykernel=={version}.*", "nest-asyncio", "psutil"]
        subprocess.run([*pip, "--no-deps", *wanted], check=True)
    spec = server.own / "data" / "kernels" / f"ipykernel-{version}" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    made = {"argv": argv, "display_name": spec.parent.name, "language": "python"}
    spec.write_text(json.dumps({**made, "env": {"PYTHONPATH": f"{folder}:{ROOT}"}}))


def _spread(values: list[float]) -> str:
    return f"{np.median(values):.0f} / {np.quantile(values, 0.95):.0f} ms"


def _times(values: list[float | None]) -> str:
    answered = [value for value in values if value is not None]
    never = len(values) - len(answered)
    words = _spread(answered) if answered else "never"
    return f"{words} (never in {never} of {len(values)})" if answered and never else words


def main() -> None:
    """Print the machine and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ipykernel", nargs="*", default=VERSIONS, metavar="VERSION")
    parser.add_argument("--epochs", type=int, default=1000, help="of the live training measured")
    parser.add_argument("--only", choices=["recorded", "computed", "live", "background"])
    options = parser.parse_args()
    parts: dict[str, Callable[[Bench], None]] = {"recorded": recorded, "computed": computed}
    parts["live"] = lambda bench: live(bench, options.epochs)
    parts["background"] = lambda bench: [background(bench, v) for v in options.ipykernel]
    print(f"{machine()}; median / 95 % within\n")
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.serve(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        path = lab.chromium_path(playwright)
        chromium = playwright.chromium.launch(executable_path=path, args=lab.FLAGS)
        bench = Bench(server, chromium)
        for name, part in parts.items():
            if options.only in (None, name):
                part(bench)
        chromium.close()


if __name__ == "__main__":
    main()
