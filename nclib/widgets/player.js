// The collapse player: features of a network in training, class means, classifier and the simplex ETF
// they are heading for, with the metric curves beside them. No dependency, no network, no build step.
// `render({ model, el })` is the one entry, for anywidget and for a plain page alike; model holds
// payload (JSON text), frame (index of a measured epoch) and selected (class indices; none: all).

import { decode, makeView, positions, shareInView } from "./player_geometry.js";
import { Scene, WORDS, mix } from "./player_scene.js";
import { Curves, short } from "./player_curves.js";

const SECONDS = 9; // one whole run at normal speed
const SUPPRESS = 'data-lm-suppress-shortcuts="true"'; // Jupyter keeps its hands off keys pressed here

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const icon = (body) => `<svg viewBox="0 0 24 16" width="24" height="16" aria-hidden="true">${body}</svg>`;
const KEY = [
  ["dot", "features", '<circle cx="7" cy="10" r="2.2"/><circle cx="13" cy="5" r="2.2"/><circle cx="18" cy="11" r="2.2"/>'],
  ["mean", "class means", '<path d="M2 8h12" stroke="currentColor" stroke-width="2.5"/><circle cx="17" cy="8" r="5"/>'],
  ["weight", "classifier", '<path d="M1 8h11" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2"/><rect x="13" y="3.5" width="9" height="9"/>'],
  ["vertex", "simplex ETF, the limit", '<path d="M1 13L11 8" stroke="currentColor"/><circle cx="16" cy="7" r="5.5" fill="none" stroke="currentColor" stroke-width="2"/>'],
];

const PAGE = `
  <header>
    <strong data-part="title"></strong>
    <div class="nc-sizes" data-part="sizes" role="group" aria-label="classes shown"></div>
  </header>
  <div class="nc-key" role="group" aria-label="what is drawn">${KEY.map(([layer, word, body]) =>
    `<button type="button" data-layer="${layer}" aria-pressed="true" ${SUPPRESS}>${icon(body)}${word}</button>`).join("")}</div>
  <div class="nc-stage">
    <canvas data-part="scene" role="img" tabindex="0" ${SUPPRESS}></canvas>
    <span class="nc-hint" data-part="hint">drag to turn · +/− to zoom · double-click to reset</span>
    <div class="nc-tip" data-part="tip" hidden></div>
  </div>
  <p class="nc-caption" data-part="caption"></p>
  <div class="nc-controls">
    <button type="button" class="nc-play" data-part="play" ${SUPPRESS}></button>
    <div class="nc-track">
      <input type="range" data-part="scrub" min="0" step="1" aria-label="epoch" ${SUPPRESS}>
      <div class="nc-mark" data-part="mark" hidden><i></i><span></span></div>
    </div>
    <select class="nc-quiet" data-part="speed" aria-label="speed" ${SUPPRESS}>
      ${[0.25, 0.5, 1, 2, 4].map((v) => `<option value="${v}"${v === 1 ? " selected" : ""}>${v}×</option>`).join("")}
    </select>
    <button type="button" class="nc-quiet" data-part="turn" aria-pressed="false" title="turn the picture slowly" ${SUPPRESS}>turn</button>
  </div>
  <p class="nc-readout" data-part="readout"></p>
  <div class="nc-classes" data-part="classes" role="group" aria-label="classes"></div>
  <div class="nc-curves"><canvas data-part="curves" aria-hidden="true"></canvas></div>
  <button type="button" class="nc-axis" data-part="axis" ${SUPPRESS}></button>`;

