"""Runs by configuration: the same numbers on every executor, and none lost by one that fails."""

from __future__ import annotations

import datetime
import importlib.util
import itertools
import multiprocessing
import os
import re
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults.schedules import dies_once
from faults.trainee import counted_steps

import nclib
from nclib import Trajectory, cosine_schedule, step_schedule
from nclib.runs import presets, sweeps
from nclib.runs.identity import run_name
from nclib.runs.recorded import load_run, recorded_runs
from nclib.runs.run import Run
from nclib.runs.sweeps import record, sweep

SMALL = {"data": "digits", "classes": [0, 1, 2], "per_class": 40, "network": "mlp", "width": 8}
SMALL |= {"num_features": 4, "epochs": 3, "learning_rate": 0.1, "weight_decay": 1e-3}
SMALL |= {"sample_per_class": 5}
LOSSES = ("cross_entropy", "squared_error")
TWELVE = [
    SMALL | {"loss": loss, "learning_rate": rate, "seed": seed}
    for loss, rate, seed in itertools.product(LOSSES, (0.1, 0.2), range(3))
]
DIVERGES = SMALL | {"learning_rate": 1e6}
DIVERGED = r"DivergedError: the loss became (nan|inf) in epoch \d"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """In the processes that are started, too."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def in_process(tmp_path_factory):
    return sweep(TWELVE, folder=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def steps(monkeypatch):
    """Numbers of the epochs that are really trained, in this process."""
    monkeypatch.setattr(Run, "step_through", Run.step_through)  # what it is put back to
    return counted_steps()


def same(one, two):
    """Whether two trajectories hold the same numbers, but for the clock, the date, the machine."""
    pd.testing.assert_frame_equal(
        one.metrics.drop(columns="seconds"), two.metrics.drop(columns="seconds"), check_exact=True
    )
    a, b = one.coordinates(), two.coordinates()
    for name in ("features", "class_means", "weight", "captured"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    environments = [run.settings["environment"] for run in (one, two)]
    assert one.settings | {"environment": environments[1]} == two.settings


def all_the_same(found, expected, count=12):
    assert found.failures == {}
    assert sorted(found.runs) == sorted(expected.runs) == list(range(count))
    for index, run in expected.runs.items():
        same(run, found.runs[index])


def pool(workers=2):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def written(folder):
    """Names and times of the runs that are done."""
    return {file.name: file.stat().st_mtime_ns for file in Path(folder).glob("*.npz")}


def files(folder):
    return {file.name for file in Path(folder).iterdir()}


# One


def test_record_is_the_three_calls():
    configuration = SMALL | {"data_seed": 3, "seed": 2, "loss": "focal", "momentum": 0.5}
    configuration |= {"schedule": cosine_schedule, "measure_at": range(0, 4, 2), "batch_size": 30}
    found = record(configuration, progress=False)
    data = nclib.load_data("digits", classes=[0, 1, 2], per_class=40, seed=3)
    network = nclib.build_network("mlp", data, width=8, num_features=4, seed=2)
    settings = {"epochs": 3, "learning_rate": 0.1, "weight_decay": 1e-3, "sample_per_class": 5}
    settings |= {"loss": "focal", "momentum": 0.5, "schedule": cosine_schedule, "batch_size": 30}
    epochs = nclib.train(network, data, seed=2, measure_at=[0, 2], progress=False, **settings)
    by_hand = Trajectory.of(epochs)
    assert found.epochs.tolist() == [0, 2, 3]
    kept = found.settings.pop("configuration")
    same(found, by_hand)
    assert kept == configuration | {"schedule": "cosine_schedule", "measure_at": [0, 2]}


def test_record_takes_presets():
    configuration = SMALL | presets.quick("mlp", "squared_error") | {"epochs": 2}
    assert record(configuration, progress=False).settings["loss"] == "squared_error"


def test_record_goes_on_from_a_checkpoint(tmp_path, steps):
    path = tmp_path / "run.checkpoint"
    first = record(SMALL, checkpoint=path, progress=False)
    same(first, record(SMALL, checkpoint=path, progress=False))
    assert steps == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lr": 0.1}, "configuration has no key 'lr'; there are data, network, per_class, .*seed"),
        ({"root": "/data"}, "configuration has no key 'root'"),
        ({"data": None}, r"configuration lacks data: \{'classes'"),
        ({"epochs": None, "network": None}, "configuration lacks network, epochs"),
        ({"schedule": lambda progress: 1.0}, "which no name or text tells from others"),
        ({"measure_at": (number for number in range(3))}, "which no name or text tells"),
    ],
)
def test_a_configuration_that_is_none(tmp_path, change, said):
    wrong = {key: value for key, value in (SMALL | change).items() if value is not None}
    for act in (record, run_name, lambda one: sweep([SMALL, one], folder=tmp_path / "runs")):
        with pytest.raises(ValueError, match=said):
            act(wrong)
    assert not (tmp_path / "runs").exists()


# Names


def test_equal_configurations_have_one_name():
    name = run_name(SMALL | {"measure_at": [0, 1, 2], "schedule": step_schedule})
    assert name.startswith("digits-mlp-cross-entropy-")
    same = [
        {"measure_at": range(3), "schedule": step_schedule},
        {"measure_at": np.arange(3), "schedule": "step_schedule"},
        {"measure_at": {2, 1, 0}, "schedule": step_schedule},
        {"measure_at": (0, 1, 2), "schedule": step_schedule, "epochs": np.int64(3)},
        {"schedule": step_schedule, "measure_at": [0, 1, 2], "learning_rate": np.float64(0.1)},
    ]
    assert {run_name(SMALL | one) for one in same} == {name}
    reordered = dict(reversed((SMALL | same[0]).items()))
    assert run_name(reordered) == name


def test_other_configurations_have_other_names():
    others = [{}, {"seed": 1}, {"data_seed": 1}, {"classes": [2, 1, 0]}, {"width": 9}]
    others += [{"schedule": cosine_schedule}, {"schedule": step_schedule}, {"loss": "focal"}]
    assert len({run_name(SMALL | one) for one in others}) == len(others)
    assert run_name(SMALL | {"loss": "focal"}).startswith("digits-mlp-focal-")


def test_the_data_may_lie_elsewhere(tmp_path):
    places = [tmp_path / one / "cells.tar.xz" for one in "ab"]
    for place in places:
        place.parent.mkdir()
        place.write_bytes(b"the same archive")
    (name,) = {run_name(SMALL | {"data": data}) for data in (str(places[0]), places[1])}
    assert name.startswith("cells-mlp-")


# Many


def test_a_table_of_what_differs_and_what_came_out(in_process):
    table = in_process.table
    assert set(table.columns[:3]) == {"loss", "learning_rate", "seed"}
    assert table.loss.tolist() == [one["loss"] for one in TWELVE]
    assert table.seed.tolist() == [one["seed"] for one in TWELVE]
    ends = [in_process.runs[index].metrics.iloc[-1] for index in range(12)]
    assert table.nc1.tolist() == [end.nc1 for end in ends]
    assert table.train_loss.tolist() == [end.loss for end in ends]
    assert (table.epoch == 3).all()
    assert repr(in_process) == "Sweep(12 of 12 runs)"


def test_each_is_what_record_gives(in_process):
    for index in (0, 7):
        found = record(TWELVE[index], progress=False)
        kept = in_process.runs[index]
        assert kept.settings["configuration"] == found.settings["configuration"]
        assert kept.metrics.nc1.tolist() == found.metrics.nc1.tolist()


def test_seeds_make_a_difference(in_process):
    assert len({run.metrics.nc1.iloc[-1] for run in in_process.runs.values()}) == 12


def test_the_same_in_threads(in_process, tmp_path):
    with ThreadPoolExecutor(4) as executor:
        all_the_same(sweep(TWELVE, executor, folder=tmp_path), in_process)


def test_one_thread_at_a_time_draws_initial_weights(tmp_path, monkeypatch):
    """They are drawn from torch's global generator, which all threads share."""
    building, most = [], []

    def build(*args, **options):
        building.append(1)
        time.sleep(0.02)
        most.append(len(building))
        building.pop()
        return build_network(*args, **options)

    build_network = sweeps.build_network
    monkeypatch.setattr(sweeps, "build_network", build)
    with ThreadPoolExecutor(4) as executor:
        sweep(TWELVE[:4], executor, folder=tmp_path)
    assert most == [1, 1, 1, 1]


