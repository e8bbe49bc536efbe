"""The player as people meet it: a saved page, a frame in an output, a widget in JupyterLab."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_player import collapsing_run

from nclib.etf import simplex_etf
from nclib.widgets import player as module
from nclib.widgets.player import CollapsePlayer, payload

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


def test_the_frame_in_an_output_plays_in_its_sandbox(ten, watch):
    watched = watch(height=900)
    watched.page.set_content(CollapsePlayer(ten)._iframe())
    frame = watched.page.frame_locator("iframe[title^='Collapse player']")
    frame.get_by_role("slider", name="epoch").press("End")
    assert frame.locator(".nc-readout").inner_text().startswith("epoch 100 of 100")
    height = "() => [document.documentElement.scrollHeight, innerHeight]"
    inside = frame.locator("body").evaluate(height)
    assert inside[0] <= inside[1]
    assert (watched.errors, watched.requests) == ([], [])


# ---- The geometry in JavaScript against numpy ------------------------------------------------


GEOMETRY = """async ([source, payload, chosen]) => {
  const module = await import("data:text/javascript;base64," + source);
  const view = module.makeView(module.decode(payload), chosen);
  return {...view, axes: [...view.axes], vertices: [...view.vertices]};
}"""


def _view_in_javascript(page, packed, chosen) -> dict:
    source = Path(module.__file__).with_name("player_geometry.js").read_bytes()
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
    packed, page = payload(ten), watch().page
    view, points = _view_in_javascript(page, packed, chosen), _last_means(packed, chosen)
    size = len(chosen)
    gram = view["vertices"] @ view["vertices"].T
    np.testing.assert_allclose(gram, (size * np.eye(size) - 1) / (size - 1), atol=1e-12)
    u, s, vt = np.linalg.svd(points.T @ view["vertices"], full_matrices=False)
    np.testing.assert_allclose(view["axes"], u @ vt, atol=1e-5)
    assert view["scale"] == pytest.approx(s.sum() / size, abs=1e-5)


def test_the_projected_frame_is_the_procrustes_solution(ten, watch):
    packed, page = payload(ten), watch().page
    view, points = _view_in_javascript(page, packed, []), _last_means(packed, range(10))
    frame = simplex_etf(10, 9, seed=3).numpy()  # any ETF has the same best fit
    u, s, vt = np.linalg.svd(points.T @ frame, full_matrices=False)
    np.testing.assert_allclose(view["vertices"], (frame @ (u @ vt).T)[:, :3], atol=1e-5)
    assert view["scale"] == pytest.approx(s.sum() / 10, abs=1e-5)
    np.testing.assert_allclose(view["axes"], np.eye(9)[:, :3])


def test_directions_without_extent_are_completed(ten, watch):
    """Two classes on one point: the axes stay orthonormal."""
    packed, page = payload(ten), watch().page
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
RUN_LAST = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = panel.content.widgets.length - 1;
  await window.jupyterapp.commands.execute("notebook:run-cell");
  const cells = panel.content.model.toJSON().cells;
  return cells[cells.length - 1].outputs.map((output) => output.text).join("");
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


def test_the_widget_in_jupyterlab_scrubs_and_tells_the_kernel(ten, watch, jupyterlab, screenshots):
    address, root = jupyterlab
    ten.save(root / "run.npz")
    show = "import nclib\nplayer = nclib.CollapsePlayer(nclib.Trajectory.load('run.npz'))\nplayer"
    tell = "print('frame', player.frame, 'selected', player.selected)"
    (root / "player.ipynb").write_text(_notebook(show, tell))
    watched = watch(width=1400, height=1100)
    page = watched.page
    page.set_default_timeout(90_000)
    page.goto(f"{address}/lab/tree/player.ipynb")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context")
    page.evaluate(RUN_ALL)
    slider = page.get_by_role("slider", name="epoch")
    slider.wait_for()
    before = picture(page)
    for _ in range(5):
        scrub_to(page, "ArrowRight")  # not swallowed by JupyterLab's shortcuts
    assert picture(page) != before
    page.screenshot(path=screenshots / "player_jupyterlab.png")
    page.get_by_role("button", name="4 classes").click()
    assert page.evaluate(RUN_LAST) == "frame 5 selected (0, 1, 2, 3)\n"
    assert watched.requests == []
    assert torch.tensor(ten.epochs)[5] == int(readout(page).split()[1])
