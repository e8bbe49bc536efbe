// Starts reveal.js, and leads people out of the frames that players and sliders live in.

const { Reveal, RevealNotes } = window;
const frames = [...document.querySelectorAll(".slides iframe")];
const ways = { back: () => {}, next: () => Reveal.next(), previous: () => Reveal.prev() };

addEventListener("message", ({ data, source }) => {
  const frame = frames.find((one) => one.contentWindow === source);
  if (!frame || !Object.hasOwn(ways, data)) return;
  frame.blur();
  window.focus();
  ways[data]();
});

Reveal.on("pdf-ready", () => {
  for (const frame of frames) frame.contentWindow.postMessage("end", "*");
});

Reveal.initialize({
  width: 1120,
  height: 630,
  margin: 0,
  center: false,
  display: "flex",
  hash: true,
  transition: "none",
  backgroundTransition: "none",
  controlsTutorial: false,
  navigationMode: "linear",
  slideNumber: "c/t",
  scrollActivationWidth: null,
  pdfMaxPagesPerSlide: 1,
  plugins: [RevealNotes],
});
