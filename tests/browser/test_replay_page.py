"""Sliders over runs as people meet them: a page without a kernel, a widget in JupyterLab.

Points and layers, too: what the player says and shows of frames that are no epochs.
"""

from __future__ import annotations

import pytest
from lab import frames, notebook, page_faults, sliders
from made_frames import layers_run, points_run

from nclib.player.player import CollapsePlayer
from nclib.widgets.replay import replay

pytestmark = pytest.mark.browser

PICTURES = "all => all.map(canvas => canvas.toDataURL())"
SCENE = ".nc-stage canvas"


@pytest.fixture
def opened(watch):
    """Opens HTML on a page and, at the end, finds it without errors and without requests."""
    watched = []

    def go(html, **options):
        watched.append(watch(**options))
        page = watched[-1].page
        page.set_content(html, wait_until="load")
        frame = page.frames[-1]
        frame.wait_for_selector(".nc-player")
        frames(frame)
        return frame

    yield go
    assert [page_faults(w) for w in watched] == [[]] * len(watched)


def of(player: CollapsePlayer, opened, **options):
    return opened(player._iframe(), **options)


def pictures(frame) -> list[str]:
    frames(frame)
    return frame.locator(SCENE).evaluate_all(PICTURES)


def text(frame, part: str) -> str:
    return frame.locator(f".nc-{part}").first.inner_text()


def scrub(frame, key: str) -> None:
    frame.locator(".nc-track input").press(key)
    frames(frame)


# ---- Points ----------------------------------------------------------------------------------


def test_points_are_called_points_and_their_moments_steps(opened):
    frame = of(CollapsePlayer(points_run(12, 3, note="Thirty pairs touch.")), opened)
    scrub(frame, "End")
    assert text(frame, "readout") == "step 500 of 500 · largest cosine 0.45"
    assert text(frame, "caption").startswith("exact: 12 points in 3 dimensions, drawn as they are")
    assert text(frame, "caption").endswith(" · Thirty pairs touch.")
    words = frame.locator(SCENE).get_attribute("aria-label")
    assert words.startswith("12 points in 3 dimensions: 12 points, joined by 30 edges, at step 500")
    slider = frame.get_by_role("slider", name="step")
    assert slider.get_attribute("aria-valuetext") == "step 500 of 500"
    curves = frame.get_by_role("img", name="curves over steps 0 to 500, at step 500")
    assert "largest cosine: 0.45" in curves.get_attribute("aria-label")
    assert frame.get_by_role("group", name="points", exact=True).get_by_role("button").count() == 12
    whole = frame.locator(".nc-player").inner_text() + words + frame.locator("main").inner_html()
    assert not any(f" {word}" in whole for word in ("epoch", "class ", "classifier", "NC1"))


def test_only_what_is_there_can_be_shown_and_hidden(opened):
    frame = of(CollapsePlayer(points_run(6, 3, faces=[[0, 1, 2]])), opened)
    buttons = frame.get_by_role("group", name="what is drawn").get_by_role("button")
    assert buttons.all_inner_texts() == ["points", "edges", "faces"]
    scrub(frame, "End")
    seen = [pictures(frame)]
    for name in ("edges", "points"):
        frame.get_by_role("button", name=name).click()
        seen.append(pictures(frame))
    assert len({one for (one,) in seen}) == 3
    for name in ("edges", "points"):
        frame.get_by_role("button", name=name).click()
    assert pictures(frame) == seen[0]


def test_with_room_there_is_a_simplex_and_parts_of_it(opened):
    frame = of(CollapsePlayer(points_run(6, 5)), opened)
    assert frame.get_by_role("button", name="simplex ETF").is_visible()
    scrub(frame, "End")
    assert "projection: 6 points span 5 dimensions, 3 shown" in text(frame, "caption")
    frame.get_by_role("button", name="4 points").click()
    assert text(frame, "caption").startswith("exact: 4 points span 3 dimensions")


def test_points_are_turned_by_keys_and_by_dragging(opened):
    frame = of(CollapsePlayer(points_run(12, 3)), opened)
    scrub(frame, "End")
    canvas, start = frame.locator(SCENE), pictures(frame)
    canvas.press("Shift+ArrowLeft")
    turned = pictures(frame)
    canvas.press("Shift+ArrowRight")
    assert pictures(frame) == start != turned
    box = canvas.bounding_box()
    frame.page.mouse.move(box["x"] + 100, box["y"] + 60)
    frame.page.mouse.down()
    frame.page.mouse.move(box["x"] + 180, box["y"] + 90, steps=3)
    frame.page.mouse.up()
    assert pictures(frame) != start
    canvas.press("0")
    assert pictures(frame) == start


