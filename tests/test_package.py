"""What importing the package costs, needs and offers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nclib

ROOT = Path(__file__).parents[1]
HEAVY = ("torchvision", "matplotlib", "pandas", "sklearn", "ipywidgets", "anywidget", "seaborn")


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_light():
    code = f"import nclib, sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code) == "[]"


def test_measuring_and_training_need_no_torchvision_and_no_widgets():
    code = f"""
import sys
for missing in ("torchvision", "ipywidgets", "anywidget", "jaxtyping"):
    sys.modules[missing] = None
import nclib
data = nclib.load_data("digits", classes=[0, 1])
network = nclib.build_network("mlp", data, width=8)
epochs = nclib.train(network, data, epochs=1, learning_rate=0.1, weight_decay=0.0)
print(len(nclib.Trajectory.of(epochs)), [m for m in {HEAVY[5:6]} if sys.modules.get(m)])
"""
    assert python(code) == "2 []"


@pytest.mark.parametrize("name", nclib.__all__)
def test_every_public_name_is_there_and_described(name):
    found = getattr(nclib, name)
    if not isinstance(found, str):
        assert found.__doc__


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'colapse_metrics'"):
        nclib.colapse_metrics


def test_one_version():
    declared = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    logged = re.search(r"^## \[(\d.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {declared[1], cited[1], logged[1]} == {nclib.__version__}
