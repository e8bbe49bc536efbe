"""Kill -9 at any moment of a training run: it goes on to the bits of a run never interrupted."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import signal
import sys
import time

import pytest
from faults.trainee import EPOCHS, MOMENTS, train_whole

from nclib import Checkpoint

if "forkserver" not in multiprocessing.get_all_start_methods():
    pytest.skip("processes are forked off a clean one; not on this system", allow_module_level=True)

CLOCK = "by the clock"
LATER = {"half written": 17, "written": 9, "about to be renamed": 5, "renamed": 20}
WRITING = [(moment, count) for moment in MOMENTS for count in (1, LATER[moment])]
KILLS = [*((CLOCK, seed) for seed in range(12)), *WRITING]
FEW = [(CLOCK, 0), ("half written", 17), ("about to be renamed", 5)]


@pytest.fixture(scope="module")
def processes():
    """A context whose processes begin with everything imported, so that they start at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.warm"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("OMP_NUM_THREADS", "1")
        first = context.Process(target=int)
        first.start()
        first.join()
    return context


@pytest.fixture(scope="module")
def uninterrupted(processes, tmp_path_factory):
    return finish(processes, None, tmp_path_factory.mktemp("uninterrupted") / "result")


def finish(processes, path, result):
    """Train to the end in a process of its own; what it wrote."""
    process = processes.Process(target=train_whole, args=(path and str(path), str(result)))
    process.start()
    process.join()
    assert process.exitcode == 0
    return pickle.loads(result.read_bytes())


def kill_by_the_clock(processes, path, result, wanted, delay_s):
    """Begin, wait for an epoch and some time more, kill -9; False if it came too late."""
    epoch = processes.Value("i", -1, lock=False)
    process = processes.Process(target=train_whole, args=(str(path), str(result), epoch))
    process.start()
    while epoch.value < wanted and process.is_alive():
        time.sleep(1e-3)
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in (-signal.SIGKILL, 0)
    return process.exitcode != 0


def kill_while_writing(processes, path, result, moment, count):
    process = processes.Process(
        target=train_whole, args=(str(path), str(result), None, (moment, count))
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def epochs_kept(path):
    """How many the checkpoint has, epoch 0 included; 0 without one."""
    saved = Checkpoint(path).load() if path.exists() else None
    return len(saved["epochs"]) if saved else 0


def is_the_uninterrupted(found, uninterrupted):
    for part in ("network", "epochs"):
        assert found[part] == uninterrupted[part]


def check(processes, uninterrupted, folder, how, seed):
    path, result = folder / "run.checkpoint", folder / "result"
    if how == CLOCK:
        chance, epoch_s = random.Random(seed), uninterrupted["seconds"] / EPOCHS
        moment = (chance.randrange(-1, EPOCHS - 1), chance.uniform(0, 2 * epoch_s))
        while not kill_by_the_clock(processes, path, result, *moment):
            path.unlink()
            result.unlink()
    else:
        kill_while_writing(processes, path, result, how, seed)
    assert not result.exists()
    kept = epochs_kept(path)
    if how in MOMENTS:  # the n-th writing is that of epoch n - 1
        assert kept == (seed if how == "renamed" else seed - 1)
    found = finish(processes, path, result)
    is_the_uninterrupted(found, uninterrupted)
    assert found["trained"] == EPOCHS - max(0, kept - 1)
    assert sorted(file.name for file in folder.iterdir()) == ["result", "run.checkpoint"]


@pytest.mark.parametrize(("how", "seed"), FEW)
def test_killed_and_gone_on(processes, uninterrupted, tmp_path, how, seed):
    check(processes, uninterrupted, tmp_path, how, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "seed"), KILLS)
def test_killed_at_twenty_moments_and_gone_on(processes, uninterrupted, tmp_path, how, seed):
    check(processes, uninterrupted, tmp_path, how, seed)


@pytest.mark.slow
def test_killed_again_and_again(processes, uninterrupted, tmp_path):
    path, result, chance = tmp_path / "run.checkpoint", tmp_path / "result", random.Random(0)
    kept = [0]
    while kept[-1] < EPOCHS - 6:
        wanted = kept[-1] + chance.randrange(4)
        kill_by_the_clock(processes, path, result, wanted, chance.uniform(0, 1e-3))
        kept.append(epochs_kept(path))
        assert kept[-1] >= kept[-2]
    is_the_uninterrupted(finish(processes, path, result), uninterrupted)