@pytest.mark.slow
def test_the_same_in_processes(in_process, tmp_path):
    with pool() as executor:
        all_the_same(sweep(TWELVE, executor, folder=tmp_path), in_process)


def test_called_again_it_does_what_is_missing(tmp_path, steps):
    first = sweep(TWELVE[:2], folder=tmp_path)
    before = written(tmp_path)
    steps.clear()
    second = sweep(TWELVE[:3], folder=tmp_path)
    assert steps == [1, 2, 3]
    assert before.items() < written(tmp_path).items()
    same(first.runs[1], second.runs[1])
    (tmp_path / f"{run_name(TWELVE[1])}.npz").unlink()
    third = sweep(TWELVE[:3], folder=tmp_path)
    assert steps == [1, 2, 3] * 2
    same(first.runs[1], third.runs[1])


def test_interrupted_in_the_midst_of_a_run(tmp_path, in_process, steps, monkeypatch):
    """What was done of it is in its checkpoint, which goes when the run is done."""
    step_through = Run.step_through

    def interrupted(self, number):
        if len(steps) == 4:  # after the first epoch of the second run
            raise KeyboardInterrupt
        return step_through(self, number)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "step_through", interrupted)
        sweep(TWELVE[:3], folder=tmp_path)
    names = [run_name(one) for one in TWELVE[:3]]
    assert files(tmp_path) == {f"{names[0]}.npz", f"{names[1]}.checkpoint"}
    steps.clear()
    found = sweep(TWELVE[:3], folder=tmp_path)
    assert steps == [2, 3, 1, 2, 3]
    for index in range(3):
        same(found.runs[index], in_process.runs[index])
    assert files(tmp_path) == {f"{name}.npz" for name in names}


