"""A report as text, HTML, tables and file, on made-up numbers and their extremes."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import page
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from nclib.measuring.reports import report_html, report_picture
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.reports.report_picture import Panel, panels
from nclib.quantities import COLLAPSED

METRICS = ("nc1", "equinorm_means", "equinorm_weights", "equiangularity_means")
METRICS += ("equiangularity_weights", "max_angle_means", "max_angle_weights", "self_duality")
CLASSIFIER = "classifier `fc` (Linear 512 → 10), logits = features·Wᵀ + b checked to 1.3e-7"
ODD = ["<b>dog</b>", "US$5-US$9", "x" * 90, "caf\udce9\n", "日本語", "", "a & b", r"$\frac{1$"]
LAYERS = ["conv1", "layer1", "fc"]


def numbers(value=0.001):
    return {
        "accuracy": 0.99996,
        **dict.fromkeys(METRICS, value),
        "ncc_mismatch": 0.0,
        "rank": 9,
        "quotient": 2 * value,
        "cdnv": value,
    }


def rows_of(names, split="train", samples=50, **options):
    return [
        {"split": split, "class": name, "samples": samples, "nc1_c": 0.01 + 1e-4 * i}
        | {"spread": 0.1, "norm": 1.0, "nearest": names[i - 1], "cosine": -0.1, "accuracy": 0.98}
        | {"classifier_cosine": 0.99, "ncc_mismatch": 0.0}
        | options
        for i, name in enumerate(names)
    ]


def layer_rows(names=LAYERS, splits=("train", "test")):
    return [
        {"layer": name, "split": split, "nc1": 0.9 * 0.1**i, "quotient": 0.8 * 0.1**i}
        | {"cdnv": 0.5, "ncc_accuracy": 0.97, "effective_rank": 8.3, "rank": 9, "dnc2": 1.6}
        | {"dnc3": 0.2, "ratio": None if i == 0 else 0.1, "shuffled": 90.0}
        for i, name in enumerate(names)
        for split in splits
    ]


def made(names=None, **changes):
    """A whole report; ``changes`` replace its fields."""
    names = names or [str(c) for c in range(10)]
    size = len(names)
    few = list(combinations(names, 2))[:20]
    fields = {
        "taken": {
            "model": "ResNet", "classifier": CLASSIFIER, "samples": {"train": 1797, "test": 359},
            "of": {"train": 1797, "test": 359}, "mode": "evaluation", "absent": [],
            "dtype": torch.float32, "device": torch.device("cpu"), "ranks": 1, "positions": "mean",
        },
        "numbers": {"train": numbers(), "test": numbers(0.2)},
        "classes": rows_of(names) + rows_of(names, "test"),
        "pairs": [{"a": a, "b": b, "cdnv": 0.21 / (i + 1)} for i, (a, b) in enumerate(few)],
        "layers": layer_rows(),
        "spectrum": [1.0] * (size - 1),
        "cosines": np.full((size, size), -1 / (size - 1)) if size <= 100 else None,
        "notes": ["Class 7 has 12 samples: below 30 NC1 is biased down."],
    }  # fmt: skip
    return CollapseReport(**fields | changes)


NOTHING = {"taken": {}, "numbers": {}, "classes": [], "pairs": [], "layers": [], "spectrum": []}
NOTHING |= {"cosines": None, "notes": []}
UNKNOWN = dict.fromkeys(numbers(), math.nan) | {"accuracy": None, "rank": 0}
CASES = {
    "plain": made(),
    "two classes": made(["no", "yes"]),
    "three hundred classes": made([f"class {c}" for c in range(300)]),
    "odd names": made(ODD),
    "no numbers": made(numbers={"train": UNKNOWN, "test": dict.fromkeys(UNKNOWN)}),
    "infinite": made(numbers={"train": numbers(math.inf)}, spectrum=[math.inf, math.nan, 0]),
    "no finite cosine": made(cosines=np.full((10, 10), math.nan)),
    "coinciding means": made(spectrum=[0.0, 0.0], cosines=np.ones((10, 10))),
    "one sample each": made(classes=rows_of("abc", samples=1, nc1_c=0.0), cosines=None),
    "many absent": made(taken={"samples": 7, "absent": [f"token {i}" for i in range(2000)]}),
    "three splits": made(numbers={s: numbers() for s in ("train", "test", "ood")}),
    "many long layers": made(layers=layer_rows([f"encoder.blocks.{i}.mlp" for i in range(30)])),
    "only quotients": made(
        layers=[
            {"layer": name, "split": "train", "quotient": 0.1, "shuffled_quotient": 7.0}
            | {"nc1": None, "shuffled": None, "features": 64}
            for name in LAYERS
        ]
    ),
    "other quantities": made(numbers={"test": {"uniformity": -1.5, "whatever": 2}}),
    "classes in several orders": made(cosines=np.eye(4)),
    "nothing": made(**NOTHING),
}
DRAWN = {}
EACH = pytest.mark.parametrize("report", CASES.values(), ids=CASES)


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch):
    """Pictures are looked at where ``panels`` is called; elsewhere a small one stands for them."""
    small = Panel(b"png", 300, 300, "a panel in words")
    monkeypatch.setattr(report_html, "panels", lambda *_: [small] * 3)


@pytest.fixture
def memory(monkeypatch):
    """Each different panel is drawn once in all tests."""
    draw = report_picture._panel

    def remembered(*given):
        key = repr(given)
        if key not in DRAWN:
            DRAWN[key] = draw(*given)
        return DRAWN[key]

    monkeypatch.setattr(report_picture, "_panel", remembered)


def html_of(shown):
    return BeautifulSoup(shown._repr_html_(), "html.parser")


# ---- In a terminal -------------------------------------------------------------------------


@EACH
def test_text_fits_a_terminal(report):
    lines = str(report).split("\n")
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("Neural collapse of")
    assert all(line.isprintable() for line in lines)
    assert not re.search(r"\bNone\b|\bnan\b", str(report))


def test_text_opens_with_what_was_taken_and_goes_on_in_order():
    text = re.sub(r"\s+", " ", str(made()))
    order = ["Neural collapse of ResNet, torch.float32 on cpu", CLASSIFIER, "samples: "]
    order += ["train 1,797 of 1,797, test 359 of 359; evaluation mode; classes absent: none."]
    order += ["train test limit", "> 99.99 %", "NC1", "quotient", "CDNV", "NC2", "NC3"]
    order += ["NC4", "Collapsed: all 5 limits", "Least separated pair: 0 and 1, CDNV 0.210;"]
    order += ["Layers (positions: mean)", "conv1", "fc", "• Class 7 has 12 samples"]
    assert re.search(".*".join(map(re.escape, order)), text)


def test_one_split_needs_no_name():
    taken = {"classifier": "classifier `fc`", "samples": 1003, "of": 1004, "mode": "training mode"}
    text = str(made(taken=taken | {"absent": ["cat", "dog"], "ranks": 2}))
    assert "classifier `fc`; 1,003 of 1,004 samples; training mode; classes absent: cat," in text
    assert "2 ranks" in text
    assert "; 5 samples;" in str(made(taken={"samples": 5}))


@pytest.mark.parametrize("failing", [*COLLAPSED, None])
@pytest.mark.parametrize(("value", "said"), [(0.31, None), (math.nan, "not defined"), (None, "")])
def test_the_yardstick_says_which_limits_hold(failing, value, said):
    report = made(numbers={"train": numbers() | ({failing: value} if failing else {})})
    text = str(report)
    told = re.search(r"(Not collapsed|Collapsed)[^•]*?training set[^•]*?\.\n", text)[0]
    failed = failing is not None
    assert told.startswith("Not collapsed: 4 of 5" if failed else "Collapsed: all 5")
    assert (text.count("✓"), text.count("✗")) == ((4, 1) if failed else (5, 0))
    if failed:
        name = {"nc1": "NC1", "self_duality": "NC3", "ncc_mismatch": "NC4"}.get(failing, "NC2")
        assert re.findall(r"NC\d", told) == [name]
        said = said or ("not measured" if value is None else "31.00 %" if name == "NC4" else "0.31")
        assert said in re.sub(r"\s+", " ", told)


def test_without_a_training_set_there_is_no_verdict():
    text = str(CASES["other quantities"])
    assert "ollapsed:" not in text and "limit" not in text
    assert re.search(r"uniformity of the means +-1.50\nwhatever +2\n", text)


def test_what_is_shown_of_numbers():
    found = {"loss": None, "nc1": math.nan, "quotient": math.inf, "cdnv": 1.5e-7, "rank": 4096}
    found |= {"accuracy": 1.0, "ncc_mismatch": 1e-9}
    text = str(made(numbers={"train": found}))
    for name, shown in [("loss", "–"), ("NC1: within / between", "NaN"), ("accuracy", "100.00 %")]:
        assert re.search(rf"{name} +{shown}", text)
    for shown in ("∞", "1.50e-07", "4,096", "< 0.01 %"):
        assert shown in text


def test_classes_of_one_sample_are_marked_and_not_ranked():
    rows = rows_of(["cat", "dog", "elk", "fox"])
    rows[2] |= {"samples": 1, "nc1_c": 0.0, "spread": 0.0}
    report = made(classes=rows)
    assert "1 sample, so no scatter to judge by: elk." in str(report)
    table = report.per_class
    assert table["class"].tolist() == ["fox", "dog", "cat", "elk"]
    assert table["mark"].tolist() == ["", "", "", "1 sample"]
    cells = [cell.text for cell in html_of(report).find("th", string="elk").parent.find_all("td")]
    assert cells[:2] == ["1 sample", "–"]


def test_long_names_of_layers_keep_the_end_that_tells_them_apart():
    text = str(CASES["many long layers"])
    shown = re.findall(r"^(…\S+) +train", text, re.MULTILINE)
    assert len(set(shown)) == len(shown) == 30
    assert "in to_frame(): " in text


# ---- In a notebook -------------------------------------------------------------------------


@EACH
def test_html_is_whole_and_from_nowhere_else(report, monkeypatch, memory):
    drawn = panels(report)
    for panel in drawn:
        with Image.open(io.BytesIO(panel.png)) as image:
            assert image.size == (2 * panel.width, 2 * panel.height)
        assert len(panel.alt) > 45
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", panel.alt), panel.alt
    monkeypatch.setattr(report_html, "panels", lambda *_: drawn)
    found = html_of(report)
    assert [image["alt"] for image in found.find_all("img")] == [panel.alt for panel in drawn]
    assert list(page.faults(found)) == []
    assert found.find("script") is None and found.find("link") is None
    assert [element.name for element in found.find_all(recursive=False)] == ["section"]
    assert found.section["aria-label"].startswith("Neural collapse of")
    for table in found.find_all("table"):
        widths = {len(row.find_all(["th", "td"])) for row in table.find_all("tr")}
        assert len(widths) == 1
        assert all(row.find("th", scope="row") for row in table.tbody.find_all("tr"))
        assert table.parent["tabindex"] == "0" and table.parent["aria-label"]
    assert not re.search(r"\bNone\b|\bnan\b", found.get_text())


def test_names_are_text_and_no_mathematics():
    found = html_of(CASES["odd names"])
    assert found.find("b") is None
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(found.section["class"])
    heads = {head.text for head in found.find_all("th", scope="row")}
    assert {"<b>dog</b>", "US$5-US$9", "a & b", r"$\frac{1$", r"caf\udce9\n", "''"} <= heads
    assert "x" * 23 + "…" in heads


def test_html_has_the_order_of_the_text_and_one_picture():
    found = html_of(made())
    assert len(found.find_all("figure")) == 1
    assert len(found.figure.find_all("img")) == 3
    text = found.get_text(" ")
    order = ["Neural collapse of ResNet", CLASSIFIER, "NC1: within", "✓ below 0.05", "Collapsed:"]
    order += ["Least separated pair:", "Classes, most spread", "Layers, first", "Class 7 has 12"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "✗" not in text


def test_three_hundred_classes_leave_the_page_short(memory):
    report = CASES["three hundred classes"]
    found = html_of(report)
    assert len(found.get_text()) < 10_000
    assert "10 of 300; all in per_class" in found.get_text()
    assert len(report.per_class) == 600
    assert len(panels(report)) == 2  # no matrix


def test_words_follow_the_data(memory):
    cosines = np.full((10, 10), -0.11)
    cosines[3, 8] = cosines[8, 3] = 0.97
    report = made(spectrum=[5.0, 1.0, 0.01], cosines=cosines, layers=layer_rows(splits=("train",)))
    spectrum, matrix, layers = (panel.alt for panel in panels(report))
    assert "3 singular values" in spectrum and "from 1.7 down to 0.0034" in spectrum
    assert "from -0.11 to 0.97, the largest between " in matrix
    assert set(re.search("between (.) and (.)", matrix).groups()) == {"3", "8"}
    assert "NC1 in 3 layers, from conv1 to fc: train from 0.9 to 0.009, labels shuf" in layers


def test_layers_are_drawn_by_the_quotient_where_that_is_all(memory):
    words = panels(CASES["only quotients"])[-1].alt
    assert words.startswith("quotient in 3 layers, from conv1 to fc: train from 0.1 to 0.1, labels")
    assert words.endswith("shuffled from 7 to 7.")


def test_the_two_that_merge_are_told_from_the_others():
    means = np.eye(6)
    means[4] = means[1] + [0, 0, 0, 0, 0.05, 0]
    means = means - means.mean(0)
    norms = np.linalg.norm(means, axis=1)
    cosines = means @ means.T / norms[:, None] / norms
    rows = rows_of(list("abcdef"))
    for row, norm in zip(rows, norms, strict=True):
        row["norm"] = norm / norms.mean()
    spectrum = np.linalg.svd(means, compute_uv=False)[:5]
    report = made(classes=rows, cosines=cosines, spectrum=spectrum, numbers={"train": {}})
    said = f"smallest singular value, {spectrum[4] / spectrum[0]:.3g}"
    for shown in (str(report), html_of(report).get_text()):
        assert "The means differ least between b and e: the" in shown
        assert said in re.sub(r"\s+", " ", shown)


def test_the_sessions_own_style_of_figures_is_left_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    panels(made(cosines=None, layers=[]))
    assert dict(mpl.rcParams) == before


# ---- As tables -----------------------------------------------------------------------------


def test_the_tidy_table_has_every_number_once():
    report = made()
    table = report.to_frame()
    assert table.columns.tolist() == ["split", "layer", "quantity", "value"]
    assert not table.duplicated(["split", "layer", "quantity"]).any()
    found = table.set_index(["split", "layer", "quantity"]).value
    assert found["test", "classifier", "nc1"] == 0.2
    assert found["train", "layer1", "nc1"] == pytest.approx(0.09)
    assert len(table) == 2 * len(numbers()) + 6 * 10
    assert math.isnan(found["train", "conv1", "ratio"])
    assert table.value.dtype == float


@EACH
def test_tables_of_any_report(report):
    assert report.to_frame().columns.tolist() == ["split", "layer", "quantity", "value"]
    assert len(report.per_class) == len(report.classes)


def test_worst_is_of_the_training_set():
    rows = rows_of(["cat", "dog", "elk", "fox"])
    rows[1]["nc1_c"] = 0.05
    test = rows_of(["cat", "dog", "elk", "fox"], "test")
    test[2]["nc1_c"] = 9.0
    report = made(classes=test + rows, pairs=[{"a": "dog", "b": "fox", "cdnv": 0.21}])
    assert report.worst.spread["class"] == "dog"
    assert report.worst.pair == {"a": "dog", "b": "fox", "cdnv": 0.21, "next": None}
    text = re.sub(r"\s+", " ", str(report))
    assert "Least separated pair: dog and fox, CDNV 0.210. " in text
    assert "Class that spreads: dog, nc1_c 0.0500 with 50 samples, 4." in text


# ---- As a file -----------------------------------------------------------------------------


@EACH
def test_what_is_loaded_is_what_was_saved(report, tmp_path):
    path = report.save(tmp_path / "report.json")
    again = CollapseReport.load(path)
    assert again == report and str(again) == str(report)
    json.loads(path.read_bytes(), parse_constant=pytest.fail)  # JSON has no NaN


def test_numbers_of_any_kind_become_pythons():
    given = {"nc1": np.float32(0.5), "rank": torch.tensor(9), "loss": torch.tensor(float("-inf"))}
    given |= {"cdnv": np.float64("nan"), "accuracy": np.bool_(True), "quotient": None}
    report = made(numbers={"train": given}, spectrum=torch.ones(3), cosines=np.eye(3))
    found = report.numbers["train"]
    assert [type(one) for one in found.values()] == [float, int, float, float, bool, type(None)]
    assert report.spectrum == [1.0] * 3 and report.cosines[0] == [1.0, 0.0, 0.0]
    assert report.taken["dtype"] == "torch.float32"


def test_reports_are_equal_where_their_numbers_are():
    assert made() == made() != made(spectrum=[2.0])
    assert made() != "a report"
    assert CASES["no numbers"] == replace(CASES["no numbers"])  # NaN is as good as NaN


GOOD = json.loads(made()._json())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no collapse report"),
        (b"\x80\x04K\x01.", "is no collapse report"),
        (b"[1, 2]", "is no collapse report"),
        (b"{}", "KeyError: 'format'"),
        (b"[" * 100_000, "is no collapse report"),
        (json.dumps(GOOD | {"format": "nclib-trajectory"}).encode(), "of another format"),
        (json.dumps(GOOD | {"version": 99}).encode(), "version 99, this nclib reads version 1"),
        (json.dumps(GOOD | {"layers": {}}).encode(), "wrong or missing: layers"),
        (json.dumps(GOOD | {"taken": []}).encode(), "wrong or missing: taken"),
        (json.dumps(GOOD | {"more": 1}).encode(), "wrong or missing: more"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "pairs"}).encode(), "missing: pairs"),
        (made()._json().encode()[:-200], "is no collapse report"),
    ],
)
def test_another_file_is_refused(content, said, tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        CollapseReport.load(path)
    assert str(path) in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        CollapseReport.load(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="is a folder; give"):
        CollapseReport.load(tmp_path)
    with pytest.raises(ValueError, match="does not exist; create it"):
        made().save(tmp_path / "missing" / "report.json")


# ---- Two of them ---------------------------------------------------------------------------


def test_a_comparison_has_both_values_and_their_ratio():
    after = made(numbers={"train": numbers(0.004), "ood": {"nc1": 1.0}}, layers=layer_rows()[:2])
    table = made().compare(after).to_frame()
    assert table.columns.tolist() == ["split", "layer", "quantity", "before", "after", "ratio"]
    found = table.set_index(["split", "layer", "quantity"])
    nc1 = found.loc[("train", "classifier", "nc1")]
    assert nc1.tolist() == [0.001, 0.004, 4.0]
    assert found.loc[("train", "conv1", "nc1")].ratio == 1
    for lacking in [("ood", "classifier", "nc1"), ("test", "fc", "nc1")]:
        assert math.isnan(found.loc[lacking].ratio)
    assert math.isnan(found.loc[("train", "classifier", "ncc_mismatch")].ratio)  # 0 to 0


def test_what_was_set_otherwise_is_named():
    before = made()
    taken = before.taken | {"classifier": "classifier `head`", "absent": ["cat"], "of": None}
    taken |= {"samples": {"train": 7}, "environment": {"date": "today"}}
    after = made(taken=taken, layers=layer_rows(["conv1", "head"]))
    compared = before.compare(after, ("pretrained", "tuned"))
    assert [what for what, *_ in compared.settings] == [
        "classifier", "samples", "of", "absent", "layers",
    ]  # fmt: skip
    for shown in (str(compared), html_of(compared).get_text(" ")):
        shown = re.sub(r"\s+", " ", shown)
        assert "Differs: samples: train 1797, test 359 (pretrained), train 7 (tuned)." in shown
        assert "Differs: absent: none (pretrained), cat (tuned)." in shown
        assert "(pretrained), classifier `head` (tuned)." in shown
        assert "Differs: layers: conv1, layer1, fc (pretrained), conv1, head (tuned)." in shown
    assert "Differs" not in str(before.compare(made()))


@EACH
def test_any_two_reports_can_be_compared(report):
    for compared in (made().compare(report), report.compare(made(), ("a" * 50, "<b>"))):
        assert isinstance(compared.to_frame(), pd.DataFrame)
        assert max(map(len, str(compared).split("\n"))) <= 80
        found = html_of(compared)
        assert list(page.faults(found)) == [] and found.find("b") is None


def test_compared_pictures_have_one_order_and_one_scale(monkeypatch):
    calls = []

    def drawn(*which):
        calls.clear()
        panels(*which)
        return calls

    def record(size, draw, *given):
        calls.append(given)
        return Panel(b"", 1, 1, "")

    monkeypatch.setattr(report_picture, "_panel", record)
    cosines = np.arange(100).reshape(10, 10) / 100
    flat = made(spectrum=[1.0, 1.0], cosines=cosines)
    turned = [row | {"nc1_c": 1 - row["nc1_c"]} for row in flat.of("train")]
    layers = [row | {"nc1": row["nc1"] / 100} for row in flat.layers]
    other = made(spectrum=[100.0, 1.0], cosines=cosines, classes=turned, layers=layers)
    (_, span), (names, matrix), (*_, layer_span) = drawn(flat)
    assert span == (1, 1) and layer_span == pytest.approx((0.009, 90))
    assert names == list("9876543210") and (matrix == cosines[::-1, ::-1]).all()
    (values, span), (names, matrix), (*_, layer_span) = drawn(flat, [other, flat])
    assert list(values) == [1, 1] and span == pytest.approx((0.0141, 1.41), rel=0.01)
    assert names == list("0123456789") and (matrix == cosines).all()
    assert layer_span == pytest.approx((0.00009, 90))
    assert drawn(other, [other, flat])[0][1] == span


@pytest.mark.parametrize(
    ("other", "names", "said"),
    [
        (made(), ("a", "a"), "names are .*; give two that differ"),
        (made(), ("a", "b", "c"), "names are"),
        ({"nc1": 1}, ("a", "b"), "other is a dict; give a CollapseReport"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_what_cannot_be_compared(other, names, said):
    with pytest.raises(ValueError, match=said):
        made().compare(other, names)


def test_digits_of_a_check_are_no_other_setting():
    said = "classifier `fc` (Linear 8 → 3), logits = features·Wᵀ + b checked to {}"
    one, other = (
        CollapseReport(taken={"classifier": said.format(to)}, numbers={"train": {"nc1": 1.0}})
        for to in ("4.2e-08", "5.0e-08")
    )
    assert one.compare(other).settings == []
    third = CollapseReport(taken={"classifier": "classifier `head`"}, numbers={"train": {}})
    assert [what for what, *_ in one.compare(third).settings] == ["classifier"]