class Player {
  constructor(model, el) {
    this.model = model;
    this.data = decode(JSON.parse(model.get("payload")));
    this.last = this.data.epochs.length - 1;
    Object.assign(this, { position: 0, playing: false, turning: false, highlighted: -1, speed: 1 });
    this.root = document.createElement("div");
    this.root.className = "nc-player";
    this.root.innerHTML = PAGE;
    this.root.style.setProperty("--nc-height", `${this.data.height}px`);
    this.part = Object.fromEntries([...this.root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
    this.scene = new Scene(this.part.scene);
    this.curves = new Curves(this.part.curves);
    this.curves.setData(this.data);
    this.off = new AbortController(); // ends every listener at once
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    el.append(this.root);
    this.fillIn();
    this.choose(model.get("selected") || []);
    this.listen();
    this.watch();
    this.seek(model.get("frame") || 0);
  }

  // ---- What stands on the page --------------------------------------------------------------------

  fillIn() {
    const { data, part } = this;
    part.title.textContent = data.title;
    part.scrub.max = this.last;
    this.showAxis();
    const sizes = [0, 4, 3].filter((k) => k < data.num_classes);
    part.sizes.hidden = data.num_classes < 4;
    part.sizes.append(...sizes.map((k) => this.button(k ? `${k} classes` : `all ${data.num_classes}`, { size: k })));
    part.classes.append(...data.class_names.map((name, c) => {
      const chip = this.button(name, { class: c });
      chip.prepend(document.createElement("i"));
      return chip;
    }));
    if (data.zero_error_epoch === null) return;
    const at = data.epochs.indexOf(data.zero_error_epoch) / Math.max(this.last, 1);
    part.mark.hidden = false;
    part.mark.style.setProperty("--at", at);
    part.mark.querySelector("span").textContent = `zero training error from epoch ${data.zero_error_epoch}`;
  }

  button(text, dataset) {
    const node = document.createElement("button");
    node.type = "button";
    node.append(text);
    Object.assign(node.dataset, dataset, { lmSuppressShortcuts: "true" });
    return node;
  }

  showAxis() {
    this.part.axis.textContent = this.curves.logarithmic ? "log epochs" : "linear epochs";
    this.part.axis.setAttribute("aria-label", `epoch axis: ${this.curves.logarithmic ? "logarithmic" : "linear"}; switch`);
  }

  // ---- Which classes ------------------------------------------------------------------------------

  /** Shows the classes of `chosen` (oldest choice first), or all when it is empty. */
  choose(chosen) {
    const { data } = this;
    this.chosen = [...chosen];
    if (chosen.length && !chosen.includes(this.highlighted)) this.highlighted = -1;
    const dims = this.view && this.view.dims;
    this.view = makeView(data, this.selection());
    this.frames = positions(data, this.view);
    this.scene.setView(this.view, this.frames, data.class_names, data.epochs.length);
    this.emphasise(this.highlighted);
    if (dims !== this.view.dims) this.resetCamera();
    this.part.scene.style.cursor = this.view.dims === 1 ? "default" : "grab";
    this.part.turn.hidden = this.view.dims < 3;
    if (this.view.dims === 1) this.part.hint.hidden = true;
    this.part.sizes.childNodes.forEach((b) => b.setAttribute("aria-pressed", Number(b.dataset.size) === chosen.length));
    this.root.querySelector('[data-layer="vertex"]').disabled = !this.view.vertices;
    this.describe();
  }

  chooseMany(size) {
    const rest = this.data.class_names.map((_, c) => c).filter((c) => !this.chosen.includes(c));
    if (this.highlighted >= 0) rest.sort((a, b) => (b === this.highlighted) - (a === this.highlighted));
    this.choose(size ? [...this.chosen, ...rest].slice(0, size) : []);
    this.commitSelection();
  }

  /** A class on show is highlighted (again: no more); another one comes in for the oldest choice. */
  clickClass(c) {
    if (this.view.classes.includes(c)) return this.emphasise(this.highlighted === c ? -1 : c);
    this.choose([...this.chosen.slice(1), c]);
    return this.commitSelection();
  }

  emphasise(c) {
    this.highlighted = c;
    this.scene.highlight(c);
    this.part.classes.childNodes.forEach((chip, k) => {
      const shown = this.view.classes.includes(k), name = this.data.class_names[k];
      chip.classList.toggle("nc-out", !shown);
      chip.setAttribute("aria-pressed", c === k);
      const oldest = this.data.class_names[this.chosen[0]];
      chip.title = shown ? `highlight ${name}` : `show ${name} instead of ${oldest}`;
    });
    this.redraw();
  }

  // ---- Which moment -------------------------------------------------------------------------------

  seek(position) {
    this.time = this.position = Math.max(0, Math.min(this.last, position));
    this.describe();
    this.redraw();
  }

  step(by) { this.pause(); this.seek(Math.round(this.position) + by); }

  play() {
    if (this.position >= this.last) this.seek(0);
    this.setPlaying(true);
  }

  pause() {
    if (!this.playing) return;
    this.setPlaying(false);
    this.seek(Math.round(this.position));
    this.commitFrame();
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
    if (!this.scene.width || !this.scene.theme) return; // not on the page yet
    this.scene.draw(this.position, this.camera);
    this.curves.draw(this.position);
  }

  /** Readout, slider and the words for those who do not see the picture. */
  describe() {
    const { data, part } = this, e = Math.round(this.position);
    if (!this.dragging) part.scrub.value = this.position;
    const what = [e, this.playing, ...this.chosen].join();
    if (what === this.described) return;
    this.described = what;
    const epoch = data.epochs[e], end = data.epochs[this.last];
    const accuracy = data.metrics.train_accuracy[e];
    const percent = accuracy === null ? "–" : `${Number((100 * accuracy).toFixed(accuracy > 0.99 ? 2 : 1))} %`;
    part.readout.textContent = `epoch ${epoch} of ${end} · train accuracy ${percent} · NC1 ${short(data.metrics.nc1[e])}`;
    part.scrub.setAttribute("aria-valuetext", `epoch ${epoch} of ${end}`);
    part.caption.textContent = this.view.caption + this.remark(e);
    if (!this.playing) part.scene.setAttribute("aria-label", this.inWords(e, epoch, end, percent));
  }

  remark(e) {
    const status = this.data.status[e];
    if (status === "zero") return " · the class means have collapsed to zero: all is drawn at the origin";
    if (status === "not finite") return " · the features are not finite at this epoch: nothing to draw";
    const share = this.view.all ? Math.round(100 * shareInView(this.view, this.frames.means, e)) : 100;
    return share === 100 ? "" : ` · ${share} % of the class means' spread is in view`;
  }

  inWords(e, epoch, end, percent) {
    const { data } = this, names = this.view.classes.map((c) => data.class_names[c]).join(", ");
    const nc1 = data.metrics.nc1[e], zero = data.zero_error_epoch;
    const phase = zero === null ? "" : epoch >= zero ? `, zero training error since epoch ${zero}` : `, zero training error comes at epoch ${zero}`;
    const spread = nc1 === null ? "" : `; NC1, the scatter within classes relative to that between them, is ${short(nc1)}`;
    return `${data.title}: features, class means and classifier of the classes ${names} at epoch ${epoch} of ${end}; ` +
      `train accuracy ${percent}${phase}${spread}. ${this.view.caption}.`;
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

  // ---- Listening ----------------------------------------------------------------------------------

  on(target, types, handler, options = {}) {
    for (const type of types.split(" ")) target.addEventListener(type, handler, { signal: this.off.signal, ...options });
  }

  listen() {
    const { part, root } = this;
    this.on(part.play, "click", () => (this.playing ? this.pause() : this.play()));
    this.on(part.speed, "change", () => { this.speed = Number(part.speed.value); });
    this.on(part.turn, "click", () => { this.turning = !this.turning; part.turn.setAttribute("aria-pressed", this.turning); this.redraw(); });
    this.on(part.axis, "click", () => { this.curves.logarithmic = !this.curves.logarithmic; this.showAxis(); this.curves.paint(); this.redraw(); });
    this.on(part.sizes, "click", (event) => { const b = event.target.closest("button"); if (b) this.chooseMany(Number(b.dataset.size)); });
    this.on(part.classes, "click", (event) => { const b = event.target.closest("button"); if (b) this.clickClass(Number(b.dataset.class)); });
    root.querySelectorAll("[data-layer]").forEach((b) => this.on(b, "click", () => this.toggleLayer(b)));
    this.on(root, "keydown", (event) => this.key(event));
    this.on(root, "keyup", () => { if (!this.playing) this.commitFrame(); });
    this.listenToScrubber();
    this.listenToCurves();
    this.listenToScene();
  }

  toggleLayer(button) {
    const { layers } = this.scene, name = button.dataset.layer;
    layers[name] = !layers[name];
    button.setAttribute("aria-pressed", layers[name]);
    this.redraw();
  }

  /** Dragging passes between measured epochs, letting go snaps to one; keys go from one to the next. */
  listenToScrubber() {
    const { scrub } = this.part;
    this.on(scrub, "pointerdown", () => { this.setPlaying(false); this.dragging = true; scrub.step = "any"; });
    this.on(scrub, "input", () => { if (this.playing) this.setPlaying(false); this.seek(Number(scrub.value)); });
    this.on(scrub, "change pointerup pointercancel", () => {
      this.dragging = false;
      scrub.step = 1;
      if (this.playing) return;
      this.seek(Math.round(this.position));
      this.commitFrame();
    });
  }

  listenToCurves() {
    const canvas = this.part.curves;
    const move = (event) => {
      const frame = this.curves.frameAt(event.offsetX, event.offsetY);
      if (frame >= 0) this.seek(frame);
    };
    let sweeping = false;
    this.on(canvas, "pointerdown", (event) => {
      this.setPlaying(false);
      sweeping = true;
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    this.on(canvas, "pointermove", (event) => { if (sweeping) move(event); });
    this.on(canvas, "pointerup pointercancel", () => {
      sweeping = false;
      this.seek(Math.round(this.position));
      this.commitFrame();
    });
  }

  listenToScene() {
    const canvas = this.part.scene;
    let from = null, moved = 0;
    this.on(canvas, "pointerdown", (event) => { from = event; moved = 0; canvas.setPointerCapture(event.pointerId); });
    this.on(canvas, "pointermove", (event) => {
      if (!from) return this.hover(event);
      moved += Math.abs(event.clientX - from.clientX) + Math.abs(event.clientY - from.clientY);
      this.drag(event, from);
      from = event;
      return undefined;
    });
    this.on(canvas, "pointerup pointercancel", (event) => {
      from = null;
      const hit = moved < 5 && event.type === "pointerup" && this.scene.pick(event.offsetX, event.offsetY);
      if (hit) this.clickClass(hit.cls);
      else if (moved < 5 && this.highlighted >= 0) this.emphasise(-1);
    });
    this.on(canvas, "pointerleave", () => { this.part.tip.hidden = true; });
    this.on(canvas, "dblclick", () => { this.resetCamera(); this.emphasise(-1); });
    this.on(canvas, "wheel", (event) => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300));
    }, { passive: false });
  }

  /** Turns the picture: a solid about its centre, a plane in itself. */
  drag(event, from) {
    if (this.view.dims === 1) return;
    this.part.hint.hidden = true;
    this.part.tip.hidden = true;
    if (this.view.dims === 2) {
      const angle = (e) => Math.atan2(this.scene.cy - e.offsetY, e.offsetX - this.scene.cx);
      this.camera.yaw += angle(event) - angle(from);
    } else {
      this.camera.yaw -= (event.clientX - from.clientX) / 140;
      this.camera.pitch = Math.max(-1.55, Math.min(1.55, this.camera.pitch + (event.clientY - from.clientY) / 140));
    }
    this.redraw();
  }

  /** A plane is seen from the front, a solid from a little above. */
  resetCamera() { this.camera = this.view.dims < 3 ? { yaw: 0, pitch: 0, zoom: 1 } : { yaw: -0.45, pitch: 0.28, zoom: 1 }; }

  zoom(by) { this.camera.zoom = Math.max(0.25, Math.min(6, this.camera.zoom * by)); this.redraw(); }

  hover(event) {
    const { tip } = this.part, hit = this.scene.pick(event.offsetX, event.offsetY);
    tip.hidden = !hit;
    if (!hit) return;
    tip.textContent = `${this.data.class_names[hit.cls]} · ${WORDS[hit.kind]}`;
    const room = this.scene.width - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(4, Math.min(room, hit.x - tip.offsetWidth / 2))}px`;
    tip.style.top = `${hit.y > 50 ? hit.y - 42 : hit.y + 22}px`;
  }

  key(event) {
    const { target } = event;
    if (target === this.part.speed || event.altKey || event.metaKey || event.ctrlKey) return;
    const turnBy = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -1e9, End: 1e9 }[event.key];
    const zooms = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 }[event.key];
    if (event.shiftKey && turnBy && this.view.dims > 1) {
      this.camera.yaw -= turnBy[0];
      this.camera.pitch = Math.max(-1.55, Math.min(1.55, this.camera.pitch + turnBy[1]));
      this.redraw();
    } else if (steps) this.step(steps);
    else if (zooms) this.zoom(zooms);
    else if (event.key === " " && (target.tagName !== "BUTTON" || target === this.part.play)) { if (!event.repeat) this.part.play.click(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- Size, theme, the kernel's side ---------------------------------------------------------------

  watch() {
    this.setPlaying(false);
    this.sizes = new ResizeObserver(() => this.resize());
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

  resize() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.root.classList.toggle("nc-narrow", width < 700);
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const stage = this.part.scene.getBoundingClientRect(), curves = this.part.curves.getBoundingClientRect();
    this.scene.resize(stage.width, stage.height, ratio);
    this.curves.resize(curves.width, curves.height, ratio, width < 700 && width > 460 ? 2 : 1);
    this.paint();
  }

  setTheme() {
    const { body } = document, jupyter = body.dataset.jpThemeLight;
    const dark = jupyter ? jupyter === "false" : body.classList.contains("vscode-dark") || (!body.dataset.vscodeThemeKind && this.dark.matches);
    this.root.dataset.theme = dark ? "dark" : "light";
    const style = getComputedStyle(this.root);
    const names = ["ink", "muted", "faint", "surface", "accent", "band"];
    const theme = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--nc-${name}`).trim()]));
    theme.colours = this.data.colors.map((colour) => (dark ? mix(colour, "#ffffff", 0.22) : colour));
    theme.sticks = theme.colours.map((colour) => mix(colour, theme.ink, 0.45));
    this.part.classes.childNodes.forEach((chip, c) => chip.style.setProperty("--class", theme.colours[c]));
    this.scene.setTheme(theme);
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

export function render({ model, el }) {
  const player = new Player(model, el);
  return () => player.destroy();
}

export default { render };
