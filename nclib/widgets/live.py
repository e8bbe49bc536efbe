"""Train and watch: controls, a picture that moves while a network trains, and the run it leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import torch

from nclib.data.dataset import DataSet
from nclib.data.loading import load_data
from nclib.data.perturb import imbalanced, with_label_noise
from nclib.host import builds_page, serves_browser, shows_html
from nclib.pictures.picture import Kept, Picture
from nclib.pictures.scene import Geometry, moving_scene, view_of
from nclib.player.player import CollapsePlayer
from nclib.runs.epoch import Epoch
from nclib.runs.networks import Network
from nclib.runs.presets import measured_epochs
from nclib.runs.trajectory import Trajectory, table_row
from nclib.shapes import Number
from nclib.widgets import messages
from nclib.widgets.chosen import epochs_of, network_of
from nclib.widgets.controls import ORDER, Controls
from nclib.widgets.watch import Stopped, stops_when, whole_steps

UNTRAINED = "the network before training: press Train"
QUICK_S = 6.0  # CPU seconds; a shorter run is repeated when a control is let go
ADDED = ("label_noise", "imbalance", "num_features", "linear_features")  # to what train reports


class LiveTraining:
    """Controls over a training run, its picture, and what it recorded.

    As the last value of a cell it shows itself. **Train** trains; once a run took less than six
    seconds, letting go of a control trains again. A longer run belongs in a cell: ``live.run()``
    moves the picture shown above while it works, and ends at the front end's interrupt (the stop
    button of the notebook) with everything kept that was recorded so far.

    Args:
        data: a name for ``load_data``, a ``DataSet``, or several by the name in the menu.
        pictures_per_second: at most this many while training; each costs some 30 ms of it.
        start: values of controls to begin with: ``network``, ``loss``, ``epochs``,
            ``learning_rate``, ``weight_decay``, ``num_features`` (p), ``linear_features``,
            ``label_noise``, ``imbalance``, ``seed``.

    Attributes:
        trajectory: of the newest run, which may still be going on; None before the first.
        kept: a trajectory kept for comparison; later runs are shown beside it.
        running: whether a run is going on.

    Raises:
        ValueError: for a control that does not exist, or a value it cannot have.
    """

    def __init__(
        self,
        data: str | DataSet | Mapping[str, str | DataSet] = "digits",
        *,
        pictures_per_second: Number = 3,
        **start: Any,
    ) -> None:
        if pictures_per_second <= 0:
            raise ValueError(f"pictures_per_second is {pictures_per_second}; it must be positive")
        if unknown := sorted(start.keys() - set(ORDER)):
            raise ValueError(f"there is no control {unknown[0]!r}; there are {', '.join(ORDER)}")
        sets = dict(data) if isinstance(data, Mapping) else {getattr(data, "name", data): data}
        self._sets = {name: load_data(d) if isinstance(d, str) else d for name, d in sets.items()}
        self._stop = threading.Event()
        buttons = {"Train": self._press, "Stop": self._stop.set, "Keep to compare": self._keep}
        self.view = Controls(list(self._sets), start, self._changed, buttons)
        self.controls = self.view.by_name
        self._show_stop(False)
        self._pause_s = 1 / pictures_per_second
        self.trajectory: Trajectory | None = None
        self._made_with: dict[str, Any] | None = None  # values of the run on show
        self._before: tuple[Trajectory | None, dict | None] = None, None
        self.kept: Trajectory | None = None
        self.running = False
        self._thread: threading.Thread | None = None
        self._last_s = float("inf")
        self._scene: tuple[tuple, Kept] | None = None
        self._unshown: Epoch | None = None  # measured after the last picture
        self._player: CollapsePlayer | None = None

    # Running

    def run(self, *, background: bool = False) -> Trajectory:
        """Train with the controls' values; returns the trajectory.

        In the foreground it returns at the end, or at an interrupt, with what was recorded.

        Args:
            background: train in a thread and return at once; a Stop button ends it, other cells
                answer meanwhile. For JupyterLab and Notebook: Colab shows no picture from a thread.

        Raises:
            ValueError: if a run is going on, or as ``build_network`` and ``train`` for values that
                do not fit (also shown as a message beside the controls).
        """
        if self.running:
            raise ValueError("a run is going on; stop it, or wait for its end")
        self._before = self.trajectory, self._made_with
        self.trajectory, self.running = Trajectory(), True
        self._unshown = None
        self._stop.clear()
        if not background:
            self._work()
            return self.trajectory
        self._show_stop(True)
        self._thread = threading.Thread(target=self._work, name="live training", daemon=True)
        self._thread.start()
        return self.trajectory

    def stop(self) -> None:
        """End a run in the background; what it recorded is kept."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def keep(self) -> None:
        """Keep the newest run: those that follow are compared with it.

        Raises:
            ValueError: if nothing was recorded yet.
        """
        if not self.trajectory:
            raise ValueError("there is no run to keep yet; train first")
        self.kept, self._scene = self.trajectory, None
        self.view.say(f"kept: {_in_short(self.kept)}; train again to compare")

    def _changed(self) -> None:
        """A control was let go: quick runs are repeated unasked; else it is said what is shown."""
        old = self._outdated()
        if self.running:
            self.view.say(f"a run is going on{old}")
        elif self._last_s <= QUICK_S:
            self.run()
        elif old:
            self.view.say(f"what is shown was made{old}: press Train, or run live.run() in a cell")
        else:
            self.view.say(_in_short(self.trajectory) if self.trajectory else UNTRAINED)

    def _outdated(self) -> str:
        """With which values the run on show was made, where the controls now have others."""
        differ = self.view.differing(self._made_with or {})
        return f" with {differ}" if differ else ""

    def _press(self) -> None:
        if not self.running:
            self.run()

    def _keep(self) -> None:
        if self.trajectory:
            self.keep()
        else:
            self.view.say("there is no run to keep yet: press Train first")

    def _show_stop(self, shown: bool) -> None:
        self.view.buttons["Stop"].layout.display = None if shown else "none"

    def _work(self) -> None:
        """Train, and say how it ended; an error is shown, and raised where no page shows it."""
        begin, again = time.process_time(), False
        try:
            self._follow()
            self._last_s = time.process_time() - begin
            self._finish("")
            again = bool(self._outdated()) and self._last_s <= QUICK_S
        except (KeyboardInterrupt, Stopped):
            self._finish("stopped, and kept what was recorded: ")
        except Exception as error:
            self.view.say(_advice(error), error=True)
            if not self.trajectory and self._before[0]:  # a wrong value loses no run
                self.trajectory, self._made_with = self._before
            self._rest()
            if not serves_browser():
                raise
        finally:
            self.running = False
            self._show_stop(False)
        if again:  # a control was changed meanwhile
            self._show_stop(threading.current_thread() is self._thread)
            self.run()

    def _follow(self) -> None:
        """Record the log-spaced epochs, and by the clock show one, which is measured for it."""
        values = self.view.values()
        network, data = self._prepare(values)
        self._made_with = values
        recorded = set(measured_epochs(max(0, values["epochs"])))
        self.view.say("training …")
        shown = time.perf_counter()

        def due() -> bool:
            return time.perf_counter() - shown > self._pause_s

        with stops_when(self._stop, network):
            steps = epochs_of(network, data, values, measure_at=lambda n: n in recorded or due())
            for epoch in whole_steps(steps):
                if epoch.metrics is None:
                    continue
                if epoch.number in recorded:
                    self.trajectory.record(epoch)
                self._unshown = epoch
                if due():
                    shown, self._unshown = time.perf_counter(), None
                    self.view.show(self._picture(epoch))

    def _prepare(self, values: dict) -> tuple[Network, DataSet]:
        data = self._sets[values["data"]]
        if values["label_noise"]:
            data = with_label_noise(data, values["label_noise"], seed=values["seed"])
        if values["imbalance"] != 1:
            data = imbalanced(data, values["imbalance"], seed=values["seed"])
        return network_of(values, data), data

    def _finish(self, how: str) -> None:
        run, old = self.trajectory, self._outdated()
        said = _in_short(run) if run else "nothing was recorded"
        self.view.say(f"{how}{said}{old and ' · made' + old}")
        self._rest()

    def _rest(self) -> None:
        """The last moment, then the player in its place, beside the kept run if there is one."""
        run, values = self.trajectory, self._made_with
        if not run:
            return
        run.settings |= {name: values[name] for name in ADDED}
        if self._unshown is not None:
            self.view.show(self._picture(self._unshown), described=True)
        if not shows_html():  # the player is another kind of widget, which Colab may not have
            fits = self.kept is not None and self.kept.class_names == run.class_names
            runs = (run, self.kept if fits else None)
            if self._player is None:
                self._player = CollapsePlayer(*runs)
            self._player.show(*runs, settings="" if fits else self.view.in_words(values))
            self.view.show_instead(self._player.widget())

    def _picture(self, epoch: Epoch) -> Picture:
        """The moment as a picture, turned so that the class means lie best on the simplex."""
        names, epochs = tuple(epoch.settings["class_names"]), epoch.settings["epochs"]
        if self._scene is None or self._scene[0] != (names, epochs):
            kept = self.kept.metrics if self.kept else None
            self._scene = (names, epochs), moving_scene(names, max(1, epochs), beside=kept)
        moment = Geometry(*(getattr(epoch.snapshot, name).numpy() for name in Geometry._fields))
        view = view_of(moment.class_means, moment.weight.shape[1])
        metrics = self.trajectory.metrics
        if epoch.number > metrics.epoch.iloc[-1]:
            metrics.loc[len(metrics)] = table_row(epoch)
        return self._scene[1](moment, view, metrics)

    # Showing

    def widget(self) -> Any:
        """Controls, message and picture as one ipywidget; before any run, the untrained network.

        Raises:
            ValueError: as ``run``, for values that do not fit.
        """
        if self.trajectory is None:
            values = self.view.values()
            untrained, self.trajectory = (
                next(epochs_of(*self._prepare(values), values)),
                Trajectory(),
            )
            self.trajectory.record(untrained)
            self.view.show(self._picture(untrained), described=True)
            self.trajectory, self._made_with = None, values
            self.view.say(UNTRAINED)
        return self.view.box

    def _repr_mimebundle_(self, **_: Any) -> Any:
        box = self.widget()
        data, metadata = self.view.picture._repr_mimebundle_()
        if builds_page():
            return {"text/html": messages.without_kernel(self.view.picture)}, {}
        return data | messages.view(box) | {"text/plain": self.view.picture.alt}, metadata


def _in_short(run: Trajectory) -> str:
    end = run.metrics.iloc[-1]
    return (
        f"epoch {end.epoch:.0f} · {end.seconds:.1f} s · train accuracy {end.train_accuracy:.1%} · "
        f"test {end.test_accuracy:.1%} · NC1 {end.nc1:.2g}"
    )


def _advice(error: Exception) -> str:
    """What went wrong and what to change; the library's own errors say so themselves."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return f"out of memory: choose a smaller network, fewer features or fewer images ({error})"
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
