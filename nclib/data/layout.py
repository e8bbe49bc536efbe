"""What the folders of a data set mean: which are splits, which are classes.

``train/<class>/*`` with ``test/<class>/*`` under any of their usual names, or ``<class>/*`` alone,
which is split. What could be read in two ways is asked: a network trained to tell the folder
Training from the folder Testing would look like a success.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nclib.data.listing import Listing, Parts, readable
from nclib.data.raw import stratified_split

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation", "validate")  # tried in this order
_TEST += ("eval", "evaluation", "dev", "holdout", "heldout", "development")
_FILLING = ("set", "sets", "data", "dataset", "image", "images", "img", "imgs", "folder", "split")
_FILLING += ("sample", "samples", "picture", "pictures", "part", "files", "dir")
_LAYOUTS = "expected train/<class>/ and test/<class>/ (or val/<class>/), or <class>/ alone"
_MOST_NAMES = 6  # in an error

Images = list[tuple[str, Parts]]  # (class name, file), sorted


@dataclass(frozen=True)
class Layout:
    """Classes in label order, the images of both splits, and a remark on the split."""

    class_names: Parts
    train: Images
    test: Images
    note: str

    def labels(self) -> np.ndarray:
        """(N,) int64, those of the training images first."""
        return _labels([*self.train, *self.test], self.class_names)


def layout(path: Path, found: Listing, splits: Sequence[str] | None, seed: int) -> Layout:
    """The layout of what was found under ``path``.

    ``splits`` decides: two folders, of training and test images; one, whose classes are split by
    ``seed``; none, when each folder is a class. Without it the folders' names do.

    Raises:
        ValueError: if the folders are none of that, or could be both; it says what chooses.
    """
    tree = _Tree(readable(path), found, splits)
    chosen = tree.named(splits) if splits is not None else tree.recognised()
    if len(chosen) == 2:
        train, test = (tree.through(folder) for folder in chosen)
        return tree.of_splits(train, test, "/".join(chosen[1][len(tree.base) :]))
    return tree.of_classes(tree.through(chosen[0]) if chosen else tree.base, seed)


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many there are."""
    names = [*names]
    more = f", … ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return f"[{', '.join(map(repr, names[:_MOST_NAMES]))}{more}]"


