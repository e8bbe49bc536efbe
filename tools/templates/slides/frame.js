// In the frame of a player or of sliders. Its keys are its own, but for Escape and a remote control's.

const WAYS = { Escape: "back", PageDown: "next", PageUp: "previous" };
addEventListener("keydown", (event) => {
  if (!Object.hasOwn(WAYS, event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  parent.postMessage(WAYS[event.key], "*");
}, true);

// On paper: in light colours, as it ends, and drawn at once, for frames out of sight get no animation frames.
if (window.name === "paper") {
  document.documentElement.className = "paper";
  window.matchMedia = () => new class extends EventTarget { matches = false; }();
  window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()));
  addEventListener("load", () => {
    for (const slider of document.querySelectorAll("input[type=range]")) {
      slider.value = slider.max;
      slider.dispatchEvent(new Event("input"));
    }
  });
}

// Slides are drawn larger than they are laid out: canvases need the dots.
Object.defineProperty(window, "devicePixelRatio", { value: 2 });
