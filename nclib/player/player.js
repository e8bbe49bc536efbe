// The collapse player: features of a network in training, class means, classifier and the simplex ETF
// they are heading for, with the metric curves beside them. No dependency, no network, no build step.
// `render({ model, el })` is the one entry, for anywidget and for a plain page alike; model holds
// payload (JSON text), frame (index of a measured epoch) and selected (class indices; none: all).
// One run or two: with two, a picture each, and one clock over the measured epochs of both.

import { decode, epochAt, frameAt, makeView, positions } from "./player_geometry.js";
import { mix } from "./player_sprites.js";
import { Scene } from "./player_scene.js";
import { Curves } from "./player_curves.js";
import { momentOf, pictureInWords, remarkOn, stateOf } from "./player_telling.js";
import { wordsFor } from "./player_words.js";
import { build, fill, shortNames } from "./player_page.js";
import { hover, listen } from "./player_input.js";

const SECONDS = 9; // one whole run at normal speed
const VERY_NARROW = 480, NARROW = 820, WIDE = 1000; // px: columns of curves, and where they stand

const span = (text) => Object.assign(document.createElement("span"), { textContent: text });
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

class Player {
  constructor(model, el) {
    this.model = model;
    const { runs, height } = JSON.parse(model.get("payload"));
    Object.assign(this, { position: 0, playing: false, turning: false, highlighted: -1, speed: 1, chosen: [] });
    const { root, part, sides } = build(runs.length, height);
    Object.assign(this, { root, part });
    this.sides = sides.map((nodes) => ({ part: nodes, scene: new Scene(nodes.canvas) }));
    this.curves = new Curves(part.curves);
    this.off = new AbortController(); // ends every listener at once
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    el.append(root);
    this.resetCamera();
    this.load();
    listen(this);
    this.watch();
  }

  /** Takes what the model holds: runs as many as before, any epochs and classes. */
  load() {
    const { epochs, runs, settings = "" } = JSON.parse(this.model.get("payload"));
    const all = runs.map(decode), names = shortNames(all.map((run) => run.title), all.map((run) => run.about || {}));
    Object.assign(this, { epochs, last: epochs.length - 1, classNames: all[0].class_names, colors: all[0].colors });
    this.sides.forEach((side, r) => Object.assign(side, { data: all[r], name: names[r] }));
    const kind = all[0].kind || "network", { root, part } = this;
    fill({ root, part, sides: this.sides.map((side) => side.part) }, { runs: all, names, epochs, settings });
    this.curves.setData(all, epochs);
    if (this.kind !== kind) this.curves.logarithmic = kind !== "layers";
    Object.assign(this, { kind, words: wordsFor(all[0]) });
    part.axis.hidden = kind === "layers";
    this.showAxis();
    this.choose(this.model.get("selected") || []);
    this.seek(this.model.get("frame") || 0);
  }

  // ---- Which classes ------------------------------------------------------------------------------

  /** Shows the classes of `chosen` (oldest choice first), or all when it is empty. */
  choose(chosen) {
    const { part } = this;
    this.chosen = [...chosen];
    if (chosen.length && !chosen.includes(this.highlighted)) this.highlighted = -1;
    const before = this.dims();
    for (const side of this.sides) this.chooseFor(side);
    const reach = Math.max(...this.sides.map(({ scene }) => scene.reach)); // both at the same size
    for (const { scene } of this.sides) scene.reach = reach;
    this.emphasise(this.highlighted);
    if (before !== this.dims()) this.resetCamera();
    part.turn.hidden = this.dims() < 3;
    part.sizes.childNodes.forEach((b) => b.setAttribute("aria-pressed", Number(b.dataset.size) === chosen.length));
    this.root.querySelector('[data-layer="vertex"]').disabled = this.sides.every((side) => !side.view.vertices);
    this.described = "";
    this.describe();
  }

  chooseFor(side) {
    const { data, scene, part } = side, like = side === this.sides[0] ? null : this.sides[0].view;
    side.view = makeView(data, this.selection(), like);
    side.frames = positions(data, side.view);
    scene.setView(side.view, side.frames, data.class_names, data.epochs.length);
    part.canvas.classList.toggle("nc-fixed", side.view.dims === 1);
    if (side.view.dims === 1) part.hint.hidden = true;
  }

  /** Dimensions of the picture; of the fuller one of two. */
  dims() { return Math.max(...this.sides.map((side) => (side.view ? side.view.dims : 0))); }

  chooseMany(size) {
    const rest = this.classNames.map((_, c) => c).filter((c) => !this.chosen.includes(c));
    if (this.highlighted >= 0) rest.sort((a, b) => (b === this.highlighted) - (a === this.highlighted));
    this.choose(size ? [...this.chosen, ...rest].slice(0, size) : []);
    this.commitSelection();
  }

  /** A class on show is highlighted (again: no more); another one comes in for the oldest choice. */
  clickClass(c) {
    if (this.isShown(c)) { this.emphasise(this.highlighted === c ? -1 : c); return; }
    this.choose([...this.chosen.slice(1), c]);
    this.commitSelection();
  }

