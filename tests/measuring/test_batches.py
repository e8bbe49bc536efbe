"""Batches out of whatever holds them; what is wrong with one is said with its number."""

from __future__ import annotations

import collections
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
)

from nclib.data.dataset import DataSet, Split
from nclib.measuring.batch_labels import check_labels
from nclib.measuring.batches import Batch, batches, num_samples, readable_twice

IMAGES, LABELS = torch.arange(28.0).view(7, 1, 2, 2), torch.arange(7) % 3
PARTS = ((IMAGES[:3], LABELS[:3]), (IMAGES[3:], LABELS[3:]))


class Stream(IterableDataset):
    def __iter__(self):
        return zip(IMAGES, LABELS, strict=True)


class Words(Dataset):
    """Samples as dicts, as Hugging Face's data sets give them."""

    def __getitem__(self, index):
        return {"pixel_values": IMAGES[index], "label": int(LABELS[index])}

    def __len__(self):
        return 7


def whole():
    settings = {"num_classes": 3, "class_names": ("a", "b", "c")}
    unit = {"mean": torch.zeros(1), "std": torch.ones(1)}
    other = Split(IMAGES[:1], LABELS[:1])
    return DataSet("made", Split(IMAGES, LABELS), other, **settings, **unit)


KINDS = {
    "data set": whole(),
    "split": Split(IMAGES, LABELS),
    "tensors": (IMAGES, LABELS),
    "a list of tensors": [IMAGES, LABELS],
    "arrays": (IMAGES.numpy(), LABELS.numpy()),
    "a tensor and an array": (IMAGES, LABELS.numpy().astype("int16")),
    "a dict of arrays": {"features": IMAGES.numpy(), "targets": LABELS.tolist()},
    "loader": DataLoader(TensorDataset(IMAGES, LABELS), batch_size=3),
    "loader of arrays": DataLoader(Words(), batch_size=3),
    "torch's data set": TensorDataset(IMAGES, LABELS),
    "samples as dicts": Words(),
    "a stream": Stream(),
    "lists": [[images, labels, "more"] for images, labels in PARTS],
    "numpy in tuples": [(images.numpy(), labels.numpy()) for images, labels in PARTS],
    "dicts": [{"images": images, "labels": labels} for images, labels in PARTS],
    "user dicts": [
        collections.UserDict(pixel_values=images, labels=labels) for images, labels in PARTS
    ],
    "labels as a list": [(images, labels.tolist()) for images, labels in PARTS],
    "batches again": [Batch(9, *part) for part in PARTS],
    "a tuple of batches": PARTS,
    "parts": [Split(*PARTS[0]), DataLoader(TensorDataset(*PARTS[1]), batch_size=2)],
}


def joined(found):
    numbers, inputs, labels = zip(*found, strict=True)
    assert list(numbers) == list(range(len(numbers)))
    return torch.cat(inputs), torch.cat(labels)


@pytest.mark.parametrize("kind", KINDS)
def test_all_samples_come_once_in_their_order(kind):
    inputs, labels = joined(batches(KINDS[kind], 3))
    assert torch.equal(inputs, IMAGES)
    assert torch.equal(labels, LABELS)
    assert labels.dtype == torch.int64


COUNTS = dict.fromkeys(KINDS, 7) | {"a stream": None}


@pytest.mark.parametrize("kind", KINDS)
def test_how_many_samples_are_to_come(kind):
    assert num_samples(KINDS[kind]) == COUNTS[kind]


def test_how_many_samples_a_loader_gives():
    data = TensorDataset(IMAGES, LABELS)
    assert num_samples(DataLoader(data, sampler=SubsetRandomSampler(range(5)))) == 5
    assert num_samples(DataLoader(data, batch_size=3, drop_last=True)) == 7  # one is missing then
    nested = BatchSampler(SubsetRandomSampler(range(5)), 2, False)
    assert num_samples(DataLoader(data, batch_sampler=nested)) == 5
    assert num_samples(DataLoader(data, batch_sampler=[[0, 1], [2]])) == 7
    assert num_samples(DataLoader(data, batch_size=None, sampler=nested)) == 5
    assert num_samples(DataLoader(data, batch_size=None)) is None  # a sample may be a batch
    padded = DistributedSampler(data, num_replicas=2, rank=0)
    assert num_samples(DataLoader(data, batch_size=2, sampler=padded)) == 7
    assert num_samples(DataLoader(Stream(), batch_size=3)) is None
    assert num_samples(iter(PARTS)) is None
    assert num_samples([Split(*PARTS[0]), Stream()]) is None


