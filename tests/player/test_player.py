"""The player's payload, its page, and which of its two forms is shown."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import collapsing_run

from nclib.player import player as module
from nclib.player.player import CollapsePlayer
from nclib.runs.trajectory import Trajectory


def unpack(packed: dict, name: str, dtype: str) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(packed[name]), dtype)
    return flat.reshape(len(packed["epochs"]), -1, packed["dims"])


def state_in(page: str) -> dict:
    """The JSON a browser finds in the page."""
    return json.loads(re.search(r'id="state">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def run() -> Trajectory:
    return collapsing_run(num_epochs=12, per_class=8)


# ---- The payload -----------------------------------------------------------------------------


def test_positions_come_back_to_the_accuracy_of_sixteen_bits(run):
    packed, points = run.payload(), run.coordinates()
    centred = points.class_means - points.class_means.mean(1, keepdims=True)
    norm = np.linalg.norm(centred, axis=(1, 2)) / np.sqrt(points.captured) / np.sqrt(10)
    centre = points.class_means.mean(1, keepdims=True)
    expected = ((points.features - centre) / norm[:, None, None])[..., :9]
    step = np.array(packed["feature_scale"])[:, None, None]
    found = unpack(packed, "features", "<i2") * step
    assert np.all(np.abs(found - expected) <= 0.5 * step + 1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(
        unpack(packed, "means", "<f4"), (centred / norm[:, None, None])[..., :9], atol=1e-6
    )
    assert np.frombuffer(base64.b64decode(packed["labels"]), "<u2").tolist() == run.labels.tolist()


def test_units_are_root_mean_square_norms(run):
    packed = run.payload()
    means, weights = unpack(packed, "means", "<f4"), unpack(packed, "weights", "<f4")
    np.testing.assert_allclose(means.mean(1), 0, atol=1e-6)
    share = np.square(means).sum((1, 2)) / 10
    assert np.all(share <= run.coordinates().captured + 1e-5)
    assert share[-1] == pytest.approx(1, rel=1e-5)
    assert np.all(np.square(weights).sum((1, 2)) / 10 <= 1 + 1e-5)
    np.testing.assert_allclose(weights[-1], means[-1], atol=0.05)  # self-duality at the end


def test_fifty_epochs_of_six_hundred_samples_weigh_less_than_a_megabyte():
    long_run = collapsing_run(num_epochs=50, last=1000)
    assert len(long_run) == 50 and len(long_run.labels) == 600
    assert len(CollapsePlayer(long_run).to_html().encode()) < 900_000


@pytest.mark.parametrize(
    ("num_classes", "num_features", "dims"), [(2, 8, 1), (3, 2, 2), (4, 3, 3), (10, 2, 2)]
)
def test_dimensions_kept(num_classes, num_features, dims):
    packed = collapsing_run(num_classes, num_features, per_class=5, num_epochs=4).payload()
    assert packed["dims"] == dims
    assert unpack(packed, "means", "<f4").shape == (4, num_classes, dims)
    assert unpack(packed, "features", "<i2").shape == (4, 5 * num_classes, dims)


def test_collapse_to_zero_is_drawn_at_the_origin_and_named():
    with pytest.warns(UserWarning, match="all class means coincide"):
        packed = collapsing_run(3, 4, per_class=5, num_epochs=3, scale=0.0).payload()
    assert packed["status"] == ["zero"] * 3
    assert packed["metrics"]["nc1"] == [None] * 3
    for name, dtype in (("features", "<i2"), ("means", "<f4"), ("weights", "<f4")):
        assert not unpack(packed, name, dtype).any()


def test_values_that_are_not_finite_are_named(run, monkeypatch):
    points = run.coordinates()
    broken = points.features.copy()
    broken[3, 0, 0] = np.inf
    replaced = dataclasses.replace(points, features=broken)
    monkeypatch.setattr(run, "coordinates", lambda: replaced)
    packed = run.payload()
    assert packed["status"] == ["ok"] * 3 + ["not finite"] + ["ok"] * 8
    assert not unpack(packed, "means", "<f4")[3].any()


def test_metrics_without_a_value_are_null(run, monkeypatch):
    table = run.metrics
    table.loc[1, "nc1"], table.loc[2, "self_duality"] = np.nan, np.inf
    monkeypatch.setattr(Trajectory, "metrics", property(lambda _: table))
    metrics = state_in(CollapsePlayer(run).to_html())["payload"]
    metrics = json.loads(metrics, parse_constant=pytest.fail)["runs"][0]["metrics"]
    assert metrics["nc1"][1] is None and metrics["self_duality"][2] is None
    assert metrics["nc1"][0] == pytest.approx(table.nc1[0], rel=1e-5)


@pytest.mark.parametrize(
    ("num_classes", "begin"), [(2, "t 1 3 4"), (3, "t 1 2 2 2 3 4"), (10, "t 1 2 2 2 3 4")]
)
def test_panels_are_the_quantities_fewer_for_two_classes(num_classes, begin):
    packed = collapsing_run(num_classes, 12, per_class=3, num_epochs=2).payload()
    panels = packed["panels"]
    assert [panel["title"].removeprefix("NC")[0] for panel in panels] == begin.split()
    columns = [column for panel in panels for column in panel["columns"]]
    assert set(columns) <= packed["metrics"].keys()
    assert len(columns) == len(panels) + sum(panel["title"].startswith("NC2") for panel in panels)
    assert [panel.get("share_of_right") for panel in panels] == [True] + [None] * (len(panels) - 1)


# ---- Two runs --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rival() -> Trajectory:
    return collapsing_run(num_epochs=7, per_class=5, last=300, num_features=12)


def test_two_runs_have_the_measured_epochs_of_both(run, rival):
    player = CollapsePlayer(run, rival)
    assert player.epochs == tuple(sorted({*run.epochs.tolist(), *rival.epochs.tolist()}))
    assert set(player.epochs) > set(run.epochs.tolist())
    packed = json.loads(state_in(player.to_html())["payload"])
    assert packed["epochs"] == list(player.epochs)
    assert packed["runs"] == [run.payload(), rival.payload()]
    assert CollapsePlayer(run).epochs == tuple(run.epochs.tolist())


def test_two_runs_from_the_trajectory(run, rival, tmp_path):
    page = run.to_html(tmp_path / "two.html", rival).read_text(encoding="utf-8")
    assert len(json.loads(state_in(page)["payload"])["runs"]) == 2
    assert run.player(rival).epochs == CollapsePlayer(run, rival).epochs
    assert "<title>Collapse player: made up · none · none | made up · none · none</" in page
    assert repr(run.player(rival)).startswith(f"CollapsePlayer({run.title + ' | ' + run.title!r}, ")


def test_frame_counts_in_the_epochs_of_both(run, rival):
    player = CollapsePlayer(run, rival, classes=[1, 2, 3])
    widget, last = player.widget(), len(player.epochs) - 1
    widget.frame = last
    assert (player.frame, player.epochs[player.frame], player.selected) == (last, 300, (1, 2, 3))
    with pytest.raises(ValueError, match=f"frame is {last + 1}; expected 0 to {last}"):
        widget.frame = last + 1
    widget.close()


@pytest.mark.parametrize(
    "names", [["0", "1", "2"], [*map(str, range(9)), "ten"], [str(9 - i) for i in range(10)]]
)
def test_runs_on_other_classes_are_refused(run, names):
    other = collapsing_run(len(names), 16, per_class=3, num_epochs=2, names=names)
    message = re.escape(f"other has the classes {names}; expected those of trajectory, ['0', '1'")
    for refuse in (CollapsePlayer, Trajectory.player):
        with pytest.raises(ValueError, match=message):
            refuse(run, other)


def test_a_run_in_which_nothing_was_recorded_is_refused(run):
    for runs in ([Trajectory()], [run, Trajectory()]):
        with pytest.raises(ValueError, match="nothing was recorded"):
            CollapsePlayer(*runs)


@pytest.mark.parametrize(("num_classes", "num_epochs"), [(20, 3), (10, 1), (2, 1)])
def test_many_classes_and_single_epochs_are_packed(num_classes, num_epochs):
    trajectory = collapsing_run(num_classes, 24, per_class=4, num_epochs=num_epochs, last=9)
    packed = json.loads(state_in(CollapsePlayer(trajectory).to_html())["payload"])["runs"][0]
    assert len(packed["epochs"]) == len(packed["metrics"]["nc1"]) == len(packed["status"])
    assert len(set(packed["colors"])) == len(packed["class_names"]) == num_classes


# ---- The page --------------------------------------------------------------------------------


def test_names_cannot_leave_the_script_element(tmp_path):
    names = ("</script><script>alert(1)</script>", "<!--", '" onload="x')
    player = CollapsePlayer(collapsing_run(3, 2, per_class=3, num_epochs=3, names=names))
    page = player.save_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page and page.count("</script>") == 2
    assert json.loads(state_in(page)["payload"])["runs"][0]["class_names"] == list(names)
    assert "alert(1)</script>" not in player._iframe()


def test_the_page_asks_for_nothing(run):
    page = CollapsePlayer(run).to_html()
    assert "://" not in page
    assert not re.search(r"^import ", page, re.MULTILINE)
    assert "default-src 'none'" in page


def test_a_page_needs_no_anywidget(run, tmp_path):
    run.save(tmp_path / "run.npz")
    program = (
        "import sys; sys.modules['anywidget'] = sys.modules['ipywidgets'] = None\n"
        "import nclib\n"
        "player = nclib.CollapsePlayer(nclib.Trajectory.load('run.npz'))\n"
        "player.save_html('page.html')\n"
        "assert 'text/html' in player._repr_mimebundle_()\n"
    )
    source = str(Path(module.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": source}
    environment.pop("NCLIB_WIDGETS", None)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "page.html").stat().st_size > 20_000


# ---- Which form is shown ---------------------------------------------------------------------


def test_html_by_environment(run, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    bundle = CollapsePlayer(run)._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert 'sandbox="allow-scripts"' in bundle["text/html"]
    assert 'title="Collapse player: made up · none · none"' in bundle["text/html"]


def test_html_in_colab(run, monkeypatch):
    monkeypatch.delenv("NCLIB_WIDGETS", raising=False)
    monkeypatch.setitem(sys.modules, "google.colab", module)
    assert "text/html" in CollapsePlayer(run)._repr_mimebundle_()


def test_an_unknown_form_is_refused(run, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "flash")
    with pytest.raises(ValueError, match=r"NCLIB_WIDGETS is 'flash'; set it to html"):
        CollapsePlayer(run)._repr_mimebundle_()


def test_a_widget_elsewhere(run, monkeypatch):
    monkeypatch.delenv("NCLIB_WIDGETS", raising=False)
    player = CollapsePlayer(run, classes=["3", 1, 7])
    data, _ = player._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert "save_html" in data["text/plain"]
    widget = player.widget()
    assert widget is player.widget()
    assert (widget.frame, widget.selected) == (0, [1, 3, 7])
    widget.frame, widget.selected = 4, []
    assert (player.frame, player.selected) == (4, ())
    with pytest.raises(ValueError, match="frame is 12; expected 0 to 11"):
        widget.frame = 12
    with pytest.raises(ValueError, match="choose three or four"):
        widget.selected = [1]
    widget.close()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["0", "1", "ten"], "classes has 'ten'"),
        ([0, 1, 99], "classes has 99"),
        ([0, 1], "choose three or four"),
        ([0, 1, 1], "choose three or four different"),
    ],
)
def test_wrong_classes_are_refused(run, classes, message):
    with pytest.raises(ValueError, match=message):
        CollapsePlayer(run, classes=classes)


def test_another_run_in_the_same_place(run, monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "anywidget")
    player = CollapsePlayer(run, classes=[0, 1, 2])
    widget = player.widget()
    messages = []
    widget.observe(lambda change: messages.append(change["name"]), ["payload", "frame"])
    player.show(collapsing_run(num_epochs=5, per_class=4), run)
    assert player.widget() is widget
    assert json.loads(widget.payload) == player.payload
    assert len(player.payload["runs"]) == 2
    assert player.frame == len(player.epochs) - 1
    assert player.selected == (0, 1, 2)
    assert "payload" in messages
    player.show(collapsing_run(3, 2, num_epochs=2, per_class=4))
    assert player.selected == ()  # of other classes


def test_a_run_that_cannot_be_shown_leaves_the_one_on_show(run):
    player = CollapsePlayer(run)
    before = player.payload
    with pytest.raises(ValueError, match="nothing was recorded"):
        player.show(Trajectory())
    with pytest.raises(ValueError, match="compare runs on the same classes"):
        player.show(run, collapsing_run(3, 2, num_epochs=2, per_class=4))
    assert player.payload is before