def split_word(name: str) -> tuple[str, bool] | None:
    """The usual word for a split that a folder's name has, and whether it says no more.

    ``Training_set`` has train's, and says no more than it; ``seg_train`` and ``bullet_train`` do.
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    parted = re.sub(r"train[\W_]*val\b", "train", parted)
    words = [word for word in re.findall(r"[^\W\d_]+", parted) if word not in _FILLING]
    words = [
        re.sub(f"^({'|'.join(_TRAIN + _TEST)})({'|'.join(_FILLING)})$", r"\1", w) for w in words
    ]
    known = [word for word in words if word in _TRAIN + _TEST]
    return (known[0], len(words) == 1) if len(known) == 1 else None


class _Tree:
    """The folders, from the one that holds the layout on."""

    def __init__(self, path: str, found: Listing, splits: Sequence[str] | None) -> None:
        self.path, self.note = path, found.note
        self.files = sorted(found.images)
        self.direct = Counter(parts[:-1] for parts in found.images)
        self.below: dict[Parts, list[str]] = defaultdict(list)
        for folder in sorted(found.folders):
            self.below[folder[:-1]].append(folder[-1])
        self.base = self.through((), at_top=True, named=splits or ())

    def through(self, folder: Parts, *, at_top: bool = False, named: Sequence[str] = ()) -> Parts:
        """Down through folders that hold one folder and nothing else; set/train/train is usual."""
        while len(self.below[folder]) == 1 and not self.direct[folder]:
            inner = (*folder, self.below[folder][0])
            doubled = folder and split_word(inner[-1]) == split_word(folder[-1]) is not None
            no_class = doubled or inner[-1].lower() in _FILLING
            if inner[-1] in named or not (self.below[inner] or no_class):
                break
            if at_top and self._exact(inner[-1]) and not self._pair(inner):
                break
            folder = inner
        return folder

    @staticmethod
    def _exact(name: str) -> bool:
        word = split_word(name)
        return word is not None and word[1]

    def _folders(self, folder: Parts, words: Sequence[str]) -> list[str]:
        """Those below that are named for such a split; the plainest names first."""
        found = [(split_word(name), name) for name in self.below[folder]]
        found = [
            (not word[1], words.index(word[0]), name)
            for word, name in found
            if word and word[0] in words
        ]
        return [name for *_, name in sorted(found)]

    def _pair(self, folder: Parts) -> Parts | None:
        """Names of a training and a test folder below, if it has both."""
        both = [self._folders(folder, words)[:1] for words in (_TRAIN, _TEST)]
        return (both[0][0], both[1][0]) if all(both) else None

    def _classes(self, folder: Parts) -> list[str]:
        return self.below[self.through(folder)]

    # ── Which folders are splits ──────────────────────────────────────────────────────────────

    def named(self, splits: Sequence[str]) -> list[Parts]:
        """The folders that are named in ``splits``."""
        chosen = []
        for name in splits:
            parts = tuple(readable(name).strip("/").split("/"))
            known = [start for start in (self.base, ()) if self._is_folder((*start, *parts))]
            if not known:
                raise ValueError(
                    f"splits names {name!r}, but {self.path} has the folders "
                    f"{listed(self.below[self.base])}; give two of them, one, or ()"
                )
            chosen.append((*known[0], *parts))
        if len(chosen) == 2 and chosen[0][: len(chosen[1])] == chosen[1][: len(chosen[0])]:
            raise ValueError(f"splits is {splits!r}; one lies in the other, give two apart")
        return chosen

    def _is_folder(self, parts: Parts) -> bool:
        return parts[-1] in self.below[parts[:-1]]

    def recognised(self) -> list[Parts]:
        """The two splits by their names; none if the folders are classes, or ValueError."""
        trains, tests = (self._folders(self.base, words) for words in (_TRAIN, _TEST))
        if not (trains and tests):
            self._require_classes()
            return []
        train = self._one_of(trains, tests)
        known = {*self._classes((*self.base, train))}
        tests = sorted(tests, key=lambda name: known.isdisjoint(self._classes((*self.base, name))))
        test = self._one_of(tests, [train])
        for name in (train, test):
            if not self._classes((*self.base, name)):
                self._refuse_flat(name, train, test)
        return [(*self.base, train), (*self.base, test)]

    def _one_of(self, names: list[str], others: list[str]) -> str:
        """The first, unless another has the same claim."""
        if len(names) > 1 and split_word(names[0]) == split_word(names[1]):
            pair = (names[0], others[0])
            self._ask(pair if split_word(names[0])[0] in _TRAIN else pair[::-1])
        return names[0]

    def _require_classes(self) -> None:
        """Raise ValueError if a folder looks like a split after all."""
        found = self.below[self.base]
        words = {name: split_word(name) for name in found}
        a_vehicle = not all(words.values())  # is the class "train" beside others
        for name, word in words.items():
            pair = self._pair((*self.base, name))
            if pair:
                self._ask(tuple(f"{name}/{split}" for split in pair))
            says_split = word and word[1] and not (a_vehicle and name.lower() == "train")
            if says_split or (word and self._of_folders(name)):
                other = [n for n in found if n != name and self._of_folders(n)]
                self._ask((name, *other[:1]))
        times = Counter(inner for name in found for inner in self._of_folders(name))
        common = {inner for inner, number in times.items() if number > 1}
        alike = [name for name in found if len(self._of_folders(name) & common) > 1]
        if len(alike) > 1:
            self._ask(tuple(alike[:2]))

    def _of_folders(self, name: str) -> set[str]:
        """The folders in one that holds no images itself."""
        folder = self.through((*self.base, name))
        return set() if self.direct[folder] else {*self.below[folder]}

    def _ask(self, names: Parts) -> None:
        """Raise the ValueError with both readings, and what chooses."""
        first = f"{names[0]}/ holds the classes, to be split 80/20"
        if len(names) == 2:
            first = f"training images are in {names[0]}/<class>/ and test images in {names[1]}/"
        raise ValueError(
            f"{self.path} holds the folders {listed(self.below[self.base])}; {_LAYOUTS}. "
            f"If {first}: splits={names!r}. If each folder is a class: splits=()"
        )

    def _refuse_flat(self, name: str, train: str, test: str) -> None:
        folder = (*self.base, name)
        number = sum(parts[: len(folder)] == folder for parts in self.files)
        flat = f"holds {_unsorted(number)}" if number else "is empty"
        sorting = f"sort images into {name}/<class>/"
        other = f"If {train} and {test} are classes themselves: splits=()"
        if self._classes((*self.base, train)):
            other = f"To split the classes of {train}/ 80/20 instead: splits={(train,)!r}"
        elif self._classes((*self.base, test)):
            other = f"To split the classes of {test}/ 80/20 instead: splits={(test,)!r}"
        raise ValueError(f"{self.path}: {name}/ {flat}; {sorting}. {other}")

    # ── What they hold ────────────────────────────────────────────────────────────────────────

    def of_splits(self, train: Parts, test: Parts, test_name: str) -> Layout:
        """Two folders of the same classes."""
        class_names = tuple(self.below[train])
        unknown = sorted({*self.below[test]} - {*class_names})
        if unknown:
            raise ValueError(
                f"{self.path} has {listed(unknown)} under {test_name}/ but not under "
                f"{'/'.join(train[len(self.base) :])}/"
            )
        depth = len(self.base) + 1
        left = [
            n for n in self.below[self.base] if (*self.base, n) not in (train[:depth], test[:depth])
        ]
        rest = [f"{name}/ left out" for name in left]
        rest += self._strays(self.base, train, test)
        note = ", ".join([f"tested on {test_name}/", *rest] if rest or test_name != "test" else [])
        return Layout(class_names, self._images(train), self._images(test), note)

    def of_classes(self, base: Parts, seed: int) -> Layout:
        """The classes of one folder, split 80/20."""
        class_names = tuple(self.below[base])
        if not class_names:
            flat = _unsorted(self.direct[base]) if self.direct[base] else "the folders []"
            raise ValueError(f"{self.path} holds {flat}; {_LAYOUTS}")
        images = self._images(base)
        labels = _labels(images, class_names)
        split = stratified_split(labels, class_names, seed)
        train, test = ([images[index] for index in part] for part in split)
        note = ", ".join([f"no test folder: split 80/20 with seed {seed}", *self._strays(base)])
        return Layout(class_names, train, test, note)

    def _strays(self, *folders: Parts) -> list[str]:
        number = sum(self.direct[folder] for folder in {*folders})
        said = [f"{_unsorted(number)} left out"] if number else []
        return said + ([self.note] if self.note else [])

    def _images(self, folder: Parts) -> Images:
        """The images in the class folders of ``folder``, however deep, sorted by their path."""
        depth = len(folder)
        inside = (p for p in self.files if p[:depth] == folder and len(p) > depth + 1)
        return [(parts[depth], parts) for parts in inside]


def _unsorted(number: int) -> str:
    return f"{number} image{'s' if number > 1 else ''} in no class folder"


def _labels(images: Images, class_names: Parts) -> np.ndarray:
    label = {name: index for index, name in enumerate(class_names)}
    return np.array([label[name] for name, _ in images], dtype=np.int64)
