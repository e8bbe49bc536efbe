"""The main job in one command: run the tour, leave its page and the player, print the table."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
from cells import ROOT
from execute import CellFailed, run_all
from page import to_html
from stamp import notebook

from nclib.runs.trajectory import Trajectory

BUILD = ROOT / "build"
TOUR = ROOT / "notebooks" / "00_tour.py"
SHOWN = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "nc1": "NC1  within / between scatter",
    "equinorm_means": "NC2  unequal norms, means",
    "max_angle_means": "NC2  off the widest angle, means",
    "self_duality": "NC3  classifier against means",
    "ncc_mismatch": "NC4  not the nearest class mean",
}


def main() -> None:
    """Run, write, report."""
    BUILD.mkdir(exist_ok=True)
    print("Training on 1,797 handwritten digits: the tour runs, less than a minute ...")
    begin = time.perf_counter()
    node = run_all(notebook(TOUR.read_text(encoding="utf-8")), BUILD, NCLIB_WIDGETS="html")
    page = BUILD / "00_tour.html"
    page.write_text(to_html(node, TOUR.parent), encoding="utf-8")
    print(f"Done in {time.perf_counter() - begin:.0f} s. Ten digits, {describe(BUILD)}\n")
    print(table(BUILD).to_string(), "\n")
    print("Look at   build/collapse.html   ten clouds of digits fall onto a simplex: press play")
    print("          build/00_tour.html    the whole tour, to read")
    print("Then      make lab              to turn the knobs yourself")


def table(folder: Path) -> pd.DataFrame:
    """NC1-NC4 at zero training error and at the end, under both losses."""
    runs = {"cross-entropy": "cross-entropy.npz", "squared error": "squared-error.npz"}
    columns = {name: Trajectory.load(folder / file).summary() for name, file in runs.items()}
    joined = pd.concat(columns, axis=1).loc[list(SHOWN)].rename(index=SHOWN)
    joined = joined.loc[:, [not moment.startswith("before") for _, moment in joined.columns]]
    return joined.map(lambda value: f"{value:.2g}")


def describe(folder: Path) -> str:
    """The network and how long it was trained."""
    settings = Trajectory.load(folder / "cross-entropy.npz").settings
    return f"{settings['network']}, {settings['epochs']} epochs for each loss; 0 is full collapse:"


if __name__ == "__main__":
    try:
        main()
    except CellFailed as error:
        raise SystemExit(f"the tour did not run to its end: {error}") from None
