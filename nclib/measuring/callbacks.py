"""Collapse while others train: callbacks for Lightning and for the Hugging Face Trainer.

    from nclib.measuring.callbacks import CollapseCallback          # lightning.pytorch
    from nclib.measuring.callbacks import CollapseTrainerCallback   # transformers

Both packages are optional. A class is made when its name is first used, on the base class of the
package, which is imported then and not before, and torchvision before it: on an install whose
torchvision does not fit its torch, neither package can be imported otherwise.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Collection, Iterator
from typing import Any

from nclib.measuring.measured import measure
from nclib.torchvision_guard import import_torchvision

PREFIX = "collapse"
FALLING = (  # the smaller, the more collapsed
    *("nc1", "equinorm", "equiangularity", "max_angle"),
    *("self_duality", "ncc_mismatch", "quotient", "cdnv"),
)
Every = int | Collection[int] | None


def is_due(every: Every, epoch: int, last: int | None) -> bool:
    """Whether an epoch is measured; epochs count from 1, and ``last`` is the planned one.

    The first and the last are, whatever the interval; of a collection, its members and no others.
    Without ``every`` there are three epochs to each doubling: 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20 …
    """
    if isinstance(every, Collection):
        return epoch in every
    if epoch in (1, last):
        return True
    if every is None:
        return round(2 ** (round(3 * math.log2(epoch)) / 3)) == epoch
    return epoch % every == 0


class Measuring:
    """What both callbacks do: when they measure, on what, and what they hand to the loggers.

    Attributes:
        report: the last ``CollapseReport``; None before the first.
    """

    def __init__(self, *, loader: Any = None, every: Every = None, **options: Any) -> None:
        """As the two callbacks say.

        Raises:
            ValueError: if ``every`` is no interval, collection of epochs or None.
        """
        epochs = every if isinstance(every, Collection) else [1 if every is None else every]
        whole = [isinstance(one, int) and not isinstance(one, bool) for one in epochs]
        if isinstance(every, str) or not all(whole) or min(epochs, default=0) < 1:
            raise ValueError(
                f"every is {every!r}; give an interval of at least 1, the epochs to measure, "
                "counted from 1, or None for epochs that grow apart"
            )
        self.loader, self.every, self.options = loader, every, {"progress": False} | options
        self.report: Any = None

    def _measured(self, model: Any, data: Any) -> dict[str, float]:
        """Measure now; the numbers under the names that are logged."""
        self.report = measure(model, data, **self.options)
        return logged(self.report)


def logged(report: Any) -> dict[str, float]:
    """A report's numbers, flat: ``nc1`` of the training set, ``test_nc1``, ``nc1/fc`` of a layer.

    Quantities that were not measured are left out.
    """
    found = {
        name if split == "train" else f"{split}_{name}": value
        for split, numbers in report.numbers.items()
        for name, value in numbers.items()
    }
    rows = (row for row in report.layers if row["split"] == "train")
    found |= {f"nc1/{row['layer']}": row["nc1"] for row in rows}
    return {name: float(value) for name, value in found.items() if value is not None}


class OnLightning(Measuring):
    """Lightning callback that measures collapse at the end of epochs and logs it on all ranks.

    ``collapse/nc1`` and the others go to the module's loggers, and to ``ModelCheckpoint`` and
    ``EarlyStopping`` as ``monitor="collapse/nc1"``. A monitor sees the number of the same epoch, or
    the last one measured.

    Args:
        loader: what is measured; without it the training loader, with its augmentation. Give a
            plain one of the same samples where there is any.
        every: measure each so many epochs, and at the first and the last; or at the epochs of a
            collection, counted from 1; None: at epochs that grow apart, and at every epoch where a
            callback monitors these numbers.
        part: name of the submodule that is measured; without it the module itself, by its
            ``forward``.
        options: of ``nclib.measure``.
    """

    def __init__(
        self, *, loader: Any = None, every: Every = None, part: str = "", **options: Any
    ) -> None:
        super().__init__(loader=loader, every=every, **options)
        self.part = part

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure, if it is the turn of this epoch, and log."""
        monitors = (str(getattr(one, "monitor", "")) for one in trainer.callbacks)
        watched = any(name.startswith(f"{PREFIX}/") for name in monitors)
        every = 1 if watched and self.every is None else self.every
        if not is_due(every, trainer.current_epoch + 1, trainer.max_epochs):
            return
        data = trainer.train_dataloader if self.loader is None else self.loader
        numbers = self._measured(pl_module.get_submodule(self.part), data)
        named = {f"{PREFIX}/{name}": value for name, value in numbers.items()}
        pl_module.log_dict(named, sync_dist=False, batch_size=1)


