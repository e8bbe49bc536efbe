"""Statistics over processes: any share of the samples for any rank gives the same number."""

from __future__ import annotations

import pytest
import torch
from torch import distributed

from nclib import ClassStatistics
from nclib.formulas.collapse import nc1

CLASSES, FEATURES = 7, 5
KINDS = ("strided", "uneven", "empty", "disjoint", "float32")


def samples():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (1003,), generator=generator)
    means = 3 * torch.randn(CLASSES, FEATURES, dtype=torch.float64, generator=generator)
    noise = torch.randn(1003, FEATURES, dtype=torch.float64, generator=generator)
    return 1e3 + means[labels] + 0.3 * noise, labels


def share(kind, rank, world):
    """The samples of a rank, as a mask."""
    number, (_, labels) = torch.arange(1003), samples()
    if world == 1 or kind in ("strided", "float32"):
        return number % world == rank
    if kind == "uneven":
        return (number < 3) == (rank == 1) if rank < 2 else number < 0
    if kind == "empty":
        return number % (world - 1) == rank - 1 if rank else number < 0
    return labels % world == rank


def parts(stats):
    names = ("counts", "class_means", "centred_means", "class_variances", "within_covariance")
    return {name: getattr(stats, name) for name in names} | {
        "nc1": nc1(stats),
        "resolution": stats.resolution,
    }


def refused(scatter):
    """What is said when rank 0 alone keeps no scatter."""
    try:
        ClassStatistics(CLASSES, FEATURES, scatter=scatter).all_reduce()
    except ValueError as error:
        return str(error)
    return ""


def on_a_rank(rank, world, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world
    )
    features, labels = samples()
    found = {}
    for kind in KINDS:
        mine, stats = share(kind, rank, world), ClassStatistics(CLASSES, FEATURES)
        h = features[mine].float() if kind == "float32" and rank == world - 1 else features[mine]
        for part, y in zip(h.split(50), labels[mine].split(50), strict=True):
            stats.update(part, y)
        found[kind] = parts(stats.all_reduce())
    light = ClassStatistics(CLASSES, FEATURES, scatter=False).update(features, labels)
    found["refused"] = refused(rank > 0)
    found["twice"] = light.all_reduce().counts
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_count_as_one(tmp_path, world):
    torch.multiprocessing.spawn(on_a_rank, args=(world, str(tmp_path)), nprocs=world)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(world)]
    features, labels = samples()
    whole = parts(ClassStatistics(CLASSES, FEATURES).update(features, labels))
    for kind in KINDS:
        for name, expected in whole.items():
            values = [torch.as_tensor(rank[kind][name]) for rank in ranks]
            assert all(torch.equal(value, values[0]) for value in values), (kind, name)
            if kind != "float32":
                expected = torch.as_tensor(expected)
                error = (values[0] - expected).abs().max() / expected.abs().max()
                assert float(error) <= 1e-12, (kind, name)
    single = ranks[0]["float32"]
    assert single["resolution"] > 1e6 * whole["resolution"]
    assert single["nc1"] == pytest.approx(whole["nc1"], rel=1e-3)
    for rank in ranks:
        assert torch.equal(rank["twice"], world * labels.bincount())
        assert ("some without scatter" in rank["refused"]) == (world > 1)