  isShown(c) { return !this.chosen.length || this.chosen.includes(c); }

  emphasise(c) {
    this.highlighted = c;
    for (const side of this.sides) side.scene.highlight(c);
    this.part.classes.childNodes.forEach((chip, k) => {
      const shown = this.isShown(k), name = this.classNames[k], oldest = this.classNames[this.chosen[0]];
      chip.classList.toggle("nc-out", !shown);
      chip.setAttribute("aria-pressed", c === k);
      chip.title = shown ? `highlight ${name}` : `show ${name} instead of ${oldest}`;
    });
    this.redraw();
  }

  // ---- Which moment -------------------------------------------------------------------------------

  /** The clock: `position` is a fractional index into the measured epochs (of both runs). */
  seek(position) {
    this.time = this.position = Math.max(0, Math.min(this.last, position));
    this.describe();
    this.redraw();
  }

  seekEpoch(epoch) { this.seek(frameAt(this.epochs, epoch)); }

  step(by) { this.pause(); this.seek(Math.round(this.position) + by); }

  /** Comes to a stand at the nearest measured epoch. */
  rest() { this.seek(Math.round(this.position)); this.commitFrame(); }

  play() {
    if (this.position >= this.last) this.seek(0);
    this.setPlaying(true);
  }

  pause() {
    if (!this.playing) return;
    this.setPlaying(false);
    this.rest();
  }

  setPlaying(on) {
    this.playing = on;
    this.clock = null;
    this.part.scrub.step = on ? "any" : 1; // between measured epochs only while moving
    const shape = on ? '<path d="M7 3h3.5v12H7zM13.5 3H17v12h-3.5z"/>' : '<path d="M8 2.5v13L19 9z"/>';
    const svg = `<svg viewBox="0 0 24 18" width="22" height="18" aria-hidden="true">${shape}</svg>`;
    this.part.play.innerHTML = `${svg}<span>${on ? "Pause" : "Play"}</span>`;
    this.redraw();
  }

  /** One frame of the clock: `now` in ms. With reduced motion the picture jumps from epoch to epoch. */
  advance(now) {
    const passed = this.clock ? Math.min(now - this.clock, 100) / 1000 : 0; // s, none for a hidden page
    this.clock = now;
    if (this.turning) this.camera.yaw += 0.35 * passed;
    if (!this.playing) return;
    this.time = Math.min(this.time + (passed * this.speed * this.last) / SECONDS, this.last);
    this.position = this.calm.matches ? Math.floor(this.time) : this.time;
    this.describe();
    if (this.position >= this.last) this.pause();
  }

  // ---- How it is seen -----------------------------------------------------------------------------

  resetCamera() { this.camera = { yaw: 0, pitch: 0, zoom: 1 }; this.redraw(); }

  turn(yaw, pitch) {
    if (this.dims() === 1) return;
    this.camera.yaw += yaw;
    this.camera.pitch = Math.max(-1.8, Math.min(1.3, this.camera.pitch + pitch));
    this.redraw();
  }

  zoom(by) { this.camera.zoom = Math.max(0.25, Math.min(6, this.camera.zoom * by)); this.redraw(); }

  toggleTurning() {
    this.turning = !this.turning;
    this.part.turn.setAttribute("aria-pressed", this.turning);
    this.redraw();
  }

  toggleLayer(button) {
    const name = button.dataset.layer, on = button.getAttribute("aria-pressed") !== "true";
    for (const side of this.sides) side.scene.layers[name] = on;
    button.setAttribute("aria-pressed", on);
    this.redraw();
  }

  toggleAxis() {
    this.curves.logarithmic = !this.curves.logarithmic;
    this.curves.paint();
    this.showAxis();
    this.redraw();
  }

  showAxis() {
    const { part: { axis }, curves: { logarithmic }, words } = this;
    axis.textContent = `${logarithmic ? "log" : "linear"} ${words.moments}`;
    axis.setAttribute("aria-label", `${words.moment} axis: ${logarithmic ? "logarithmic" : "linear"}; switch`);
  }

  // ---- Drawing ------------------------------------------------------------------------------------

  redraw() {
    if (this.request || this.gone) return;
    this.request = requestAnimationFrame((now) => {
      this.request = 0;
      this.advance(now);
      this.paint();
      if (this.playing || this.turning) this.redraw();
      else this.clock = null;
    });
  }

  paint() {
    const epoch = epochAt(this.epochs, this.position);
    for (const side of this.sides) {
      if (!side.scene.width || !side.scene.theme) return; // not on the page yet
      side.scene.draw(frameAt(side.data.epochs, epoch), this.camera);
      hover(side);
    }
    this.curves.draw(epoch);
  }

  // ---- In words -----------------------------------------------------------------------------------

