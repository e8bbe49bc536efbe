"""The player as people meet it: a saved page, a frame in an output, a widget in JupyterLab."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from made import collapsing_run
from measure import frames_per_second, key_latencies

from nclib.formulas.etf import simplex_etf
from nclib.player import player as module
from nclib.player.player import CollapsePlayer
from nclib.runs.trajectory import Trajectory

pytestmark = pytest.mark.browser

PICTURE = "document.querySelector('.nc-stage canvas').toDataURL()"
PICTURES_WHILE_PLAYING = f"""async () => {{
  const seen = new Set();
  for (let i = 0; i < 40; i++) {{
    await new Promise(requestAnimationFrame);
    seen.add({PICTURE});
  }}
  return seen.size;
}}"""


@pytest.fixture(scope="module")
def ten():
    return collapsing_run()


@pytest.fixture(scope="module")
def page_of_ten(ten, tmp_path_factory) -> Path:
    return CollapsePlayer(ten).save_html(tmp_path_factory.mktemp("player") / "ten.html")


@pytest.fixture
def opened(watch):
    """Opens a saved page and, at the end, finds it without errors and without requests."""
    watched = []

    def go(path, **options):
        watched.append(watch(**options))
        page = watched[-1].page
        page.goto(path.as_uri())
        page.get_by_role("slider", name="epoch").wait_for()
        settle(page)
        return page

    yield go
    assert [w.errors for w in watched] == [[]] * len(watched)
    assert [w.requests for w in watched] == [[]] * len(watched)


def settle(page) -> None:
    """Until two frames have passed: whatever was asked for is drawn."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def picture(page) -> str:
    settle(page)
    return page.evaluate(PICTURE)


def readout(page) -> str:
    return page.locator(".nc-readout").inner_text()


def scene(page):
    return page.get_by_role("img", name="features, class means and classifier")


def scrub_to(page, key: str) -> None:
    page.get_by_role("slider", name="epoch").press(key)
    settle(page)


# ---- The saved page --------------------------------------------------------------------------


def test_nothing_moves_until_asked(opened, page_of_ten):
    page = opened(page_of_ten)
    assert page.evaluate(PICTURES_WHILE_PLAYING) == 1
    assert readout(page).startswith("epoch 0 of 100 · train accuracy ")


def test_it_plays_to_the_end_and_again(opened, page_of_ten):
    page = opened(page_of_ten)
    page.get_by_label("speed").select_option("4")
    page.get_by_role("button", name="Play").click()
    assert page.evaluate(PICTURES_WHILE_PLAYING) > 5
    page.get_by_role("button", name="Play").wait_for()  # it stopped by itself
    assert readout(page).startswith("epoch 100 of 100 · train accuracy 100 % · NC1 ")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("!document.querySelector('.nc-readout').innerText.includes('100 of')")
    page.get_by_role("button", name="Pause").click()


def test_keys_step_through_the_measured_epochs(opened, page_of_ten, ten):
    page = opened(page_of_ten)
    slider, start = page.get_by_role("slider", name="epoch"), picture(page)
    for number in ten.epochs[1:4]:
        scrub_to(page, "ArrowRight")
        assert slider.get_attribute("aria-valuetext") == f"epoch {number} of 100"
        assert readout(page).startswith(f"epoch {number} of 100")
    assert picture(page) != start
    scrub_to(page, "End")
    assert readout(page).startswith("epoch 100 of 100")
    words = scene(page).get_attribute("aria-label")
    assert "at epoch 100 of 100; train accuracy 100 %, zero training error since" in words
    scrub_to(page, "Home")
    assert picture(page) == start
    slider.press(" ")
    page.get_by_role("button", name="Pause").wait_for()
    slider.press(" ")
    page.get_by_role("button", name="Play").wait_for()


def test_dragging_the_scrubber_passes_between_measured_epochs(opened, page_of_ten):
    page = opened(page_of_ten)
    box = page.get_by_role("slider", name="epoch").bounding_box()
    seen = set()
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 60):
        page.mouse.move(box["x"] + 8 + 5 * step, box["y"] + box["height"] / 2)
        seen.add(picture(page))
    page.mouse.up()
    assert len(seen) > 40  # more than the measured epochs passed over
    assert float(page.get_by_role("slider", name="epoch").input_value()).is_integer()


