"""The import guard, in fresh interpreters: what is declared cannot be taken back in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
GUARDED = "from nclib import torchvision_guard as guard; vision = guard.import_torchvision();"


def python(code: str, *first_on_path: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, [*first_on_path, REPOSITORY]))
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def plain_import() -> subprocess.CompletedProcess[str]:
    return python("import torchvision")


def pretended_torchvision(folder: Path, extension: str) -> Path:
    """A package that finds its extension as torchvision does and notes that it was imported."""
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("import torchvision._internally_replaced_utils")
    (package / "_internally_replaced_utils.py").write_text(
        f"def _get_extension_path(name):\n    assert name == '_C'\n    return {extension!r}\n"
    )
    return folder


def test_data_sets_transforms_and_models_work_on_this_install():
    done = python(
        GUARDED + "import torch, torchvision;"
        "assert vision is torchvision is guard.import_torchvision();"
        "assert vision.datasets.CIFAR10.tgz_md5;"
        "net = vision.models.resnet18(num_classes=4).eval();"
        "assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 4);"
        "from torchvision.transforms import v2;"
        "assert v2.Resize(4)(torch.zeros(3, 8, 8)).shape == (3, 4, 4)"
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_library_costs_no_torchvision():
    done = python("import nclib, nclib.data, sys; assert 'torchvision' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_declares_exactly_where_the_plain_import_fails(plain_import):
    done = python(GUARDED + "print(len(guard._declared))")
    assert done.stdout.strip() == ("0" if plain_import.returncode == 0 else "1"), done.stderr


def test_without_the_guard_a_mismatched_install_raises_and_the_guard_still_helps(plain_import):
    if plain_import.returncode == 0:
        pytest.skip("torch and torchvision match on this install: the plain import works")
    assert "operator torchvision::nms does not exist" in plain_import.stderr
    done = python(
        "try:\n    import torchvision\nexcept RuntimeError:\n    pass\n"
        + GUARDED
        + "assert vision.datasets.MNIST.mirrors"
    )
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_where_the_extension_loads(tmp_path):
    loadable = np.random.mtrand.__file__  # any shared library that opens will do
    done = python(
        GUARDED + "import torch; assert guard._declared == [];"
        "assert not hasattr(torch.ops.torchvision, 'nms');"
        "assert vision.__file__.startswith(" + repr(str(tmp_path)) + ")",
        pretended_torchvision(tmp_path, loadable),
    )
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_on_a_gpu_build(tmp_path):
    done = python(
        "import torch; torch.version.cuda = '12.8';"
        + GUARDED
        + "assert guard._declared == []; assert not hasattr(torch.ops.torchvision, 'nms')",
        pretended_torchvision(tmp_path, str(tmp_path / "absent.so")),
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_extension_is_declared(tmp_path):
    done = python(
        "import torch; torch.version.cuda = torch.version.hip = None;"
        + GUARDED
        + "assert len(guard._declared) == 1; torch.ops.torchvision.nms; torch.ops.torchvision.qnms",
        pretended_torchvision(tmp_path, str(tmp_path / "absent.so")),
    )
    assert done.returncode == 0, done.stderr
