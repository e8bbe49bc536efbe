"""Arguments of another kind: taken where their meaning is clear, else refused by name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

import nclib
from nclib.data.dataset import DataSet, Split
from nclib.data.fetch import DataUnavailableError, data_root, fetch
from nclib.data.loading import load_data

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("NCLIB_DATA", str(tmp_path / "nclib-data"))
    monkeypatch.setenv("NCLIB_OFFLINE", "1")


def same(one: DataSet, other: DataSet) -> bool:
    return one.class_names == other.class_names and torch.equal(
        one.train.images, other.train.images
    )


PLAIN = {"per_class": 3, "seed": 1, "image_size": 4, "classes": [2, 0]}
TAKEN = {
    "numpy's integers": {"per_class": np.int64(3), "seed": np.uint8(1), "image_size": np.int32(4)},
    "arrays without axes": {"per_class": np.array(3), "seed": np.array(1)},
    "tensors without axes": {"per_class": torch.tensor(3), "image_size": torch.tensor(4)},
    "a tensor's items": {"seed": torch.arange(2)[1], "per_class": torch.tensor([3, 4]).min()},
    "an array of classes": {"classes": np.array([2, 0])},
    "a tensor of classes": {"classes": torch.tensor([2, 0])},
    "a list of tensors": {"classes": [torch.tensor(2), torch.tensor(0)]},
    "names, numbers and numpy's": {"classes": (np.str_("2"), np.int8(0))},
    "an array of words": {"classes": np.array(["2", "0"])},
    "a generator": {"classes": (index for index in (2, 0))},
    "keys of a dict": {"classes": {2: "two", 0: "zero"}},
    "numpy's word as the name": {"name_or_path": np.str_("digits")},
    "a root as a path": {"root": Path("somewhere")},
    "a device's name": {"device": "cpu"},
    "a device": {"device": torch.device("cpu")},
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_clear_is_taken(name):
    given = {"name_or_path": "digits", "device": "cpu", **PLAIN, **TAKEN[name]}
    assert same(load_data(**given), load_data("digits", device="cpu", **PLAIN))


NO_NUMBER = [True, np.True_, torch.tensor(True), "3", 3.0, np.float32(3), torch.tensor(3.0)]
NO_NUMBER += [[3], (3, 3), torch.tensor([3]), np.array([3, 3]), {3}, 3j, b"3", object()]
REFUSED = [(name, value) for name in ("per_class", "seed", "image_size") for value in NO_NUMBER]
REFUSED += [("seed", None), ("seed", -1), ("per_class", 0), ("image_size", torch.tensor(0))]
REFUSED += [("classes", value) for value in (True, 3, 2.0, "23", b"23", {2, 3}, torch.tensor(2))]
REFUSED += [("classes", [2, bad]) for bad in (True, None, 1.0, 1.5, np.float64(1), [1], "x", 1e300)]
REFUSED += [("classes", torch.tensor([[2, 0]])), ("classes", torch.tensor([0.5, 1.5]))]
REFUSED += [("classes", np.array([True, False])), ("classes", [float("nan"), 1])]
REFUSED += [("root", value) for value in ("", True, 0, b"data", ["data"], torch.tensor(1))]
REFUSED += [("root", __file__), ("root", "~nobody-of-this-name/data")]
REFUSED += [("name_or_path", value) for value in (None, True, 3, "", b"digits", ["digits"])]
REFUSED += [("name_or_path", torch.zeros(2)), ("name_or_path", "~nobody-of-this-name/data")]
REFUSED += [("device", value) for value in ("gpu", "", "cpu:x", [], 1.5)]
REFUSED += [("splits", ("train", "test"))]


@pytest.mark.parametrize(
    ("name", "value"), REFUSED, ids=lambda value: value if isinstance(value, str) else None
)
def test_what_is_not_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        load_data(**{"name_or_path": "digits", name: value})


# ── No home, and files and folders that were taken for one another ────────────────────────────────

NO_HOME = """
    import os, pwd
    def nobody(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")
    pwd.getpwuid = nobody
    import nclib
    for name in ("HOME", "XDG_CACHE_HOME", "NCLIB_DATA"):
        os.environ.pop(name, None)
    os.environ["NCLIB_OFFLINE"] = "1"
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(nclib.load_data('digits'))", "digits: 1,438 training"),
        ("nclib.load_data('mnist')", "DataUnavailableError: train-images.*root=..., or NCLIB_DATA"),
        ("nclib.load_data('mnist', root='~/x')", "ValueError: root is '~/x', and there is no such"),
        ("nclib.load_data('~/pets')", "ValueError: name_or_path is '~/pets', and there is no such"),
        (
            "os.environ['NCLIB_DATA'] = '~/d'; nclib.load_data('kmnist')",
            "ValueError: NCLIB_DATA is '~/d', and there is no such home; write it out",
        ),
        ("print(nclib.load_data('digits', root='here'))", "digits: 1,438 training"),
    ],
)
def test_without_a_home(code, said, tmp_path):
    code = f"{textwrap.dedent(NO_HOME)}\n{code}"
    run = [sys.executable, "-W", "error", "-c", code]
    place = {**os.environ, "PYTHONPATH": str(Path(nclib.__file__).parents[1])}
    done = subprocess.run(run, cwd=tmp_path, env=place, capture_output=True, text=True)
    assert re.search(said, done.stdout + done.stderr, re.DOTALL)
    assert not [*tmp_path.iterdir()]