def test_four_classes_are_exact_and_ten_a_projection(opened, page_of_ten, screenshots):
    page = opened(page_of_ten)
    scrub_to(page, "End")
    caption = page.locator(".nc-caption")
    assert "projection: 10 classes need 9 dimensions, 3 shown" in caption.inner_text()
    page.screenshot(path=screenshots / "player_ten.png")
    before = picture(page)
    page.get_by_role("button", name="4 classes").click()
    assert "exact: 4 classes span 3 dimensions" in caption.inner_text()
    assert picture(page) != before
    page.screenshot(path=screenshots / "player_four_of_ten.png")
    page.get_by_role("group", name="classes", exact=True).get_by_role("button", name="9").click()
    names = scene(page).get_attribute("aria-label")
    assert "of the classes 1, 2, 3, 9 at" in names
    page.get_by_role("button", name="3 classes").click()
    assert "exact: 3 classes span 2 dimensions" in caption.inner_text()
    page.screenshot(path=screenshots / "player_three_of_ten.png")


def test_pointing_names_what_is_there_and_clicking_highlights_it(opened, page_of_ten, screenshots):
    page = opened(page_of_ten)
    page.get_by_role("button", name="3 classes").click()
    scrub_to(page, "End")
    box, tip = scene(page).bounding_box(), page.locator(".nc-tip")
    assert tip.is_hidden()
    x = box["x"] + box["width"] / 2
    # The first of three classes stands straight above the middle.
    y = next(y for y in range(10, 200, 4) if _tip_at(page, tip, x, box["y"] + y).startswith("0 · "))
    assert any(word in tip.inner_text() for word in ("class mean", "classifier", "ETF"))
    page.screenshot(path=screenshots / "player_pointing.png")
    before = picture(page)
    page.mouse.click(x, box["y"] + y)
    chip = page.get_by_role("group", name="classes", exact=True).get_by_role("button", name="0")
    assert chip.get_attribute("aria-pressed") == "true"
    assert picture(page) != before


def _tip_at(page, tip, x, y) -> str:
    page.mouse.move(x, y)
    return tip.inner_text() if tip.is_visible() else ""


def test_dragging_turns_it_and_a_double_click_turns_it_back(opened, page_of_ten):
    page = opened(page_of_ten)
    start, box = picture(page), scene(page).bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 50, steps=4)
    page.mouse.up()
    assert picture(page) != start
    page.mouse.dblclick(box["x"] + 3, box["y"] + 3)
    assert picture(page) == start


def test_curves_take_the_cursor_and_either_axis(opened, page_of_ten):
    page = opened(page_of_ten)
    curves = page.locator(".nc-curves canvas")
    before = curves.evaluate("node => node.toDataURL()")
    page.get_by_role("button", name="epoch axis").click()
    settle(page)
    assert "linear" in page.get_by_role("button", name="epoch axis").inner_text()
    assert curves.evaluate("node => node.toDataURL()") != before
    box = curves.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + 60)
    assert readout(page).startswith("epoch 100 of 100")


@pytest.mark.parametrize("width", [360, 560])
def test_narrow_windows_are_not_overflown(opened, page_of_ten, screenshots, width):
    page = opened(page_of_ten, width=width, height=1200)
    scrub_to(page, "PageUp")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=screenshots / f"player_{width}.png")


def test_dark_by_the_system_and_by_jupyter(opened, page_of_ten, screenshots):
    page = opened(page_of_ten, color_scheme="dark")
    root = page.locator(".nc-player")
    assert root.get_attribute("data-theme") == "dark"
    page.screenshot(path=screenshots / "player_dark.png")
    dark = picture(page)
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_selector(".nc-player[data-theme=light]")
    assert picture(page) != dark


def test_the_theme_is_read_again_when_the_player_comes_into_the_page(opened, page_of_ten):
    """A notebook may make a player before it is shown: then no style applies to it yet."""
    page = opened(page_of_ten)
    before = picture(page)
    page.evaluate("""async () => {
      const root = document.querySelector(".nc-player"), parent = root.parentNode;
      const frame = () => new Promise(requestAnimationFrame);
      root.remove();
      document.body.classList.add("changed");  // the theme is read: of nothing
      await frame();
      parent.append(root);
      await frame();
    }""")
    assert picture(page) == before


