"""How fast a player plays and answers, in a page that is already open. Numbers, no judgement.

Used by benchmarks and by hand; nothing here is timed in a test. Both functions need a Playwright
page (sync API) on which exactly one player is shown.
"""

from __future__ import annotations

from typing import Any

PLAYING = """async ([selector, seconds]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const root = document.querySelector(selector), scrub = root.querySelector("input[type=range]");
  const play = root.querySelector("[data-part=play]");
  if (play.innerText.trim() === "Pause") play.click();
  scrub.value = 0;
  scrub.dispatchEvent(new Event("input"));
  play.click();
  for (let i = 0; i < 20; i++) await frame(); // until it runs evenly
  const start = performance.now(), gaps = [];
  let before = start, value = scrub.value;
  while (performance.now() - start < 1000 * seconds && play.innerText.trim() === "Pause") {
    await frame();
    if (scrub.value === value) continue; // nothing new was drawn
    const now = performance.now();
    gaps.push(now - before);
    [before, value] = [now, scrub.value];
  }
  if (play.innerText.trim() === "Pause") play.click();
  return gaps;
}"""

ANSWERING = """(selector) => {
  const root = document.querySelector(selector), canvas = root.querySelector(".nc-stage canvas");
  window.__pressed = () => new Promise((done) => {
    const before = canvas.toDataURL();
    root.addEventListener("keydown", (event) => {
      const look = () => {
        const now = performance.now();
        if (canvas.toDataURL() !== before) done(now - event.timeStamp);
        else if (now - event.timeStamp > 2000) done(null);
        else requestAnimationFrame(look);
      };
      setTimeout(() => requestAnimationFrame(look)); // after the player has asked for its frame
    }, { capture: true, once: true });
  });
}"""


def frames_per_second(
    page: Any, *, seconds: float = 3.0, selector: str = ".nc-player"
) -> dict[str, float]:
    """Plays from the start and counts the frames in which something new was drawn.

    Args:
        page: with a player that has more than one measured epoch.
        seconds: how long, at most until the run is over (9 s at normal speed).
        selector: of the player's root.

    Returns:
        ``fps`` (frames drawn a second), ``p95_ms`` (95 % of the frames came after at most this
        time), ``worst_ms``.

    Raises:
        ValueError: if the player did not move.
    """
    gaps = sorted(page.evaluate(PLAYING, [selector, seconds]))
    if len(gaps) < 2:
        raise ValueError(f"the player at {selector!r} did not move; open one with several epochs")
    return {
        "fps": 1000 * len(gaps) / sum(gaps),
        "p95_ms": gaps[int(0.95 * (len(gaps) - 1))],
        "worst_ms": gaps[-1],
    }


def key_latencies(
    page: Any, *, key: str = "ArrowRight", presses: int = 20, selector: str = ".nc-player"
) -> list[float]:
    """Milliseconds from each key press to the first frame with changed pixels, sorted.

    From the time stamp the browser gives the key press to the end of the drawing of the first
    frame in which the (first) picture is another one; what the compositor then needs to bring the
    frame to the screen is not in it.

    Args:
        page: with a player that has more than ``presses`` measured epochs; it is put to its start.
        key: to press, on the slider.
        presses: how often.
        selector: of the player's root.

    Raises:
        ValueError: if a press changed nothing within two seconds.
    """
    slider = page.locator(f"{selector} input[type=range]")
    slider.press("Home")
    two_frames = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
    page.evaluate(two_frames)  # the way to the start is drawn before anything is measured
    page.evaluate(ANSWERING, selector)
    found = []
    for _ in range(presses):
        page.evaluate("() => { window.__answer = window.__pressed(); }")
        slider.press(key)
        found.append(page.evaluate("() => window.__answer"))
    if None in found:
        raise ValueError(f"pressing {key} changed nothing; the run may have too few epochs")
    return sorted(found)
