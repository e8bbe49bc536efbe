"""Runs are told apart by the content of what they were made from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nclib
from nclib.runs.identity import as_text, data_identity, run_name
from nclib.runs.run import checksum
from nclib.runs.sweeps import record, sweep

SMALL = {"network": "mlp", "width": 8, "epochs": 1, "learning_rate": 0.1, "weight_decay": 0}


def images(folder, shade=0):
    """An image folder of two classes."""
    for c, name in enumerate("ab"):
        (folder / name).mkdir(parents=True)
        for i in range(6):
            pixels = np.full((8, 8), 7 * (i + 3 * c + shade), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def pets(tmp_path):
    return images(tmp_path / "pets" / "images")


# Data


def other_name(folder):
    (folder / "a" / "0.png").rename(folder / "a" / "9.png")


def other_class(folder):
    (folder / "a" / "0.png").rename(folder / "b" / "9.png")


def one_byte(folder):
    file = folder / "b" / "5.png"
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def exchanged(folder):
    a, b, held = folder / "a" / "1.png", folder / "b" / "1.png", folder / "held"
    a.rename(held), b.rename(a), held.rename(b)


def one_less(folder):
    (folder / "a" / "3.png").unlink()


def behind_a_link(folder):
    (folder / "c").symlink_to(images(folder.parent / "more"))


CHANGES = (other_name, other_class, one_byte, exchanged, one_less, behind_a_link)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_changes_inside_makes_another_set(pets, change):
    before, times = data_identity(pets), {p: p.stat() for p in pets.rglob("*.png")}
    change(pets)
    for path, was in times.items():  # neither sizes nor times tell
        if path.exists():
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert data_identity(pets) != before
    assert before.startswith("images sha256:")


def moved(folder):
    return Path(shutil.move(folder, folder.parents[1] / "elsewhere" / "images"))


def copied(folder):
    return shutil.copytree(folder, folder.parents[1] / "copy" / "images")


def linked(folder):
    link = folder.parents[1] / "link to it"
    link.symlink_to(folder)
    return link


def reached_by_a_detour(folder):
    return f"{folder}/a/..//../images/"


def with_what_a_desktop_leaves(folder):
    (folder / ".DS_Store").write_bytes(b"icons")
    (folder / "a" / ".thumbnails").mkdir()
    (folder / "a" / ".thumbnails" / "0.png").touch()
    return folder


def with_a_circle(folder):
    (folder / "a" / "up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    return folder


STAYS = (moved, copied, linked, reached_by_a_detour, with_what_a_desktop_leaves, with_a_circle)


@pytest.mark.parametrize("where", STAYS, ids=lambda where: where.__name__)
def test_wherever_it_lies_it_is_the_same_set(pets, where):
    (pets.parents[1] / "elsewhere").mkdir()
    before = data_identity(pets)
    assert data_identity(where(pets)) == before


def test_archives_are_told_by_their_bytes(pets, tmp_path):
    paths = [tmp_path / "one" / "pets.tar", tmp_path / "two" / "pets.tar"]
    for path in paths:
        path.parent.mkdir()
        with tarfile.open(path, "w") as tar:
            tar.add(pets, "images")
    one, two = map(data_identity, paths)
    assert one == two
    assert one.startswith("pets.tar sha256:")
    with tarfile.open(paths[1], "a") as tar:
        tar.add(pets / "a" / "0.png", "images/a/7.png")
    assert data_identity(paths[1]) != one
    assert run_name(SMALL | {"data": paths[0]}).startswith("pets-mlp-cross-entropy-")


@pytest.mark.parametrize("given", ["minst", "/nowhere/images", None, 3, ["mnist"], Path("no.tar")])
def test_what_cannot_be_told_is_refused_before_anything_runs(given, tmp_path):
    said = (
        "data .*(is none of digits, mnist.*give one that this process sees|give a data set's name)"
    )
    for act in (data_identity, lambda one: sweep([SMALL | {"data": one}], folder=tmp_path / "r")):
        with pytest.raises(ValueError, match=said):
            act(given)
    assert not (tmp_path / "r").exists()


def test_named_sets_are_told_by_their_names(tmp_path, monkeypatch):
    images(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)  # load_data takes the named one, too
    assert data_identity("digits") == "digits"
    assert data_identity("./digits").startswith("digits sha256:")


def test_two_folders_of_one_name_are_trained_each(pets, tmp_path):
    flowers = images(tmp_path / "flowers" / "images", shade=9)
    configurations = [SMALL | {"data": str(one)} for one in (pets, flowers)]
    found = sweep(configurations, folder=tmp_path / "runs")
    own = [record(one, progress=False) for one in configurations]
    sums = [run.settings["data_checksum"] for run in own]
    assert [found.runs[i].settings["data_checksum"] for i in range(2)] == sums
    assert len({*sums}) == 2
    assert found.table.data.str.startswith("images sha256:").all()
    assert found.table.data.nunique() == 2
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").iterdir()}
    shutil.move(flowers, tmp_path / "images")
    sweep([SMALL | {"data": str(tmp_path / "images")}], folder=tmp_path / "runs")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").iterdir()} == before


def test_data_that_changes_while_a_sweep_goes_on_is_said(pets, tmp_path):
    class Late(Executor):
        """An executor that comes to its work when the data is another."""

        def submit(self, act, *args):
            one_byte(pets)
            return nclib.runs.sweeps._done_here(act, *args)

    found = sweep([SMALL | {"data": str(pets)}], Late(), folder=tmp_path / "runs")
    assert "is here not what it was where the sweep began" in found.failures[0]
    assert not [*(tmp_path / "runs").iterdir()]


# Functions and numbers

FUNCTIONS = """
from nclib import cosine_schedule as ours
def flat(progress): return {value}
def early(epoch): return epoch < {value}
"""


def module_of(tmp_path, name, value):
    (tmp_path / f"{name}.py").write_text(FUNCTIONS.format(value=value))
    code = (
        "import json, sys; sys.path.insert(0, '.'); from nclib.runs.identity import run_name\n"
        f"import {name} as m; one = {SMALL | {'data': 'digits', 'epochs': 5}!r}\n"
        "print(json.dumps([run_name(one | more) for more in ({'schedule': m.flat}, "
        "{'measure_at': m.early}, {'schedule': m.ours})]))"
    )
    here = os.environ | {"PYTHONPATH": str(Path(nclib.__file__).parents[1])}
    asked = {"cwd": tmp_path, "env": here, "check": True}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **asked)
    return json.loads(done.stdout)


def test_functions_are_told_by_what_they_give(tmp_path):
    one, same, other = (module_of(tmp_path, *of) for of in (("m1", 1), ("m2", 1), ("m3", 3)))
    assert one == same
    assert [a == b for a, b in zip(one, other, strict=True)] == [False, False, True]


def chosen(epoch):
    return epoch in (0, 2)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"measure_at": chosen}, {"measure_at": [0, 2]}),
        ({"learning_rate": np.float64(0.25)}, {"learning_rate": torch.tensor(0.25)}),
        ({"classes": (0, 1)}, {"classes": np.arange(2)}),
        ({"epochs": np.int32(3)}, {"epochs": 3}),
        ({"measure_at": torch.arange(3)}, {"measure_at": range(3)}),
        ({"schedule": nclib.step_schedule}, {"schedule": "step_schedule"}),
    ],
)
def test_what_is_equal_is_equal(one, two):
    base = SMALL | {"data": "digits", "epochs": 3}
    assert as_text(base | one) == as_text(base | two)


# The checksum of the data in a run's settings


@pytest.mark.parametrize(
    "where", [(0, 0, 0, 0), (3, 0, 7, 7), (-1, 0, 4, 4), (5, 0, 0, 7), "label"]
)
def test_every_pixel_and_every_label_counts(where):
    split = nclib.load_data("digits", classes=[0, 1], per_class=20, device="cpu").train
    images, labels = split.images.clone(), split.labels.clone()
    assert checksum(nclib.data.dataset.Split(images, labels)) == checksum(split)
    strided = images.to(memory_format=torch.channels_last)
    assert checksum(nclib.data.dataset.Split(strided, labels)) == checksum(split)
    if where == "label":
        labels[7] = 1 - labels[7]
    else:
        images[where] += 1e-3
    assert checksum(nclib.data.dataset.Split(images, labels)) != checksum(split)
