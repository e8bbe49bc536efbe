"""measure in two processes: the whole of one, for models in any wrapping, and errors for all."""

from __future__ import annotations

import datetime

import pytest
import torch
from torch import distributed, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import nclib

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_shape_checks")]
N, QUIET = 1003, {"progress": False}


def samples():
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (N,), generator=draw)
    means = torch.randn(4, 6, generator=draw, dtype=torch.float64)
    noise = torch.randn(N, 6, generator=draw, dtype=torch.float64)
    return TensorDataset(means[labels] + 0.4 * noise, labels)


def model():
    torch.manual_seed(0)
    layers = (nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
    return nn.Sequential(*layers).double()


def plain():
    return model(), samples()


def padded():
    data = samples()
    sampler = DistributedSampler(data) if distributed.is_initialized() else None
    return model(), DataLoader(data, batch_size=32, sampler=sampler)


def data_parallel():
    return DistributedDataParallel(model()) if distributed.is_initialized() else model(), samples()


def fully_sharded():
    made = model()
    if distributed.is_initialized():
        for layer in (made[0], made[3], made):
            fully_shard(layer, mesh=distributed.init_device_mesh("cpu", (2,)))
    return made, samples()


def own_batch_norms():
    """Each rank's running means are its own, as after a step under DistributedDataParallel."""
    made = model()
    if distributed.is_initialized():
        made[1].running_mean += distributed.get_rank()
    return made, samples()


def few_kept():
    return model(), samples(), {"keep": 0, "ncc": True}


SCENES = (plain, padded, data_parallel, fully_sharded, own_batch_norms, few_kept)


def seen(scene):
    network, data, *options = scene()
    settings = {"layers": ["in:3"]} if scene is plain else {}
    report = nclib.measure(network, data, **settings, **QUIET, **(options[0] if options else {}))
    compared = ("nc1", "quotient", "cdnv", "ncc_accuracy", "effective_rank", "features")
    rows = [{name: row[name] for name in compared} for row in report.layers]
    per_class = report.per_class.nc1_c.tolist()
    return report.numbers["train"], report.taken["samples"], rows, per_class


def one_is_wrong():
    """A label out of range on the second rank's share alone."""
    data = samples()
    data.tensors[1][701] = 9
    try:
        nclib.measure(model(), data, **QUIET)
    except (ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def process(rank, folder):
    torch.set_num_threads(1)
    settings = {"rank": rank, "world_size": 2, "timeout": datetime.timedelta(seconds=120)}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", **settings)
    try:
        found = {scene.__name__: seen(scene) for scene in SCENES}
        found["wrong"] = one_is_wrong()
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(process, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_two_processes_give_the_report_of_one(ranks, scene):
    numbers, counted, rows, per_class = seen(scene)
    assert counted == {"train": N}
    first, second = (rank[scene.__name__] for rank in ranks)
    assert first == second  # to the bit
    assert first[1] == counted
    assert first[0] == pytest.approx(numbers, rel=1e-12, abs=1e-12)
    assert first[3] == pytest.approx(per_class, rel=1e-12)
    for one, other in zip(first[2], rows, strict=True):
        assert one == pytest.approx(other, rel=1e-12)


def test_what_is_wrong_on_one_rank_is_told_on_both(ranks):
    first, second = (rank["wrong"] for rank in ranks)
    assert second.startswith("ValueError: batch 1 of data has label 9 in sample")
    assert first.startswith("RuntimeError: rank 1 stopped")
    assert "label 9" in first
