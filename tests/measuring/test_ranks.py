"""One, two and three processes that measure as one: every sample once, and nobody waits for ever.

The processes are started once; each goes through all of ``SCENES`` and writes down what it saw.
"""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch
from torch import distributed
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from nclib.data.dataset import Split
from nclib.formulas.collapse import nc1
from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.batches import batches, num_samples
from nclib.measuring.collect import Collector
from nclib.measuring.ranks import (
    expected,
    is_shared_out,
    largest,
    rank,
    sharded,
    together,
    total,
    world,
)

N, C, P = 1003, 5, 7


def clouds():
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(C, (N,), generator=draw)
    means = torch.randn(C, P, generator=draw, dtype=torch.float64)
    noise = torch.randn(N, P, generator=draw, dtype=torch.float64)
    return 10 + means[labels] + 0.1 * noise, labels


def collected(data, **settings):
    collector = Collector(C, **settings)
    for number, features, labels in batches(data, 32, may_be_empty=True):
        collector.add(features, labels, number)
    return collector.finish()


# What this rank is given of the samples


def strided(rank, world):
    return range(rank, N, world)


def uneven(rank, world):
    return {0: range(3), 1: range(3, N)}.get(rank, range(0)) if world > 1 else range(N)


def none_for_the_first(rank, world):
    return range(N) if world == 1 else range(0) if rank == 0 else range(rank - 1, N, world - 1)


def classes_apart(rank, world):
    return [i for i, y in enumerate(clouds()[1].tolist()) if y % world == rank]


SHARES = [strided, uneven, none_for_the_first, classes_apart]
WAYS = {"kept": {}, "summed": {"keep": 0}, "one rank sums": {"keep": 400 * P * 8}}


def numbers(rank, world, share, way):
    features, labels = (x[list(share(rank, world))] for x in clouds())
    found = collected((features, labels), **WAYS[way])
    mine = None if found.features is None else len(found.features)
    return found.stats.counts, found.stats.within_covariance, nc1(found.stats), found.samples, mine


# Loaders and other data, and which samples come of them


class Stream(IterableDataset):
    def __iter__(self):
        return zip(*clouds(), strict=True)


def numbered():
    """Samples whose feature is their number."""
    return TensorDataset(torch.arange(N), clouds()[1])


def padded(shuffle):
    sampler = DistributedSampler(numbered(), shuffle=shuffle)
    return DataLoader(numbered(), batch_size=32, sampler=sampler)


OWN_CHOICE = ("shuffled, the last batch dropped", "weighted", "a batch sampler")


class Halves(list):
    """A batch sampler of the user's, without a batch_size."""


LOADERS = {
    "padded": lambda: padded(shuffle=False),
    "padded, shuffled": lambda: padded(shuffle=True),
    "shuffled, the last batch dropped": lambda: DataLoader(
        numbered(), batch_size=32, shuffle=True, drop_last=True
    ),
    "weighted": lambda: DataLoader(
        numbered(), batch_size=32, sampler=WeightedRandomSampler([1.0] * 10, N)
    ),
    "a batch sampler": lambda: DataLoader(numbered(), batch_sampler=Halves([[0, 1], [2]])),
    "batches by their indices": lambda: DataLoader(
        numbered(), batch_size=None, sampler=BatchSampler(range(N), 32, False)
    ),
    "a data set": numbered,
    "tensors": lambda: numbered().tensors,
    "arrays": lambda: tuple(x.numpy() for x in numbered().tensors),
    "a dict": lambda: dict(zip(("x", "labels"), numbered().tensors, strict=True)),
    "images": lambda: Split(*(numbered().tensors[0].view(-1, 1, 1, 1).float(), clouds()[1])),
    "parts": lambda: [
        TensorDataset(*(x[:500] for x in numbered().tensors)),
        DataLoader(TensorDataset(*(x[500:] for x in numbered().tensors)), batch_size=9),
    ],
}


def samples_of(data):
    """The numbers of the samples, over all ranks."""
    mine = torch.zeros(N, dtype=torch.int64)
    for _, inputs, _ in batches(data, 32):
        mine += torch.bincount(inputs.flatten().long(), minlength=N)
    return total(mine)


