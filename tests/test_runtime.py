"""Device, profile, and where widgets can be shown."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import torch

from nclib import host, runtime


@pytest.mark.parametrize("name", runtime.PROFILES)
def test_profile_from_the_environment(name, monkeypatch):
    monkeypatch.setenv("NCLIB_PROFILE", name)
    assert runtime.profile() == name
    assert runtime.choose(ci="ci", laptop="laptop", gpu="gpu") == name


def test_profile_by_device(monkeypatch):
    monkeypatch.delenv("NCLIB_PROFILE", raising=False)
    assert runtime.profile() == ("gpu" if torch.cuda.is_available() else "laptop")


def test_unknown_profile(monkeypatch):
    monkeypatch.setenv("NCLIB_PROFILE", "fast")
    with pytest.raises(
        ValueError, match="NCLIB_PROFILE is 'fast'; set it to one of ci, laptop, gpu"
    ):
        runtime.profile()


def test_gpu_settings_default_to_the_laptops(monkeypatch):
    monkeypatch.setenv("NCLIB_PROFILE", "gpu")
    assert runtime.choose(ci=1, laptop=2) == 2


def test_a_gpu_that_does_not_compute_is_not_used(monkeypatch, capsys):
    def broken(*_, **options):
        raise RuntimeError(f"no kernel image for {options['device']}\nand more")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", broken)
    assert runtime.device() == torch.device("cpu")
    said = capsys.readouterr().out
    assert (
        said == "cuda is present but does not compute (no kernel image for cuda); using the CPU.\n"
    )


def test_seeds():
    drawn = []
    for _ in range(2):
        runtime.start(5)
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(1))))  # noqa: NPY002
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("value", "colab", "shown"),
    [
        ("html", False, True),
        ("anywidget", True, False),
        ("auto", True, True),
        ("auto", False, False),
    ],
)
def test_where_widgets_are_html(value, colab, shown, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", value)
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert host.in_colab() == colab
    assert host.shows_html() == shown


def test_unknown_kind_of_widgets(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "flash")
    with pytest.raises(
        ValueError, match="NCLIB_WIDGETS is 'flash'; set it to html, anywidget or auto"
    ):
        host.shows_html()


def test_no_browser_is_served_outside_a_kernel():
    assert not host.serves_browser()


def test_start_says_what_runs_where(monkeypatch):
    monkeypatch.setenv("NCLIB_PROFILE", "ci")
    said = runtime.start()
    assert torch.__version__ in said
    assert said.endswith("profile ci")
