"""In which order tests run."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

ALONE = ("test_hosts.py",)  # slow, and sharing nothing that takes long to make
NOTEBOOK = 20  # so many times as long as another slow test, roughly


def is_long(item: Any) -> bool:
    """A slow test, or a notebook that runs."""
    return (
        item.get_closest_marker("slow") is not None
        or item.path.name.endswith("_in_lab.py")
        or item.path.suffix == ".ipynb"
    )


def longest_first(items: list[Any], workers: int) -> list[Any]:
    """Such an order that each of xdist's workers begins with its share of the long tests.

    ``--dist worksteal`` gives each worker one stretch of the tests, in order, and who is done takes
    from the end of another's: quick tests then fill what is left of the time. What the slow tests
    of a file share is made once, by the worker that has them all.
    """
    groups, quick = _grouped(items)
    shares: list[list[Any]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for load, group in sorted(groups, key=lambda one: -one[0]):
        least = loads.index(min(loads))
        loads[least] += load
        shares[least] += group
    ordered, left = [], len(items)
    for number, share in enumerate(shares):
        size = left // (workers - number)
        ordered += share + [quick.pop(0) for _ in range(min(len(quick), size - len(share)))]
        left -= size
    return ordered + quick


def _grouped(items: list[Any]) -> tuple[list[tuple[int, list[Any]]], list[Any]]:
    """The long tests with how long they take, those of a file together; and the quick ones."""
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    loads: defaultdict[str, int] = defaultdict(int)
    for item in items:
        if is_long(item):
            alone = item.get_closest_marker("browser") or item.path.name in ALONE
            name = item.nodeid if alone or item.path.suffix == ".ipynb" else str(item.path)
            groups[name].append(item)
            loads[name] += NOTEBOOK if name == item.nodeid else 1
    quick = [item for item in items if not is_long(item)]
    return [(loads[name], group) for name, group in groups.items()], quick