FOLDER: list[str] = []  # the one of the test


def loaded(rank, world):
    seen = {name: samples_of(sharded(make())) for name, make in LOADERS.items()}
    files = tuple(f"{FOLDER[0]}/{name}.npy" for name in ("features", "labels"))
    return seen | {"files": samples_of(sharded(files))}


def left_alone(rank, world):
    """With shard=False, and where data cannot be shared out, each rank reads what it has."""
    stream, batch = DataLoader(Stream(), batch_size=99), [(torch.ones(4, P), torch.zeros(4).long())]
    own = padded(shuffle=True)
    given = (sharded(stream), sharded(batch), sharded(own, shard=False))
    counts = [sum(len(y) for *_, y in batches(data)) for data in given]
    hoped = [expected(data, shard) for data, shard in ((stream, True), (batch, True), (own, False))]
    return [int(total(torch.tensor(count))) for count in counts], hoped


def some_samples(rank, world):
    """A loader over a part of its data set reads no others."""
    sampler = SubsetRandomSampler(range(0, 100, 3))
    plain = DataLoader(numbered(), batch_size=8, sampler=sampler)
    nested = DataLoader(numbered(), batch_sampler=BatchSampler(sampler, 8, False))
    return [(samples_of(sharded(data)), expected(data)) for data in (plain, nested)]


# One rank fails


def said(function):
    """What a function raises, and what it says."""
    try:
        function()
    except BaseException as error:
        return type(error).__name__, str(error)
    return None


def one_raises(rank, world):
    def work():
        with together():
            features, labels = torch.ones(8, P), torch.zeros(8).long()
            labels[3] = 9 * (rank == world - 1)
            collector = Collector(C)
            collector.add(features, labels, 4)

    return said(work), total(torch.ones(2)).tolist()


def one_is_interrupted(rank, world):
    def work():
        with together():
            if rank == 0:
                raise KeyboardInterrupt

    return said(work)


def other_data(rank, world):
    return said(lambda: sharded((torch.ones(10 + rank, P), torch.zeros(10 + rank).long())))


def other_widths(rank, world):
    data = torch.ones(4, P + rank), torch.arange(4)
    return said(lambda: collected(data))


def nothing_anywhere(rank, world):
    return said(lambda: collected([]))


def sums(rank, world):
    given = torch.tensor([1, rank])
    return total(given), largest(given), given, (rank_is(rank), world_is(world))


def rank_is(number):
    return rank() == number


def world_is(number):
    return world() == number


SCENES = {
    f"{share.__name__}, {way}": lambda r, w, s=share, way=way: numbers(r, w, s, way)
    for share in SHARES
    for way in WAYS
}
SCENES |= {
    f.__name__: f
    for f in (loaded, left_alone, some_samples, one_raises, one_is_interrupted, other_data)
}
SCENES |= {f.__name__: f for f in (other_widths, nothing_anywhere, sums)}


