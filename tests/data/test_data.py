"""Data sets: the embedded one, small imitations of every file format, and real files."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import pickle
import tarfile
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import SPLIT, add_link, as_folder, as_tar, noise, pictures, png
from PIL import Image
from torch.nn import functional

from nclib import runtime
from nclib.data import archive, folders, named
from nclib.data.dataset import Split
from nclib.data.fetch import DataUnavailableError
from nclib.data.loading import load_data
from nclib.data.raw import shuffled
from nclib.torchvision_guard import import_torchvision


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    """No test reaches the network or the user's cache."""
    monkeypatch.delenv("NCLIB_MIRROR", raising=False)
    monkeypatch.setenv("NCLIB_DATA", str(tmp_path / "nclib-data"))
    monkeypatch.setenv("NCLIB_OFFLINE", "1")


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def rows(split: Split) -> set[bytes]:
    """Each image with its label: a set that does not know the order."""
    images = split.images.numpy()
    return {
        image.tobytes() + bytes([label]) for image, label in zip(images, split.labels, strict=True)
    }


def stored(data, split: Split, full_scale: int = 255) -> np.ndarray:
    """The integers that were in the file."""
    return (data.pixels(split.images) * full_scale).round().to(torch.uint8).numpy()


# ── digits ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", device="cpu")


def test_digits_are_scikit_learns(digits):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    expected = {
        image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True)
    }
    found = set()
    for split in (digits.train, digits.test):
        levels = stored(digits, split, full_scale=16).reshape(-1, 64).astype(float)
        pairs = zip(levels, split.labels, strict=True)
        found |= {level.tobytes() + bytes([label]) for level, label in pairs}
    assert found == expected
    assert len(digits.train) + len(digits.test) == 1797


def test_digits_are_split_with_the_same_share_of_every_class(digits):
    share = digits.test.counts / (digits.train.counts + digits.test.counts)
    torch.testing.assert_close(share, torch.full((10,), 0.2), atol=0.003, rtol=0)


def test_training_images_have_mean_0_and_deviation_1_in_each_channel(digits):
    images = digits.train.images.double()
    assert images.dtype == torch.float64
    assert abs(images.mean()) < 1e-6
    assert abs(images.std(unbiased=False) - 1) < 1e-6
    assert abs(digits.test.images.mean()) > 1e-4  # the test images do not set their own scale


def test_what_a_data_set_says_of_itself(digits):
    assert digits.image_shape == (1, 8, 8)
    assert digits.num_classes == 10
    assert digits.class_names == tuple("0123456789")
    assert digits.device == torch.device("cpu")
    assert digits.train.images.dtype == torch.float32
    assert digits.train.labels.dtype == torch.int64
    assert repr(digits) == (
        f"digits: {len(digits.train):,} training and {len(digits.test)} test images 1×8×8, "
        "10 classes, on cpu; split 80/20 with seed 0"
    )
    assert "(20 a class)" in repr(load_data("digits", per_class=20, device="cpu"))
    assert repr(digits.test) == f"Split({len(digits.test)} images 1×8×8, on cpu)"
    with pytest.raises(FrozenInstanceError):
        digits.name = "other"


def test_tensors_live_on_the_default_device_unless_told(monkeypatch):
    monkeypatch.setattr(runtime, "device", lambda: torch.device("meta"))
    assert load_data("digits").device.type == "meta"
    assert load_data("digits", device="cpu").device.type == "cpu"


# ── Selecting ─────────────────────────────────────────────────────────────────────────────────────


def test_the_draw_is_the_same_everywhere_and_for_ever():
    assert shuffled(10, 0, 3).tolist() == [8, 9, 4, 3, 6, 2, 5, 7, 1, 0]
    assert shuffled(10, 7, 3).tolist() == [2, 4, 7, 3, 5, 1, 8, 9, 0, 6]


def test_a_seed_decides_the_subset():
    first, same, other = (
        load_data("digits", per_class=5, seed=seed, device="cpu") for seed in (1, 1, 2)
    )
    assert torch.equal(first.train.images, same.train.images)
    assert torch.equal(first.test.images, same.test.images)
    assert not torch.equal(first.train.images, other.train.images)
    assert first.test.images.shape != other.test.images.shape or not torch.equal(
        first.test.images, other.test.images
    )


