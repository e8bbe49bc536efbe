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

const notice = () => document.body.classList.toggle("inside", frames.includes(document.activeElement));
for (const change of ["blur", "focus"]) addEventListener(change, () => setTimeout(notice));

if (/print-pdf/i.test(location.search)) for (const frame of frames) frame.name = "paper"; // reveal.js will reload it

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
  pdfSeparateFragments: false,
  plugins: [RevealNotes],
});