def test_size_is_that_of_a_batch():
    assert [len(labels) for *_, labels in batches(KINDS["split"], 3)] == [3, 3, 1]


@pytest.mark.parametrize(
    "inputs",
    [
        {"input_ids": torch.ones(2, 4), "attention_mask": torch.ones(2, 4)},
        (torch.ones(2, 4), [torch.zeros(2, 1), {"deep": torch.zeros(2, 3)}]),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_several_inputs_stay_together(inputs, whole):
    given = (inputs, LABELS[:2]) if whole else [(inputs, LABELS[:2])]
    ((_, found, labels),) = batches(given, 3)
    assert str(found) == str(inputs)  # the same dicts, tuples and lists
    assert torch.equal(labels, LABELS[:2])


def test_labels_leave_a_dict_of_inputs():
    given = {"input_ids": torch.ones(2, 4), "attention_mask": torch.ones(2, 4)}
    ((_, inputs, _),) = batches([given | {"labels": LABELS[:2]}])
    assert inputs.keys() == given.keys()


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16]
)
def test_labels_of_any_integer_type(dtype):
    ((_, _, labels),) = batches((IMAGES, LABELS.to(dtype)))
    assert torch.equal(labels, LABELS)


@pytest.mark.parametrize("dtype", [">f4", "<f8", "f2", "u1"])
def test_arrays_of_any_layout(dtype):
    array = np.asfortranarray(IMAGES.numpy().reshape(7, 4).astype(dtype))[::-1]
    array.setflags(write=False)
    ((_, inputs, _),) = batches((array, LABELS))
    assert inputs.tolist() == array.tolist()


def test_labels_of_each_token_keep_their_shape():
    labels = torch.tensor([[1, -100, 2], [0, 1, -100]])
    ((_, _, found),) = batches([(torch.ones(2, 3), labels)])
    assert torch.equal(found, labels)


def test_tensors_go_to_the_device():
    given = [({"a": IMAGES, "b": [IMAGES.numpy()], "c": "text"}, LABELS)]
    ((_, inputs, labels),) = batches(given, device="meta")
    assert inputs["a"].is_meta
    assert inputs["b"][0].is_meta
    assert inputs["c"] == "text"
    assert labels.is_meta


# Files


def written(tmp_path, kind):
    arrays = {"features": IMAGES.flatten(1).numpy(), "labels": LABELS.numpy().astype("uint8")}
    if kind == "npz":
        np.savez(tmp_path / "a.npz", **arrays)
    elif kind == "npy":
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return tmp_path / "features.npy", str(tmp_path / "labels.npy")
    else:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        old = {"_use_new_zipfile_serialization": kind != "old pt"}
        held = tuple(tensors.values()) if kind == "pair" else tensors
        torch.save(held, tmp_path / "a.pt", **old)
    return next(tmp_path.glob("a.*"))


FILES = ["npz", "npy", "pt", "old pt", "pair"]


@pytest.mark.parametrize("kind", FILES)
def test_features_in_files(tmp_path, kind):
    given = written(tmp_path, kind)
    features, labels = joined(batches(given, 3))
    assert torch.equal(features, IMAGES.flatten(1))
    assert torch.equal(labels, LABELS)
    assert num_samples(given) == 7


