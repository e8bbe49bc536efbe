"""Checkpoints: the same bits as without the interruption, or an error that says what is wrong."""

from __future__ import annotations

import copy
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from faults.trainee import bits, counted_steps
from torch import nn

import nclib
from nclib import Checkpoint, CheckpointError
from nclib.runs import checkpoint
from nclib.runs.checkpoint import plain
from nclib.runs.run import Run

EPOCHS = 5


@pytest.fixture(scope="module")
def three():
    return nclib.load_data("digits", classes=[0, 1, 2], per_class=60)


def mlp(data, width=12, seed=0):
    return nclib.build_network("mlp", data, width=width, num_features=4, seed=seed)


def convnet(data):
    return nclib.build_network("convnet", data, width=4)


def with_dropout(data):
    torch.manual_seed(7)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5))
    return nclib.networks.Network("with dropout", layers, 16, data.num_classes)


NETWORKS = [mlp, convnet, with_dropout]


def run(network, data, path=None, **settings):
    defaults = {"epochs": EPOCHS, "learning_rate": 0.1, "weight_decay": 1e-3, "batch_size": 32}
    defaults |= {"measure_at": [0, 2], "sample_per_class": 5, "progress": False}
    return nclib.train(network, data, checkpoint=path, **(defaults | settings))


def whole(network, epochs, seed=3):
    """Bits of the weights and of every epoch, of a loop that draws random numbers, too."""
    torch.manual_seed(seed)
    seen = []
    for epoch in epochs:
        seen.append(epoch)
        torch.rand(3)
    return bits(dict(network.state_dict())), bits(seen)


def left_after(last, network, data, path, **settings):
    for epoch in run(network, data, path, **settings):
        torch.rand(3)
        if epoch.number == last:
            break


def kept_epochs(path):
    return [epoch["number"] for epoch in Checkpoint(path).load()["epochs"]]


@pytest.fixture(scope="module")
def uninterrupted(three):
    """Of each kind of network, trained without a checkpoint."""
    networks = {make: make(three) for make in NETWORKS}
    return {make: whole(network, run(network, three)) for make, network in networks.items()}


@pytest.fixture
def steps(monkeypatch):
    """Numbers of the epochs that are really trained."""
    monkeypatch.setattr(Run, "step_through", Run.step_through)  # what it is put back to
    return counted_steps()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.checkpoint"


# The same bits


def by_break(begin, last):
    for epoch in begin():
        torch.rand(3)
        if epoch.number == last:
            break


def by_closing(begin, last):
    epochs = begin()
    for _ in range(last + 1):
        next(epochs)
        torch.rand(3)
    epochs.close()


def by_an_error(begin, last):
    with pytest.raises(KeyError):
        for epoch in begin():
            torch.rand(3)
            if epoch.number == last:
                raise KeyError


def by_an_interrupt(begin, last):
    """Ctrl-C in the midst of the next epoch."""
    step_through = Run.step_through

    def interrupted(self, number):
        result = step_through(self, number)
        if number == last + 1:
            raise KeyboardInterrupt
        return result

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "step_through", interrupted)
        for _ in begin():
            torch.rand(3)


@pytest.mark.parametrize("leave", [by_break, by_closing, by_an_error, by_an_interrupt])
@pytest.mark.parametrize("make", NETWORKS)
def test_it_goes_on_to_the_same_bits(three, uninterrupted, path, steps, make, leave):
    network = make(three)
    torch.manual_seed(3)
    leave(lambda: run(network, three, path), 3)
    assert kept_epochs(path) == [0, 1, 2, 3]
    network = make(three)
    steps.clear()
    assert whole(network, run(network, three, path), seed=99) == uninterrupted[make]
    assert steps == [4, 5]


def test_from_whatever_epoch_a_killed_process_left(three, uninterrupted, path):
    network = mlp(three)
    for epoch in run(network, three, Checkpoint(path, epochs=1)):
        shutil.copy(path, path.with_name(str(epoch.number)))
    for number in range(EPOCHS + 1):
        network = mlp(three)
        resumed = run(network, three, path.with_name(str(number)))
        assert whole(network, resumed) == uninterrupted[mlp]


def test_interrupted_again_and_again(three, uninterrupted, path, steps):
    for last in range(EPOCHS):
        left_after(last, mlp(three), three, path)
    network = mlp(three)
    assert whole(network, run(network, three, path)) == uninterrupted[mlp]
    assert steps == [1, 2, 3, 4, 5]


def test_a_finished_run_is_yielded_at_once(three, uninterrupted, path, steps):
    list(run(mlp(three), three, path))
    written, network = path.stat().st_mtime_ns, mlp(three, seed=5)
    steps.clear()
    passes = []
    network.register_forward_hook(lambda module, inputs, _: passes.append(len(inputs[0])))
    assert whole(network, run(network, three, path)) == uninterrupted[mlp]
    assert not steps
    assert sum(passes) == 4 * 8  # images show what the network is
    assert path.stat().st_mtime_ns == written


