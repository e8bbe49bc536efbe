"""Live training: what the controls do, how a run ends, what is kept."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
import torch

import nclib
from nclib.widgets import live as module
from nclib.widgets.controls import RECIPES
from nclib.widgets.live import LiveTraining
from nclib.widgets.watch import whole_steps

QUICK = {"epochs": 4, "num_features": 8}


@pytest.fixture(scope="module")
def three():
    return nclib.load_data("digits", classes=[0, 1, 2], device="cpu")


@pytest.fixture(autouse=True)
def widgets(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "anywidget")


def shown(live) -> str:
    return live.view._message.value


def image(live) -> bytes:
    return live.view._image.value


# What is shown, what is left


def test_before_any_run_the_untrained_network_is_shown(three):
    live = LiveTraining(three, **QUICK)
    data, metadata = live._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "at epoch 0" in data["text/plain"] == metadata["image/png"]["alt"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "before training" in shown(live)
    assert live.trajectory is None


def test_a_page_without_a_kernel_gets_the_picture(three, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    data, _ = LiveTraining(three, **QUICK)._repr_mimebundle_()
    assert data.keys() == {"text/html"}
    assert '<img alt="Features, class means' in data["text/html"]
    assert "open the notebook to use them" in data["text/html"]


def test_a_run_leaves_the_trajectory_that_train_records(three, tmp_path):
    live = LiveTraining(three, seed=3, **QUICK)
    run = live.run()
    assert run is live.trajectory
    network = nclib.build_network("mlp", three, num_features=8, seed=3)
    settings = {"epochs": 4, "learning_rate": 0.1, "weight_decay": 1e-2, "batch_size": 256}
    settings |= {"schedule": nclib.cosine_schedule, "progress": False, "seed": 3}
    alone = nclib.Trajectory.of(nclib.train(network, three, **settings))
    assert alone.metrics.drop(columns="seconds").equals(run.metrics.drop(columns="seconds"))
    assert len(nclib.Trajectory.load(run.save(tmp_path / "run.npz"))) == len(run)
    assert "epoch 4" in shown(live)
    assert not live.running


def test_pictures_move_while_it_trains(three, monkeypatch):
    live = LiveTraining(three, pictures_per_second=1e9, **QUICK)  # at every epoch
    live.widget()
    pictures = []
    live.view._image.observe(lambda change: pictures.append(bytes(change["new"])), "value")
    live.run()
    assert len(set(pictures)) == len(pictures) == 4  # epoch 0 was on show
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_a_long_run_shows_more_than_it_records(three):
    live = LiveTraining(three, pictures_per_second=1e9, epochs=60, num_features=8)
    live.widget()
    pictures = []
    live.view._image.observe(lambda change: pictures.append(bytes(change["new"])), "value")
    run = live.run()
    assert run.epochs.tolist() == nclib.presets.measured_epochs(60)
    assert len(pictures) > len(run)


def test_pictures_come_by_the_clock(three):
    live = LiveTraining(three, pictures_per_second=1e-3, **QUICK)
    live.widget()
    pictures = []
    live.view._image.observe(lambda change: pictures.append(bytes(change["new"])), "value")
    live.run()
    assert len(pictures) == 1  # the last, so that what is shown is where it ended


def test_at_the_end_the_player_stands_in_the_picture_s_place(three):
    live = LiveTraining(three, **QUICK)
    live.run()
    picture, player = live.view._stage.children
    assert (picture.layout.display, player.layout.display) == ("none", None)
    assert player.frame == player.last_frame == 4
    before = player.payload
    live.controls["seed"].value = 1
    assert live.view._stage.children == (picture, player)  # the same, so that its place is kept
    assert player.payload != before


def test_where_custom_widgets_are_missing_the_last_picture_stays(three, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    live = LiveTraining(three, **QUICK)
    live.run()
    assert live.view._stage.children == (live.view._image,)
    assert "at epoch 4" in live.view.picture.alt


# The controls


EVERY = {
    "network": ["mlp"],
    "loss": ["squared_error", "label_smoothing", "focal", "cross_entropy"],
    "epochs": [1, 3],
    "learning_rate": [0.001, 0.1, 0.5],
    "weight_decay": [0.0, 1e-3, 5e-2],
    "num_features": [1, 2, 20],
    "linear_features": [True, False],
    "label_noise": [0.5, 0.1, 0.0],
    "imbalance": [1, 10, 100],
    "seed": [1, 7],
}


@pytest.mark.parametrize("name", EVERY)
def test_every_control_changes_the_run(three, name):
    live = LiveTraining(three, **(QUICK | {"seed": 5}))
    live.run()
    for value in EVERY[name]:
        before = live.trajectory
        changed = live.controls[name].value != value
        live.controls[name].value = value
        assert (live.trajectory is not before) == changed  # let go: trained again
        found = live.trajectory.settings | {"num_features": live.trajectory.num_features}
        assert found.get(name, value) == value


def test_a_convolutional_network_with_its_own_width(three):
    live = LiveTraining(three, network="convnet", epochs=1, num_features=16)
    assert live.run().num_features == 16
    assert live.trajectory.settings["network"] == "convnet"
    with pytest.raises(
        ValueError, match="features p is 18; for convnet it must be a multiple of 4"
    ):
        live.controls["num_features"].value = 18
    live.controls["num_features"].value = 8
    with pytest.raises(ValueError, match="linear features belong to mlp"):
        live.controls["linear_features"].value = True


def test_several_data_sets_in_the_menu(three):
    live = LiveTraining({"three": three, "ten": "digits"}, **QUICK)
    assert live.run().num_classes == 3
    live.controls["data"].value = "ten"
    assert live.trajectory.num_classes == 10


def test_another_loss_brings_its_recipe_unless_one_was_chosen(three):
    live = LiveTraining(three, **QUICK)
    live.controls["loss"].value = "squared_error"
    now = [live.controls[name].value for name in ("learning_rate", "weight_decay")]
    assert tuple(now) == RECIPES["squared_error"]
    live.controls["weight_decay"].value = 0.0
    live.controls["loss"].value = "focal"
    assert live.controls["weight_decay"].value == 0.0


def test_long_runs_are_not_repeated_unasked(three, monkeypatch):
    monkeypatch.setattr(module, "QUICK_S", 0.0)
    live = LiveTraining(three, **QUICK)
    live.run()
    before = live.trajectory
    live.controls["seed"].value = 1
    assert live.trajectory is before
    said = "what is shown was made with seed 0 (now 1): press Train, or run live.run() in a cell"
    assert said in shown(live)
    live.controls["seed"].value = 0
    assert "made with" not in shown(live)
    assert "NC1" in shown(live)
    live.controls["seed"].value = 1
    live.view.buttons["Train"].click()
    assert live.trajectory is not before


# What goes wrong


def diverging(three):
    return LiveTraining(three, learning_rate=10.0, loss="squared_error", **(QUICK | {"epochs": 30}))


@pytest.fixture
def in_a_browser(monkeypatch):
    monkeypatch.setattr(module, "serves_browser", lambda: True)


WRONG = {"num_features": 0, "epochs": -1}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_said_and_the_controls_go_on(three, in_a_browser, name):
    live = LiveTraining(three, **QUICK)
    live.run()
    right = live.controls[name].value
    live.controls[name].value = WRONG[name]
    assert 'role="alert"' in shown(live)
    assert f"{WRONG[name]}" in shown(live)
    live.controls[name].value = right
    assert 'role="alert"' not in shown(live)
    assert len(live.trajectory) == 5


def test_a_wrong_value_is_raised_where_no_browser_looks(three):
    live = LiveTraining(three, **QUICK)
    live.run()
    with pytest.raises(ValueError, match="num_features is 0"):
        live.controls["num_features"].value = 0


class Broken(torch.nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, images):
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "out of memory: choose a smaller"),
        (RuntimeError("what"), "in evaluation mode (what)"),
    ],
)
def test_an_error_while_training_is_said_with_advice(three, in_a_browser, monkeypatch, error, said):
    live = LiveTraining(three, **QUICK)
    live.run()
    network = nclib.networks.Network("broken", Broken(error), 8, 3)
    with monkeypatch.context() as patch:
        patch.setattr("nclib.widgets.chosen.build_network", lambda *_, **__: network)
        live.view.buttons["Train"].click()
    assert said in shown(live)
    assert not live.running
    live.view.buttons["Train"].click()
    assert "epoch 4" in shown(live)


def test_divergence_is_said_with_advice(three, in_a_browser, monkeypatch):
    monkeypatch.setitem(nclib.losses.LOSSES, "focal", lambda logits, labels: logits.sum() * 1e38)
    live = LiveTraining(three, loss="focal", **QUICK)
    live.run()
    assert "lower learning_rate" in shown(live)
    assert not live.running


def test_what_was_recorded_before_it_diverged_can_be_played(three, in_a_browser, monkeypatch):
    calls = []
    cross_entropy = nclib.losses.LOSSES["cross_entropy"]

    def bad_later(logits, labels):
        calls.append(1)
        return cross_entropy(logits, labels) * (1 if len(calls) < 12 else float("nan"))

    monkeypatch.setitem(nclib.losses.LOSSES, "focal", bad_later)
    live = LiveTraining(three, loss="focal", **QUICK)
    live.run()
    assert 'role="alert"' in shown(live)
    assert 0 < len(live.trajectory) < 5
    picture, player = live.view._stage.children
    assert (picture.layout.display, player.layout.display) == ("none", None)
    assert player.last_frame == len(live.trajectory) - 1


def test_no_epochs_leave_the_untrained_network(three):
    assert LiveTraining(three, epochs=0, num_features=8).run().epochs.tolist() == [0]


def test_a_wrong_value_loses_no_run(three, in_a_browser):
    live = LiveTraining(three, **QUICK)
    run = live.run()
    live.controls["num_features"].value = 0
    assert live.trajectory is run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wieght_decay": 1}, "there is no control 'wieght_decay'; there are data, network"),
        ({"network": "resnet"}, "network is 'resnet'; choose from mlp"),
        ({"loss": "hinge"}, "loss is 'hinge'; choose from cross_entropy"),
        ({"pictures_per_second": 0}, "pictures_per_second is 0; it must be positive"),
    ],
)
def test_refused(three, options, said):
    with pytest.raises(ValueError, match=said):
        LiveTraining(three, **options)


# How it ends


def interrupt_once_recorded(live, count):
    """Interrupt the run that comes as soon as it has recorded so many epochs."""

    def wait():
        while len(live.trajectory or ()) < count:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, daemon=True).start()


def test_an_interrupt_ends_it_and_everything_recorded_is_kept(three, tmp_path):
    live = LiveTraining(three, **(QUICK | {"epochs": 100_000}))
    before = signal.getsignal(signal.SIGINT)
    interrupt_once_recorded(live, 6)
    run = live.run()
    assert signal.getsignal(signal.SIGINT) is before
    assert 6 <= len(run) < len(nclib.presets.measured_epochs(100_000))
    assert "stopped, and kept what was recorded" in shown(live)
    assert not live.running
    assert len(nclib.Trajectory.load(run.save(tmp_path / "part.npz"))) == len(run)
    live.controls["epochs"].value = 2
    assert len(live.run()) == 3


def test_an_interrupt_never_cuts_a_record_in_two(three, monkeypatch):
    live = LiveTraining(three, **(QUICK | {"epochs": 1000}))
    record = nclib.Trajectory.record

    def slowly(self, epoch):
        if epoch.number == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        record(self, epoch)

    monkeypatch.setattr(nclib.Trajectory, "record", slowly)
    assert live.run().epochs.tolist() == [0, 1, 2]


def test_a_step_is_whole_and_the_listener_before_comes_back():
    before, done = signal.getsignal(signal.SIGINT), []

    def interrupted_in_the_body():
        for step in whole_steps(range(5)):
            if step == 1:
                os.kill(os.getpid(), signal.SIGINT)
            done.append(step)

    with pytest.raises(KeyboardInterrupt):
        interrupted_in_the_body()
    assert done == [0, 1]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_body_or_in_a_step_gives_the_listener_back():
    before = signal.getsignal(signal.SIGINT)
    for bad in ([1, 0, 1], (1 // number for number in (1, 0))):
        with pytest.raises(ZeroDivisionError):
            for number in whole_steps(bad):
                assert signal.getsignal(signal.SIGINT) is not before
                1 // number
        assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_a_step_is_made_comes_at_once():
    def steps():
        yield 0
        os.kill(os.getpid(), signal.SIGINT)
        yield 1

    with pytest.raises(KeyboardInterrupt):
        for step in whole_steps(steps()):
            assert step == 0


def test_in_the_background_other_work_goes_on_until_stop(three):
    live = LiveTraining(three, **(QUICK | {"epochs": 100_000}))
    run = live.run(background=True)
    assert live.view.buttons["Stop"].layout.display is None
    while len(run) < 3:
        time.sleep(0.01)
    with pytest.raises(ValueError, match="a run is going on"):
        live.run()
    live.controls["seed"].value = 4
    assert "a run is going on with seed 0 (now 4)" in shown(live)
    live.view.buttons["Stop"].click()
    live.stop()
    assert not live.running
    assert live.trajectory is run  # who stops a run does not ask for the next
    assert "made with seed 0 (now 4)" in shown(live)
    assert len(run) >= 3
    assert live.view.buttons["Stop"].layout.display == "none"
    assert "stopped" in shown(live)


def change_at_the_first_record(live, monkeypatch, **values):
    """Set controls while the next run records its first epoch, as a front end's thread may."""
    record = nclib.Trajectory.record

    def changing(self, epoch):
        record(self, epoch)
        if self is not changing.seen and epoch.number == 0 and values:
            name, value = values.popitem()
            live.controls[name].value = value

    changing.seen = live.trajectory
    monkeypatch.setattr(nclib.Trajectory, "record", changing)