@pytest.fixture
def mnist_like(tmp_path):
    """A root with 10 classes, 12 training and 4 test images each, in a shuffled order."""
    write_mnist(tmp_path, "MNIST", num_train=120, num_test=40)
    return tmp_path


def test_a_subset_is_balanced_and_leaves_the_test_split_whole(mnist_like):
    data = load_data("mnist", root=mnist_like, per_class=7, device="cpu")
    assert data.train.counts.tolist() == [7] * 10
    assert data.test.counts.tolist() == [4] * 10


def raw_rows(data) -> set[bytes]:
    return {image.tobytes() for image in stored(data, data.train)}


def test_a_larger_draw_contains_the_smaller_and_the_whole_contains_both(mnist_like):
    draws = [
        raw_rows(load_data("mnist", root=mnist_like, per_class=size, device="cpu"))
        for size in (3, 8, None)
    ]
    assert draws[0] < draws[1] < draws[2]


def test_a_classes_draw_does_not_depend_on_the_other_classes(mnist_like):
    every = load_data("mnist", root=mnist_like, per_class=3, device="cpu")
    some = load_data("mnist", root=mnist_like, per_class=3, classes=[8, 2], device="cpu")
    assert raw_rows(some) < raw_rows(every)


def test_classes_are_renumbered_in_the_order_given(mnist_like):
    every = load_data("mnist", root=mnist_like, device="cpu")
    some = load_data("mnist", root=mnist_like, classes=["8", 2, 5], device="cpu")
    assert some.class_names == ("8", "2", "5")
    assert some.num_classes == 3
    for split in ("train", "test"):
        whole, part = getattr(every, split), getattr(some, split)
        for new, old in enumerate((8, 2, 5)):
            expected = stored(every, whole)[(whole.labels == old).numpy()]
            found = stored(some, part)[(part.labels == new).numpy()]
            np.testing.assert_array_equal(found, expected)


def test_statistics_are_those_of_the_selected_images(mnist_like):
    data = load_data("mnist", root=mnist_like, classes=[0, 1], per_class=2, device="cpu")
    chosen = stored(data, data.train) / 255
    assert data.mean.item() == pytest.approx(chosen.mean(), rel=1e-6)
    assert data.std.item() == pytest.approx(chosen.std(), rel=1e-6)


@pytest.mark.parametrize("size", [4, 8, 13])
def test_images_are_resized(digits, size):
    data = load_data("digits", image_size=size, device="cpu")
    assert data.image_shape == (1, size, size)
    original = digits.pixels(digits.train.images)
    expected = functional.interpolate(original, (size, size), mode="bilinear", antialias=True)
    found = data.pixels(data.train.images)
    torch.testing.assert_close(found, expected, atol=0.51 / 240, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_class": 0}, "per_class is 0"),
        ({"per_class": -3}, "per_class is -3"),
        ({"per_class": 5000}, "has 139 training images; ask for at most"),
        ({"image_size": 0}, "image_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"classes": [1, 10]}, "no class 10; it has 0 '0', 1 '1'"),
        ({"classes": [1, -1]}, "no class -1"),
        ({"classes": ["1", "one"]}, "no class 'one'"),
        ({"classes": [1, 2, "1"]}, "'1' more than once"),
        ({"classes": [4]}, "at least 2 classes"),
        ({"classes": []}, "at least 2 classes"),
        ({"classes": "34"}, r"expected a list, such as \['34', \.\.\.\]"),
    ],
)
def test_a_wrong_selection_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_data("digits", device="cpu", **arguments)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("minst", "mnist"),
        ("CIFAR-10", "cifar10"),
        ("FashionMNIST", "fashion-mnist"),
        ("Digits", "digits"),
    ],
)
def test_an_unknown_name_gets_the_list_and_the_closest(name, meant):
    with pytest.raises(ValueError, match=f"did you mean '{meant}'") as failure:
        load_data(name)
    for known in named.NAMED:
        assert known in str(failure.value)


def test_an_unknown_name_that_is_close_to_none():
    with pytest.raises(ValueError, match="no data set is called 'xyzzy'; there are digits"):
        load_data("xyzzy")