def test_reduced_motion_jumps_from_epoch_to_epoch(opened, page_of_ten):
    page = opened(page_of_ten, reduced_motion="reduce")
    page.get_by_role("button", name="Play").click()
    values = page.evaluate("""async () => {
      const seen = [];
      for (let i = 0; i < 40; i++) {
        await new Promise(requestAnimationFrame);
        seen.push(Number(document.querySelector('input').value));
      }
      return seen;
    }""")
    assert values[-1] > 0
    assert all(float(value).is_integer() for value in values)


RUNS = {
    "two": ({"num_classes": 2, "num_features": 8}, "exact: 2 classes span 1 dimension"),
    "three": ({"num_classes": 3, "num_features": 2}, "drawn as they are"),
    "four": ({"num_classes": 4, "num_features": 3}, "drawn as they are"),
    "crowded": ({"num_classes": 10, "num_features": 2}, "no simplex ETF: 10 classes need 9"),
    "cramped": ({"num_classes": 10, "num_features": 5}, "5 dimensions, 3 shown; no simplex ETF"),
    "twenty": ({"num_classes": 20, "num_features": 32}, "20 classes need 19 dimensions, 3 shown"),
    "single": ({"num_epochs": 1, "last": 1}, "projection: 10 classes"),
}


@pytest.mark.parametrize("name", RUNS)
def test_other_runs(opened, screenshots, tmp_path, name):
    options, caption = RUNS[name]
    run = collapsing_run(**{"per_class": 20, "num_epochs": 12, **options})
    page = opened(CollapsePlayer(run).save_html(tmp_path / f"{name}.html"))
    assert caption in page.locator(".nc-caption").inner_text()
    scrub_to(page, "End")
    page.screenshot(path=screenshots / f"player_{name}.png")
    page.get_by_role("button", name="Play").click()
    settle(page)


def test_collapse_to_zero_is_said(opened, tmp_path):
    with pytest.warns(UserWarning, match="all class means coincide"):
        run = collapsing_run(3, 4, per_class=5, num_epochs=3, scale=0.0)
    page = opened(CollapsePlayer(run).save_html(tmp_path / "zero.html"))
    assert "have collapsed to zero" in page.locator(".nc-caption").inner_text()
    assert readout(page).endswith("NC1 –")


@pytest.mark.parametrize("width", [870, 1100])
@pytest.mark.parametrize("runs", ["one", "two"])
def test_the_frame_in_an_output_plays_in_its_sandbox(ten, rival, watch, runs, width):
    watched = watch(width=width + 16, height=900)
    watched.page.set_content(CollapsePlayer(ten, rival if runs == "two" else None)._iframe())
    frame = watched.page.frame_locator("iframe[title^='Collapse player']")
    frame.get_by_role("slider", name="epoch").press("End")
    assert frame.locator(".nc-readout").inner_text().startswith("epoch 100 of 100")
    height = "() => [document.documentElement.scrollHeight, innerHeight]"
    inside = frame.locator("body").evaluate(height)
    assert inside[0] <= inside[1]
    used = frame.locator(".nc-player").bounding_box()["height"]
    assert used > inside[1] - (90 if runs == "one" else 240)  # no empty strip below it
    assert (watched.errors, watched.requests) == ([], [])


def test_one_epoch_stands_still(opened, tmp_path):
    run = collapsing_run(num_epochs=1, last=1, per_class=20)
    page = opened(CollapsePlayer(run).save_html(tmp_path / "one.html"))
    assert readout(page).startswith("epoch 0 of 0 · train accuracy ")
    before = picture(page)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for()  # over at once
    scrub_to(page, "ArrowRight")
    page.locator(".nc-curves canvas").click(position={"x": 200, "y": 60})
    assert picture(page) == before and readout(page).startswith("epoch 0 of 0")
    with pytest.raises(ValueError, match="did not move"):
        frames_per_second(page, seconds=0.2)


def test_missing_values_are_gaps_and_dashes(opened, tmp_path, monkeypatch):
    run = collapsing_run(num_epochs=6, per_class=8)
    table = run.metrics
    table.loc[2, "nc1"] = np.nan
    table["ncc_mismatch"], table["self_duality"] = np.nan, np.inf
    monkeypatch.setattr(Trajectory, "metrics", property(lambda _: table))
    page = opened(CollapsePlayer(run).save_html(tmp_path / "nan.html"))
    for _ in range(2):
        scrub_to(page, "ArrowRight")
    assert readout(page).endswith("NC1 –")
    words = curves(page).get_attribute("aria-label")
    assert "classes: –; " in words and "means: –; NC4 · nearest-mean mismatch: –." in words
    page.get_by_role("button", name="Play").click()
    assert page.evaluate(PICTURES_WHILE_PLAYING) > 5


