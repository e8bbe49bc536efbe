"""Shared fixtures. Real data lie in ``$NCLIB_DATA`` or, beside the checkout, ``../shared/data``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import jaxtyping
import pytest
import torch
from hypothesis import settings
from order import longest_first

from nclib.lessons.answers import WRONG

settings.register_profile("shared", deadline=None)  # no test asserts a time
settings.load_profile("shared")
torch.set_num_threads(1)  # two threads beside a neighbour are slower than one


def _real_data(place: str) -> Path:
    """The data root that holds ``place``; without one the test is skipped, or fails in CI."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for root in filter(None, (os.environ.get("NCLIB_DATA"), beside)):
        if (Path(root) / place).exists():
            return Path(root)
    reason = f"real data: {place} is neither in $NCLIB_DATA nor in ../shared/data"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; it must be there in CI")
    return pytest.skip(reason)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Hand out the long tests first."""
    if hasattr(config, "workerinput"):  # of xdist
        items[:] = longest_first(items, config.workerinput["workercount"])


@pytest.fixture(scope="session")
def real_data_root() -> Path:
    """A (read-only) data root with the four MNIST files under ``MNIST/raw``."""
    return _real_data("MNIST/raw")


@pytest.fixture(scope="session")
def real_cifar10_tar() -> Path:
    """CIFAR-10 as JPEG: a tar of an image folder."""
    name = "cifar10-jpg.tar.xz"
    return _real_data(name) / name


@pytest.fixture
def without_shape_checks():
    """As a user: the run-time shape checks of the tests would speak before our own errors do."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def refused(capsys) -> Callable[[Callable, object, str], None]:
    """Hands a wrong answer to an exercise's check and finds the hint in what it prints."""

    def judge(check: Callable, answer: object, hint: str) -> None:
        check(answer)
        said = capsys.readouterr().out
        assert said.startswith(WRONG)
        assert hint in said

    return judge
