"""Record where descents end over width and size of the start: nclib/lessons/deep/starts.csv.

    python tools/record_starts.py    # 336 descents: ten minutes on one idle core

Cells that are done are kept in ``--folder``: when it was interrupted, call it again.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only wait

import pandas as pd
import torch

from nclib.lessons.deep import starts
from nclib.recorded_table import write_table
from nclib.runtime import environment


def main() -> None:
    """Descend in every cell that is not yet done, then write all of them into one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/starts"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    parts = []
    for cell in starts.cells():
        path = folder / f"{'-'.join(map(str, cell))}.csv"
        if not path.is_file():
            starts.descents(*cell).to_csv(path, index=False)
            print(path.name, flush=True)
        parts.append(pd.read_csv(path))
    table = pd.concat(parts).sort_values([*starts.CELL, "seed"])
    write_table(starts.FILE, table, environment(torch.device("cpu")), digits=6)


if __name__ == "__main__":
    main()