@pytest.mark.parametrize("path", ["no/such/folder", "pets.tar.gz", Path("pets")])
def test_a_path_that_does_not_exist(path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_data(path)


def test_a_split_needs_a_label_for_each_image():
    with pytest.raises(ValueError, match="one for each image"):
        Split(torch.zeros(3, 1, 2, 2), torch.zeros(3, dtype=torch.int32))


# ── The MNIST family ──────────────────────────────────────────────────────────────────────────────

IDX_SETS = {name: named.NAMED[name] for name in ("mnist", "fashion-mnist", "kmnist")}


def idx(array: np.ndarray) -> bytes:
    shape = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


def write_mnist(root: Path, folder: str, *, num_train=20, num_test=20, suffix="") -> Path:
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    for seed, (split, num) in enumerate((("train", num_train), ("t10k", num_test))):
        labels = np.random.default_rng(seed).permutation(np.arange(num) % 10).astype(np.uint8)
        for stem, array in (
            ("images-idx3", noise(num, 28, 28, seed=seed)),
            ("labels-idx1", labels),
        ):
            content = gzip.compress(idx(array)) if suffix else idx(array)
            (raw / f"{split}-{stem}-ubyte{suffix}").write_bytes(content)
    return raw


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", IDX_SETS)
def test_idx_files_are_read_in_place_zipped_or_not(tmp_path, name, suffix):
    raw = write_mnist(tmp_path, IDX_SETS[name].folder, suffix=suffix)
    before = contents(tmp_path)
    data = load_data(name, root=tmp_path, device="cpu")
    assert contents(tmp_path) == before  # the root may be read-only
    np.testing.assert_array_equal(stored(data, data.train)[:, 0], noise(20, 28, 28, seed=0))
    np.testing.assert_array_equal(stored(data, data.test)[:, 0], noise(20, 28, 28, seed=1))
    assert data.class_names == IDX_SETS[name].class_names
    assert data.train.counts.tolist() == [2] * 10
    assert raw.is_dir()


def test_torchvision_reads_the_same_from_the_same_place(tmp_path):
    write_mnist(tmp_path, "KMNIST")
    data = load_data("kmnist", root=tmp_path, device="cpu")
    theirs = import_torchvision().datasets.KMNIST(tmp_path, train=False)
    np.testing.assert_array_equal(stored(data, data.test)[:, 0], theirs.data.numpy())
    assert data.test.labels.tolist() == theirs.targets.tolist()


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")],
)
def test_the_table_is_torchvisions(name, theirs):
    theirs = getattr(import_torchvision().datasets, theirs)
    ours = IDX_SETS[name]
    assert ours.folder == theirs.__name__
    assert [name.split(" - ")[0] for name in theirs.classes] == list(ours.class_names)


@pytest.mark.parametrize("name", IDX_SETS)
def test_all_of_torchvisions_addresses_are_asked_and_ours(tmp_path, monkeypatch, name):
    asked = {}
    monkeypatch.setattr(
        named, "fetch", lambda place, root, **how: asked.setdefault(place, how) and exit()
    )
    with pytest.raises(SystemExit):
        load_data(name, root=tmp_path)
    dataset = getattr(import_torchvision().datasets, IDX_SETS[name].folder)
    ((place, how),) = asked.items()
    file, checksum = dataset.resources[0]
    assert place == f"{IDX_SETS[name].folder}/raw/{file}"
    assert how["checksum"] == checksum
    addresses = {*dataset.mirrors, *IDX_SETS[name].more_mirrors}
    assert set(how["mirrors"]) == {address + file for address in addresses}
    assert how["mirrors"][0] == dataset.mirrors[0] + file


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_copy_of_cifar_is_asked_before_torchvisions_throttled_host(tmp_path, monkeypatch, name):
    asked = []
    monkeypatch.setattr(named, "fetch", lambda *_, mirrors, **__: asked.extend(mirrors) or exit())
    with pytest.raises(SystemExit):
        load_data(name, root=tmp_path)
    dataset = getattr(import_torchvision().datasets, name.upper())
    assert asked[0].startswith("https://zenodo.org/")
    assert asked[0].endswith(f"/{dataset.filename}?download=1")
    assert asked[1:] == [dataset.url]


def test_the_root_argument_precedes_the_environment(tmp_path, monkeypatch):
    write_mnist(tmp_path / "course", "MNIST", num_train=30)
    write_mnist(tmp_path / "mine", "MNIST", num_train=40)
    monkeypatch.setenv("NCLIB_DATA", str(tmp_path / "course"))
    assert len(load_data("mnist", device="cpu").train) == 30
    assert len(load_data("mnist", root=tmp_path / "mine", device="cpu").train) == 40