def test_a_loop_left_while_epochs_are_yielded_again_loses_nothing(three, path):
    left_after(4, mlp(three), three, path)
    left_after(1, mlp(three), three, path)
    assert kept_epochs(path) == [0, 1, 2, 3, 4]


def test_the_clock_goes_on(three, path):
    left_after(3, mlp(three), three, path)
    seconds = [epoch.seconds for epoch in run(mlp(three), three, path)]
    assert seconds == sorted(seconds)
    assert seconds[:4] == [epoch["seconds"] for epoch in Checkpoint(path).load()["epochs"]][:4]


def test_what_the_loop_did_to_the_network_is_not_kept(three, uninterrupted, path):
    network = mlp(three)
    for epoch in run(network, three, path):
        if epoch.number == 3:
            nn.init.zeros_(network.classifier.weight)
            break
    network = mlp(three)
    assert whole(network, run(network, three, path)) == uninterrupted[mlp]


def test_a_run_left_open_does_not_write_over_a_later_one(three, uninterrupted, path):
    network = mlp(three)
    old = run(network, three, path)
    for _ in range(3):
        next(old)
    new = run(network, three, path)  # the same network: a cell that is run again
    for _ in range(5):
        next(new)
    new.close()
    old.close()
    assert kept_epochs(path) == [0, 1, 2, 3, 4]
    network = mlp(three)
    assert whole(network, run(network, three, path)) == uninterrupted[mlp]


@pytest.mark.parametrize(("first", "second"), [(5, 3), (3, 5)])
def test_of_two_open_loops_the_one_that_got_further_is_kept(three, path, first, second):
    old = run(mlp(three), three, path)
    for _ in range(first):
        next(old)
    new = run(mlp(three), three, path)
    for _ in range(second):
        next(new)
    old.close()
    new.close()
    assert kept_epochs(path) == [0, 1, 2, 3, 4]


def test_a_run_left_open_does_not_write_over_a_run_of_other_settings(three, path):
    old = run(mlp(three), three, path)
    for _ in range(3):
        next(old)
    path.unlink()
    next(run(mlp(three), three, path, learning_rate=0.2))
    written = path.read_bytes()
    old.close()
    assert path.read_bytes() == written


def test_numbers_out_of_arrays(three, path):
    settings = {"learning_rate": np.linspace(0.1, 1, 2)[0], "schedule": _numpys_schedule}
    left_after(3, mlp(three), three, path, **settings)
    assert len(list(run(mlp(three), three, path, **settings))) == EPOCHS + 1


def _numpys_schedule(progress):
    return np.cos(progress)


def test_types_of_pythons_own():
    given = {"a": [np.int64(3), np.float64(0.5)], "b": torch.__version__, "c": None, "d": np.True_}
    found = plain(given)
    assert found == given
    assert [type(found[key]) for key in "bcd"] == [str, type(None), bool]
    assert [type(value) for value in found["a"]] == [int, float]


# How often


@pytest.mark.parametrize(
    ("keeper", "written"),
    [
        ({"epochs": 1, "minutes": 1e9}, [0, 1, 2, 3, 4, 5]),
        ({"epochs": 2, "minutes": 1e9}, [0, 0, 2, 2, 4, 5]),
        ({"minutes": 1e9}, [0, 0, 0, 0, 0, 5]),
        ({"minutes": 0}, [0, 1, 2, 3, 4, 5]),
        ({"minutes": 2.5}, [0, 0, 0, 3, 3, 5]),  # each epoch takes a minute
        ({"epochs": 4, "minutes": 2.5}, [0, 0, 0, 3, 4, 5]),
    ],
)
def test_how_often_it_is_written(three, path, monkeypatch, keeper, written):
    minutes, last = [0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: 60 * minutes[0])
    for epoch in run(mlp(three), three, Checkpoint(path, **keeper)):
        last.append(kept_epochs(path)[-1])
        minutes[0] = epoch.number + 1
    assert last == written


def test_one_checkpoint_for_two_runs(three, path):
    """What the first wrote is nothing that the second has written."""
    keeper = Checkpoint(path, minutes=1e9)
    left_after(1, mlp(three), three, keeper)
    older = path.read_bytes()
    left_after(3, mlp(three), three, keeper)
    path.write_bytes(older)
    left_after(3, mlp(three), three, keeper)
    assert kept_epochs(path) == [0, 1, 2, 3]