NAMES = ("<b>bold</b>", "a name that is much longer than there is room for", "Herr & Frau", "ü")


@pytest.mark.parametrize("width", [870, 360])
def test_names_are_text_whatever_is_in_them(opened, screenshots, tmp_path, width):
    run = collapsing_run(4, 3, per_class=20, num_epochs=6, names=NAMES)
    page = opened(CollapsePlayer(run).save_html(tmp_path / "names.html"), width=width)
    scrub_to(page, "End")
    page.screenshot(path=screenshots / f"player_names_{width}.png", full_page=True)
    chips = page.get_by_role("group", name="classes", exact=True).get_by_role("button")
    assert tuple(chips.all_inner_texts()) == NAMES
    assert page.locator("b").count() == 0
    assert f"of the classes {', '.join(NAMES)} at" in scene(page).get_attribute("aria-label")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# ---- Where the words stand -------------------------------------------------------------------

# Notes every small text that is written on a canvas, with the place it takes.
NOTES = """
window.written = new Map();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  write.call(this, text, x, y);
  if (!this.font.startsWith("11px")) return;
  const m = this.measureText(text);
  const box = [x - m.actualBoundingBoxLeft, y - m.actualBoundingBoxAscent,
               x + m.actualBoundingBoxRight, y + m.actualBoundingBoxDescent];
  window.written.set(JSON.stringify([text, x, y]), [String(text), ...box]);
};"""


def _words_on_the_curves(page) -> list[tuple[str, np.ndarray]]:
    page.evaluate("window.written.clear()")
    for _ in range(2):  # there and back: everything is written anew
        page.evaluate("window.written.clear()")
        page.get_by_role("button", name="epoch axis").click()
        settle(page)
    return [(text, np.array(box)) for text, *box in page.evaluate("[...written.values()]")]


def _collisions(words, width, height) -> list[str]:
    found = [f"{t} is cut" for t, b in words if b.min() < 0 or b[2] > width or b[3] > height]
    for i, (text, a) in enumerate(words):
        for other, b in words[:i]:
            if np.all(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) > 0):
                found.append(f"{other} over {text}")
    return found


TITLES = ["training error", "NC1", "equinorm", "equiangularity", "max angle", "NC3", "NC4"]