def test_missing_files_come_from_the_course_mirror(tmp_path, monkeypatch):
    raw = write_mnist(tmp_path / "course", "FashionMNIST", suffix=".gz")
    checksums = {path.name: md5(path.read_bytes()) for path in raw.iterdir()}
    dataset = import_torchvision().datasets.FashionMNIST
    monkeypatch.setattr(dataset, "resources", list(checksums.items()))
    monkeypatch.delenv("NCLIB_OFFLINE")
    monkeypatch.setenv("NCLIB_MIRROR", str(tmp_path / "course"))
    data = load_data("fashion-mnist", root=tmp_path / "mine", device="cpu")
    assert len(data.train) == 20
    brought = tmp_path / "mine" / "FashionMNIST" / "raw"
    assert {path.name for path in brought.iterdir()} == set(checksums)


@pytest.mark.parametrize("name", [name for name in named.NAMED if name != "digits"])
def test_a_set_that_cannot_be_had_is_an_error_with_the_remedies(tmp_path, name):
    with pytest.raises(DataUnavailableError) as failure:
        load_data(name, root=tmp_path)
    message = str(failure.value)
    for part in ("NCLIB_OFFLINE", "root=", "NCLIB_DATA", "NCLIB_MIRROR", "digits", str(tmp_path)):
        assert part in message
    assert contents(tmp_path) == {}


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (IMAGES, lambda data: data[:-1], "its header promises"),
        (IMAGES, lambda data: data + b"0", "its header promises"),
        (IMAGES, lambda data: data[:9], "no idx file"),
        (IMAGES, lambda data: b"", "no idx file"),
        (IMAGES, lambda data: b"<html>" + data, "no idx file"),
        (LABELS, lambda data: idx(np.zeros(19, np.uint8)), "do not belong together"),
        (LABELS, lambda data: idx(np.full(20, 10, np.uint8)), "label 10; expected 0 to 9"),
        (IMAGES, lambda data: idx(noise(20, 28)), "do not belong together"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, name, damage, message):
    path = write_mnist(tmp_path, "MNIST") / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as failure:
        load_data("mnist", root=tmp_path)
    assert str(path if "idx" in message or "header" in message else path.parent) in str(
        failure.value
    )


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda data: data[:-20], lambda data: b"not gzip"])
def test_a_damaged_gzip_file_is_named(tmp_path, damage):
    path = write_mnist(tmp_path, "MNIST", suffix=".gz") / f"{IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged or cut short") as failure:
        load_data("mnist", root=tmp_path)
    assert str(path) in str(failure.value)


def test_a_class_without_images_is_named(tmp_path):
    write_mnist(tmp_path, "MNIST", num_train=8)
    with pytest.raises(ValueError, match="mnist has no training images of '8', '9'"):
        load_data("mnist", root=tmp_path)
    assert load_data("mnist", root=tmp_path, classes=[0, 7], device="cpu").num_classes == 2


# ── CIFAR, SVHN, STL-10: small imitations whose checksums stand in for the published ones ─────────


def old_pickle(entry: dict) -> bytes:
    """As in 2009: protocol 2, and a data type's flags as integers instead of booleans."""
    return pickle.dumps(entry, protocol=2).replace(b"\x89\x88\x87", b"K\x00K\x01\x87")


