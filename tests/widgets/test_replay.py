"""Sliders over runs that one player shows, with and without a kernel."""

from __future__ import annotations

import html
import json
import re

import pytest
from made import collapsing_run
from made_frames import Frames, layers_run, points_run

from nclib.widgets import replay as module
from nclib.widgets.replay import replay


def octahedron_and_more(points, dim=3):
    """Points, and an error at seven."""
    if points == 7:
        raise ValueError("seven is refused <here>")
    return points_run(points, dim, num_frames=4 + points)


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "anywidget")


def payload_of(player) -> dict:
    """What the browser has got."""
    return json.loads(player.widget().payload)


def test_a_slider_plays_another_run_in_the_same_player():
    shown = replay(octahedron_and_more, points=[4, 5, 6], dim=[2, 3], start={"points": 5})
    box, widget = shown.widget(), shown.player.widget()
    assert box.children[-1] is widget
    for points, dim in [(5, 2), (6, 2), (6, 3), (4, 3), (5, 3)]:
        shown.controls["points"].value, shown.controls["dim"].value = points, dim
        (run,) = payload_of(shown.player)["runs"]
        assert run == points_run(points, dim, num_frames=4 + points).payload()
        assert payload_of(shown.player)["settings"] == f"points {points} · dim {dim}"
    assert shown.player.widget() is widget


def test_a_pair_stands_beside_each_other():
    shown = replay(
        lambda depth: (layers_run(num_layers=depth), layers_run("test", num_layers=depth)),
        depth=[4, 7],
    )
    shown.widget()
    assert [run["title"] for run in shown.player.payload["runs"]] == [
        "digits · train",
        "digits · test",
    ]
    shown.controls["depth"].value = 7
    assert [len(run["epochs"]) for run in payload_of(shown.player)["runs"]] == [7, 7]


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (1, 9), (0.5, 4)])
def test_another_run_stands_where_the_one_before_stood(share, expected):
    runs = {size: collapsing_run(3, 2, 3, size) for size in (5, 10)}
    shown = replay(lambda size: runs[size], size=[5, 10])
    shown.widget()
    assert shown.player.frame == 0
    shown.player.widget().frame = int(4 * share)
    shown.controls["size"].value = 10
    assert shown.player.frame == expected
    assert payload_of(shown.player)["as_before"] is True


def test_it_begins_at_the_start_or_at_the_end():
    for at_end, frame in ((False, 0), (True, 2)):
        shown = replay(lambda size: collapsing_run(3, 2, 2, size), size=[3, 5], at_end=at_end)
        assert shown.player.frame == frame
        assert state_in(shown.to_html())["at_end"] is at_end


def test_classes_stay_chosen_where_they_are_the_same():
    shown = replay(lambda seed, size: collapsing_run(size, 9, 2, 3), seed=[0, 1], size=[6, 5])
    shown.widget()
    shown.player.widget().selected = [0, 2, 3]
    shown.controls["seed"].value = 1
    assert shown.player.selected == (0, 2, 3)
    shown.controls["size"].value = 5
    assert shown.player.selected == ()


def test_the_first_state_is_described():
    data, _ = replay(octahedron_and_more, points=[4, 6])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "Sliders over points: points 4: 4 points in 3 dimensions"


def test_continuous_or_on_release():
    for on_release in (False, True):
        shown = replay(octahedron_and_more, points=[4, 6], on_release=on_release)
        shown.widget()
        assert shown.controls["points"].continuous_update is not on_release


def test_an_error_is_raised_where_no_browser_looks():
    shown = replay(octahedron_and_more, points=[6, 7])
    shown.widget()
    with pytest.raises(ValueError, match="seven is refused"):
        shown.controls["points"].value = 7
    with pytest.raises(ValueError, match="seven is refused"):
        replay(octahedron_and_more, points=[7, 6])
    with pytest.raises(ValueError, match="seven is refused"):
        shown.to_html()


