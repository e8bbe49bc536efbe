"""Sliders over a function that draws, with and without a kernel."""

from __future__ import annotations

import base64
import io
import json
import re

import pytest
from PIL import Image

from nclib.pictures.picture import picture
from nclib.widgets.explore import explore


def draw(height, shift=0):
    """A line, and an error at height 7."""
    if height == 7:
        raise ValueError("seven is refused <here>")
    figure, axis = picture(size=(3, 2))
    axis.plot([0, 1], [shift, height])
    figure.alt = f"a line from {shift} to {height}"
    return figure


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "anywidget")


def test_a_slider_draws():
    explorer = explore(draw, height=[1, 2, 3], shift=[0, 5])
    box = explorer.widget()
    image = box.children[-1]
    for name, values in (("height", [1, 2, 3]), ("shift", [0, 5])):
        for value in (values[-1], values[0], values[len(values) // 2]):
            before = image.value
            explorer.controls[name].value = value
            assert f"{value}" in explorer.picture.alt
            assert (image.value == explorer.picture.png()) or image.value != before


def test_the_first_state_is_rendered_and_described():
    data, metadata = explore(draw, height=[1, 2], start={"height": 2})._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == metadata["image/png"]["alt"] == "a line from 0 to 2"
    assert data["image/png"].startswith(b"\x89PNG")


def test_continuous_or_on_release():
    for on_release in (False, True):
        explorer = explore(draw, height=[1, 2], on_release=on_release)
        explorer.widget()
        assert explorer.controls["height"].continuous_update is not on_release


def test_an_error_is_raised_where_no_browser_looks():
    explorer = explore(draw, height=[1, 7, 2])
    explorer.widget()
    with pytest.raises(ValueError, match="seven is refused"):
        explorer.controls["height"].value = 7


def test_an_error_is_shown_in_the_page_and_the_controls_go_on(monkeypatch):
    monkeypatch.setattr("nclib.widgets.explore.serves_browser", lambda: True)
    explorer = explore(draw, height=[1, 7, 2])
    message = explorer.widget().children[-2]
    explorer.controls["height"].value = 7
    assert 'role="alert"' in message.value
    assert "seven is refused &lt;here&gt;" in message.value
    explorer.controls["height"].value = 2
    assert 'role="alert"' not in message.value
    assert "a line from 0 to 2" in message.value


def test_an_error_in_the_first_picture_is_raised():
    with pytest.raises(ValueError, match="seven is refused"):
        explore(draw, height=[7, 1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"height": [1]}, "height has 1 values; a slider needs at least two"),
        ({"height": [1, 2], "start": {"height": 3}}, "start of height is 3; choose from"),
    ],
)
def test_refused(options, said):
    with pytest.raises(ValueError, match=said):
        explore(draw, **options)


def test_without_a_kernel_every_picture_is_in_the_page(monkeypatch):
    monkeypatch.setenv("NCLIB_WIDGETS", "html")
    explorer = explore(draw, height=[1.0, 2.0, 0.001], shift=[0, 5], start={"shift": 5})
    data, _ = explorer._repr_mimebundle_()
    page = data["text/html"].replace("&quot;", '"').replace("&#x27;", "'")
    page = page.replace("&lt;", "<").replace("&gt;", ">")
    state = json.loads(re.search(r'id="state">(.*?)</script>', page, re.DOTALL)[1])
    assert [s["texts"] for s in state["sliders"]] == [["1", "2", "0.001"], ["0", "5"]]
    assert [s["start"] for s in state["sliders"]] == [0, 1]
    assert state["alts"] == [f"a line from {s} to {h}" for h in (1.0, 2.0, 0.001) for s in (0, 5)]
    images = [Image.open(io.BytesIO(base64.b64decode(p))) for p in state["pictures"]]
    assert {image.size for image in images} == {(300, 200)}
    assert len({image.tobytes() for image in images}) == 6


def test_too_many_pictures_for_a_page():
    with pytest.raises(ValueError, match=r"200 pictures would have to be drawn.*fewer values"):
        explore(draw, height=list(range(8, 208))).to_html()