def test_what_a_killed_process_left_half_written_is_removed(three, path):
    part = path.with_name("run.checkpoint.0a1b2c3d.part")
    others = path.with_name("other.checkpoint.0a1b2c3d.part")
    for file in (part, others):
        file.write_bytes(b"half")
    next(run(mlp(three), three, path))
    assert sorted(file.name for file in path.parent.iterdir()) == [others.name, path.name]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs is 0; write a checkpoint every 1 or more epochs"),
        ({"minutes": -1}, "minutes is -1; it must be at least 0"),
    ],
)
def test_a_rhythm_that_is_none(path, settings, said):
    with pytest.raises(ValueError, match=said):
        Checkpoint(path, **settings)


# Another run's


@pytest.fixture(scope="module")
def kept(three, tmp_path_factory):
    """A checkpoint of an MLP after epoch 3; tests take copies."""
    path = tmp_path_factory.mktemp("kept") / "run.checkpoint"
    left_after(3, mlp(three), three, path)
    return path


@pytest.fixture
def mine(kept, path):
    return Path(shutil.copy(kept, path))


OTHERS = {
    "epochs": (9, "epochs was 5, now 9"),
    "learning_rate": (0.2, "learning_rate was 0.1, now 0.2"),
    "weight_decay": (0.0, "weight_decay was 0.001, now 0.0"),
    "loss": ("focal", "loss was 'cross_entropy', now 'focal'"),
    "batch_size": (30, "batch_size was 32, now 30"),
    "momentum": (0, "momentum was 0.9, now 0"),
    "schedule": (nclib.cosine_schedule, "schedule was 'step_schedule', now 'cosine_schedule'"),
    "seed": (1, "seed was 0, now 1"),
    "precision": ("bfloat16", "precision was 'float32', now 'bfloat16'"),
    "sample_per_class": (6, "sample_size was 15, now 18"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_settings(three, mine, name):
    before = mine.read_bytes()
    value, said = OTHERS[name]
    with pytest.raises(CheckpointError, match=f"belongs to another run: {said}. Give the same"):
        run(mlp(three), three, mine, **{name: value})
    assert mine.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": [0, 1, 3]}, r"class_names was \['0', '1', '2'\], now \['0', '1', '3'\]"),
        ({"per_class": 50}, "num_samples was 180, now 150"),
        ({"seed": 1}, r"data_checksum was \d+, now \d+"),
    ],
)
def test_other_data(mine, options, said):
    data = nclib.load_data("digits", **{"classes": [0, 1, 2], "per_class": 60} | options)
    with pytest.raises(CheckpointError, match=said):
        run(mlp(data), data, mine)


def test_another_network(three, mine):
    with pytest.raises(CheckpointError, match="network was 'mlp', now 'convnet'"):
        run(convnet(three), three, mine)


def test_a_network_of_another_width_is_left_as_it_was(three, mine):
    network = mlp(three, width=8)
    before = copy.deepcopy(network.state_dict())
    said = r"another network \(features.1.weight: \(12, 64\) then, \(8, 64\) now\)"
    with pytest.raises(CheckpointError, match=said):
        run(network, three, mine)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


# Damaged, or none at all


def refused(path, said):
    with pytest.raises(CheckpointError, match=said) as caught:
        Checkpoint(path).load()
    assert str(path) in str(caught.value)


NO_CHECKPOINT = "is no checkpoint of nclib; give another path"
DAMAGED = r"is truncated or damaged \(its checksum is another\); delete it to begin anew, or give"


def test_truncated_anywhere(mine):
    content = mine.read_bytes()
    lengths = [*range(60), *range(60, len(content), 499), len(content) - 1]
    for length in lengths:
        mine.write_bytes(content[:length])
        refused(mine, NO_CHECKPOINT if length < len("nclib-checkpoint 1\n") else DAMAGED)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_any_byte_that_is_another(mine, mask):
    content = bytearray(mine.read_bytes())
    places = [*range(60), *range(60, len(content), 499), len(content) - 1]
    for place in places:
        content[place] ^= mask
        mine.write_bytes(content)
        refused(mine, f"{NO_CHECKPOINT}|{DAMAGED}|newer nclib")
        content[place] ^= mask
    mine.write_bytes(content)
    assert kept_epochs(mine) == [0, 1, 2, 3]


def test_longer_than_it_was(mine):
    mine.write_bytes(mine.read_bytes() + b"\0")
    refused(mine, DAMAGED)


def test_of_a_newer_version(mine):
    _, rest = mine.read_bytes().split(b"\n", 1)
    mine.write_bytes(b"nclib-checkpoint 12\n" + rest)
    refused(mine, "has format version 12, made by a newer nclib; this one reads up to version 1")