def test_the_data_root_without_a_home_is_ones_own(monkeypatch):
    def no_home(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NCLIB_DATA")
    monkeypatch.setattr(Path, "expanduser", no_home)
    root = data_root()
    assert root.is_absolute()
    assert str(os.getuid()) in root.name


IDX = "MNIST/raw/train-images-idx3-ubyte"


@pytest.mark.parametrize("name", [IDX, f"{IDX}.gz"])
def test_a_folder_of_a_files_name(tmp_path, name):
    (tmp_path / name / "train-images.idx3-ubyte").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"{name} is a folder; expected a file of that name"):
        load_data("mnist", root=tmp_path)


@pytest.mark.parametrize("place", ["set.tar.gz", "cifar-10-python.tar.gz", "a/b"])
def test_a_folder_where_a_file_is_fetched(tmp_path, place):
    (tmp_path / place).mkdir(parents=True)
    with pytest.raises(ValueError, match="is a folder; expected a file of that name"):
        fetch(place, tmp_path, mirrors=[], checksum=32 * "0")


def test_cifars_batches_as_folders(tmp_path):
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"):
        (tmp_path / "cifar-10-batches-py" / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="is a folder; expected a file of that name"):
        load_data("cifar10", root=tmp_path)


@pytest.mark.parametrize("place", ["MNIST", "MNIST/raw"])
def test_a_file_where_the_root_has_a_folder(tmp_path, monkeypatch, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file")
    for offline in ("1", ""):
        monkeypatch.setenv("NCLIB_OFFLINE", offline)
        with pytest.raises(DataUnavailableError, match=r"root=\.\.\., or NCLIB_DATA"):
            load_data("mnist", root=tmp_path)


# ── The remedy for labels that are shifted ────────────────────────────────────────────────────────


@pytest.mark.parametrize("shift", [1, 3, -1, -2, 100])
def test_the_remedy_for_shifted_labels_works(shift):
    data = load_data("digits", classes=[0, 1, 2], per_class=4, device="cpu")
    given = {name: getattr(data, name) for name in ("class_names", "mean", "std")}

    def made(labels):
        train = Split(data.train.images, labels)
        return DataSet("x", train, data.test, 3, **given)

    labels = data.train.labels + shift
    with pytest.raises(ValueError, match=r"train has labels .*: give labels [-+] \d+$") as failure:
        made(labels)
    remedy = str(failure.value).partition("give ")[2]
    assert torch.equal(made(eval(remedy)).train.labels, data.train.labels)


@pytest.mark.parametrize("path", [5000 * "x" + "/y", "a\0b/c", "no/such/folder"])
def test_a_path_that_cannot_be(path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_data(path)
