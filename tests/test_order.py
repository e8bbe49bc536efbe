"""The order of tests: none is lost, each worker begins with long ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import order
import pytest


@dataclass(eq=False)
class Item:
    """What the functions look at in a test of pytest's."""

    path: Path
    nodeid: str
    marks: tuple[str, ...] = ()
    callspec: Any = field(default_factory=lambda: SimpleNamespace(id=""))

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def of_file(name: str, count: int, *marks: str, ids=()) -> list[Item]:
    ids = ids or [str(n) for n in range(count)]
    return [Item(Path(name), f"{name}::test[{one}]", marks, SimpleNamespace(id=one)) for one in ids]


STEMS = ("00_tour", "02_more")
MANY = [
    *of_file("browser/test_notebooks_in_lab.py", 2, "browser", ids=STEMS[1:]),
    *of_file("test_quick.py", 40),
    *of_file("test_ranks.py", 5, "slow"),
    *of_file("test_other.py", 20),
    *of_file("test_hosts.py", 5, "slow"),
    *(Item(Path(f"{stem}.ipynb"), f"{stem}.ipynb::") for stem in STEMS),
]


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_each_worker_begins_with_long_ones_and_ends_with_quick_ones(workers):
    ordered = order.longest_first(MANY, workers)
    assert sorted(map(id, ordered)) == sorted(map(id, MANY))
    begin = 0
    for number in range(workers):  # as xdist's worksteal cuts it
        size = (len(ordered) - begin) // (workers - number)
        long = [order.is_long(item) for item in ordered[begin : begin + size]]
        assert long == sorted(long, reverse=True)
        assert long[0] != long[-1]
        begin += size


def test_slow_tests_of_a_file_stay_together_but_for_notebooks():
    ordered = order.longest_first(MANY, 3)
    places = [n for n, item in enumerate(ordered) if item.path.name == "test_ranks.py"]
    assert places == [*range(places[0], places[0] + 5)]
    places = [n for n, item in enumerate(ordered) if item.path.name == "test_hosts.py"]
    assert places[-1] - places[0] > 5


def test_more_long_ones_than_a_worker_has_room_for():
    few = [*of_file("test_ranks.py", 5, "slow"), *of_file("test_quick.py", 1)]
    assert sorted(map(id, order.longest_first(few, 3))) == sorted(map(id, few))