@pytest.mark.parametrize("width", [1300, 960, 870, 860, 700, 560, 360])
@pytest.mark.parametrize("runs", ["one", "two"])
def test_no_words_collide_on_the_curves(ten, rival, watch, tmp_path, screenshots, runs, width):
    player = CollapsePlayer(ten, rival if runs == "two" else None)
    page = watch(width=width, height=800).page
    page.add_init_script(NOTES)
    page.goto(player.save_html(tmp_path / "page.html").as_uri())
    for key in ("Home", "PageUp", "PageUp", "End"):
        scrub_to(page, key)
        words = _words_on_the_curves(page)
        box = page.locator(".nc-curves canvas").bounding_box()
        assert _collisions(words, box["width"], box["height"]) == []
        for title in TITLES:
            assert any(title in text for text, _ in words), title
    page.screenshot(path=screenshots / f"player_{runs}_{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1300, 960, 870, 860, 700, 360])
@pytest.mark.parametrize("runs", ["one", "two"])
def test_no_parts_of_the_page_collide(ten, rival, opened, tmp_path, runs, width):
    player = CollapsePlayer(ten, rival if runs == "two" else None)
    page = opened(player.save_html(tmp_path / "page.html"), width=width)
    scrub_to(page, "PageUp")
    parts = page.evaluate("""() => [...document.querySelectorAll(
      "strong, .nc-sizes, .nc-key, figcaption:not([hidden]), .nc-stage, .nc-caption, .nc-play, " +
      "input, select, .nc-mark span, .nc-readout, .nc-classes, .nc-legend > *, .nc-plot")]
      .map((node) => [node.className || node.tagName, node.getBoundingClientRect()])
      .map(([name, b]) => [name, b.left, b.top + scrollY, b.right, b.bottom + scrollY])""")
    words = [(name, np.add(box, [0.5, 0.5, -0.5, -0.5])) for name, *box in parts]
    assert len(words) > 14
    assert _collisions(words, width, 9999) == []


# ---- Two runs --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rival() -> Trajectory:
    """Other measured epochs, an earlier end, other features; the classes of ``ten``."""
    run = collapsing_run(num_epochs=15, per_class=40, last=60, num_features=12)
    run.settings["loss"] = "squared_error"
    return run


@pytest.fixture
def two(ten, rival, opened, tmp_path):
    return opened(CollapsePlayer(ten, rival).save_html(tmp_path / "two.html"), width=1100)


def pictures(page) -> list[str]:
    settle(page)
    return page.locator(".nc-stage canvas").evaluate_all("all => all.map(c => c.toDataURL())")


def curves(page):
    return page.get_by_role("img", name="curves over epochs")


def test_two_runs_follow_one_clock(two, ten, rival, screenshots):
    union = sorted({*ten.epochs.tolist(), *rival.epochs.tolist()})
    assert len(union) > max(len(ten), len(rival))
    slider = two.get_by_role("slider", name="epoch")
    assert slider.get_attribute("max") == str(len(union) - 1)
    before = pictures(two)
    for number in union[1:]:
        scrub_to(two, "ArrowRight")
        assert slider.get_attribute("aria-valuetext") == f"epoch {number} of 100"
        now = pictures(two)
        assert now[0] != before[0]  # also between its own measured epochs
        assert (now[1] != before[1]) == (number <= 60)  # it rests at its end
        before = now
    two.screenshot(path=screenshots / "player_two_runs.png", full_page=True)
    lines = readout(two).splitlines()
    assert lines[0] == "epoch 100 of 100"
    assert lines[1].startswith("none: train accuracy 100 % · NC1 ")
    assert lines[2].startswith("squared-error (epoch 60): train accuracy 100 % · NC1 ")


def test_two_runs_are_named_to_everyone(two):
    assert two.locator("figcaption").all_inner_texts() == [
        "made up · none · none",
        "made up · none · squared-error",
    ]
    assert two.locator(".nc-legend span").all_inner_texts() == ["none", "squared-error"]
    group = two.get_by_role("group", name="collapse player")
    assert group.get_attribute("aria-label").endswith(
        "made up · none · none compared with made up · none · squared-error"
    )
    scrub_to(two, "End")
    first, second = (scene(two).nth(i).get_attribute("aria-label") for i in range(2))
    assert first.startswith("made up · none · none: ") and "at epoch 100 of 100" in first
    assert second.startswith("made up · none · squared-error: ") and "at epoch 60 of 60" in second
    words = curves(two).get_attribute("aria-label")
    assert "NC1" in words and words.count("squared-error classifier") == 3
    assert "zero training error first at epochs 11 and " in two.locator(".nc-mark").inner_text()


def test_two_runs_have_one_camera_and_one_choice(two):
    scrub_to(two, "PageUp")
    start, box = pictures(two), scene(two).nth(1).bounding_box()
    two.mouse.move(box["x"] + 200, box["y"] + 60)
    two.mouse.down()
    two.mouse.move(box["x"] + 260, box["y"] + 90, steps=4)
    two.mouse.up()
    turned = pictures(two)
    assert turned[0] != start[0] and turned[1] != start[1]
    two.mouse.dblclick(box["x"] + 3, box["y"] + 3)
    assert pictures(two) == start
    two.get_by_role("button", name="4 classes").click()
    assert all("exact: 4" in text for text in two.locator(".nc-caption").all_inner_texts())
    four = pictures(two)
    chips = two.get_by_role("group", name="classes", exact=True)
    chips.get_by_role("button", name="2").click()
    marked = pictures(two)
    assert marked[0] != four[0] and marked[1] != four[1]
    two.get_by_role("button", name="classifier").click()
    assert all(a != b for a, b in zip(pictures(two), marked, strict=True))
    scene(two).nth(1).press("Home")
    assert readout(two).startswith("epoch 0 of 100")


def test_two_runs_stand_side_by_side_or_one_above_the_other(two):
    left, right = (scene(two).nth(i).bounding_box() for i in range(2))
    assert left["y"] == right["y"] and right["x"] > left["x"] + left["width"]
    assert left["width"] == pytest.approx(right["width"])
    two.set_viewport_size({"width": 500, "height": 800})
    two.wait_for_selector(".nc-narrow")
    settle(two)
    above, below = (scene(two).nth(i).bounding_box() for i in range(2))
    assert above["x"] == below["x"] and below["y"] > above["y"] + above["height"]


def test_two_runs_play_to_the_end(two):
    two.get_by_label("speed").select_option("4")
    two.get_by_role("button", name="Play").click()
    assert two.evaluate(PICTURES_WHILE_PLAYING) > 5
    two.get_by_role("button", name="Play").wait_for()
    assert readout(two).startswith("epoch 100 of 100")


def test_a_plane_beside_a_solid(ten, opened, tmp_path):
    flat = collapsing_run(10, 2, per_class=10, num_epochs=8)
    page = opened(CollapsePlayer(flat, ten).save_html(tmp_path / "mixed.html"), width=1100)
    captions = page.locator(".nc-caption").all_inner_texts()
    assert "2 dimensions and are drawn as they are" in captions[0]
    assert captions[1].startswith("projection: 10 classes need 9 dimensions")
    assert page.locator("figcaption").all_inner_texts() == [
        "made up · none · none (first run)",
        "made up · none · none (second run)",
    ]
    before = pictures(page)
    scene(page).nth(1).press("Shift+ArrowLeft")
    assert all(a != b for a, b in zip(pictures(page), before, strict=True))
    assert page.get_by_role("button", name="turn").is_visible()


# ---- Fingers, keys, size ---------------------------------------------------------------------


def _fingers(page, *paths) -> None:
    """One finger for each path of (x, y); all move at once."""
    session = page.context.new_cdp_session(page)
    for step, places in enumerate(zip(*paths, strict=True)):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


@pytest.fixture
def touched(opened, page_of_ten):
    return opened(page_of_ten, width=390, height=700, has_touch=True, is_mobile=True)


def test_a_finger_turns_the_picture_and_does_not_scroll(touched):
    page, start, box = touched, picture(touched), scene(touched).bounding_box()
    assert "pinch" in page.locator(".nc-hint").inner_text()
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    _fingers(page, [(x + 4 * step, y + 14 * step) for step in range(9)])
    assert picture(page) != start
    assert page.evaluate("scrollY") == 0
    assert page.locator(".nc-hint").is_hidden()


def test_two_fingers_zoom(touched):
    page, start, box = touched, picture(touched), scene(touched).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    _fingers(page, *([(x + side * (40 + 5 * step), y) for step in range(9)] for side in (-1, 1)))
    larger = picture(page)
    assert larger != start
    scene(page).press("0")
    assert picture(page) == start
    page.mouse.move(x, y)  # the fingers went from 80 to 160 px: so much is it by the wheel, too
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300 * np.log(2))
    page.keyboard.up("Control")
    page.mouse.move(x, box["y"] + box["height"] + 20)
    assert picture(page) == larger