def settings_on_show(live):
    _, player = live.view._stage.children
    return json.loads(player.payload)["settings"]


@pytest.mark.parametrize("background", [False, True])
def test_a_control_changed_during_a_quick_run_begins_it_anew(three, monkeypatch, background):
    live = LiveTraining(three, **QUICK)
    change_at_the_first_record(live, monkeypatch, learning_rate=0.05)
    first = live.run(background=background)
    if background:
        while live.trajectory is first or live.running:
            time.sleep(0.01)
    assert live.trajectory.settings["learning_rate"] == 0.05
    assert len(live.trajectory) == 5
    assert settings_on_show(live) == "learning rate 0.05 · weight decay 0.01"
    assert "made with" not in shown(live)


def test_a_control_changed_during_a_long_run_marks_what_is_shown(three, monkeypatch):
    monkeypatch.setattr(module, "QUICK_S", 0.0)
    live = LiveTraining(three, **QUICK)
    change_at_the_first_record(live, monkeypatch, learning_rate=0.05)
    run = live.run()
    assert live.trajectory is run
    assert run.settings["learning_rate"] == 0.1
    assert settings_on_show(live) == "learning rate 0.1 · weight decay 0.01"
    assert shown(live).endswith("· made with learning rate 0.1 (now 0.05)</span>")


