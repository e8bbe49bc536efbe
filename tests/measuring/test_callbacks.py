"""Callbacks in the real libraries, and README's section on a network of one's own, run as it is."""

from __future__ import annotations

import csv
import json
import os
import pickle
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nclib
from nclib.measuring import callbacks
from nclib.measuring.callbacks import is_due, logged
from nclib.measuring.measured import measure
from nclib.measuring.randomness import same_randomness
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.torchvision_guard import import_torchvision

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Your own network")[1]
EXAMPLES = re.findall(r"```py\n(.*?)```", SECTION.split("\n## ")[0], re.DOTALL)
ONCE, MANY, LOOP, LIGHTNING, TRAINER = EXAMPLES
NUM_SAMPLES = 90

pytestmark = [  # of the libraries themselves
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches:UserWarning"),
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def torchvision_before_both():
    import_torchvision()


def samples(seed=0):
    labels = torch.arange(NUM_SAMPLES) % 3
    noise = torch.randn(NUM_SAMPLES, 5, generator=torch.Generator().manual_seed(seed))
    return noise + 3 * torch.eye(3, 5)[labels], labels


def network():
    torch.manual_seed(0)
    layers = (nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    return nn.Sequential(*layers)


def seeded(own=None):
    """All global generators, and one of a loader's own, at their beginning."""
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - what augmentations draw from
    torch.manual_seed(5)
    return (own or torch.Generator()).manual_seed(5)


class Shaken(TensorDataset):
    """Augmentation that draws from all three global generators."""

    def __getitem__(self, index):
        inputs, label = super().__getitem__(index)
        return inputs + 0.1 * torch.randn(5) + random.random() + np.random.rand(), label  # noqa: NPY002


def shuffled(kind=TensorDataset):
    return DataLoader(kind(*samples()), batch_size=16, shuffle=True)


class Classifier(nn.Module):
    """In the manner of transformers: named inputs, labels among them, logits and loss by name."""

    def __init__(self):
        super().__init__()
        self.network = network()

    def forward(self, pixel_values, labels=None):
        logits = self.network(pixel_values)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits} if loss is not None else {"logits": logits}


def rows(seed=0):
    return [{"pixel_values": x, "labels": int(y)} for x, y in zip(*samples(seed), strict=True)]


def events(folder, tag):
    """The scalars of a tag in TensorBoard's files, as (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = EventAccumulator(str(folder)).Reload()
    return [(one.step, one.value) for one in found.Scalars(tag)]


def fitted(folder, *given, epochs=4, loader=None, loggers=()):
    """A module that Lightning trained, and its trainer."""
    from lightning import Trainer
    from lightning_job import QUIET, Module

    keeps = any("Checkpoint" in type(one).__name__ for one in given)
    options = {"max_epochs": epochs, "enable_checkpointing": keeps, "default_root_dir": folder}
    trainer = Trainer(callbacks=[*given], logger=[*loggers], devices=1, **QUIET, **options)
    module = Module(network())
    seeded()
    trainer.fit(module, loader or shuffled())
    return module, trainer


def trained(folder, prepare=lambda trainer: None, *, train=None, **options):
    """A Trainer of transformers that has trained; ``prepare`` is called with it before."""
    from transformers import Trainer, TrainingArguments

    quiet = {"use_cpu": True, "disable_tqdm": True, "report_to": "none", "logging_strategy": "no"}
    batches = {"per_device_train_batch_size": 16, "learning_rate": 0.1, "optim": "sgd"}
    options = {"num_train_epochs": 2, "save_strategy": "no"} | quiet | batches | options
    settings = TrainingArguments(str(folder), **options)
    sets = {"train_dataset": rows() if train is None else train, "eval_dataset": rows(1)}
    trainer = Trainer(Classifier(), settings, **sets)
    prepare(trainer)
    seeded()
    trainer.train()
    return trainer


def same_weights(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# --- when


@pytest.mark.parametrize(
    ("every", "last", "epochs"),
    [
        (None, 30, [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30]),
        (None, None, [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25]),
        (1, 30, [*range(1, 31)]),
        (7, 30, [1, 7, 14, 21, 28, 30]),
        (7, None, [1, 7, 14, 21, 28]),
        ([2, 30], 30, [2, 30]),
        ({5}, 30, [5]),
        (range(3, 30, 9), 30, [3, 12, 21]),
    ],
)
def test_which_epochs_are_measured(every, last, epochs):
    assert [epoch for epoch in range(1, 31) if is_due(every, epoch, last)] == epochs


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "3", [1, 0], [2.0]])
def test_an_interval_that_is_none(every, without_shape_checks):
    with pytest.raises(ValueError, match=r"every is .*; give an interval of at least 1"):
        callbacks.CollapseCallback(every=every)


# --- imports, only when needed

FAKE = """
import sys
assert "torchvision" in sys.modules, "the guard comes first"
class Callback: pass
class TrainerCallback: pass
"""


def python(folder, code):
    """A fresh interpreter with a torchvision, a lightning and a transformers of three lines."""
    files = {"torchvision": "", "lightning": "", "lightning/pytorch": FAKE, "transformers": FAKE}
    for name, text in files.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(text)
    setup = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
    run = [sys.executable, "-c", setup + code]
    return subprocess.run(run, capture_output=True, text=True, timeout=120)


def test_importing_is_light_and_the_guard_comes_before_both_packages(tmp_path):
    done = python(
        tmp_path,
        "from nclib.measuring import callbacks\n"
        "heavy = ('lightning', 'pytorch_lightning', 'transformers', 'torchvision')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "print(callbacks.CollapseCallback.__mro__[-2].__module__)\n"
        "print('transformers' in sys.modules)\n"
        "print(callbacks.CollapseTrainerCallback.__mro__[-2].__module__)\n",
    )
    said = ["[]", "lightning.pytorch", "False", "transformers"]
    assert done.stdout.split("\n")[:-1] == said, done.stderr


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("CollapseCallback", ["lightning", "pytorch_lightning"]),
        ("CollapseTrainerCallback", ["transformers"]),
    ],
)
def test_without_the_package_it_is_said_what_is_missing(name, packages, monkeypatch):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setitem(sys.modules, f"{package}.pytorch", None)
    monkeypatch.delitem(vars(callbacks), name, raising=False)
    with pytest.raises(ImportError, match=rf"{name} needs the package .*pip install {packages[0]}"):
        getattr(callbacks, name)


def test_a_name_that_is_none():
    with pytest.raises(AttributeError, match="no attribute 'CollapsCallback'"):
        callbacks.CollapsCallback
    assert {"CollapseCallback", "CollapseTrainerCallback"} <= set(dir(callbacks))


@pytest.mark.parametrize("name", ["CollapseCallback", "CollapseTrainerCallback"])
def test_a_callback_survives_pickling_and_is_described(name):
    made = getattr(callbacks, name)
    arguments = () if name == "CollapseCallback" else ("a trainer",)
    again = pickle.loads(pickle.dumps(made(*arguments, every=[1, 7], ncc=True)))
    assert type(again) is made
    assert (again.every, again.options) == ([1, 7], {"progress": False, "ncc": True})
    assert made.__doc__
    assert getattr(callbacks, name) is made


# --- what measuring leaves as it was


def drawn(own):
    """The next number of each."""
    ours = float(torch.rand(())), float(torch.rand((), generator=own))
    return random.random(), np.random.rand(), *ours  # noqa: NPY002


@pytest.mark.parametrize("end", ["well", "an error"])
def test_random_states_are_as_before(end):
    own = seeded()
    expected = drawn(own)
    loader = DataLoader(Shaken(*samples()), batch_size=7, shuffle=True, generator=seeded(own))
    try:
        with same_randomness(loader, None):
            list(loader)
            if end != "well":
                raise LookupError
    except LookupError:
        assert end != "well"
    assert drawn(own) == expected


def test_the_numbers_are_flat_and_only_those_that_were_measured():
    numbers = {"train": {"nc1": 0.5, "ncc_mismatch": None}, "test": {"nc1": 2}}
    layers = [
        {"layer": name, "split": split, "nc1": 7} for name, split in (("a", "train"), ("a", "test"))
    ]
    found = logged(SimpleNamespace(numbers=numbers, layers=layers))
    assert found == {"nc1": 0.5, "test_nc1": 2.0, "nc1/a": 7.0}


def measured(callback):
    return callback.report.numbers["train"]["nc1"]


def measured_now(model):
    return measure(model, samples()).numbers["train"]["nc1"]


@pytest.mark.usefixtures("without_shape_checks")  # they draw which items of a list to look at
def test_lightning_trains_to_the_same_bits(tmp_path):
    alone, _ = fitted(tmp_path, loader=shuffled(Shaken))
    callback = callbacks.CollapseCallback(every=1)
    beside, _ = fitted(tmp_path, callback, loader=shuffled(Shaken))
    assert same_weights(alone, beside)
    assert beside.modes == [True] * 4


@pytest.mark.usefixtures("without_shape_checks")
def test_the_trainer_trains_to_the_same_bits(tmp_path):
    def add(one):
        one.add_callback(callbacks.CollapseTrainerCallback(one, every=1))

    assert same_weights(trained(tmp_path).model, trained(tmp_path, add).model)


# --- Lightning


def test_lightning_logs_to_every_logger_at_the_epochs_asked_for(tmp_path):
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    loggers = TensorBoardLogger(tmp_path, "tb"), CSVLogger(tmp_path, "csv")
    callback = callbacks.CollapseCallback(every=[2, 3], layers=["network.2"], test=samples(1))
    _, trainer = fitted(tmp_path, callback, loggers=loggers)
    board = events(loggers[0].log_dir, "collapse/nc1")
    assert [step for step, _ in board] == [2 * 6 - 1, 3 * 6 - 1]
    with (Path(loggers[1].log_dir) / "metrics.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["collapse/nc1"]) for row in table] == pytest.approx([v for _, v in board])
    last = {name: float(value) for name, value in trainer.callback_metrics.items()}
    expected = {f"collapse/{name}": value for name, value in logged(callback.report).items()}
    assert last == pytest.approx(expected, rel=1e-6)
    assert {"collapse/test_nc1", "collapse/nc1/network.2", "collapse/self_duality"} <= set(last)


def test_monitors_see_every_epoch_also_those_that_stand_before(tmp_path):
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

    stop = EarlyStopping("collapse/nc1", patience=2, min_delta=1e9)
    best = ModelCheckpoint(tmp_path / "best", "{epoch}", monitor="collapse/nc1", save_top_k=-1)
    callback = callbacks.CollapseCallback()
    _, trainer = fitted(tmp_path, stop, best, callback, epochs=9)
    assert trainer.current_epoch == 3  # the first is the best, and two more are waited for
    assert sorted(one.name for one in (tmp_path / "best").iterdir()) == [
        f"epoch={epoch}.ckpt" for epoch in range(3)
    ]
    assert len({float(score) for score in best.best_k_models.values()}) == 3
    assert float(best.best_k_models[best.kth_best_model_path]) == pytest.approx(
        max(float(score) for score in best.best_k_models.values())
    )


def test_a_monitor_beside_an_interval_sees_the_last_number(tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint

    best = ModelCheckpoint(tmp_path / "best", monitor="collapse/nc1", save_top_k=-1)
    fitted(tmp_path, callbacks.CollapseCallback(every=3), best, epochs=4)
    scores = [float(score) for score in best.best_k_models.values()]
    assert scores[0] == scores[1]
    assert len(set(scores)) == 3  # epochs 1, 3 and, being the last, 4


@pytest.mark.parametrize("part", ["", "network"])
def test_a_loader_without_augmentation(tmp_path, part):
    plain = DataLoader(TensorDataset(*samples()), batch_size=32)
    callback = callbacks.CollapseCallback(loader=plain, part=part)
    module, _ = fitted(tmp_path, callback, loader=shuffled(Shaken), epochs=1)
    assert measured(callback) == pytest.approx(measured_now(module.network), rel=1e-5)
    assert callback.report.taken["samples"] == {"train": NUM_SAMPLES}


# --- the Trainer of transformers


def test_the_trainer_logs_to_its_history_and_to_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "tb"))
    kept = {}

    def prepare(trainer):
        kept["callback"] = callbacks.CollapseTrainerCallback(trainer, every=[2])
        trainer.add_callback(kept["callback"])

    trainer = trained(tmp_path, prepare, report_to="tensorboard")
    history = [x for x in trainer.state.log_history if "collapse/nc1" in x]
    assert [(x["epoch"], x["step"]) for x in history] == [(2, 12)]
    assert history[-1]["collapse/nc1"] == measured(kept["callback"])
    assert measured(kept["callback"]) == pytest.approx(
        measured_now(trainer.model.network), rel=1e-5
    )
    board = events(tmp_path / "tb", "train/collapse/nc1")
    assert board == [(x["step"], pytest.approx(x["collapse/nc1"])) for x in history]


@pytest.mark.parametrize(
    ("metric", "every", "evaluated", "measured_at", "numbers_of"),
    [
        ("eval_collapse_nc1", None, "steps", [3, 6, 9, 12], [3, 6, 9, 12]),
        ("collapse_self_duality", 5, "steps", [3, 6, 12], [3, 3, 6, 6]),  # the last that there is
        (
            "eval_loss",
            None,
            "steps",
            [6, 12],
            [None] * 4,
        ),  # an epoch ends after its last evaluation
        ("eval_loss", None, "epoch", [6, 12], [6, 12]),
    ],
)
def test_what_an_evaluation_knows(tmp_path, metric, every, evaluated, measured_at, numbers_of):
    seen = []

    def prepare(trainer):
        trainer.add_callback(callbacks.CollapseTrainerCallback(trainer, every=every))
        evaluate = trainer.evaluate
        trainer.evaluate = lambda *given, **named: (
            seen.append(evaluate(*given, **named)) or seen[-1]
        )

    settings = {"metric_for_best_model": metric, "greater_is_better": False}
    steps = {"eval_strategy": evaluated, "eval_steps": 3, "num_train_epochs": 2}
    trainer = trained(tmp_path, prepare, **settings, **steps)
    nc1 = {x["step"]: x["collapse/nc1"] for x in trainer.state.log_history if "collapse/nc1" in x}
    assert [*nc1] == measured_at
    assert [x.get("eval_collapse_nc1") for x in seen] == [nc1.get(step) for step in numbers_of]
    name = f"eval_{metric.removeprefix('eval_')}"
    assert trainer.state.best_metric == min(x[name] for x in seen)


def test_evaluating_after_the_training_measures_anew(tmp_path):
    def prepare(trainer):
        trainer.add_callback(callbacks.CollapseTrainerCallback(trainer))

    settings = {"metric_for_best_model": "collapse_nc1", "greater_is_better": False}
    trainer = trained(tmp_path, prepare, num_train_epochs=1, **settings)
    with torch.no_grad():
        trainer.model.network[0].weight.normal_()  # as if the best weights had been loaded
    expected = measured_now(trainer.model.network)
    assert trainer.evaluate()["eval_collapse_nc1"] == pytest.approx(expected, rel=1e-5)


def test_the_default_of_transformers_would_keep_the_least_collapsed(tmp_path):
    def prepare(trainer):
        trainer.add_callback(callbacks.CollapseTrainerCallback(trainer))

    with pytest.warns(UserWarning, match="set greater_is_better=False"):
        trained(tmp_path, prepare, metric_for_best_model="collapse_nc1", num_train_epochs=1)


def test_a_trainer_without_training_set_is_told_what_to_give(tmp_path):
    from transformers import Trainer, TrainingArguments

    settings = TrainingArguments(
        *(str(tmp_path),), use_cpu=True, report_to="none", metric_for_best_model="collapse_accuracy"
    )
    trainer = Trainer(Classifier(), settings, eval_dataset=rows())
    trainer.add_callback(callbacks.CollapseTrainerCallback(trainer))
    with pytest.raises(ValueError, match="no train_dataset; give loader="):
        trainer.evaluate()


def test_under_mixed_precision_the_trainer_is_measured_in_full(tmp_path):
    kept = {}

    def prepare(trainer):
        kept["callback"] = callbacks.CollapseTrainerCallback(trainer)
        trainer.add_callback(kept["callback"])

    trainer = trained(tmp_path, prepare, bf16=True, num_train_epochs=1)
    expected = measured_now(trainer.model.network)
    assert measured(kept["callback"]) == pytest.approx(expected, rel=1e-6)


# --- README's examples


def test_readme_has_five_examples():
    assert SECTION.split("\n## ")[0].count("```") == 2 * len(EXAMPLES) == 10


def run(example, folder, monkeypatch, **names):
    monkeypatch.chdir(folder)
    names |= {"nclib": nclib}
    exec(compile(example, "README.md", "exec"), names)
    return names


def test_the_three_lines(tmp_path, monkeypatch, capsys):
    run(ONCE, tmp_path, monkeypatch, model=network(), loader=shuffled())
    assert f"{NUM_SAMPLES} of {NUM_SAMPLES} samples" in " ".join(capsys.readouterr().out.split())
    table = (tmp_path / "collapse.csv").read_text(encoding="utf-8")
    assert all(name in table for name in ("split", "layer", "quantity", "value", "nc1"))


def test_the_loop(tmp_path, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    names = {"model": model, "loader": shuffled(), "optimizer": optimizer, "epochs": 3}
    names |= {"loss": nn.CrossEntropyLoss(), "SummaryWriter": SummaryWriter}
    run(LOOP, tmp_path, monkeypatch, **names)["writer"].close()
    nc1, *others = (
        events(tmp_path / "logs", f"collapse/{name}")
        for name in ("nc1", "self_duality", "ncc_mismatch")
    )
    assert [[step for step, _ in board] for board in (nc1, *others)] == [[0, 1, 2]] * 3
    assert nc1[2][1] == pytest.approx(measured_now(model), rel=1e-5)
    assert model.training


def test_the_lightning_example(tmp_path, monkeypatch):
    from lightning_job import Module

    names = {"module": Module(network()), "loader": shuffled(), "epochs": 5}
    run(LIGHTNING, tmp_path, monkeypatch, **names)
    board = events(next(tmp_path.glob("lightning_logs/*")), "collapse/nc1")
    assert [step for step, _ in board] == [6 * epoch - 1 for epoch in range(1, 6)]
    (file,) = (tmp_path / "best").iterdir()
    best = Module(network())
    best.load_state_dict(torch.load(file, weights_only=True)["state_dict"])
    assert measured_now(best) == pytest.approx(min(nc1 for _, nc1 in board), rel=1e-5)


def test_the_trainer_example(tmp_path, monkeypatch):
    model = Classifier()
    names = {"model": model, "train_set": rows()[:48], "test_set": rows(1)[:8]}
    run(TRAINER, tmp_path, monkeypatch, **names)
    newest = max((tmp_path / "best").glob("checkpoint-*"), key=lambda one: int(one.name[11:]))
    state = json.loads((newest / "trainer_state.json").read_text(encoding="utf-8"))
    history = {x["step"]: x["collapse/nc1"] for x in state["log_history"] if "collapse/nc1" in x}
    assert state["best_metric"] == history[state["best_global_step"]] == min(history.values())
    assert str(state["best_global_step"]) == newest.name[11:]


# --- many processes


def processes(folder, *command):
    """What Python prints, run in a folder on this checkout and these tests."""
    path = os.pathsep.join(map(str, (folder, ROOT, ROOT / "tests" / "measuring")))
    names = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = {"capture_output": True, "text": True, "timeout": 300, "cwd": folder, "env": names}
    done = subprocess.run([sys.executable, *command], **run)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.mark.slow
def test_the_script_for_many_processes(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from test_callbacks import network, shuffled\nmodel, loader = network(), shuffled()\n"
    )
    (tmp_path / "measure_it.py").write_text(MANY)
    processes(tmp_path, *TORCHRUN, "measure_it.py")
    report = CollapseReport.load(tmp_path / "collapse.json")
    assert report.taken["samples"] == {"train": NUM_SAMPLES}
    assert report.numbers["train"]["nc1"] == pytest.approx(measured_now(network()), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("job", ["lightning_job.py", "trainer_job.py"])
def test_two_processes_measure_what_one_does(tmp_path, job):
    start = TORCHRUN if job == "trainer_job.py" else ()
    processes(tmp_path, *start, Path(__file__).with_name(job))
    first, second, one = (json.loads((tmp_path / f"{name}.json").read_text()) for name in "01x")
    assert first == second
    assert first["samples"] == one["samples"] == {"train": NUM_SAMPLES - 1}  # no sample twice
    assert first["ranks"], one["ranks"] == (2, 1)
    assert first["numbers"] == pytest.approx(one["numbers"], rel=1e-14)
    logged_here = {name: np.float32(value) for name, value in one["numbers"].items()}
    assert {name: np.float32(value) for name, value in first["numbers"].items()} == logged_here