def test_a_tap_names_and_highlights(touched):
    page = touched
    page.get_by_role("button", name="3 classes").tap()
    scrub_to(page, "End")
    box, tip = scene(page).bounding_box(), page.locator(".nc-tip")
    x = box["x"] + box["width"] / 2
    chip = page.get_by_role("group", name="classes", exact=True).get_by_role("button", name="0")
    y = next(y for y in range(10, 120, 4) if _tip_at(page, tip, x, box["y"] + y))
    page.mouse.move(x, box["y"] + box["height"] + 20)
    assert tip.is_hidden()
    page.touchscreen.tap(x, box["y"] + y)
    assert tip.inner_text().startswith("0 · ")
    assert chip.get_attribute("aria-pressed") == "true"
    page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
    assert tip.is_hidden() and chip.get_attribute("aria-pressed") == "false"


def test_a_swipe_over_the_curves_moves_the_clock(touched):
    box = curves(touched).bounding_box()
    touched.evaluate("y => scrollTo(0, y)", box["y"])
    settle(touched)
    box = curves(touched).bounding_box()
    _fingers(touched, [(box["x"] + 60 + 40 * step, box["y"] + 50) for step in range(6)])
    assert int(readout(touched).split()[1]) > 10


def test_keys_jump_turn_and_zoom(opened, page_of_ten, ten):
    page = opened(page_of_ten)
    slider, picture_itself = page.get_by_role("slider", name="epoch"), scene(page)
    for key, frame in [("PageUp", 5), ("PageUp", 10), ("PageDown", 5), ("ArrowUp", 6)]:
        scrub_to(page, key)
        assert slider.get_attribute("aria-valuetext") == f"epoch {ten.epochs[frame]} of 100"
    picture_itself.press("ArrowDown")  # the same keys on the picture
    assert slider.get_attribute("aria-valuetext") == f"epoch {ten.epochs[5]} of 100"
    seen = {picture(page)}
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "+", "-", "-"):
        picture_itself.press(key)
        seen.add(picture(page))
    assert len(seen) == 5  # - undoes +
    picture_itself.press("0")
    assert picture(page) in seen