def test_equal_ones_are_run_once(tmp_path, steps):
    found = sweep([SMALL, SMALL | {"measure_at": [0]}, dict(SMALL)], folder=tmp_path)
    assert steps == [1, 2, 3] * 2
    assert sorted(found.runs) == [0, 1, 2]
    same(found.runs[0], found.runs[2])


def test_nothing_to_do(tmp_path):
    found = sweep([], folder=tmp_path)
    assert repr(found) == "Sweep(0 of 0 runs)"
    assert found.table.empty


# When something fails


def test_one_that_fails_is_named_and_loses_no_other(tmp_path, in_process):
    unknown = SMALL | {"network": "resnet81"}
    three = [TWELVE[0], DIVERGES, unknown, TWELVE[1]]
    found = sweep(three, folder=tmp_path)
    assert sorted(found.runs) == [0, 3]
    same(found.runs[0], in_process.runs[0])
    same(found.runs[3], in_process.runs[1])
    assert re.match(DIVERGED, found.failures[1])
    assert found.failures[2].startswith("ValueError: network 'resnet81' is unknown")
    assert repr(found).startswith("Sweep(2 of 4 runs; failed: 1: DivergedError: the ")
    assert found.table.index.tolist() == [0, 3]
    assert "DivergedError" in sweep(three, folder=tmp_path).failures[1]  # and is so again


def test_a_file_that_cannot_be_read_is_a_failure_of_its_run(tmp_path):
    sweep(TWELVE[:2], folder=tmp_path)
    path = tmp_path / f"{run_name(TWELVE[0])}.npz"
    path.write_bytes(path.read_bytes()[:-50])
    found = sweep(TWELVE[:2], folder=tmp_path)
    assert list(found.runs) == [1]
    assert found.failures[0].startswith(f"{path} is not a trajectory of nclib, or is truncated")


def test_what_a_killed_worker_left_half_written_is_removed(tmp_path):
    (tmp_path / f"{run_name(SMALL)}.npz.0a1b2c3d.part").write_bytes(b"half")
    sweep([SMALL], folder=tmp_path)
    assert files(tmp_path) == {f"{run_name(SMALL)}.npz"}


def test_no_folder_to_write_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"folder .*file/runs cannot be made .*give another"):
        sweep([SMALL], folder=tmp_path / "file" / "runs")


class Elsewhere(ThreadPoolExecutor):
    """Workers that write where this process does not see it."""

    def submit(self, act, *args):
        return super().submit(lambda: None)


class Cancels(ThreadPoolExecutor):
    """An executor whose host goes away."""

    def submit(self, act, *args):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Elsewhere, "the worker wrote .*give a folder that all machines share"),
        (Cancels, "Cancelled"),
    ],
)
def test_executors_that_do_not_do_it(tmp_path, kind, said):
    with kind(1) as executor:
        found = sweep([SMALL], executor, folder=tmp_path)
    assert list(found.failures) == [0]
    assert re.match(said, found.failures[0])