def targz(folder: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {**files, "../outside": b"no", "readme.html": b"unused"}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pretend(monkeypatch, dataset, files: dict[str, bytes]) -> bytes:
    """An archive of these files, which torchvision's class then takes for the published one."""
    archive = targz(dataset.base_folder, files)
    monkeypatch.setattr(dataset, "tgz_md5", md5(archive))
    for table in ("train_list", "test_list"):
        listed = [[name, md5(files[name])] for name, _ in getattr(dataset, table)]
        monkeypatch.setattr(dataset, table, listed)
    return archive


def cifar(monkeypatch, name: str) -> tuple[str, bytes, int]:
    """Archive name and content of a CIFAR with one image a class in each file."""
    dataset = getattr(import_torchvision().datasets, name)
    num = {"CIFAR10": 10, "CIFAR100": 100}[name]
    key = {"CIFAR10": "labels", "CIFAR100": "fine_labels"}[name]
    files = {}
    for seed, (file, _) in enumerate([*dataset.train_list, *dataset.test_list]):
        entry = {"data": noise(num, 3072, seed=seed), key: list(range(num))}
        files[file] = old_pickle(entry)
    names = [f"class {index}" for index in range(num)]
    files[dataset.meta["filename"]] = old_pickle({dataset.meta["key"]: names})
    checksum = md5(files[dataset.meta["filename"]])
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": checksum})
    return dataset.filename, pretend(monkeypatch, dataset, files), len(dataset.train_list)


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_cifar_comes_from_its_archive(tmp_path, monkeypatch, name):
    file, archive, num_files = cifar(monkeypatch, name)
    (tmp_path / file).write_bytes(archive)
    data = load_data(name.lower(), root=tmp_path, device="cpu")
    assert data.image_shape == (3, 32, 32)
    assert data.class_names[1] == "class 1"
    assert data.train.counts.tolist() == [num_files] * data.num_classes
    first = noise(data.num_classes, 3072, seed=0).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(stored(data, data.train)[: len(first)], first)
    assert not (tmp_path.parent / "outside").exists()
    assert not list(tmp_path.rglob("outside")) + list(tmp_path.rglob("*.part"))
    (tmp_path / file).unlink()  # what was unpacked suffices
    assert len(load_data(name.lower(), root=tmp_path, device="cpu").test) == data.num_classes


def test_cifar_comes_from_the_course_mirror(tmp_path, monkeypatch):
    file, archive, _ = cifar(monkeypatch, "CIFAR10")
    (tmp_path / file).write_bytes(archive)
    monkeypatch.delenv("NCLIB_OFFLINE")
    monkeypatch.setenv("NCLIB_MIRROR", tmp_path.as_uri())
    assert load_data("cifar10", root=tmp_path / "root", device="cpu").num_classes == 10
    assert (tmp_path / "root" / file).read_bytes() == archive


def test_an_archive_with_another_checksum_is_named(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"an error page")
    with pytest.raises(
        ValueError, match=r"cifar-10-python.tar.gz.*c58f30108f718f92721af3b95e74349a"
    ):
        load_data("cifar10", root=tmp_path)


def test_an_archive_without_the_files_is_named(tmp_path, monkeypatch):
    dataset = import_torchvision().datasets.CIFAR10
    archive = targz("cifar-10-batches-py", {"data_batch_1": b""})
    monkeypatch.setattr(dataset, "tgz_md5", md5(archive))
    (tmp_path / dataset.filename).write_bytes(archive)
    with pytest.raises(ValueError, match=r"cifar-10-python.tar.gz cannot be unpacked"):
        load_data("cifar10", root=tmp_path)


def test_a_folder_that_cannot_take_the_files_of_the_archive(tmp_path, monkeypatch):
    file, archive, _ = cifar(monkeypatch, "CIFAR10")
    (tmp_path / file).write_bytes(archive)
    (tmp_path / "cifar-10-batches-py").write_text("a file is in the way")
    with pytest.raises(DataUnavailableError, match="cannot be unpacked beside it"):
        load_data("cifar10", root=tmp_path)


def test_a_damaged_unpacked_file_is_named(tmp_path, monkeypatch):
    file, archive, _ = cifar(monkeypatch, "CIFAR10")
    (tmp_path / file).write_bytes(archive)
    load_data("cifar10", root=tmp_path, device="cpu")
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(flipped(path.read_bytes()))
    with pytest.raises(ValueError, match=r"data_batch_3 is damaged or another file"):
        load_data("cifar10", root=tmp_path)


def test_stl10(tmp_path, monkeypatch):
    dataset = import_torchvision().datasets.STL10
    images = noise(20, 3, 96, 96)
    labels = (np.arange(20) % 10 + 1).astype(np.uint8)
    files = {
        "train_X.bin": images.tobytes(),
        "train_y.bin": labels.tobytes(),
        "test_X.bin": images[::-1].tobytes(),
        "test_y.bin": labels[::-1].tobytes(),
        "unlabeled_X.bin": images[:1].tobytes(),
    }
    (tmp_path / dataset.filename).write_bytes(pretend(monkeypatch, dataset, files))
    data = load_data("stl10", root=tmp_path, device="cpu")
    np.testing.assert_array_equal(stored(data, data.train), images.transpose(0, 1, 3, 2))
    assert data.test.labels.tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] * 2
    assert data.class_names[:2] == ("airplane", "bird")


