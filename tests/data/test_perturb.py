"""Data sets with wrong labels and rare classes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib.data.perturb import imbalanced, with_label_noise

DATA = nclib.load_data("digits", device="cpu")
FIVE = nclib.load_data("digits", classes=[0, 1, 2, 3, 4], device="cpu")


@given(st.floats(0, 1), st.integers(0, 1000))
def test_so_many_labels_are_another_class(share, seed):
    noisy = with_label_noise(DATA, share, seed=seed)
    wrong = noisy.train.labels != DATA.train.labels
    assert int(wrong.sum()) == round(share * len(DATA.train))
    assert set(noisy.train.labels.tolist()) <= set(range(10))
    assert noisy.train.images is DATA.train.images
    assert noisy.test is DATA.test


def test_more_noise_contains_less_and_all_other_classes_are_used():
    less, more, again = (with_label_noise(DATA, share).train.labels for share in (0.1, 0.5, 0.5))
    wrong = less != DATA.train.labels
    assert torch.equal(less[wrong], more[wrong])
    assert torch.equal(more, again)
    steps = (more - DATA.train.labels)[more != DATA.train.labels] % 10
    counts = torch.bincount(steps, minlength=10)
    assert counts[0] == 0
    assert counts[1:].min() > 0.5 * counts[1:].float().mean()
    other_seed = with_label_noise(DATA, 0.5, seed=1).train.labels
    assert not torch.equal(more, other_seed)


@pytest.mark.parametrize(("data", "frequent"), [(DATA, 5), (FIVE, 3)])
@pytest.mark.parametrize("ratio", [1, 2, 10, 100])
def test_the_later_half_is_rarer(data, frequent, ratio):
    rare = imbalanced(data, ratio)
    most = int(data.train.counts.min())
    expected = [most] * frequent + [most // ratio] * (data.num_classes - frequent)
    assert rare.train.counts.tolist() == expected
    assert rare.test is data.test
    assert len(rare.train.images) == sum(expected)


def test_images_keep_their_labels():
    rare = imbalanced(DATA, 7, seed=3)
    place = {
        image.numpy().tobytes(): int(y)
        for image, y in zip(DATA.train.images, DATA.train.labels, strict=True)
    }
    for image, label in zip(rare.train.images, rare.train.labels, strict=True):
        assert place[image.numpy().tobytes()] == label


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: with_label_noise(DATA, 1.2), r"share is 1.2; it must lie in \[0, 1\]"),
        (lambda: with_label_noise(DATA, float("nan")), "share is nan"),
        (lambda: imbalanced(DATA, 0.5), "ratio is 0.5; it must lie in"),
        (lambda: imbalanced(DATA, 1000), "ratio is 1000.*to leave rare classes images"),
    ],
)
def test_refused(act, said):
    with pytest.raises(ValueError, match=said):
        act()