def test_an_error_is_shown_in_the_page_and_the_controls_go_on(monkeypatch):
    monkeypatch.setattr("nclib.widgets.replay.serves_browser", lambda: True)
    shown = replay(octahedron_and_more, points=[6, 7, 5])
    message = shown.widget().children[-2]
    before = payload_of(shown.player)
    shown.controls["points"].value = 7
    assert 'role="alert"' in message.value and "seven is refused &lt;here&gt;" in message.value
    assert payload_of(shown.player) == before  # and says in its title what it shows
    shown.controls["points"].value = 5
    assert 'role="alert"' not in message.value
    assert "points 5: 5 points in 3 dimensions" in message.value


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "choices are empty"),
        ({"points": 4}, "points is 4; give the values"),
        ({"points": []}, "points has 0 values"),
        ({"points": [4]}, "points has 1 values; a slider needs at least two"),
        ({"points": [4, 5], "start": {"points": 3}}, "start of points is 3; choose from"),
        ({"points": [4, 5], "start": {"size": 3}}, r"start names 'size'; choose from \['points'\]"),
    ],
)
def test_refused(options, said):
    with pytest.raises(ValueError, match=said):
        replay(octahedron_and_more, **options)


@pytest.mark.parametrize("made", [None, "run", (), (1, 2), (points_run(4, 3),) * 3])
def test_what_is_no_run_is_refused(made):
    with pytest.raises(ValueError, match=r"make returned \w+ at points 4; expected what has a pay"):
        replay(lambda points: made, points=[4, 5])


# ---- Without a kernel ------------------------------------------------------------------------


def state_in(frame: str) -> dict:
    page = html.unescape(re.search(r'srcdoc="(.*?)"', frame, re.DOTALL)[1])
    return json.loads(re.search(r'id="state">(.*?)</script>', page, re.DOTALL)[1])


def test_without_a_kernel_every_run_is_in_the_page_once(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    shown = replay(octahedron_and_more, points=[4, 5], dim=[2, 3], start={"dim": 3})
    data, _ = shown._repr_mimebundle_()
    assert set(data) == {"text/html", "text/plain"}
    state = state_in(data["text/html"])
    assert [(s["name"], s["texts"], s["start"]) for s in state["sliders"]] == [
        ("points", ["4", "5"], 0),
        ("dim", ["2", "3"], 1),
    ]
    assert [p["settings"] for p in state["payloads"]] == [
        f"points {points} · dim {dim}" for points in (4, 5) for dim in (2, 3)
    ]
    means = [p["runs"][0]["means"] for p in state["payloads"]]
    assert all(data["text/html"].count(one) == 1 for one in means)
    assert 'sandbox="allow-scripts"' in data["text/html"]


def test_the_page_asks_for_nothing():
    page = html.unescape(replay(octahedron_and_more, points=[4, 5]).to_html())
    assert "://" not in page
    assert not re.search(r"^\s*import ", page, re.MULTILINE)


def test_too_many_runs_for_a_page():
    shown = replay(lambda points: points_run(4, 3, num_frames=2), points=list(range(61)))
    with pytest.raises(ValueError, match=r"61 runs would have to be made.*at most 60 combinations"):
        shown.to_html()


def test_runs_too_large_for_a_page(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 5_000)
    shown = replay(octahedron_and_more, points=[4, 12])
    with pytest.raises(ValueError, match=r"the 2 runs have 0\.\d MB for a page .* make shorter"):
        shown.to_html()


def test_words_cannot_leave_their_place():
    names = ["</script><b>", '"', "<!--", "&amp;"]
    made = Frames(points_run(4, 3, num_frames=3, names=names).payload() | {"title": "</script>"})
    frame = replay(lambda points: made, points=["<i>", '"']).to_html()
    assert "<b>" not in frame and "<i>" not in frame
    assert state_in(frame)["payloads"][0]["runs"][0]["class_names"] == names
