// What stands on the page around the canvases: HTML, buttons, names. Filled in once, never redrawn.

import { wordsFor } from "./player_words.js";

const SUPPRESS = 'data-lm-suppress-shortcuts="true"'; // Jupyter keeps its hands off keys pressed here
const KEY = [
  ["dot", "features", '<circle cx="7" cy="10" r="2.2"/><circle cx="13" cy="5" r="2.2"/><circle cx="18" cy="11" r="2.2"/>'],
  ["mean", "class means", '<path d="M2 8h12" stroke="currentColor" stroke-width="2.5"/><circle cx="17" cy="8" r="5"/>'],
  ["weight", "classifier", '<path d="M1 8h11" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2"/><rect x="13" y="3.5" width="9" height="9"/>'],
  ["strut", "edges", '<path d="M5 12L18 4" stroke="currentColor" stroke-width="2.5"/><circle cx="4" cy="12.5" r="3"/><circle cx="19" cy="3.5" r="3"/>'],
  ["face", "faces", '<path d="M3 13L12 2L21 13z" opacity=".45"/>'],
  ["vertex", "simplex ETF, the limit", '<path d="M1 13L11 8" stroke="currentColor"/><circle cx="16" cy="7" r="5.5" fill="none" stroke="currentColor" stroke-width="2"/>'],
];
const icon = (body) => `<svg viewBox="0 0 24 16" width="24" height="16" aria-hidden="true">${body}</svg>`;

const SIDE = `
  <figure class="nc-side">
    <figcaption data-side="title"></figcaption>
    <div class="nc-stage">
      <canvas data-side="canvas" role="img" tabindex="0" ${SUPPRESS}></canvas>
      <span class="nc-hint" data-side="hint"></span>
      <div class="nc-tip" data-side="tip" hidden></div>
    </div>
    <p class="nc-caption" data-side="caption"></p>
  </figure>`;

const page = (sides) => `
  <header>
    <strong data-part="title"></strong>
    <span class="nc-settings" data-part="settings" hidden></span>
    <div class="nc-sizes" data-part="sizes" role="group" aria-label="classes shown"></div>
  </header>
  <div class="nc-key" role="group" aria-label="what is drawn">${KEY.map(([layer, word, body]) =>
    `<button type="button" data-layer="${layer}" aria-pressed="true" ${SUPPRESS}>${icon(body)}<span>${word}</span></button>`).join("")}</div>
  <div class="nc-sides">${SIDE.repeat(sides)}</div>
  <div class="nc-controls">
    <button type="button" class="nc-play" data-part="play" ${SUPPRESS}></button>
    <div class="nc-track">
      <input type="range" data-part="scrub" min="0" step="1" aria-label="epoch" ${SUPPRESS}>
      <div class="nc-mark" data-part="mark" hidden><span></span></div>
    </div>
    <select class="nc-quiet" data-part="speed" aria-label="speed" ${SUPPRESS}>
      ${[0.25, 0.5, 1, 2, 4].map((v) => `<option value="${v}"${v === 1 ? " selected" : ""}>${v}×</option>`).join("")}
    </select>
    <button type="button" class="nc-quiet" data-part="turn" aria-pressed="false" title="turn the picture slowly" ${SUPPRESS}>turn</button>
  </div>
  <p class="nc-readout" data-part="readout"></p>
  <div class="nc-classes" data-part="classes" role="group" aria-label="classes"></div>
  <div class="nc-curves">
    <div class="nc-legend" data-part="legend"><button type="button" class="nc-axis" data-part="axis" ${SUPPRESS}></button></div>
    <div class="nc-plot"><canvas data-part="curves" role="img"></canvas></div>
  </div>`;

const named = (node, key) =>
  Object.fromEntries([...node.querySelectorAll(`[data-${key}]`)].map((found) => [found.dataset[key], found]));

/** The page of so many runs in an element of its own: {root, part, sides}, the last two by name. */
export function build(count, height) {
  const root = document.createElement("div");
  root.className = "nc-player";
  root.classList.toggle("nc-compare", count > 1);
  root.setAttribute("role", "group");
  root.innerHTML = page(count);
  root.style.setProperty("--nc-height", `${height}px`);
  return { root, part: named(root, "part"), sides: [...root.querySelectorAll(".nc-side")].map((node) => named(node, "side")) };
}

/** Writes what the runs say into a page that was built for as many. */
export function fill({ root, part, sides }, { runs, names, epochs, settings }) {
  const set = settings ? `, ${settings}` : "";
  root.setAttribute("aria-label", `collapse player: ${runs.map((run) => run.title).join(" compared with ")}${set}`);
  part.title.textContent = titleOf(runs);
  part.settings.textContent = settings;
  part.settings.hidden = !settings;
  part.scrub.max = epochs.length - 1;
  part.scrub.setAttribute("aria-label", wordsFor(runs[0]).moment);
  fillKey(root, runs);
  fillSides(sides, runs, names);
  fillClasses(part, runs[0]);
  fillLegend(part, runs, names);
  fillMark(part, runs, names, epochs);
}