def process(rank, world, folder):
    torch.set_num_threads(1)
    FOLDER[:] = [str(folder)]
    settings = {"rank": rank, "world_size": world, "timeout": datetime.timedelta(seconds=120)}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet{world}", **settings)
    try:
        seen = {name: scene(rank, world) for name, scene in SCENES.items()}
        torch.save(seen, f"{folder}/{world}-{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.fixture(scope="module", params=[1, 2, 3])
def reports(request, tmp_path_factory):
    """What each rank of one, two or three saw."""
    count, folder = request.param, tmp_path_factory.mktemp("ranks")
    for name, tensor in zip(("features", "labels"), numbered().tensors, strict=True):
        np.save(folder / f"{name}.npy", tensor.numpy())
    if count == 1:
        process(0, 1, folder)
    else:
        torch.multiprocessing.spawn(process, args=(count, str(folder)), nprocs=count)
    return [torch.load(folder / f"{count}-{place}.pt", weights_only=True) for place in range(count)]


MANY = pytest.mark.slow


@MANY
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", SHARES)
def test_many_processes_measure_as_one(reports, share, way):
    features, labels = clouds()
    expected = nc1(ClassStatistics.from_features(features, labels))
    found = [report[f"{share.__name__}, {way}"] for report in reports]
    for counts, within, number, samples, _ in found:
        assert torch.equal(counts, labels.bincount())
        assert samples == N
        assert number == pytest.approx(expected, rel=1e-12, abs=0)
        assert torch.equal(within, found[0][1])  # all ranks have the same, to the bit
    kept = [mine for *_, mine in found]
    assert (None in kept) == (way != "kept") or way == "one rank sums"
    assert None not in kept or kept == [None] * len(kept)  # all, or none
    assert None in kept or sum(kept) == N


@MANY
def test_every_sample_is_read_once_whatever_the_sampler(reports):
    for report in reports:
        for name, counts in report["loaded"].items():
            if len(reports) == 1 and name in OWN_CHOICE:
                continue
            assert counts.tolist() == [1] * N, name


@MANY
def test_what_cannot_be_shared_out_is_read_as_it_is(reports):
    count = len(reports)
    padding = {1: 1003, 2: 1004, 3: 1005}[count]  # of a DistributedSampler
    for report in reports:
        assert report["left_alone"] == ([count * N, count * 4, padding], [None, count * 4, N])


@MANY
def test_a_subset_stays_one(reports):
    for report in reports:
        for counts, hoped in report["some_samples"]:
            assert counts.nonzero().flatten().tolist() == list(range(0, 100, 3))
            assert int(counts.sum()) == hoped == 34


@MANY
def test_a_rank_that_raises_tells_the_others(reports):
    last = len(reports) - 1
    text = "batch 4 of data has label 9 in sample 3; with 5 classes they must lie in 0..4"
    for place, report in enumerate(reports):
        (kind, told), afterwards = report["one_raises"]
        assert told.endswith(text)
        assert kind == ("ValueError" if place == last else "RuntimeError")
        assert place == last or told.startswith(f"rank {last} stopped, and so does this one: Value")
        assert afterwards == [len(reports)] * 2  # the next sum is not the error's


@MANY
def test_an_interrupt_of_one_rank_ends_all(reports):
    kinds = [report["one_is_interrupted"][0] for report in reports]
    assert kinds == ["KeyboardInterrupt"] + ["RuntimeError"] * (len(reports) - 1)


@MANY
def test_ranks_that_do_not_fit_are_refused_on_all(reports):
    for report in reports:
        _, told = report["nothing_anywhere"]
        assert "data gave no samples to measure" in told
        if len(reports) > 1:
            most = 9 + len(reports)
            _, told = report["other_data"]
            assert f"not the same on all ranks: 10 samples on one, {most} on another" in told
            _, told = report["other_widths"]
            assert f"7 features a sample on one rank, {6 + len(reports)} on another" in told


@MANY
def test_sums_of_all_ranks_leave_the_ranks_own_tensors(reports):
    count = len(reports)
    for place, report in enumerate(reports):
        summed, most, mine, right = report["sums"]
        assert summed.tolist() == [count, count * (count - 1) // 2]
        assert most.tolist() == [1, count - 1]
        assert mine.tolist() == [1, place]
        assert right == (True, True)


# Without a process group


def test_one_process_needs_no_group():
    assert (world(), rank()) == (1, 0)
    given, loader = torch.ones(2), DataLoader(numbered())
    assert total(given) is given
    assert largest(given) is given
    assert sharded(loader) is loader
    with pytest.raises(LookupError), together():
        raise LookupError


@pytest.mark.parametrize(
    ("data", "shared"),
    [
        ((torch.ones(2, P), torch.zeros(2).long()), True),
        (DataLoader(numbered()), True),
        (DataLoader([(torch.ones(P), 0)] * 4), True),
        (DataLoader(Stream()), False),
        (Stream(), False),
        ([(torch.ones(2, P), torch.zeros(2).long())] * 3, False),
        ([numbered(), DataLoader(numbered())], True),
        ([numbered(), Stream()], False),
        (iter([]), False),
    ],
)
def test_what_can_be_shared_out(data, shared):
    assert is_shared_out(data) is shared
    assert num_samples(data) is not None or not shared