def test_svhn(tmp_path, monkeypatch):
    from scipy.io import savemat

    dataset = import_torchvision().datasets.SVHN
    images = noise(20, 32, 32, 3)
    labels = (np.arange(20) % 10 + 1).astype(np.uint8)  # 10 stands for the digit 0
    table = {}
    for split in ("train", "test"):
        path = tmp_path / f"{split}_32x32.mat"
        savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]})
        table[split] = [f"http://localhost/{path.name}", path.name, md5(path.read_bytes())]
    monkeypatch.setattr(dataset, "split_list", table)
    data = load_data("svhn", root=tmp_path, device="cpu")
    np.testing.assert_array_equal(stored(data, data.train), images.transpose(0, 3, 1, 2))
    assert data.test.labels.tolist() == (labels % 10).tolist()


# ── Image folders and tar archives of them ────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"])
@pytest.mark.parametrize("prefix", ["", "pets/", "./", "a/b/"])
def test_a_folder_and_a_tar_of_it_are_read_alike(tmp_path, kind, prefix):
    files = pictures(*SPLIT)
    make = as_tar if kind else as_folder
    path = make(tmp_path / f"pets{kind}", {prefix + name: files[name] for name in files})
    data = load_data(path, device="cpu")
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert data.train.labels.tolist() == [0] * 5 + [1] * 5
    for split, classes in ((data.train, SPLIT[:2]), (data.test, SPLIT[2:])):
        expected = [
            np.array(Image.open(io.BytesIO(files[f"{folder}/{index}.png"])))
            for folder in classes
            for index in range(5)
        ]
        np.testing.assert_array_equal(stored(data, split), np.transpose(expected, (0, 3, 1, 2)))


def test_the_order_in_an_archive_does_not_matter(tmp_path):
    files = pictures(*SPLIT)
    one = load_data(as_tar(tmp_path / "one.tar.xz", files), per_class=3, device="cpu")
    other = as_tar(tmp_path / "other.tar", dict(reversed(files.items())))
    other = load_data(str(other), per_class=3, device="cpu")
    assert torch.equal(one.train.images, other.train.images)
    assert torch.equal(one.test.images, other.test.images)


@pytest.mark.parametrize("kind", [".tar.gz", ".tar.xz", ".tar.bz2"])
def test_an_archive_too_large_for_memory_is_read_alike(tmp_path, monkeypatch, kind):
    path = as_tar(tmp_path / f"pets{kind}", pictures(*SPLIT))
    one = load_data(path, per_class=3, device="cpu")
    monkeypatch.setattr(archive, "_IN_MEMORY", 1000)
    other = load_data(path, per_class=3, device="cpu")
    assert torch.equal(one.train.images, other.train.images)
    assert torch.equal(one.test.images, other.test.images)


def test_a_compressed_archive_is_decompressed_once_and_a_plain_one_not_copied(
    tmp_path, monkeypatch
):
    opened = []

    class Counted(lzma.LZMAFile):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            opened.append(self)

    path = as_tar(tmp_path / "pets.tar.xz", pictures(*SPLIT))
    monkeypatch.setattr(lzma, "LZMAFile", Counted)
    load_data(path, device="cpu")
    assert len(opened) == 1
    assert archive._decompressed(as_tar(tmp_path / "pets.tar", pictures(*SPLIT))) is None


def test_torchvisions_image_folder_finds_the_same(tmp_path):
    path = as_folder(tmp_path, pictures(*SPLIT, "train/cat/deeper"))
    theirs = import_torchvision().datasets.ImageFolder(path / "train")
    data = load_data(path, device="cpu")
    assert list(data.class_names) == theirs.classes
    assert sorted(data.train.labels.tolist()) == sorted(theirs.targets)
    expected = {np.array(image).transpose(2, 0, 1).tobytes() for image, _ in theirs}
    assert {image.tobytes() for image in stored(data, data.train)} == expected


def test_val_serves_as_test_and_what_is_left_out_is_said(tmp_path):
    files = pictures("train/cat", "train/dog", "val/cat", "val/dog")
    data = load_data(as_folder(tmp_path / "one", files), device="cpu")
    assert data.note == "tested on val/"
    files |= pictures("test/cat", "test/dog", num=1)
    data = load_data(as_folder(tmp_path / "two", files), device="cpu")
    assert data.note == "tested on test/, val/ left out"
    assert len(data.test) == 2


