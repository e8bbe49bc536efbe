"""Record the runs that come with the package, into nclib/runs/recorded.

    python tools/record.py cpu --workers 2              # two hours on two cores
    python tools/record.py gpu --root DATA              # the papers' networks and settings
    python tools/record.py grid                         # nclib/runs/grid.csv: half an hour on one
    python tools/record.py layers                       # layer by layer, and law_grid.csv beside
    python tools/record.py cpu --only "mnist-vgg11-*"   # some of them

Finished runs and checkpoints are kept in ``--folder``: when it was interrupted, call it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from itertools import product
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only wait

from nclib.runs import grid, law_grid, presets
from nclib.runs.identity import run_name
from nclib.runs.layer_recipes import RECIPES
from nclib.runs.layer_recording import record_layer_run
from nclib.runs.layer_runs import FOLDER, LayerRun
from nclib.runs.sweeps import sweep
from nclib.runs.training import DivergedError

RECORDED = Path(__file__).resolve().parents[1] / "nclib" / "runs" / "recorded"
LOSSES = {"ce": "cross_entropy", "mse": "squared_error"}
SAMPLE = {"sample_per_class": 12}  # small files


def cpu() -> dict[str, dict]:
    """Digits whole, MNIST and CIFAR-10 with 500 images a class, in narrow networks."""
    runs = {}
    for network, short, seed in product(("mlp", "convnet"), LOSSES, range(3)):
        settings = presets.quick(network, LOSSES[short])
        runs[f"digits-{network}-{short}-{seed}"] = {
            "data": "digits", "network": network, "seed": seed, **settings, **SAMPLE,
        }  # fmt: skip
    widths = {"vgg11": 8, "resnet18": 8, "densenet40": 4}
    for (network, width), short in product(widths.items(), LOSSES):
        settings = _sparse(presets.quick(network, LOSSES[short]))
        runs[f"mnist-{network}-{short}"] = {
            "data": "mnist", "per_class": 500, "network": network, "width": width,
            **settings, **SAMPLE,
        }  # fmt: skip
        if network == "densenet40":  # at 28×28 an epoch takes four times as long as a ResNet's
            runs[f"mnist-{network}-{short}"]["image_size"] = 14
    for short, decay in (("ce", 2e-3), ("mse", 1e-3)):  # harder to fit: less decay
        settings = _sparse(presets.quick("vgg11", LOSSES[short])) | {"weight_decay": decay}
        runs[f"cifar10-vgg11-{short}"] = {
            "data": "cifar10-jpg.tar.xz", "per_class": 500, "network": "vgg11", "width": 16,
            **settings, **SAMPLE,
        }  # fmt: skip
    return runs


def _sparse(settings: dict) -> dict:
    """Some 20 measured epochs: measuring 10,000 test images takes longer than an epoch."""
    return settings | {"measure_at": presets.measured_epochs(settings["epochs"], 24)}


def gpu() -> dict[str, dict]:
    """The papers' settings on MNIST and CIFAR-10, 5,000 images a class, at full width."""
    runs = {}
    for data, network, short in product(
        ("mnist", "cifar10"), ("resnet18", "vgg11", "densenet40"), LOSSES
    ):
        settings = presets.paper(network, data, LOSSES[short])
        runs[f"{data}-{network}-{short}-paper"] = {
            "data": data, "per_class": 5000, "network": network,
            **settings, "precision": "float32", **SAMPLE,
        }  # fmt: skip
    return runs


def over_grid() -> dict[str, dict]:
    """One network over a grid of settings: only its table is kept beside the library."""
    return {f"grid-{index:03}": one for index, one in enumerate(grid.configurations())}


def layers(asked: argparse.Namespace) -> None:
    """Each layer run beside the library, and the grid of the law ("law-grid" by name)."""
    for name, recipe in RECIPES.items():
        if fnmatch(name, asked.only):
            run = record_layer_run(recipe, root=asked.root, device="cpu")
            print(run.save(FOLDER / f"{name}.npz"), run.law(), run.at(-1, "test").accuracy[0])
    if fnmatch("law-grid", asked.only):
        Path(asked.folder).mkdir(parents=True, exist_ok=True)
        runs = [_kept(one, asked) for one in law_grid.configurations()]
        law_grid.write_law_grid(runs, next(filter(None, runs)).settings["environment"])


def _kept(configuration: dict, asked: argparse.Namespace) -> LayerRun | None:
    """A run of the grid, from the folder if it was made before; None if it diverged."""
    name = f"law-{run_name(configuration)}"
    path, lost = (Path(asked.folder, name + ending) for ending in (".npz", ".diverged"))
    if path.exists() or lost.exists():
        return LayerRun.load(path) if path.exists() else None
    try:
        run = record_layer_run(configuration, root=asked.root, device="cpu")
    except DivergedError as error:
        lost.write_text(str(error), encoding="utf-8")
        return None
    run.save(path)
    print(path, run.law(), flush=True)
    return run


def main() -> None:
    """Sweep over what is asked for, then copy what is done beside the library."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", choices=("cpu", "gpu", "grid", "layers"))
    parser.add_argument("--only", default="*", help="pattern of names")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", default="build/runs")
    parser.add_argument("--root", default=os.environ.get("NCLIB_DATA", "../shared/data"))
    asked = parser.parse_args()
    if asked.runs == "layers":
        layers(asked)
        return
    runs = {"cpu": cpu, "gpu": gpu, "grid": over_grid}[asked.runs]()
    runs = {
        name: _located(run, asked.root) for name, run in runs.items() if fnmatch(name, asked.only)
    }
    context = get_context("spawn")  # a forked torch may hang
    with ProcessPoolExecutor(asked.workers, mp_context=context) as executor:
        done = sweep(runs.values(), executor, folder=asked.folder, root=asked.root)
    print(done)
    if asked.runs == "grid":
        grid.write_grid([done.runs[index] for index in range(len(runs))])
        return
    RECORDED.mkdir(exist_ok=True)
    for index, name in enumerate(runs):
        if index in done.runs:
            shutil.copy(Path(asked.folder, f"{run_name(runs[name])}.npz"), RECORDED / f"{name}.npz")
    print(done.table[["epoch", "train_accuracy", "test_accuracy", "nc1", "seconds"]])


def _located(run: dict, root: str) -> dict:
    """A set that is an archive in the data folder, by its path."""
    beside = Path(root, run["data"])
    return run | ({"data": str(beside)} if beside.is_file() else {})


if __name__ == "__main__":
    main()
