"""Notebook 11's exercises: wrong answers, and the hint each of them gets."""

from __future__ import annotations

import pytest
import torch

import nclib
from nclib.lessons.yours import checks


def nearest(features, labels, count):
    """So many rows of each class, those nearest to its mean."""
    means = nclib.ClassStatistics.from_features(features, labels).class_means
    away = (features - means[labels]).norm(dim=1)
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat([row[away[row].argsort()[:count]] for row in rows])


def corrected(table):
    n = table.samples
    return (n * table.nc1_c * n / (n - 1)).sum() / n.sum()


WRONG_ANSWERS = [
    (checks.check_from_classes, lambda t: t.nc1_c.mean(), "That is the plain mean"),
    (checks.check_from_classes, lambda t: (t.samples * t.nc1_c).sum(), "number of all samples"),
    (checks.check_from_classes, corrected, "n/(n-1) is for ranking"),
    (checks.check_from_classes, lambda t: t.nc1_c.max(), "by its share of the samples"),
    (checks.check_from_classes, lambda t: t.nc1_c, "one number is asked for"),
    (checks.check_squashed, nclib.measure, "it raised ValueError: model: none of its calls"),
    (
        checks.check_squashed,
        lambda m, d: nclib.measure(m, d, classifier="first"),
        "it raised ValueError",
    ),
    (
        checks.check_squashed,
        lambda m, d: nclib.measure(
            m, d, classifier=(m.second.weight, m.second.bias), features="first"
        ),
        "name the last Linear",
    ),
    (
        checks.check_squashed,
        lambda m, d: nclib.measure(m, (d[0][:60], d[1][:60]), classifier="second"),
        "hand the data over as they are",
    ),
    (checks.check_squashed, lambda m, d: None, "nothing was returned: is there a `return`?"),
    (checks.check_chosen, lambda h, y: torch.arange(40), "a third is asked for"),
    (checks.check_chosen, lambda h, y: nearest(h, y, 3), "keeps 3 samples, 5 are asked"),
    (checks.check_chosen, lambda h, y: nearest(h, y, 60), "Which samples make"),
    (checks.check_chosen, lambda h, y: nearest(h, y, 5).repeat(2), "chosen twice"),
    (checks.check_chosen, lambda h, y: nearest(h, y, 5) + 390, "row numbers are 0 to 399"),
    (checks.check_chosen, lambda h, y: h[:20], "a vector of row numbers of shape"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG_ANSWERS)
def test_a_wrong_answer_gets_a_hint(check, answer, hint, refused):
    refused(check, answer, hint)


def test_a_mask_is_a_choice_as_well(capsys):
    def mask(features, labels):
        kept = torch.zeros(len(labels), dtype=torch.bool)
        kept[nearest(features, labels, 5)] = True
        return kept

    checks.check_chosen(mask)
    assert "right" in capsys.readouterr().out
