"""Data sets made harder on purpose: wrong labels, rare classes.

Each gives a new data set with the same test images; the one given is left as it is.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from nclib.checks import plain_number
from nclib.data.dataset import DataSet, Split
from nclib.data.raw import shuffled
from nclib.shapes import Number


def with_label_noise(data: DataSet, share: Number, *, seed: int = 0) -> DataSet:
    """The data set with a share of its training labels replaced by *another* class's, at random.

    ``share`` lies in [0, 1], else ValueError; larger shares contain the smaller ones. ``seed``
    decides which images and which labels. The test labels stay right.

    Source: Nguyen et al. 2022 train on such labels; collapse goes less far.
    """
    share = plain_number("share", share, wanted=" in [0, 1]")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must lie in [0, 1]")
    labels, size = data.train.labels, len(data.train)
    chosen = torch.from_numpy(shuffled(size, seed, 2)[: round(share * size)]).to(labels.device)
    steps = torch.from_numpy(np.argsort(shuffled(size, seed, 3))).to(labels.device)
    noisy = labels.clone()
    noisy[chosen] = (labels[chosen] + 1 + steps[chosen] % (data.num_classes - 1)) % data.num_classes
    return dataclasses.replace(data, train=Split(data.train.images, noisy))


def imbalanced(data: DataSet, ratio: Number, *, seed: int = 0) -> DataSet:
    """The data set with the later half of its classes made ``ratio`` times rarer than the first.

    A frequent class gets ``ratio`` times more images than a rare one; ValueError if that is below 1
    or leaves a class no image. Any counts will do; of an odd number of classes the middle one stays
    frequent. ``seed`` decides which images stay.

    Source: Fang, He, Long, Su 2021, whose two groups of classes are such ("minority collapse").
    """
    ratio = plain_number("ratio", ratio, wanted=" of at least 1")
    frequent = (data.num_classes + 1) // 2
    most = int(data.train.counts.min())
    rare = int(most / ratio) if ratio >= 1 else 0
    if rare < 1:
        raise ValueError(
            f"ratio is {ratio}; it must lie in [1, {most}] to leave rare classes images"
        )
    labels = data.train.labels.cpu().numpy()
    kept = []
    for c in range(data.num_classes):
        members = np.flatnonzero(labels == c)
        count = most if c < frequent else rare
        kept.append(members[shuffled(len(members), seed, c, 4)[:count]])
    index = torch.from_numpy(np.sort(np.concatenate(kept))).to(data.device)
    split = Split(data.train.images[index], data.train.labels[index])
    return dataclasses.replace(data, train=split)