@pytest.mark.slow
def test_a_pool_that_breaks(tmp_path, in_process, monkeypatch):
    """Its first run is done, the second kills the worker, the third never begins."""
    monkeypatch.setenv("NCLIB_TEST_DIED", str(tmp_path / "died"))
    folder = tmp_path / "runs"
    three = [TWELVE[0], SMALL | {"schedule": dies_once}, TWELVE[1]]
    with pool(1) as executor:
        found = sweep(three, executor, folder=folder)
        assert list(found.runs) == [0]
        assert list(found.failures) == [1, 2]
        assert all("BrokenProcessPool" in said for said in found.failures.values())
        before = written(folder)
        again = sweep(three, executor, folder=folder)
        assert list(again.failures) == [1, 2]
    with pool(1) as executor:
        found = sweep(three, executor, folder=folder)
    assert sorted(found.runs) == [0, 1, 2]
    assert before.items() < written(folder).items()
    same(found.runs[2], in_process.runs[1])


# On a Dask cluster


@pytest.fixture(scope="module")
def cluster():
    """Two workers, processes on this machine."""
    if importlib.util.find_spec("distributed") is None:
        reason = "distributed is not installed; pip install 'nclib-neural-collapse[cluster]'"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; it must be there in CI")
        pytest.skip(reason)
    from distributed import Client, LocalCluster

    with (
        pytest.MonkeyPatch.context() as patch,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        patch.setenv("OMP_NUM_THREADS", "1")
        yield client


def test_twelve_runs_on_a_dask_cluster(cluster, in_process, tmp_path):
    configurations = [*TWELVE, DIVERGES]
    found = sweep(configurations, cluster.get_executor(), folder=tmp_path)
    assert re.match(DIVERGED, found.failures.pop(12))
    all_the_same(found, in_process)
    before = written(tmp_path)
    (tmp_path / f"{run_name(TWELVE[5])}.npz").unlink()
    again = sweep(configurations, cluster.get_executor(), folder=tmp_path)
    assert list(again.failures) == [12]
    same(again.runs[5], in_process.runs[5])
    changed = {name for name, when in written(tmp_path).items() if before[name] != when}
    assert changed == {f"{run_name(TWELVE[5])}.npz"}


@pytest.mark.slow
def test_a_killed_worker_of_a_dask_cluster_loses_nothing(cluster, tmp_path):
    longer = [one | {"epochs": 40, "measure_at": range(0, 40, 4)} for one in TWELVE[::2]]
    folder, workers = tmp_path / "runs", cluster.run(os.getpid)
    in_the_midst = []

    def kill_one():
        while len(written(folder)) < 2 or len(list(folder.glob("*.checkpoint"))) < 2:
            time.sleep(1e-3)
        in_the_midst.extend(folder.glob("*.checkpoint"))
        os.kill(min(workers.values()), signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    found = sweep(longer, cluster.get_executor(), folder=folder, checkpoint_minutes=0)
    killer.join()
    cluster.wait_for_workers(2)
    assert len(in_the_midst) == 2
    assert min(workers.values()) not in cluster.run(os.getpid).values()
    all_the_same(found, sweep(longer, folder=tmp_path / "expected"), count=6)
    assert files(folder) == {f"{run_name(one)}.npz" for one in longer}


# The runs in the package


def test_a_run_of_another_name():
    with pytest.raises(ValueError, match=r"no run is called 'mnist-lenet'; there are .*digits-mlp"):
        load_run("mnist-lenet")


def test_the_small_ones_are_there():
    expected = {
        f"digits-{network}-{loss}-{seed}"
        for network, loss, seed in itertools.product(("mlp", "convnet"), ("ce", "mse"), range(3))
    }
    assert expected <= set(recorded_runs())


@pytest.mark.parametrize("name", recorded_runs())
def test_recorded(name):
    run = load_run(name)
    data, network, loss, *_ = name.split("-")
    configuration = run.settings["configuration"]
    assert configuration["data"].startswith(data)
    assert configuration["network"] == run.settings["network"] == network
    assert configuration["loss"] == {"ce": "cross_entropy", "mse": "squared_error"}[loss]
    date = datetime.date.fromisoformat(run.settings["environment"]["date"])
    assert date.year >= 2026
    assert {"torch", "python", "processor", "device"} <= run.settings["environment"].keys()
    end = run.metrics.iloc[-1]
    assert end.epoch == configuration["epochs"]
    assert np.isfinite(end.to_numpy(dtype=float)).all()
    assert np.isfinite(run.coordinates().features[-1]).all()
    assert end.train_accuracy > 0.99
    assert end.nc1 < 0.1 * run.metrics.nc1.iloc[0]
