"""Batches out of splits, tensors and loaders; what is wrong with one is said with its number."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from nclib.data.dataset import Split
from nclib.measuring.batches import batches

IMAGES, LABELS = torch.arange(28.0).view(7, 1, 2, 2), torch.arange(7) % 3
KINDS = {
    "split": Split(IMAGES, LABELS),
    "tensors": (IMAGES, LABELS),
    "loader": DataLoader(TensorDataset(IMAGES, LABELS), batch_size=3),
    "lists": [[IMAGES[:3], LABELS[:3], "more"], [IMAGES[3:], LABELS[3:], "more"]],
    "dicts": [{"images": IMAGES[:3], "labels": LABELS[:3]},
              {"images": IMAGES[3:], "labels": LABELS[3:]}],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_all_samples_come_once_in_their_order(kind):
    inputs, labels = (torch.cat(part) for part in zip(*batches(KINDS[kind], 3), strict=True))
    assert torch.equal(inputs, IMAGES)
    assert torch.equal(labels, LABELS)


def test_size_is_that_of_a_batch():
    assert [len(labels) for _, labels in batches(KINDS["split"], 3)] == [3, 3, 1]


def test_several_inputs_stay_together():
    given = {"input_ids": torch.ones(2, 4), "attention_mask": torch.ones(2, 4)}
    ((inputs, labels),) = batches([given | {"labels": LABELS[:2]}], 3)
    assert inputs == given
    assert torch.equal(labels, LABELS[:2])


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (IMAGES, "batch 1 of data is a Tensor; give"),
        ({"images": IMAGES}, "batch 1 of data is a dict; give"),
        ((IMAGES[:3], LABELS[:2]), "batch 1 of data has 3 inputs and 2 labels"),
    ],
)
def test_a_wrong_batch_is_named(second, said):
    found = batches([(IMAGES, LABELS), second], 3)
    next(found)
    with pytest.raises(ValueError, match=said):
        next(found)
