"""Which folders are splits and which are classes: recognised, or asked."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import SPLIT, as_folder, as_tar, noise, pictures, png

from nclib.data.layout import split_word
from nclib.data.loading import load_data

pytestmark = pytest.mark.usefixtures("without_shape_checks")


KINDS = ("folder", "tar")


def made(place: Path, kind: str, files: dict[str, bytes]) -> Path:
    return as_tar(place / "set.tar", files) if kind == "tar" else as_folder(place / "set", files)


def of_splits(train: str, test: str, *classes: str) -> dict[str, bytes]:
    return pictures(*(f"{part}/{name}" for part in (train, test) for name in classes))


def without_classes(*folders: str, num: int = 3) -> dict[str, bytes]:
    return pictures(*folders, num=num)


# ── Recognised ────────────────────────────────────────────────────────────────────────────────────

USUAL = {
    "Training with Testing": ("Training", "Testing", "tested on Testing/"),
    "train with eval": ("train", "eval", "tested on eval/"),
    "capitals": ("TRAIN", "VALID", "tested on VALID/"),
    "a prefix": ("seg_train", "seg_test", "tested on seg_test/"),
    "a prefix and doubled": ("seg_train/seg_train", "seg_test/seg_test", "tested on seg_test/"),
    "a word more": ("training_set", "test_set", "tested on test_set/"),
    "written in one": ("TrainSet", "TestSet", "tested on TestSet/"),
    "small and in one": ("trainset", "valset", "tested on valset/"),
    "a year": ("train2017", "val2017", "tested on val2017/"),
    "spaces": ("Train images", "Validation images", "tested on Validation images/"),
    "hyphens": ("data-training", "data-evaluation", "tested on data-evaluation/"),
    "doubled below a folder": ("set/train/train", "set/test/test", ""),
    "a folder of images inside": ("train/images", "test/images", ""),
    "trainval": ("train_val", "test", ""),
    "a wrapper called as a split": ("train_and_more/Train", "train_and_more/dev", "tested on dev/"),
    "one name at each end": ("ILSVRC_img_train", "ILSVRC_img_val", "tested on ILSVRC_img_val/"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", USUAL)
def test_usual_names_of_splits(tmp_path, name, kind):
    train, test, note = USUAL[name]
    path = made(tmp_path, kind, of_splits(train, test, "cat", "dog", "owl"))
    data = load_data(path, device="cpu")
    assert data.class_names == ("cat", "dog", "owl")
    assert data.train.counts.tolist() == data.test.counts.tolist() == [5, 5, 5]
    assert data.note.startswith(note)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("train", ("train", True)),
        ("Training Set", ("training", True)),
        ("seg_test", ("test", False)),
        ("bullet_train", ("train", False)),
        ("trainer", None),
        ("latest", None),
        ("contest_evals", None),
        ("test_eval", None),
        ("cat", None),
        ("", None),
    ],
)
def test_the_word_in_a_name(name, word):
    assert split_word(name) == word


def test_a_test_folder_without_classes_gives_way_to_one_with_them(tmp_path):
    files = of_splits("train", "val", "cat", "dog") | without_classes("test")
    data = load_data(made(tmp_path, "folder", files), device="cpu")
    assert data.note == "tested on val/, test/ left out"


CLASSES = {
    "a vehicle among others": ("car", "ship", "train"),
    "vehicles with a word before": ("bullet_train", "car", "steam_train"),
    "things of the laboratory": ("beaker", "test_tube"),
    "words that hold others": ("latest", "trainer", "valley"),
    "folders in class folders": ("cat/young", "cat/old", "dog/fox-like"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CLASSES)
def test_classes_that_only_look_like_splits(tmp_path, name, kind):
    data = load_data(made(tmp_path, kind, pictures(*CLASSES[name])), device="cpu")
    assert data.class_names == tuple(sorted({n.split("/")[0] for n in CLASSES[name]}))


# ── Asked ─────────────────────────────────────────────────────────────────────────────────────────

UNSURE = {
    "a training folder alone": pictures("Training/cat", "Training/dog"),
    "a test folder alone": pictures("test_images/cat", "test_images/dog"),
    "two training folders": of_splits("train1", "train2", "cat", "dog") | pictures("test/cat"),
    "folds": of_splits("fold1", "fold2", "cat", "dog"),
    "folds beside something else": of_splits("fold1", "fold2", "cat", "dog")
    | pictures("a/x", "a/y", "extra"),
    "names in another language": of_splits("Treino", "Teste", "cat", "dog"),
    "a training folder and one of another name": of_splits("train", "new", "cat", "dog"),
    "splits in a folder beside another": of_splits("a/train", "a/test", "cat", "dog")
    | pictures("sample"),
    "splits in each class folder": pictures("cat/train", "cat/test", "dog/train", "dog/test"),
    "an unlabelled test folder beside the classes": pictures("cat", "dog", "Test"),
    "validation beside the classes": pictures("cat", "dog", "validation_set"),
}


def remedies(error: BaseException) -> list[tuple[str, ...]]:
    """What the error says to give, executed."""
    found = re.findall(r"splits=(\([^)]*\))", str(error))
    return [eval(text) for text in found]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNSURE)
def test_what_can_be_read_in_two_ways_is_asked_and_both_remedies_work(tmp_path, name, kind):
    path = made(tmp_path, kind, UNSURE[name])
    with pytest.raises(ValueError, match=r"holds the folders .* If each folder is a class") as info:
        load_data(path)
    first, second = remedies(info.value)
    assert first
    assert second == ()
    for splits in (first, second):
        try:
            data = load_data(path, splits=splits, device="cpu")
        except ValueError as error:  # the reading is followed; such a set has no two classes so
            assert re.search("at least 2 classes|no test images|in no class folder", str(error))
        else:
            assert set(data.class_names).isdisjoint(splits)


def test_the_reading_that_is_chosen_is_the_one_that_is_followed(tmp_path):
    path = made(tmp_path, "folder", of_splits("fold1", "fold2", "cat", "dog"))
    data = load_data(path, splits=["fold2", "fold1"], device="cpu")
    assert data.class_names == ("cat", "dog")
    assert data.note == "tested on fold1/"
    assert load_data(path, splits=(), device="cpu").class_names == ("fold1", "fold2")
    one = load_data(path, splits=("fold1",), device="cpu")
    assert (len(one.train), len(one.test)) == (8, 2)


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (("fold1", "fold3"), r"splits names 'fold3', but .* has the folders \['fold1', 'fold2'\]"),
        (("fold1", "fold1"), "one lies in the other"),
        (("fold1", "fold1/cat"), "one lies in the other"),
        ("fold1", r"splits is 'fold1'; give two folders, \('train', 'test'\)"),
        (("a", "b", "c"), "give two folders"),
        ((1, 2), "give two folders"),
        (False, "splits is False; give two folders"),
        ({"fold1", "fold2"}, "give two folders"),
        (("",), "give two folders"),
    ],
)
def test_splits_that_are_none(tmp_path, splits, said):
    path = made(tmp_path, "folder", of_splits("fold1", "fold2", "cat", "dog"))
    with pytest.raises(ValueError, match=said):
        load_data(path, splits=splits)
    with pytest.raises(ValueError, match="splits"):
        load_data("digits", splits=splits)


# ── Images in no class folder ─────────────────────────────────────────────────────────────────────

FLAT = {
    "val/ of ImageNet": (
        pictures(*(f"train/n{c:04d}" for c in range(200)), num=1) | without_classes("val"),
        "val/ holds 3 images in no class folder; sort images into val/<class>/",
    ),
    "both splits": (
        without_classes("train", "test"),
        r"train/ holds 3 images in no class folder.* are classes themselves: splits=\(\)",
    ),
    "the folder itself": (
        {f"{n}.png": png(noise(4, 4, seed=n)) for n in range(5)},
        "holds 5 images in no class folder; expected train/<class>/",
    ),
    "doubled and flat": (
        without_classes("train/train", "test/test"),
        "train/ holds 3 images in no class folder",
    ),
    "Tiny ImageNet's val/images/": (
        pictures("train/n1/images", "train/n2/images") | without_classes("val/images"),
        r"val/ holds 3 images in no class folder.* 80/20 instead: splits=\('train',\)",
    ),
    "below one folder of images": (pictures("set/images", num=4), "holds 4 images in no class"),
    "below one folder": (pictures("set/all", num=4), "at least 2 classes are needed; found"),
    "Training with classes, Testing without": (
        pictures("Training/cat", "Training/dog") | without_classes("Testing", num=1),
        "Testing/ holds 1 image in no class folder; sort",
    ),
    "many classes without test images": (
        pictures(*(f"train/n{c:04d}" for c in range(200)), "val/n0001", num=1),
        r"no test images of 'n0000', .* \(199 in all\)",
    ),
    "many classes of the test images alone": (
        pictures(*(f"test/n{c:04d}" for c in range(200)), "train/a", "train/b", num=1),
        r"under test/ but not under train/",
    ),
    "many empty class folders": (
        {f"{c:04d}/read.me": b"" for c in range(300)} | {"a.png": png(noise(4, 4))},
        "class '0000' has 0 image",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FLAT)
def test_images_without_classes_are_a_short_error(tmp_path, name, kind):
    files, said = FLAT[name]
    path = made(tmp_path, kind, files)
    with pytest.raises(ValueError, match=said) as failure:
        load_data(path)
    assert len(str(failure.value).replace(str(path), "")) < 400


@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        ("Train", "Test", "Train"),
        ("asl_train/asl_train", "asl_test/asl_test", "asl_train/asl_train"),
        ("train", "val", "val"),
        ("TRAINING", "holdout", "TRAINING"),
        ("train_set", "dev_set", "dev_set"),
        ("train", "test", ""),
    ],
)
def test_the_remedy_for_a_split_without_classes_works(tmp_path, train, test, classes):
    flat = [part for part in (train, test) if part != classes]
    sorted_in = [f"{classes}/{name}" for name in ("cat", "dog")] if classes else []
    path = made(tmp_path, "folder", pictures(*sorted_in) | without_classes(*flat))
    with pytest.raises(ValueError, match="in no class folder; sort images into") as failure:
        load_data(path)
    (splits,) = remedies(failure.value)
    expected = ("cat", "dog") if classes else (test, train)
    assert load_data(path, splits=splits, device="cpu").class_names == expected


def test_images_beside_the_class_folders_are_left_and_it_is_said(tmp_path):
    files = pictures(*SPLIT) | {"logo.png": b"", "train/all.png": b""}
    data = load_data(made(tmp_path, "folder", files), device="cpu")
    assert data.note == "tested on test/, 2 images in no class folder left out"


# ── Names from the world ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_one_class_in_two_unicode_forms(tmp_path, kind):
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    files = pictures(f"train/{names[0]}", "train/thé", f"test/{names[1]}", "test/thé")
    path = made(tmp_path, kind, files)
    for chosen in names:
        data = load_data(path, classes=["thé", chosen], device="cpu")
        assert data.class_names == ("thé", names[0])
        assert data.test.counts.tolist() == [5, 5]


ODD = {
    "Latin-1": b"caf\xe9",
    "cut in the middle of a letter": b"\xe2\x82",
    "Shift JIS": "猫".encode("shift_jis"),
    "UTF-16's half": b"\xed\xa0\x80",
    "a byte alone": b"\xff",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ODD)
def test_names_that_are_no_utf8_can_be_printed(tmp_path, name, kind):
    odd = ODD[name].decode("utf-8", "surrogateescape")
    data = load_data(made(tmp_path, kind, pictures(odd, "dog")), device="cpu")
    for said in (*data.class_names, repr(data)):
        said.encode()
    assert len(data.class_names) == 2
    shown = next(name for name in data.class_names if name != "dog")
    assert "\\x" in shown
    for given in (odd, shown):
        assert load_data(data_path(tmp_path), classes=["dog", given], device="cpu").num_classes == 2
    (tmp_path / "damaged").mkdir()
    files = {f"{odd}/1.png": b"", f"{odd}/2.png": b""} | pictures("a", "b")
    damaged = made(tmp_path / "damaged", kind, files)
    with pytest.raises(ValueError, match=r"[12]\.png cannot be read") as failure:
        load_data(damaged)
    str(failure.value).encode()


def data_path(place: Path) -> Path:
    return next(path for path in place.iterdir() if path.name.startswith("set"))


@pytest.mark.parametrize("kind", KINDS)
def test_two_names_that_are_shown_alike_are_named(tmp_path, kind):
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    path = made(tmp_path, kind, pictures(*names, "dog"))
    if kind == "folder" and len([*path.iterdir()]) < 3:
        pytest.skip("this file system keeps one form")
    with pytest.raises(ValueError, match="two names are shown alike, café, in two Unicode forms"):
        load_data(path)


def test_the_draw_does_not_depend_on_the_unicode_form(tmp_path):
    sets = []
    for form in ("NFC", "NFD"):
        files = pictures("é", "f", "z", num=10)
        files = {unicodedata.normalize(form, name): files[name] for name in files}
        sets.append(load_data(as_folder(tmp_path / form, files), per_class=3, device="cpu"))
    assert sets[0].class_names == sets[1].class_names
    assert torch.equal(sets[0].train.images, sets[1].train.images)


@pytest.mark.parametrize("place", ["train", "train/cat", "test", "test/dog"])
def test_a_file_where_a_folder_is_expected(tmp_path, place):
    kept = {n: content for n, content in pictures(*SPLIT).items() if not n.startswith(place)}
    path = as_folder(tmp_path, kept)
    (path / place).parent.mkdir(exist_ok=True)
    (path / place).write_text("a file")
    with pytest.raises(ValueError, match=r"holds the folders|no test images|\['cat'\] under test/"):
        load_data(path)


def test_labels_follow_the_names_whatever_the_order_on_disk(tmp_path):
    files = dict(reversed(of_splits("Train", "Test", "b", "a").items()))
    data = load_data(made(tmp_path, "tar", files), device="cpu")
    assert data.class_names == ("a", "b")
    assert np.array_equal(data.train.labels, [0] * 5 + [1] * 5)