@pytest.mark.parametrize(("theme", "width"), [("light", 960), ("dark", 960), ("light", 390)])
def test_points_fit_and_can_be_looked_at(opened, screenshots, theme, width):
    player = CollapsePlayer(points_run(12, 3))
    frame = of(player, opened, width=width, height=1200, color_scheme=theme)
    scrub(frame, "End")
    needed, given = frame.evaluate(
        "() => { const r = document.documentElement; return [r.scrollWidth, r.clientWidth]; }"
    )
    assert needed <= given
    inside, whole = frame.evaluate(
        "[document.querySelector('.nc-player').clientHeight, innerHeight]"
    )
    assert whole - 120 < inside <= whole
    frame.page.screenshot(path=screenshots / f"points_{theme}_{width}.png")


# ---- Layers ----------------------------------------------------------------------------------


def test_layers_have_names_and_an_even_axis(opened, screenshots):
    player = CollapsePlayer(layers_run("train"), layers_run("test"))
    frame = of(player, opened, width=1116, height=1200)
    scrub(frame, "ArrowRight")
    lines = text(frame, "readout").splitlines()
    assert lines[0] == "layer 1 of 6: block 1"
    assert lines[1].startswith("train: NC1 0.37 · nearest mean right 58.3 %")
    assert text(frame, "player strong") == "digits"
    assert frame.get_by_role("slider", name="layer").get_attribute("aria-valuetext") == lines[0]
    assert not frame.locator(".nc-axis").is_visible()
    first, second = frame.locator(SCENE).all()
    assert first.get_attribute("aria-label").startswith("digits · train: features and class means")
    assert "at layer 1 of 6: block 1; NC1 0.37" in second.get_attribute("aria-label")
    box = frame.locator(".nc-curves canvas").bounding_box()
    frame.locator(".nc-curves canvas").click(position={"x": box["width"] / 4 + 13, "y": 40})
    assert text(frame, "readout").startswith("layer 3 of 6")  # halfway along
    frame.page.screenshot(path=screenshots / "layers_two.png")


# ---- Sliders over runs, without a kernel ---------------------------------------------------


def make(points, dim):
    return points_run(points, dim, num_frames=3 * points)


@pytest.fixture
def page_of_points(opened):
    return opened(replay(make, points=[4, 6, 8], dim=[2, 3], start={"dim": 3}).to_html())


def slider(frame, name: str):
    return frame.get_by_role("slider", name=name)


def title(frame) -> tuple[str, str]:
    return text(frame, "player strong"), text(frame, "settings")


def test_each_move_shows_its_run_and_says_so(page_of_points):
    frame, seen = page_of_points, {}
    moves = [("points", "ArrowRight", 6, 3), ("points", "ArrowRight", 8, 3)]
    moves += [("dim", "ArrowLeft", 8, 2), ("points", "ArrowLeft", 6, 2)]
    scrub(frame, "End")
    for name, key, points, dim in moves:
        slider(frame, name).press(key)
        said = f"{points} points in {dim} dimensions"
        assert title(frame) == (said, f"points {points} · dim {dim}")
        assert text(frame, "readout").startswith("step 500 of 500")  # it stays at the end
        assert frame.locator(SCENE).get_attribute("aria-label").startswith(said)
        seen[pictures(frame)[0]] = said
    assert len(seen) == 4


def test_the_moment_stays_and_so_does_the_camera(page_of_points):
    frame = page_of_points
    scrub(frame, "End")
    straight = pictures(frame)
    frame.locator(SCENE).press("Shift+ArrowLeft")
    turned = pictures(frame)
    for key in ("ArrowRight", "ArrowLeft"):
        slider(frame, "points").press(key)
    assert pictures(frame) == turned != straight
    scrub(frame, "Home")
    slider(frame, "points").press("ArrowRight")
    assert text(frame, "readout").startswith("step 0 of 500")