/** Of two runs what they have in common, if they are two sides of one thing. */
function titleOf(runs) {
  if (runs.length === 1) return runs[0].title;
  const [mine, other] = runs.map((run) => run.title.split(" · ")), common = mine.filter((word, i) => word === other[i]);
  return runs[0].kind && common.length ? common.join(" · ") : "two runs, one clock";
}

/** Only what a run has can be shown and hidden; the simplex only where there is room for one. */
function fillKey(root, runs) {
  const words = wordsFor(runs[0]), points = runs[0].kind === "points", some = (test) => runs.some(test);
  const has = {
    dot: some((run) => run.labels.length), mean: true, weight: some((run) => run.weights),
    strut: some((run) => run.edges && run.edges.length), face: some((run) => run.faces && run.faces.length),
    vertex: !points || some((run) => run.num_features >= run.num_classes - 1),
  };
  for (const shows of root.querySelectorAll("[data-layer]")) {
    const { layer } = shows.dataset, word = { mean: words.means, vertex: words.vertex }[layer];
    shows.hidden = !has[layer];
    if (word) shows.lastChild.textContent = word;
  }
}

function fillSides(sides, runs, names) {
  const touch = matchMedia("(pointer: coarse)").matches;
  sides.forEach(({ title, hint }, r) => {
    title.hidden = runs.length === 1;
    title.replaceChildren(swatch(r), names[r] && runs[r].title.includes(names[r]) ? runs[r].title : `${runs[r].title} (${names[r]})`);
    hint.textContent = touch ? "drag to turn · pinch to zoom" : "drag to turn · +/− to zoom · double-click to reset";
    hint.hidden = r > 0;
  });
}

function fillClasses(part, run) {
  const { num_classes, class_names } = run, { things } = wordsFor(run);
  const sizes = [0, 4, 3].filter((k) => k < num_classes), crowded = run.kind === "points" && run.num_features < num_classes - 1;
  part.sizes.hidden = num_classes < 4 || crowded; // a part of a solid is none
  part.sizes.setAttribute("aria-label", `${things} shown`);
  part.classes.setAttribute("aria-label", things);
  part.sizes.replaceChildren(...sizes.map((k) => button(k ? `${k} ${things}` : `all ${num_classes}`, { size: k })));
  part.classes.replaceChildren(...class_names.map((name, c) => {
    const chip = button(name, { class: c });
    chip.prepend(document.createElement("i"));
    return chip;
  }));
}

/** Which line of the curves is which: means and classifier, or one run and the other. */
function fillLegend({ legend, axis }, runs, names) {
  const entry = (r, word) => {
    const node = document.createElement("span");
    node.append(swatch(r), word);
    return node;
  };
  const both = runs[0].panels.some(({ columns }) => columns.length > 1);
  legend.replaceChildren(axis);
  if (runs.length > 1) legend.prepend(entry(0, names[0]), entry(1, names[1]), both ? "NC2 thick: class means, thin: classifier" : "");
  else if (both) legend.prepend(entry(0, "class means"), entry(2, "classifier"));
}

/** Where each run reaches zero training error, under the slider. */
function fillMark({ mark }, runs, names, epochs) {
  const reached = runs.map((run, r) => [run.zero_error_epoch ?? null, names[r]]).filter(([zero]) => zero !== null);
  mark.querySelectorAll("i").forEach((tick) => tick.remove());
  mark.hidden = !reached.length;
  if (mark.hidden) return;
  const place = (zero) => epochs.indexOf(zero) / Math.max(epochs.length - 1, 1);
  for (const [zero] of reached) {
    const tick = document.createElement("i");
    tick.style.setProperty("--at", place(zero));
    mark.prepend(tick);
  }
  mark.style.setProperty("--at", place(reached[0][0]));
  const which = reached.length < runs.length ? ` (${reached[0][1]})` : "";
  mark.lastChild.textContent = reached.length > 1
    ? `zero training error first at epochs ${reached[0][0]} and ${reached[1][0]}`
    : `zero training error first at epoch ${reached[0][0]}${which}`;
}

/** A short line as the curves draw it: 0 the first run, 1 the second, 2 the classifier of the only one. */
function swatch(kind) {
  const node = document.createElement("i");
  node.className = `nc-line nc-line-${kind}`;
  return node;
}

function button(text, dataset) {
  const node = document.createElement("button");
  node.type = "button";
  node.append(text);
  Object.assign(node.dataset, dataset, { lmSuppressShortcuts: "true" });
  return node;
}

const MOST = 3; // settings that name a run

/** What tells the runs apart: the parts of their titles that differ, else settings, else their order. */
export function shortNames(titles, abouts = [{}, {}]) {
  if (titles.length === 1) return [""];
  const parts = titles.map((title) => title.split(" · "));
  const names = parts.map((own, r) => own.filter((word, i) => word !== parts[1 - r][i]).join(" · "));
  if (names[0] && names[1]) return names;
  const [a, b] = abouts, differ = Object.keys({ ...a, ...b }).filter((name) => a[name] !== b[name]).slice(0, MOST);
  const settings = (about) => differ.map((name) => `${name} ${about[name] ?? "–"}`).join(" · ");
  return differ.length ? [settings(a), settings(b)] : ["first run", "second run"];
}