@pytest.mark.parametrize("form", [list, iter])
def test_files_one_after_another(tmp_path, form):
    for part, (images, labels) in enumerate(PARTS):
        np.savez(tmp_path / f"{part}.npz", features=images, labels=labels)
    inputs, labels = joined(batches(form(sorted(tmp_path.glob("*.npz"))), 2))
    assert torch.equal(inputs, IMAGES)
    assert torch.equal(labels, LABELS)
    assert num_samples(sorted(tmp_path.glob("*.npz"))) == 7


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def damage(path, how):
    if how == "objects":
        {
            ".npz": lambda: np.savez(path, features=np.array([Trap()]), labels=LABELS),
            ".npy": lambda: np.save(path, np.array([Trap()])),
            ".pt": lambda: torch.save({"features": Trap(), "labels": LABELS}, path),
        }[path.suffix]()
    elif how == "a pickle":
        path.write_bytes(pickle.dumps({"features": Trap(), "labels": 1}))
    elif how == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif path.suffix == ".npz":
        np.savez(path, x=IMAGES, labels=LABELS)
    else:
        torch.save({"x": IMAGES, "labels": LABELS}, path)


@pytest.mark.parametrize("how", ["objects", "a pickle", "half", "empty"])
@pytest.mark.parametrize("kind", FILES[:3])
def test_what_is_no_file_of_numbers_is_refused_and_never_unpickled(tmp_path, kind, how, capfd):
    given = written(tmp_path, kind)
    path = given[0] if kind == "npy" else given
    damage(path, how)
    with pytest.raises(ValueError) as refused:
        list(batches(given))
    assert path.name in str(refused.value)
    assert "save" in str(refused.value).lower()
    if how in ("objects", "a pickle") and kind != "npz":
        assert "objects are not loaded" in str(refused.value)
    assert "unpickled" not in capfd.readouterr().out


@pytest.mark.parametrize("kind", ["npz", "pt"])
def test_a_file_without_features_says_what_it_has(tmp_path, kind):
    path = written(tmp_path, kind)
    damage(path, "names")
    with pytest.raises(ValueError, match=r"has 'x', 'labels'; it must hold 'features' and"):
        list(batches(path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.npz", "missing.npz does not exist; give the path"),
        (".", "is a folder; give the path"),
        ("features.npy", r"holds one array; give two files: \(features.npy, labels.npy\)"),
        ("a.h5", "is no file of features; give .npz, .pt, or two files .npy"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, name, said):
    written(tmp_path, "npy")
    (tmp_path / "a.h5").touch()
    with pytest.raises(ValueError, match=said):
        list(batches(tmp_path / name))


# What is wrong, and where


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (IMAGES, "batch 1 of data is a Tensor; give"),
        ((IMAGES,), "batch 1 of data is a tuple of 1; give"),
        (None, "batch 1 of data is a NoneType; give"),
        ({"images": IMAGES}, r"batch 1 of data is a dict; give it with 'labels' .*found: 'images'"),
        ({"labels": LABELS}, "batch 1 of data is a dict; give it with 'labels' beside the inputs"),
        ((IMAGES[:3], LABELS[:2]), "batch 1 of data has 3 inputs and 2 labels"),
        (({"a": IMAGES, "b": IMAGES}, LABELS[:2]), "batch 1 of data has 7 inputs and 2 labels"),
        ((IMAGES, torch.eye(7)), r"float32 and shape \(7, 7\).*labels.argmax\(1\)"),
        ((IMAGES, LABELS.float()), r"float32 and shape \(7,\).*give labels.long\(\)"),
        ((IMAGES, LABELS > 1), r"bool and shape \(7,\).*give labels.long\(\)"),
        ((IMAGES, ["cat"] * 7), "batch 1 of data has labels of type"),
        ((IMAGES, {"boxes": LABELS}), "batch 1 of data has labels of type dict"),
        ((IMAGES[0], LABELS[0]), "batch 1 of data has one label, 0: these are samples"),
        ((IMAGES[0], 2), "batch 1 of data has one label, 2: .*DataLoader"),
        (
            (torch.ones(2, 4).long(), torch.ones(2, 4).long(), LABELS[:2]),
            r"batch 1 .* shaped like the first.*\(\(input_ids, attention_mask\), labels\)",
        ),
    ],
)
def test_a_wrong_batch_is_named(second, said):
    found = batches([(IMAGES, LABELS), second], 3)
    next(found)
    with pytest.raises(ValueError, match=said):
        next(found)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "data is a NoneType; give"),
        (7, "data is a int; give"),
        ([], "data gave no batches; give at least one sample"),
        (iter(()), "data gave no batches; an iterator can be read once: give a list"),
        ((IMAGES[:0], LABELS[:0]), "data gave no batches"),
        ((IMAGES, LABELS[:5]), "data has 7 inputs and 5 labels"),
        ({"train": 1, "test": 2}, "data is a dict with 'train', 'test'; give one of its values"),
        (
            DataLoader(TensorDataset(IMAGES, LABELS), batch_size=8, drop_last=True),
            "data gave no batches; it drops the incomplete last batch",
        ),
        (torch.ones(4, 3), "batch 0 of data is a Tensor; give"),
    ],
)
def test_wrong_data(data, said):
    with pytest.raises(ValueError, match=said):
        list(batches(data))