def test_a_name_follows_what_is_pointed_at(opened, page_of_ten):
    """The picture moves under a pointer that rests: the name is that of what has come there."""
    page = opened(page_of_ten)
    scrub_to(page, "End")
    box, tip = scene(page).bounding_box(), page.locator(".nc-tip")
    places = [(x, y) for x in range(150, 560, 25) for y in range(60, 480, 20)]
    at = [(p, _tip_at(page, tip, box["x"] + p[0], box["y"] + p[1])) for p in places]
    x, y = next(p for p, said in at if said.endswith("class mean"))
    _tip_at(page, tip, box["x"] + x, box["y"] + y)
    said = []
    for _ in range(9):
        page.get_by_role("slider", name="epoch").evaluate("node => node.focus()")
        page.keyboard.press("PageDown")
        settle(page)
        said.append(tip.inner_text() if tip.is_visible() else "")
        assert said[-1] == _tip_at(page, tip, box["x"] + x + 0.01, box["y"] + y)
    assert len(set(said)) > 1


def test_the_picture_grows_with_its_cell(opened, page_of_ten):
    page = opened(page_of_ten, width=960)
    sizes = "() => [...document.querySelectorAll('canvas')].map(c => [c.width, c.clientWidth])"
    before = page.evaluate(sizes)
    page.locator(".nc-player").evaluate("node => { node.parentNode.style.width = '620px'; }")
    page.wait_for_selector(".nc-narrow")
    settle(page)
    after = page.evaluate(sizes)
    assert after != before
    assert all(drawn == shown for drawn, shown in after)


def test_measuring_gives_numbers(opened, page_of_ten, ten):
    page = opened(page_of_ten)
    speed = frames_per_second(page, seconds=0.5)
    assert speed["fps"] > 0 and 0 < speed["p95_ms"] <= speed["worst_ms"]
    latencies = key_latencies(page, presses=3)
    assert len(latencies) == 3 and 0 < latencies[0] <= latencies[-1]
    assert readout(page).startswith(f"epoch {ten.epochs[3]} of 100")
    with pytest.raises(ValueError, match="changed nothing"):
        key_latencies(page, key="Home", presses=1)


# ---- The geometry in JavaScript against numpy ------------------------------------------------


GEOMETRY = """async ([source, payload, chosen]) => {
  const module = await import("data:text/javascript;base64," + source);
  const view = module.makeView(module.decode(payload), chosen);
  return {...view, axes: [...view.axes], vertices: [...view.vertices]};
}"""


def _view_in_javascript(page, packed, chosen) -> dict:
    source = module.joined(*module.FILES[:3]).encode()  # the geometry, and what it imports
    view = page.evaluate(GEOMETRY, [base64.b64encode(source).decode(), packed, chosen])
    view["axes"] = np.array(view["axes"]).reshape(packed["dims"], view["dims"])
    view["vertices"] = np.array(view["vertices"]).reshape(-1, view["dims"])
    return view


def _last_means(packed, chosen) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(packed["means"]), "<f4").astype(float)
    means = flat.reshape(len(packed["epochs"]), -1, packed["dims"])[-1][chosen]
    return means - means.mean(0)


@pytest.mark.parametrize("chosen", [[0, 3, 5, 9], [2, 4, 8], [0, 1, 2, 3]])
def test_the_exact_view_is_the_procrustes_solution(ten, watch, chosen):
    packed, page = ten.payload(), watch().page
    view, points = _view_in_javascript(page, packed, chosen), _last_means(packed, chosen)
    size = len(chosen)
    gram = view["vertices"] @ view["vertices"].T
    np.testing.assert_allclose(gram, (size * np.eye(size) - 1) / (size - 1), atol=1e-12)
    u, s, vt = np.linalg.svd(points.T @ view["vertices"], full_matrices=False)
    np.testing.assert_allclose(view["axes"], u @ vt, atol=1e-5)
    assert view["scale"] == pytest.approx(s.sum() / size, abs=1e-5)


