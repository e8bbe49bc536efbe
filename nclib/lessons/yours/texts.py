"""Sentences of notebook 11: who does what to whom, made from a small grammar.

Two animals and a verb stand in each sentence, active or passive, with or without adjectives and an
adverb. Which animal acts is therefore not in the words alone: it is in their order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import torch

from nclib.shapes import Int, Tensor

ANIMALS = ("cat", "dog", "fox", "hen", "owl", "rat")
VERBS = {"sees": "seen", "hears": "heard", "follows": "followed", "finds": "found"}
ADJECTIVES, ADVERBS = ("old", "small", "quick", "grey"), ("often", "never", "today")
OTHERS = ("the", "is", "by", ".")
PAD = "-"
WORDS = (PAD, *OTHERS, *ANIMALS, *VERBS, *VERBS.values(), *ADJECTIVES, *ADVERBS)
NUMBER = {word: number for number, word in enumerate(WORDS)}
LONGEST = 11  # words: two adjectives, passive, adverb and full stop


class Sentences(NamedTuple):
    """Sentences as a model reads them, and what can be asked of each.

    Attributes:
        input_ids: (N, T) numbers of words, 0 where a sentence has ended.
        attention_mask: (N, T) 1 for words, 0 for padding.
        acting: (N,) which animal acts.
        suffering: (N,) to which animal it is done.
        doing: (N,) which verb.
    """

    input_ids: Int[Tensor, "N T"]
    attention_mask: Int[Tensor, "N T"]
    acting: Int[Tensor, " N"]
    suffering: Int[Tensor, " N"]
    doing: Int[Tensor, " N"]

    def asked(self, labels: Int[Tensor, "N ..."], size: int = 64) -> list[dict[str, Tensor]]:
        """Batches, dicts as tokenizers make them, with these labels."""
        columns = (self.input_ids, self.attention_mask, labels)
        parts = zip(*(column.split(size) for column in columns), strict=True)
        return [dict(zip(("input_ids", "attention_mask", "labels"), p, strict=True)) for p in parts]

    def first(self, count: int) -> Sentences:
        """The first so many."""
        return Sentences(*(column[:count] for column in self))

    def after(self, count: int) -> Sentences:
        """All but the first so many."""
        return Sentences(*(column[count:] for column in self))


def write(count: int, seed: int = 0) -> Sentences:
    """So many sentences, drawn at random and without a repetition."""
    dice, drawn = random.Random(seed), {}
    while len(drawn) < count:
        words, answers = _sentence(dice)
        drawn.setdefault(words, answers)
    return as_sentences([words.split() for words in drawn], list(drawn.values()))


def as_sentences(texts: Sequence[Sequence[str]], answers: Sequence[Sequence[int]]) -> Sentences:
    """Words as padded numbers, beside three answers to each text."""
    longest = max(map(len, texts))
    rows = [[NUMBER[word] for word in text] + [0] * (longest - len(text)) for text in texts]
    ids = torch.tensor(rows)
    return Sentences(ids, (ids != 0).long(), *torch.tensor(answers).T)


def _sentence(dice: random.Random) -> tuple[str, tuple[int, int, int]]:
    """A sentence; which animal acts, which suffers, which verb."""
    acting, suffering = dice.sample(range(len(ANIMALS)), 2)
    doing = dice.randrange(len(VERBS))
    one, other = (_animal(dice, number) for number in (acting, suffering))
    verb, participle = list(VERBS.items())[doing]
    passive = dice.random() < 0.5
    said = f"{other} is {participle} by {one}" if passive else f"{one} {verb} {other}"
    adverb = f" {dice.choice(ADVERBS)}" if dice.random() < 0.5 else ""
    return f"{said}{adverb} .", (acting, suffering, doing)


def _animal(dice: random.Random, number: int) -> str:
    adjective = f"{dice.choice(ADJECTIVES)} " if dice.random() < 0.5 else ""
    return f"the {adjective}{ANIMALS[number]}"


def recited(count: int, length: int = 10, seed: int = 0) -> Sentences:
    """Texts of the same words in which each word says which one comes next: a fixed round.

    Args:
        count: of texts, each from its own place in the round on.
        length: words in a text.
        seed: of the round.
    """
    dice = random.Random(seed)
    round_ = list(WORDS[1:])
    dice.shuffle(round_)
    begins = [dice.randrange(len(round_)) for _ in range(count)]
    texts = [[round_[(at + step) % len(round_)] for step in range(length)] for at in begins]
    return as_sentences(texts, [(0, 0, 0)] * count)


PLACES = (
    (*ANIMALS, *ADJECTIVES),
    ("is", *VERBS),
    (*VERBS.values(),),
    ADVERBS,
)  # after "the", "is" ...


def same_place(one: str, other: str) -> bool:
    """Whether both words can come next in the same places, such as after "the"."""
    return any(one in words and other in words for words in PLACES)


def text(sentences: Sentences, number: int) -> str:
    """A sentence in words."""
    return " ".join(WORDS[word] for word in sentences.input_ids[number].tolist() if word)


def who_acts(sentences: Sentences, count: int) -> str:
    """The first sentences, a line each, after the animal that acts."""
    acting = (ANIMALS[sentences.acting[number]] for number in range(count))
    return "\n".join(f"{one:>4} acts: {text(sentences, n)}" for n, one in enumerate(acting))