def test_the_argument_is_named_as_it_is_called():
    with pytest.raises(ValueError, match="batch 0 of test is a NoneType"):
        list(batches([None], name="test"))
    with pytest.raises(ValueError, match="ood gave no batches"):
        list(batches([], name="ood"))


def test_no_batches_may_be_right():
    assert list(batches([], may_be_empty=True)) == []


def test_size_must_be_a_size():
    with pytest.raises(ValueError, match="size is 0; give an integer of at least 1"):
        next(batches((IMAGES, LABELS), 0))


def test_what_can_be_read_twice():
    assert readable_twice((IMAGES, LABELS))
    assert readable_twice(KINDS["loader"])
    assert not readable_twice(batches((IMAGES, LABELS)))
    assert not readable_twice([Split(*PARTS[0]), iter(PARTS)])


@pytest.mark.parametrize("kind", ["torch's data set", "a stream", "samples as dicts"])
def test_no_random_number_of_the_training_is_drawn(kind):
    before = torch.get_rng_state()
    list(batches(KINDS[kind]))
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_warns():
    array = IMAGES.numpy().copy()
    array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(batches((array, LABELS)))


@pytest.mark.parametrize(
    ("labels", "rows", "said"),
    [
        ([0, 3, 12, 9, 11], None, r"label 12 in samples 2, 4; .* lie in 0\.\.9$"),
        ([1, 10, 5], None, r"label 10 in sample 1; .* count 1\.\.10: give labels - 1"),
        ([0, 10, 5], None, r"label 10 in sample 1; .* in 0\.\.9$"),
        ([0, -1, -100], None, "label -1 in sample 1; .*only -100 marks what is left out"),
        ([[0, 1], [1, 31]], None, "label 31 in sample 1 at position 1; "),
        (list(range(20)), None, r"label 19 in samples 10, 11, 12, 13, 14 … \(10 in all\)"),
        (
            torch.eye(10)[:3].long().tolist(),
            3,
            r"\(3, 10\) for 3 rows.*labels.argmax\(1\)",
        ),
        (
            [0, 1],
            8,
            r"\(2,\) for 8 rows of features; give one label for",
        ),
    ],
)
def test_labels_that_are_no_class(labels, rows, said):
    with pytest.raises(ValueError, match=f"batch 37 of data has .*{said}"):
        check_labels(torch.tensor(labels), 10, "batch 37 of data", rows=rows)


def test_a_zero_seen_before_tells_that_labels_count_from_zero():
    where = "batch 37 of data"
    with pytest.raises(ValueError, match=r"in 0\.\.9$"):
        check_labels(torch.tensor([1, 10]), 10, where, from_zero=True)


@pytest.mark.parametrize("labels", [[0, 9], [-100, -100], [], [[3, -100], [4, 5]]])
def test_labels_that_are_right(labels):
    given = torch.tensor(labels, dtype=torch.int64)
    check_labels(given, 10, "batch 0 of data", rows=given.numel())