def test_the_projected_frame_is_the_procrustes_solution(ten, watch):
    packed, page = ten.payload(), watch().page
    view, points = _view_in_javascript(page, packed, []), _last_means(packed, range(10))
    frame = simplex_etf(10, 9, seed=3).numpy()  # any ETF has the same best fit
    u, s, vt = np.linalg.svd(points.T @ frame, full_matrices=False)
    np.testing.assert_allclose(view["vertices"], (frame @ (u @ vt).T)[:, :3], atol=1e-5)
    assert view["scale"] == pytest.approx(s.sum() / 10, abs=1e-5)
    np.testing.assert_allclose(view["axes"], np.eye(9)[:, :3])


def test_directions_without_extent_are_completed(ten, watch):
    """Two classes on one point: the axes stay orthonormal."""
    packed, page = ten.payload(), watch().page
    means = np.frombuffer(base64.b64decode(packed["means"]), "<f4").reshape(-1, 10, 9).copy()
    means[-1, 1] = means[-1, 0]
    packed["means"] = base64.b64encode(means.tobytes()).decode()
    axes = _view_in_javascript(page, packed, [0, 1, 2, 3])["axes"]
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)


# ---- JupyterLab ------------------------------------------------------------------------------


RUN_ALL = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.context.sessionContext.ready;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""
RUN_CELL = """async (number) => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = number;
  await window.jupyterapp.commands.execute("notebook:run-cell");
  const { outputs } = panel.content.model.toJSON().cells[number];
  return outputs.map((output) => output.text).join("");
}"""


def _notebook(*sources: str) -> str:
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "source": source}
        | {"execution_count": None}
        for i, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


SHOW = {
    "one": "import nclib\nplayer = nclib.Trajectory.load('run.npz').player()\nplayer",
    "two": "import nclib\nload = nclib.Trajectory.load\n"
    "player = load('run.npz').player(load('rival.npz'))\nplayer",
}


@pytest.mark.parametrize("runs", SHOW)
def test_the_widget_in_jupyterlab_scrubs_and_tells_the_kernel(
    ten, rival, watch, jupyterlab, screenshots, runs
):
    address, root = jupyterlab
    ten.save(root / "run.npz")
    rival.save(root / "rival.npz")
    tell = "print('epoch', player.epochs[player.frame], 'selected', player.selected)"
    again = "if 'again' in vars():\n    player.show(nclib.Trajectory.load('rival.npz'))\nagain = 1"
    (root / "player.ipynb").write_text(_notebook(SHOW[runs], tell, again))
    watched = watch(width=1400, height=1100)
    page = watched.page
    page.set_default_timeout(90_000)
    page.goto(f"{address}/lab/tree/player.ipynb")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context")
    page.evaluate(RUN_ALL)
    page.get_by_role("slider", name="epoch").wait_for()
    assert scene(page).count() == {"one": 1, "two": 2}[runs]
    before = pictures(page)
    for _ in range(5):
        scrub_to(page, "ArrowRight")  # not swallowed by JupyterLab's shortcuts
    assert all(a != b for a, b in zip(pictures(page), before, strict=True))
    page.screenshot(path=screenshots / f"player_jupyterlab_{runs}.png")
    page.get_by_role("button", name="4 classes").click()
    epoch = readout(page).split()[1]
    assert int(epoch) > 2
    said = ""
    for _ in range(20):  # a widget keeps a change back until the one before is answered
        if "(0" in (said := page.evaluate(RUN_CELL, 1)):
            break
    assert said == f"epoch {epoch} selected (0, 1, 2, 3)\n"
    page.evaluate(RUN_CELL, 2)
    # another run in the same place, at its end: one picture, the classes still chosen
    page.wait_for_function(
        "document.querySelector('.nc-readout').innerText.includes('epoch 60 of 60')"
    )
    assert scene(page).count() == 1
    assert "exact: 4 classes" in page.locator(".nc-caption").first.inner_text()
    assert scene(page).get_attribute("aria-label").startswith(rival.title)
    assert watched.requests == []
    assert [error for error in watched.errors if "widget" in error or "TypeError" in error] == []