def test_what_plays_plays_the_other_run_from_its_start(page_of_points):
    frame = page_of_points
    for _ in range(3):
        scrub(frame, "PageUp")
    frame.get_by_role("button", name="Play").click()
    for points in (6, 8):
        before = float(frame.locator(".nc-track input").input_value())
        slider(frame, "points").press("ArrowRight")
        assert title(frame)[0].startswith(f"{points} points")
        assert float(frame.locator(".nc-track input").input_value()) < max(before, 1)
        frame.wait_for_function("() => document.querySelector('.nc-track input').value > 1")
        assert frame.get_by_role("button", name="Pause").is_visible()
    frame.get_by_label("speed").select_option("4")
    frame.get_by_role("button", name="Play").wait_for()  # to its end, where it stops by itself
    assert text(frame, "readout").startswith("step 500 of 500")


def test_a_reload_begins_again(watch, tmp_path):
    path, watched = tmp_path / "page.html", watch()
    path.write_text(replay(make, points=[4, 6, 8], dim=[2, 3]).to_html())
    watched.page.goto(path.as_uri())
    for _ in range(2):
        frame = watched.page.frames[-1]
        frame.wait_for_selector(".nc-player")
        assert title(frame) == ("4 points in 2 dimensions", "points 4 · dim 2")
        assert slider(frame, "points").get_attribute("aria-valuetext") == "4"
        slider(frame, "points").press("End")
        assert title(frame)[0] == "8 points in 2 dimensions"
        watched.page.reload()
    assert page_faults(watched) == []


def test_a_pair_stands_under_one_slider(opened, screenshots):
    def pair(depth):
        return layers_run("train", num_layers=depth), layers_run("test", num_layers=depth)

    frame = opened(replay(pair, depth=[4, 7]).to_html(), width=1116, height=1100)
    scrub(frame, "End")
    slider(frame, "depth").press("ArrowRight")
    assert text(frame, "readout").startswith("layer 6 of 6: block 6")
    assert frame.locator("figcaption").all_inner_texts() == ["digits · train", "digits · test"]
    assert len(set(pictures(frame))) == 2
    frame.page.screenshot(path=screenshots / "replay_pair.png")


@pytest.mark.parametrize("width", [390, 960])
def test_the_frame_fits(opened, screenshots, width):
    html = replay(make, points=[6, 8], dim=[3, 2], at_end=True).to_html()
    frame = opened(html, width=width, height=1200)
    assert text(frame, "readout").startswith("step 500 of 500")
    inside, whole = frame.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert inside <= whole
    used = frame.locator(".nc-player").bounding_box()
    assert used["y"] + used["height"] > inside - 150  # no empty strip below it
    assert frame.evaluate("document.documentElement.scrollWidth") <= width
    frame.page.screenshot(path=screenshots / f"replay_{width}.png")


# ---- With a kernel ---------------------------------------------------------------------------

MAKE = """import sys; sys.path.insert(0, {tests!r})
from made_frames import points_run
from nclib.widgets.replay import replay
def make(points):
    if points == 7:
        raise ValueError('seven is refused')
    return points_run(points, 3, num_frames=20)
shown = replay(make, points=[6, 12, 7])
shown"""
TELL = "print(shown.player.title, shown.player.epochs[shown.player.frame])"


def test_the_sliders_in_jupyterlab(open_lab, screenshots):
    from conftest import ROOT

    source = MAKE.format(tests=str(ROOT / "tests"))
    lab = open_lab("replay.ipynb", notebook(source, TELL), 1300, 1200)
    lab.run_all()
    page = lab.page
    page.locator(".nc-player").wait_for()
    points = next(one for one in sliders(page) if one.name == "points")
    scrub(page, "End")
    page.locator(SCENE).press("Shift+ArrowLeft")
    lab.settle()
    before = points.still()
    points.press("ArrowRight")
    points.wait_until_changed(before, "by a key")
    lab.settle()
    assert title(page) == ("12 points in 3 dimensions", "points 12")
    page.screenshot(path=screenshots / "replay_jupyterlab.png")
    assert lab.run_cell(1) == "12 points in 3 dimensions 500\n"
    page.get_by_role("button", name="Play").click()
    points.press("ArrowRight")  # while it plays; and what is asked for is refused
    page.get_by_role("alert").filter(has_text="ValueError: seven is refused").wait_for()
    assert title(page)[1] == "points 12"
    points.press("ArrowLeft")
    points.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.nc-settings').innerText === 'points 6'")
    page.get_by_role("button", name="Pause").wait_for()  # it goes on playing, another run
    lab.settle()
    assert [fault for fault in lab.faults() if "seven" not in fault] == []
    assert page.get_by_role("alert").count() == 0
