"""Portable notebooks carry the layer runs that they name, and the law's grid if they read it."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import copies
import numpy as np
import pytest
from imports import PACKAGE

from nclib.runs.layer_recipes import RECIPES
from nclib.runs.layer_runs import LayerRun, load_layer_run

LOAD = "# %%\nfrom nclib.runs.layer_runs import load_layer_run\nrun = load_layer_run"


def stem(path: Path) -> str:
    return path.stem


def names_in(code: str) -> tuple[str, ...]:
    return copies.recorded_in(code, copies.LAYERS)


def carried_by(code: str) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in copies.carried(code)}


def test_it_carries_the_layer_runs_it_names_and_no_others():
    assert names_in(f'{LOAD}("layers-convnet")\n') == ("layers-convnet",)
    public = '# %%\nimport nclib\nrun = nclib.load_layer_run("layers-resnet")\n'
    assert names_in(public) == ("layers-resnet",)
    joined = f'{LOAD}(f"layers-{{kind}}")\nkind = "mlp-plain"\nprefix = "layers"\n'
    assert names_in(joined) == ("layers-mlp", "layers-mlp-plain")
    assert names_in('# %%\nprint("layers-mlp")\n') == ()
    every = "# %%\nfrom nclib.runs.layer_runs import layer_runs\nprint(layer_runs())\n"
    assert names_in(every) == tuple(sorted(RECIPES))
    found = {name for name in carried_by(f'{LOAD}("layers-mse")\n') if name.endswith(".npz")}
    assert found == {"runs/recorded_layers/layers-mse.npz"}


def test_runs_of_the_two_kinds_do_not_mix():
    code = f'{LOAD}("layers-mlp")\nimport nclib\nnclib.load_run("digits-mlp-ce-0")\n'
    assert copies.recorded_in(code) == ("digits-mlp-ce-0",)
    assert names_in(code) == ("layers-mlp",)


def test_a_carried_layer_run_is_the_whole_one(tmp_path):
    made = copies.library_zip(copies.carried(f'{LOAD}("layers-mlp")\n'))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        path = archive.extract("nclib/runs/recorded_layers/layers-mlp.npz", tmp_path)
    carried, whole = LayerRun.load(path), load_layer_run("layers-mlp")
    assert carried.payload("test") == whole.payload("test")
    assert np.array_equal(carried.values(), whole.values())


@pytest.mark.parametrize("path", sorted((copies.ROOT / "notebooks").glob("*.py")), ids=stem)
def test_every_layer_run_that_a_notebook_loads_is_carried(path):
    text = path.read_text(encoding="utf-8")
    loaded = re.findall(r"load_layer_run\((.*?)\)", text)
    assert all(re.fullmatch(r'"[\w-]+"', name) for name in loaded)  # as text, to be found here
    assert {name.strip('"') for name in loaded} <= {*names_in(text)}


def test_the_grid_is_carried_where_it_is_read():
    read = "# %%\nfrom nclib.runs.law_grid import load_law_grid\nload_law_grid()\n"
    assert "runs/law_grid.csv" in carried_by(read)
    assert "runs/grid.csv" not in carried_by(read)
    assert "runs/law_grid.csv" not in carried_by(f'{LOAD}("layers-mlp")\n')


def test_only_notebooks_load_layer_runs():
    """What the library loads by itself would not be seen in a notebook's code."""
    ours = copies.LAYERS.with_name("layer_runs.py")
    assert not [
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"load_layer_run\(", path.read_text(encoding="utf-8")) and path != ours
    ]