class RunsCode:
    """What touches a file when it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return (Path.touch, (self.witness,))


def torch_archive(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def array_archive():
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.zeros(3))
    return buffer.getvalue()


FOREIGN = {
    "empty": lambda _: b"",
    "text": lambda _: b"epoch 3\n" * 100,
    "arrays": lambda _: array_archive(),
    "weights of torch": lambda _: torch_archive({"weight": torch.zeros(3)}),
    "a pickle": lambda witness: pickle.dumps(RunsCode(witness)),
    "a pickle in torch's archive": lambda witness: torch_archive({"a": RunsCode(witness)}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_not_ours(three, path, kind):
    witness = path.with_name("witness")
    path.write_bytes(FOREIGN[kind](witness))
    refused(path, NO_CHECKPOINT)
    with pytest.raises(CheckpointError):
        run(mlp(three), three, path)
    assert not witness.exists()


def test_code_is_not_run_even_under_our_checksum(path):
    witness = path.with_name("witness")
    archive = torch_archive({"epochs": [], "settings": RunsCode(witness)})
    first = b"nclib-checkpoint 1\n"
    path.write_bytes(first + hashlib.sha256(first + archive).digest() + archive)
    refused(path, r"is truncated or damaged \(.*[Ww]eights.only")
    assert not witness.exists()


# Nowhere to write


def test_a_folder_in_its_place(three, path):
    path.mkdir()
    with pytest.raises(CheckpointError, match=f"kept: {path} is a folder; give a file in it"):
        run(mlp(three), three, path)


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_no_folder_to_write_to(three, tmp_path, parent):
    (tmp_path / "file").touch()
    where = tmp_path / parent / "run.checkpoint"
    said = {"missing": "does not exist; create it", "file": "is a file; give a path in a folder"}
    with pytest.raises(CheckpointError, match=f"{where.parent} {said[parent]}"):
        run(mlp(three), three, where)


def test_a_folder_nobody_may_write_to(three, steps):
    if not Path("/sys/kernel").is_dir():
        pytest.skip("a folder that refuses root, too, is known on Linux only")
    epochs = run(mlp(three), three, "/sys/kernel/run.checkpoint")
    said = r"of epoch 0 could not be written to /sys.*; there is none yet\. Make room or give"
    with pytest.raises(CheckpointError, match=said):
        next(epochs)
    assert not steps  # before the first step, not after the first hours


DISK = """
import contextlib, resource, sys, torch, nclib
from test_checkpoint import Checkpoint, mlp, run

def fill(path):
    with contextlib.suppress(OSError), open(path.with_name("fill"), "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


torch.set_num_threads(1)
data = nclib.load_data("digits", classes=[0, 1, 2], per_class=60)
keeper = Checkpoint(sys.argv[1], epochs=1)
try:
    for epoch in run(mlp(data), data, keeper, measure_at=range(6)):
        if epoch.number == 3:
            FILL
except nclib.CheckpointError as error:
    print(error)
"""
LIMITED = (
    "size = keeper.path.stat().st_size; resource.setrlimit(resource.RLIMIT_FSIZE, (size,) * 2)"
)
FILLED = "fill(keeper.path)"


def out_of_room(how, path, *before):
    code = textwrap.dedent(DISK).replace("FILL", how)
    places = [str(Path(__file__).parents[1]), *sys.path]
    here = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [*before, sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=here)


def gone_on_after_full_disk(three, path):
    assert kept_epochs(path) == [0, 1, 2, 3]
    network, other = mlp(three), mlp(three)
    measured = {"measure_at": range(6)}
    assert whole(network, run(network, three, path, **measured)) == whole(
        other, run(other, three, **measured)
    )


def test_a_file_that_may_not_grow(three, path):
    """The write fails half way, in the operating system."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the size of files is limited in Linux's way")
    done = out_of_room(LIMITED, path)
    assert "of epoch 4 could not be written to" in done.stdout, done.stderr
    assert "(File too large); the one of epoch 3 is still there. Make room or give" in done.stdout
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    gone_on_after_full_disk(three, path)


@pytest.mark.slow
def test_a_full_disk(three, tmp_path):
    """A disk of a megabyte, mounted in a name space of its own."""
    room, saved = tmp_path / "disk", tmp_path / "run.checkpoint"
    room.mkdir()
    path = room / "run.checkpoint"
    mounted = f"mount -t tmpfs -o size=1m none {room} && "
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    tried = shutil.which("unshare") and subprocess.run([*alone, mounted + "true"], check=False)
    if not tried or tried.returncode:
        pytest.skip("a small disk cannot be mounted here")
    then = f'{{ "$@"; cp {path} {saved}; ls {room} >&2; }}'
    done = out_of_room(FILLED, path, *alone, mounted + then, "sh")
    assert "(No space left on device); the one of epoch 3 is still there" in done.stdout
    assert done.stderr.split() == ["fill", "run.checkpoint"]
    gone_on_after_full_disk(three, saved)
