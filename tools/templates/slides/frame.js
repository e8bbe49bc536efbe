// In the frame of a player or of sliders. Its keys are its own, but for Escape and a remote control's.

const WAYS = { Escape: "back", PageDown: "next", PageUp: "previous" };
addEventListener("keydown", (event) => {
  if (!Object.hasOwn(WAYS, event.key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  parent.postMessage(WAYS[event.key], "*");
}, true);

// On paper it shows how it ends.
addEventListener("message", ({ data }) => {
  if (data !== "end") return;
  for (const slider of document.querySelectorAll("input[type=range]")) {
    slider.value = slider.max;
    slider.dispatchEvent(new Event("input"));
  }
});

// Slides are drawn larger than they are laid out: canvases need the dots.
Object.defineProperty(window, "devicePixelRatio", { value: 2 });