class OnTrainer(Measuring):
    """Hugging Face ``TrainerCallback`` that measures collapse and logs it through its trainer.

        trainer.add_callback(CollapseTrainerCallback(trainer))

    ``collapse/nc1`` and the others go to ``trainer.log`` at the end of epochs, so to the history
    and to every logger (in TensorBoard as ``train/collapse/nc1``). Each evaluation has them, too:
    ``metric_for_best_model="eval_collapse_nc1"`` with ``greater_is_better=False``, which
    ``transformers`` takes as True unless it is told. That too is the number of the training set.

    Args:
        trainer: whose model is measured. A callback of ``transformers`` is not told its trainer,
            and only the trainer can log.
        loader: what is measured; without it the training set, in the batches of an evaluation.
            Give a loader where the training set is augmented.
        every: as for ``CollapseCallback``; with None also at each evaluation whose metric for the
            best model is one of these numbers.
        options: of ``nclib.measure``.
    """

    def __init__(
        self, trainer: Any, *, loader: Any = None, every: Every = None, **options: Any
    ) -> None:
        super().__init__(loader=loader, every=every, **options)
        self.trainer = trainer
        self._last: tuple[int, dict[str, float]] = (-1, {})  # global step and numbers

    def on_train_begin(self, args: Any, *_: Any, **__: Any) -> None:
        """Forget numbers from before, and warn where the wrong end would be called the best."""
        self._last = (-1, {})
        falling = any(name in _best(args) for name in FALLING)
        if _watches(args) and args.greater_is_better and falling:
            warnings.warn(
                f"metric_for_best_model is {args.metric_for_best_model!r} and greater_is_better is "
                "True, as transformers takes it to be: the least collapsed network would be called "
                "the best; set greater_is_better=False",
                stacklevel=2,
            )

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Forget the numbers: the best weights may have been loaded since."""
        self._last = (-1, {})

    def on_epoch_end(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
        """Measure, if it is the turn of this epoch, and log."""
        if is_due(self.every, max(1, round(state.epoch)), state.num_train_epochs):
            self._at(state.global_step)

    def on_evaluate(self, args: Any, state: Any, _control: Any, metrics: dict, **_: Any) -> None:
        """Put the numbers into the evaluation's metrics."""
        if _watches(args) and (self.every is None or not self._last[1]):
            self._at(state.global_step)
        if _watches(args) or self._last[0] == state.global_step:
            metrics |= {f"eval_{PREFIX}_{name}": value for name, value in self._last[1].items()}

    def _at(self, step: int) -> None:
        """Measure and log, unless this step was measured already."""
        if step == self._last[0]:
            return
        with _in_full_precision(self.trainer.model):
            numbers = self._measured(self.trainer.model, self._data())
        self._last = step, numbers
        self.trainer.log({f"{PREFIX}/{name}": value for name, value in numbers.items()})

    def _data(self) -> Any:
        if self.loader is not None:
            return self.loader
        if self.trainer.train_dataset is None:
            raise ValueError("the trainer has no train_dataset; give loader= to measure on")
        return self.trainer.get_eval_dataloader(self.trainer.train_dataset)


@contextlib.contextmanager
def _in_full_precision(model: Any) -> Iterator[None]:
    """The ``forward`` from before ``accelerate`` put autocast around it (bf16=True, fp16=True)."""
    wrapped, original = vars(model).get("forward"), getattr(model, "_original_forward", None)
    if wrapped is None or original is None:
        yield
        return
    model.forward = original
    try:
        yield
    finally:
        model.forward = wrapped


def _best(args: Any) -> str:
    """Name of the metric that decides which model is the best, as an evaluation has it."""
    return f"eval_{str(args.metric_for_best_model).removeprefix('eval_')}"


def _watches(args: Any) -> bool:
    return _best(args).startswith(f"eval_{PREFIX}_")


def _lightning() -> type:
    try:
        from lightning.pytorch import Callback
    except ModuleNotFoundError as missing:
        if missing.name not in ("lightning", "lightning.pytorch"):
            raise
        from pytorch_lightning import Callback
    return Callback


def _transformers() -> type:
    from transformers import TrainerCallback

    return TrainerCallback


_MADE = {
    "CollapseCallback": (OnLightning, _lightning, "lightning"),
    "CollapseTrainerCallback": (OnTrainer, _transformers, "transformers"),
}


def __getattr__(name: str) -> type:
    """The callbacks, made once, here: pickle finds them by this module and their name.

    Raises:
        ImportError: where the package is not installed; it says what to install.
    """
    if name not in _MADE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    ours, base, package = _MADE[name]
    with contextlib.suppress(ModuleNotFoundError):  # neither package needs torchvision
        import_torchvision()
    try:
        bases = (ours, base())
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"{name} needs the package {package}: no module {missing.name!r}; "
            f"pip install {package}, or this library with its extra [{package}]"
        ) from missing
    made = type(name, bases, {"__module__": __name__, "__doc__": ours.__doc__})
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *_MADE})