  /** Readout, slider and the words for those who do not see the picture. */
  describe() {
    const { part } = this, frame = Math.round(this.position);
    if (!this.dragging) part.scrub.value = this.position;
    const what = [frame, this.playing].join();
    if (what === this.described) return;
    this.described = what;
    const epoch = this.epochs[frame], end = this.epochs[this.last];
    const states = this.sides.map((side) => stateOf(side, epoch)), run = this.sides[0].data, moment = momentOf(run, epoch, end);
    const lines = [moment, ...states.map(({ name, values }) => name + values.join(" · "))].filter(Boolean);
    if (states.length === 1) part.readout.textContent = lines.join(" · ");
    else part.readout.replaceChildren(...lines.map(span));
    part.scrub.setAttribute("aria-valuetext", moment);
    this.sides.forEach((side, r) => { side.part.caption.textContent = side.view.caption + remarkOn(side, states[r].at); });
    if (this.playing) return;
    this.sides.forEach((side, r) => side.part.canvas.setAttribute("aria-label", pictureInWords(side, states[r])));
    part.curves.setAttribute("aria-label", this.curves.inWords(epoch, this.sides.map((side) => side.name)));
  }

  // ---- Telling the kernel (only when something has come to rest) ------------------------------------

  commitFrame() { this.commit("frame", Math.round(this.position)); }

  commitSelection() { this.commit("selected", this.selection()); }

  selection() { return [...this.chosen].sort((a, b) => a - b); }

  commit(name, value) {
    if (same(this.model.get(name), value)) return;
    this.model.set(name, value);
    this.model.save_changes();
  }

  // ---- Size, theme, the kernel's side ---------------------------------------------------------------

  on(target, types, handler, options = {}) {
    for (const type of types.split(" ")) target.addEventListener(type, handler, { signal: this.off.signal, ...options });
  }

  watch() {
    this.setPlaying(false);
    this.sizes = new ResizeObserver(() => { this.setTheme(); this.resize(); });
    this.sizes.observe(this.root);
    this.themes = new MutationObserver(() => this.setTheme());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class", "data-vscode-theme-kind"] });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.on(this.dark, "change", () => this.setTheme());
    this.frameChanged = () => {
      const frame = this.model.get("frame");
      if (!this.playing && frame !== Math.round(this.position)) this.seek(frame);
    };
    this.selectedChanged = () => {
      const selected = this.model.get("selected");
      if (!same(selected, this.selection())) this.choose(selected);
    };
    this.model.on("change:frame", this.frameChanged);
    this.model.on("change:selected", this.selectedChanged);
    this.resize();
    this.setTheme();
  }

  /** Another payload in the same place; false where it has another number of runs. */
  reload() {
    const { runs, as_before: goesOn } = JSON.parse(this.model.get("payload")), again = goesOn && this.playing;
    if (runs.length !== this.sides.length) return false;
    this.setPlaying(false);
    for (const { scene } of this.sides) scene.theme = null; // of other classes, perhaps
    this.load();
    this.setTheme();
    this.resize();
    if (again) { this.seek(0); this.play(); }
    return true;
  }

  resize() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.root.classList.toggle("nc-narrow", width < NARROW);
    const beside = this.sides.length === 1 ? 1 : width < WIDE ? 3 : 4;
    const room = width >= NARROW ? beside : width > VERY_NARROW ? 2 : 1, count = this.curves.panels.length, columns = Math.min(room, count);
    this.root.style.setProperty("--nc-rows", Math.ceil(count / columns));
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const { part, scene } of this.sides) {
      const stage = part.canvas.getBoundingClientRect();
      scene.resize(stage.width, stage.height, ratio);
    }
    const curves = this.part.curves.getBoundingClientRect();
    this.curves.resize(curves.width, curves.height, ratio, columns);
    this.paint();
  }

  setTheme() {
    const { body } = document, jupyter = body.dataset.jpThemeLight;
    const dark = jupyter ? jupyter === "false" : body.classList.contains("vscode-dark") || (!body.dataset.vscodeThemeKind && this.dark.matches);
    this.root.dataset.theme = dark ? "dark" : "light";
    const style = getComputedStyle(this.root);
    const names = ["ink", "muted", "faint", "surface", "accent", "second", "band", "band2"];
    const theme = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--nc-${name}`).trim()]));
    if (!theme.ink) return; // not in the page yet: read when it has a size there
    theme.colours = this.colors.map((colour) => (dark ? mix(colour, "#ffffff", 0.22) : colour));
    theme.sticks = theme.colours.map((colour) => mix(colour, theme.ink, 0.45));
    this.part.classes.childNodes.forEach((chip, c) => chip.style.setProperty("--class", theme.colours[c]));
    for (const side of this.sides) side.scene.setTheme(theme);
    this.curves.setTheme(theme);
    this.redraw();
  }

  destroy() {
    this.gone = true;
    cancelAnimationFrame(this.request);
    this.off.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
    this.model.off("change:frame", this.frameChanged);
    this.model.off("change:selected", this.selectedChanged);
    this.root.remove();
  }
}

function render({ model, el }) {
  let player = new Player(model, el);
  const changed = () => {
    if (player.reload()) return;
    player.destroy();
    player = new Player(model, el);
  };
  model.on("change:payload", changed);
  return () => {
    model.off("change:payload", changed);
    player.destroy();
  };
}

export default { render };