def test_classes_alone_are_split(tmp_path):
    path = as_folder(tmp_path / "pets", pictures("cat", "dog", "train", num=10))
    data = load_data(path, device="cpu")
    assert data.class_names == ("cat", "dog", "train")
    assert data.train.counts.tolist() == [8, 8, 8]
    assert data.test.counts.tolist() == [2, 2, 2]
    assert "no test folder: split 80/20 with seed 0" in repr(data)
    assert not rows(data.train) & rows(data.test)
    other = load_data(path, device="cpu", seed=1)
    assert not torch.equal(data.test.images, other.test.images)


@pytest.mark.parametrize("kind", ["", ".tar"])
def test_only_the_images_asked_for_are_decoded(tmp_path, monkeypatch, kind):
    decoded = []
    decode = folders._decode_one
    monkeypatch.setattr(
        folders, "_decode_one", lambda *given: decoded.append(given[1]) or decode(*given)
    )
    files = pictures(*SPLIT, "train/fox", "test/fox")
    path = (as_tar if kind else as_folder)(tmp_path / f"pets{kind}", files)
    data = load_data(path, classes=["dog", "cat"], per_class=2, device="cpu")
    assert data.class_names == ("dog", "cat")
    assert len(decoded) == 2 * 2 + 2 * 5
    assert not [name for name in decoded if "fox" in name]


def test_grey_only_if_all_are(tmp_path):
    grey = pictures(*SPLIT, shape=(6, 6))
    assert load_data(as_folder(tmp_path / "grey", grey), device="cpu").image_shape == (1, 6, 6)
    mixed = {**grey, **pictures("test/dog", shape=(6, 6, 3))}
    data = load_data(as_folder(tmp_path / "mixed", mixed), device="cpu")
    assert data.image_shape == (3, 6, 6)
    images = stored(data, data.train)
    np.testing.assert_array_equal(images[:, 0], images[:, 2])


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA", "CMYK"])
def test_other_kinds_of_image(tmp_path, mode):
    files = pictures(*SPLIT, num=2)
    image = Image.fromarray(noise(6, 6, 3)).convert("L" if mode == "LA" else "RGB").convert(mode)
    buffer = io.BytesIO()
    extra = {"transparency": bytes(range(9))} if mode == "P" else {}
    image.save(buffer, "tiff" if mode == "CMYK" else "png", **extra)
    files["train/cat/odd.tif" if mode == "CMYK" else "train/cat/odd.png"] = buffer.getvalue()
    data = load_data(as_folder(tmp_path, files), device="cpu")
    expected = np.array(Image.open(buffer).convert("RGBA").convert("RGB")).transpose(2, 0, 1)
    assert any((image == expected).all() for image in stored(data, data.train))


def test_a_constant_channel_becomes_zero_not_infinite(tmp_path):
    files = {}
    for index, folder in enumerate(SPLIT):
        image = noise(6, 6, 3, seed=index)
        image[..., 1] = 37
        files[f"{folder}/0.png"] = png(image)
    data = load_data(as_folder(tmp_path, files), device="cpu")
    assert (data.train.images[:, 1] == 0).all()
    assert data.std[1] == 1
    assert torch.isfinite(data.train.images).all()
    assert (stored(data, data.train)[:, 1] == 37).all()


def test_differing_sizes_need_an_image_size(tmp_path):
    files = pictures(*SPLIT) | pictures("train/dog", num=1, shape=(4, 8, 3))
    path = as_folder(tmp_path, files)
    with pytest.raises(ValueError, match=r"differ in size: .*6×6.*8×4; pass image_size"):
        load_data(path)
    assert load_data(path, image_size=5, device="cpu").image_shape == (3, 5, 5)


def test_what_is_no_image_or_hidden_or_outside_is_left(tmp_path):
    files = pictures(*SPLIT)
    clutter = dict.fromkeys(
        (
            *("README.md", "train/cat/._0.png", "train/cat/notes.txt", "train/.cache/0.png"),
            *("__MACOSX/train/cat/0.png", ".git/config"),
        ),
        b"clutter",
    )
    outside = {"../../evil.png": b"evil", "/abs/evil.png": b"evil", "train/../evil.png": b"evil"}
    from_tar = load_data(as_tar(tmp_path / "pets.tar", files | clutter | outside), device="cpu")
    from_folder = load_data(as_folder(tmp_path / "pets", files | clutter), device="cpu")
    assert torch.equal(from_tar.train.images, from_folder.train.images)
    assert len(from_tar.train) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets", "pets.tar"]


