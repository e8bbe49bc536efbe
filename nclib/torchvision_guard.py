"""torchvision, also where its compiled extension does not fit the installed torch.

A CPU torch beside the package index's torchvision (built for CUDA) is a common mix, and there
``import torchvision`` stops with "operator torchvision::nms does not exist": it describes two
operators that only its unloadable extension would have declared. Declaring their schemas is enough;
data sets, transforms and models work, the box operators themselves stay unavailable.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_HELPER = "_internally_replaced_utils.py"  # torchvision's file that finds its extension
_declared: list[torch.library.Library] = []  # a library's declarations end with the object


@functools.cache
def import_torchvision() -> ModuleType:
    """The torchvision module; everything in nclib imports it through here, and only when needed.

    On a matching install this is a plain import. Where torchvision's extension cannot be loaded
    and torch has neither CUDA nor HIP, ``nms`` and ``qnms`` are declared first.

    Raises:
        ImportError: if torchvision is not installed.
        RuntimeError: torchvision's own, if torch is a GPU build that torchvision does not fit;
            reinstall the pair together.
    """
    if "torchvision" not in sys.modules and not _gpu_build() and not _extension_loads():
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(operator + _SCHEMA)
        _declared.append(library)
    import torchvision

    return torchvision


def _gpu_build() -> bool:
    return torch.version.cuda is not None or torch.version.hip is not None


def _extension_loads() -> bool:
    """Whether ``torchvision._C`` loads, found and opened the way torchvision's extension.py does.

    Loading it here is harmless: torchvision's own attempt then gets the same open library.
    True where it cannot be told, without torchvision or in an unknown layout: nothing is declared.
    """
    package = importlib.util.find_spec("torchvision")
    helper = Path(package.origin or "").with_name(_HELPER) if package else None
    if helper is None or not helper.exists():
        return True
    finder = _load_by_path(helper)
    try:
        torch.ops.load_library(finder._get_extension_path("_C"))
    except (ImportError, OSError):
        return False
    return True


def _load_by_path(path: Path) -> ModuleType:
    """Run one file of a package without running the package's ``__init__``."""
    spec = importlib.util.spec_from_file_location(f"nclib._borrowed{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