def test_a_wrong_value_leaves_what_is_shown_with_its_own_settings(three, in_a_browser):
    live = LiveTraining(three, **QUICK)
    run = live.run()
    live.controls["num_features"].value = 0
    assert settings_on_show(live) == "learning rate 0.1 · weight decay 0.01"
    assert run.settings["num_features"] == 8


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_in_the_background_is_said(three):
    live = LiveTraining(three, **(QUICK | {"num_features": 0}))
    live.run(background=True)
    live._thread.join()
    assert "num_features is 0" in shown(live)
    assert not live.running


# Comparing


def test_a_kept_run_is_compared_with_the_next(three):
    live = LiveTraining(three, **QUICK)
    with pytest.raises(ValueError, match="no run to keep yet"):
        live.keep()
    live.view.buttons["Keep to compare"].click()
    assert "no run to keep yet" in shown(live)
    first = live.run()
    live.view.buttons["Keep to compare"].click()
    live.controls["weight_decay"].value = 0.0
    assert live.kept is first
    assert live.trajectory is not first
    _, player = live.view._stage.children
    new, old = json.loads(player.payload)["runs"]
    assert (new["about"]["weight decay"], old["about"]["weight decay"]) == ("0", "0.01")
    assert {name for name in new["about"] if new["about"][name] != old["about"][name]} == {
        "weight decay"
    }


def test_runs_that_differ_in_their_labels_alone_are_told_apart(three):
    live = LiveTraining(three, **QUICK)
    live.run()
    live.keep()
    live.controls["label_noise"].value = 0.3
    _, player = live.view._stage.children
    new, old = json.loads(player.payload)["runs"]
    assert (new["about"]["label noise"], old["about"]["label noise"]) == ("0.3", "0")


def test_runs_of_other_classes_are_not_compared(three):
    live = LiveTraining({"three": three, "ten": "digits"}, **QUICK)
    live.run()
    live.keep()
    live.controls["data"].value = "ten"
    _, player = live.view._stage.children
    assert player.payload.count("digits · mlp · cross-entropy") == 1