def test_links_in_an_archive_are_left(tmp_path):
    path = as_tar(tmp_path / "pets.tar", pictures(*SPLIT))
    add_link(path, "train/cat/link.png", "/etc/passwd")
    assert len(load_data(path, device="cpu").train) == 10


@pytest.mark.parametrize("kind", ["", ".tar"])
def test_an_unreadable_image_is_named(tmp_path, kind):
    files = pictures(*SPLIT)
    files["test/dog/2.png"] = files["test/dog/2.png"][:60]
    path = (as_tar if kind else as_folder)(tmp_path / f"pets{kind}", files)
    with pytest.raises(ValueError, match=r"pets.*test/dog/2\.png cannot be read as an image"):
        load_data(path)


def test_deep_grey_is_not_clipped_to_eight_bits(tmp_path):
    files = pictures(*SPLIT)
    files["train/cat/0.png"] = png(np.arange(36, dtype=np.uint16).reshape(6, 6) * 1000)
    with pytest.raises(ValueError, match=r"train/cat/0\.png .*more than 8 bits"):
        load_data(as_folder(tmp_path, files))


@pytest.mark.parametrize("kind", [".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
@pytest.mark.parametrize("part", [0.2, 0.4, 0.6])
def test_an_archive_cut_short_is_named(tmp_path, kind, part):
    path = as_tar(tmp_path / f"pets{kind}", pictures(*SPLIT))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"pets.*is neither a folder nor a whole \.tar"):
        load_data(path)


def test_an_archive_cut_between_two_members_is_named(tmp_path):
    path = as_tar(tmp_path / "pets.tar", pictures(*SPLIT))
    with tarfile.open(path) as tar:
        end = tar.getmembers()[7].offset
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match="cut short"):
        load_data(path)


def test_a_file_that_is_no_archive(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ValueError, match=r"notes\.txt is neither a folder nor a whole \.tar"):
        load_data(path)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ((), r"holds the folders \[\]; expected train/<class>/"),
        (("train/cat", "train/dog"), r"holds the folders \['train'\]; expected"),
        (("train/cat", "train/dog", "test/cat", "test/fox"), r"\['fox'\] under test/ but not"),
        (("train/cat", "train/dog", "test/cat"), "no test images of 'dog'"),
        (("train/cat", "test/cat"), "at least 2 classes"),
        (("cat",), "at least 2 classes"),
    ],
)
def test_a_layout_that_is_none_is_refused(tmp_path, folders, message):
    with pytest.raises(ValueError, match=message):
        load_data(as_folder(tmp_path, pictures(*folders)))


@pytest.mark.parametrize(
    ("folders", "empty", "message"),
    [
        (SPLIT, "train/fox", "no training images of 'fox'"),
        (("cat", "dog"), "fox", r"class 'fox' has 0 image\(s\)"),
    ],
)
def test_an_empty_class_folder_is_named(tmp_path, folders, empty, message):
    path = as_folder(tmp_path, pictures(*folders))
    (path / empty).mkdir()
    with pytest.raises(ValueError, match=message):
        load_data(path)


def test_a_class_too_small_for_the_draw_is_named(tmp_path):
    files = pictures("train/cat", "test/cat", "test/dog") | pictures("train/dog", num=3)
    with pytest.raises(ValueError, match=r"per_class is 4, but class 'dog' of .* has 3 training"):
        load_data(as_folder(tmp_path, files), per_class=4)


# ── Real data ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.data
def test_real_mnist(real_data_root):
    data = load_data("mnist", root=real_data_root, device="cpu")
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.train.counts.tolist() == counts
    assert data.mean.item() == pytest.approx(0.13066, abs=1e-5)
    assert data.std.item() == pytest.approx(0.30811, abs=1e-5)
    assert md5(idx(stored(data, data.test)[:, 0])) == "2646ac647ad5339dbf082846283269ea"


@pytest.mark.data
@pytest.mark.slow
def test_real_cifar10_from_an_archive_of_jpegs(real_cifar10_tar):
    data = load_data(real_cifar10_tar, per_class=5, classes=["cat", "dog", "ship"], device="cpu")
    assert data.image_shape == (3, 32, 32)
    assert data.train.counts.tolist() == [5, 5, 5]
    assert data.test.counts.tolist() == [1000, 1000, 1000]
    assert data.class_names == ("cat", "dog", "ship")
