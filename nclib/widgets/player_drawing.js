// Two drawings, each on a 2-D canvas of its own: the scene in three dimensions and the metric curves.
// Nothing is allocated while playing: positions go into typed arrays, shapes are pre-rendered sprites.

const TAU = 2 * Math.PI;
const EYE = 5.5; // distance of the camera, in radii of the ETF
const DASHES = [5, 4], SOLID = [];
const BINS = 256; // levels of depth that are told apart
const KINDS = ["dot", "mean", "weight", "vertex", "meanStick", "weightStick", "edge"];
export const WORDS = {
  dot: "features of one sample",
  mean: "class mean",
  weight: "classifier row",
  vertex: "vertex of the simplex ETF",
};

/** "#rrggbb" moved by `t` towards "#rrggbb". */
export function mix(colour, towards, t) {
  const part = (c, i) => parseInt(c.slice(1 + 2 * i, 3 + 2 * i), 16);
  const hex = [0, 1, 2].map((i) => Math.round(part(colour, i) * (1 - t) + part(towards, i) * t));
  return "#" + hex.map((v) => v.toString(16).padStart(2, "0")).join("");
}

function sprite(width, height, pixelRatio, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * pixelRatio);
  canvas.height = Math.ceil(height * pixelRatio);
  const ctx = canvas.getContext("2d");
  ctx.scale(pixelRatio, pixelRatio);
  paint(ctx);
  return { canvas, width, height };
}

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.layers = { dot: true, mean: true, weight: true, vertex: true };
    this.rotation = new Float64Array(9);
    this.bins = new Uint32Array(BINS + 1);
  }

  // ---- What there is to draw ----------------------------------------------------------------------

  /** Shows other data or other classes; `names` are all class names. */
  setView(view, frames, names, epochs) {
    const K = view.classes.length, n = frames.labels.length;
    Object.assign(this, { view, frames, names, epochs, K, n });
    this.vertices = new Float32Array(K * 3);
    if (view.vertices)
      for (let i = 0; i < K * view.dims; i++) this.vertices[Math.floor(i / view.dims) * 3 + (i % view.dims)] = view.vertices[i];
    this.reach = this.reachOf(this.vertices, K); // a projected ETF is smaller: come closer
    this.pairs = [];
    for (let a = 0; a < K; a++) for (let b = a + 1; b < K; b++) this.pairs.push(a, b);
    const counts = [n, K, K, view.vertices ? K : 0, K, K, view.vertices ? this.pairs.length / 2 : 0];
    this.first = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
    this.total = counts.reduce((a, b) => a + b, 0);
    const points = n + 3 * K;
    this.x = new Float32Array(points);
    this.y = new Float32Array(points);
    this.z = new Float32Array(points);
    this.size = new Float32Array(points); // perspective: 1 at the origin's distance
    this.depth = new Float32Array(this.total);
    this.order = new Uint32Array(this.total);
    this.kind = new Uint8Array(this.total);
    counts.forEach((count, i) => this.kind.fill(i, this.first[i], this.first[i] + count));
    this.classOf = new Uint16Array(points);
    this.classOf.set(frames.labels);
    for (let i = 0; i < 3 * K; i++) this.classOf[n + i] = view.classes[i % K];
    this.fade = new Float32Array(names.length).fill(1);
    this.makeSprites();
  }

  reachOf(points, count) {
    let far = 0;
    for (let k = 0; k < count; k++) far = Math.max(far, Math.hypot(points[3 * k], points[3 * k + 1], points[3 * k + 2]));
    return far > 0.3 ? far : 1;
  }

  setTheme(theme) {
    this.theme = theme;
    this.makeSprites();
  }

  /** Dims every class but `highlighted` (-1: none). */
  highlight(highlighted) {
    this.fade.forEach((_, c) => { this.fade[c] = highlighted < 0 || highlighted === c ? 1 : 0.16; });
  }

  resize(width, height, pixelRatio) {
    Object.assign(this, { width, height, pixelRatio });
    this.canvas.width = Math.round(width * pixelRatio);
    this.canvas.height = Math.round(height * pixelRatio);
    this.makeSprites();
  }

  makeSprites() {
    if (!this.view || !this.theme || !this.pixelRatio) return;
    const { colours, ink, surface } = this.theme;
    const ratio = this.pixelRatio;
    const disc = (ctx, r, c) => { ctx.beginPath(); ctx.arc(c, c, r, 0, TAU); };
    this.sprites = colours.map((colour, c) => ({
      dot: sprite(8, 8, 2 * ratio, (ctx) => { disc(ctx, 3.2, 4); ctx.fillStyle = colour; ctx.fill(); }),
      mean: sprite(26, 26, 1.5 * ratio, (ctx) => {
        const shade = ctx.createRadialGradient(9.5, 8.5, 1, 13, 13, 11);
        shade.addColorStop(0, mix(colour, "#ffffff", 0.65));
        shade.addColorStop(0.5, colour);
        shade.addColorStop(1, mix(colour, "#000000", 0.3));
        disc(ctx, 10, 13); ctx.fillStyle = shade; ctx.fill();
        ctx.lineWidth = 1.4; ctx.strokeStyle = surface; ctx.stroke();
      }),
      weight: sprite(24, 24, 1.5 * ratio, (ctx) => {
        ctx.fillStyle = mix(colour, surface, 0.35); ctx.fillRect(3.5, 3.5, 17, 17);
        ctx.lineWidth = 2; ctx.strokeStyle = mix(colour, ink, 0.45); ctx.strokeRect(3.5, 3.5, 17, 17);
      }),
      vertex: sprite(40, 40, 1.5 * ratio, (ctx) => {
        disc(ctx, 16.5, 20); ctx.lineWidth = 2.2; ctx.strokeStyle = mix(colour, this.theme.ink, 0.15); ctx.stroke();
      }),
      label: this.labelSprite(this.names[c], ratio),
    }));
  }

  labelSprite(name, ratio) {
    const font = "600 13px system-ui, -apple-system, 'Segoe UI', sans-serif";
    this.ctx.font = font;
    const text = name.length > 18 ? name.slice(0, 17) + "…" : name;
    const width = this.ctx.measureText(text).width + 8;
    return sprite(width, 20, ratio, (ctx) => {
      Object.assign(ctx, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
      ctx.strokeStyle = this.theme.surface; ctx.strokeText(text, width / 2, 10.5);
      ctx.fillStyle = this.theme.ink; ctx.fillText(text, width / 2, 10.5);
    });
  }

  // ---- Where it is on the screen ------------------------------------------------------------------

  /** Rotation rows of the camera; a plane or a line is seen from the front and turns only in itself. */
  aim({ yaw, pitch, zoom }) {
    const flat = this.view.dims < 3;
    const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
    const turned = flat ? [cy, -sy, 0, sy, cy, 0, 0, 0, 1] : [cy, sy, 0, -sy * sp, cy * sp, cp, sy * cp, -cy * cp, sp];
    const asIs = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    this.rotation.set(this.view.dims === 1 ? asIs : turned);
    this.cx = this.width / 2;
    this.cy = this.height * (this.view.dims === 2 ? 0.56 : 0.52);
    this.unit = (Math.min(this.width, this.height) * (flat ? 0.39 : 0.345) * zoom) / this.reach;
    this.eye = flat ? 1e9 : EYE * this.reach;
  }

  /** Screen positions of `count` points between frames i and j of `source`, written from `at` on. */
  project(source, count, i, j, part, at) {
    const m = this.rotation, { x, y, z, size, unit, eye, cx, cy } = this;
    let a = i * count * 3, b = j * count * 3;
    for (let k = at; k < at + count; k++, a += 3, b += 3) {
      const u = source[a] + part * (source[b] - source[a]);
      const v = source[a + 1] + part * (source[b + 1] - source[a + 1]);
      const w = source[a + 2] + part * (source[b + 2] - source[a + 2]);
      const near = m[6] * u + m[7] * v + m[8] * w;
      const scale = near < eye - 0.5 ? eye / (eye - near) : 0;
      x[k] = cx + unit * scale * (m[0] * u + m[1] * v + m[2] * w);
      y[k] = cy - unit * scale * (m[3] * u + m[4] * v + m[5] * w);
      z[k] = near;
      size[k] = scale;
    }
  }

  /** Depth of every item, then a counting sort from far to near. */
  sort() {
    const { z, n, K, depth, order, bins, first, pairs } = this;
    for (let i = 0; i < n; i++) depth[i] = z[i];
    for (let k = 0; k < K; k++) {
      depth[first[1] + k] = z[n + k] + 0.04; // a ball in front of its own square, the square of its ring
      depth[first[2] + k] = z[n + K + k] + 0.02;
      if (this.view.vertices) depth[first[3] + k] = z[n + 2 * K + k];
      depth[first[4] + k] = z[n + k] / 2;
      depth[first[5] + k] = z[n + K + k] / 2;
    }
    for (let e = first[6]; e < this.total; e++) {
      const pair = 2 * (e - first[6]);
      depth[e] = (z[n + 2 * K + pairs[pair]] + z[n + 2 * K + pairs[pair + 1]]) / 2 - 0.2;
    }
    bins.fill(0);
    for (let i = 0; i < this.total; i++) bins[this.bin(depth[i]) + 1]++;
    for (let b = 0; b < BINS; b++) bins[b + 1] += bins[b];
    for (let i = 0; i < this.total; i++) order[bins[this.bin(depth[i])]++] = i;
  }

  bin(depth) {
    return Math.max(0, Math.min(BINS - 1, Math.floor(((depth / this.reach + 2.5) / 5) * BINS)));
  }

  /** How solid something at depth z looks: far things fade, near ones do not. */
  solidity(z) {
    if (this.view.dims < 3) return 1;
    return Math.max(0.3, Math.min(1, 0.68 + (0.3 * z) / this.reach));
  }

  // ---- Drawing ------------------------------------------------------------------------------------

  /** Draws the moment `position` (a fractional index into the measured epochs). */
  draw(position, camera) {
    const { ctx, K, n, frames } = this;
    const i = Math.min(Math.floor(position), this.epochs - 1), j = Math.min(i + 1, this.epochs - 1);
    this.aim(camera);
    this.project(frames.features, n, i, j, position - i, 0);
    this.project(frames.means, K, i, j, position - i, n);
    this.project(frames.weights, K, i, j, position - i, n + K);
    this.project(this.vertices, K, 0, 0, 0, n + 2 * K);
    this.sort();
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    ctx.globalAlpha = 1;
    ctx.clearRect(0, 0, this.width, this.height);
    for (let o = 0; o < this.total; o++) this.drawItem(this.order[o]);
    if (this.layers.mean) this.drawLabels();
    ctx.globalAlpha = 1;
  }

  drawItem(item) {
    const kind = KINDS[this.kind[item]];
    const k = item - this.first[this.kind[item]];
    if (kind === "dot") { if (this.layers.dot) this.stamp("dot", k, 0.92); }
    else if (kind === "mean") { if (this.layers.mean) this.stamp("mean", this.n + k, 1); }
    else if (kind === "weight") { if (this.layers.weight) this.stamp("weight", this.n + this.K + k, 1); }
    else if (kind === "vertex") { if (this.layers.vertex) this.stamp("vertex", this.n + 2 * this.K + k, 0.9); }
    else if (kind === "meanStick") { if (this.layers.mean) this.stick(this.n + k, 3, false); }
    else if (kind === "weightStick") { if (this.layers.weight) this.stick(this.n + this.K + k, 2.2, true); }
    else if (this.layers.vertex) this.edge(k);
  }

  stamp(kind, point, opacity) {
    const c = this.classOf[point], s = this.sprites[c][kind], scale = this.size[point];
    const w = s.width * scale, h = s.height * scale;
    this.ctx.globalAlpha = opacity * this.fade[c] * this.solidity(this.z[point]);
    this.ctx.drawImage(s.canvas, this.x[point] - w / 2, this.y[point] - h / 2, w, h);
  }

  stick(point, width, dashed) {
    const { ctx } = this, c = this.classOf[point];
    ctx.globalAlpha = 0.85 * this.fade[c] * this.solidity(this.z[point] / 2);
    ctx.strokeStyle = dashed ? this.theme.sticks[c] : this.theme.colours[c];
    ctx.lineWidth = width * this.size[point];
    if (dashed) ctx.setLineDash(DASHES);
    ctx.beginPath();
    ctx.moveTo(this.cx, this.cy);
    ctx.lineTo(this.x[point], this.y[point]);
    ctx.stroke();
    if (dashed) ctx.setLineDash(SOLID);
  }

  edge(k) {
    const { ctx, pairs } = this, at = this.n + 2 * this.K;
    const a = at + pairs[2 * k], b = at + pairs[2 * k + 1];
    ctx.globalAlpha = (this.K > 5 ? 0.3 : 0.6) * this.solidity((this.z[a] + this.z[b]) / 2) ** 2;
    ctx.strokeStyle = this.theme.muted;
    ctx.lineWidth = this.K > 5 ? 0.8 : 1.2;
    ctx.beginPath();
    ctx.moveTo(this.x[a], this.y[a]);
    ctx.lineTo(this.x[b], this.y[b]);
    ctx.stroke();
  }

  /** Class names beside the means, outwards; nearer ones over farther ones. */
  drawLabels() {
    const { ctx, n } = this;
    for (let o = 0; o < this.total; o++) {
      const item = this.order[o];
      if (this.kind[item] !== 1) continue;
      const point = n + item - this.first[1], c = this.classOf[point], s = this.sprites[c].label;
      const dx = this.x[point] - this.cx, dy = this.y[point] - this.cy, length = Math.hypot(dx, dy) + 6;
      const reach = 20 * this.size[point];
      const x = this.x[point] + (dx / length) * (reach + s.width / 2 - 6), y = this.y[point] + (dy / length) * (reach + 4);
      ctx.globalAlpha = this.fade[c] * Math.max(0.55, this.solidity(this.z[point]));
      ctx.drawImage(s.canvas, x - s.width / 2, y - s.height / 2, s.width, s.height);
    }
  }

  // ---- What is under the pointer ------------------------------------------------------------------

  /** The nearest thing at (x, y): {kind, cls}, or null. Balls first, dots last. */
  pick(x, y) {
    const { n, K } = this;
    const groups = [["mean", n, K, 13], ["weight", n + K, K, 12], ["vertex", n + 2 * K, this.view.vertices ? K : 0, 18], ["dot", 0, n, 7]];
    for (const [kind, from, count, reach] of groups) {
      if (!this.layers[kind]) continue;
      let best = -1, nearest = reach;
      for (let p = from; p < from + count; p++) {
        const distance = Math.hypot(this.x[p] - x, this.y[p] - y);
        if (distance <= nearest * Math.max(1, this.size[p]) && this.fade[this.classOf[p]] === 1) { best = p; nearest = distance; }
      }
      if (best >= 0) return { kind, cls: this.classOf[best], x: this.x[best], y: this.y[best] };
    }
    return null;
  }
}

// ---- Curves ---------------------------------------------------------------------------------------

const PANELS = [
  ["NC1 · scatter within / between classes", "nc1"],
  ["NC2 · unequal norms", "equinorm_means", "equinorm_weights"],
  ["NC2 · angles off −1/(C−1)", "max_angle_means", "max_angle_weights"],
  ["NC3 · classifier ≠ class means", "self_duality"],
  ["NC4 · nearest-mean mismatch", "ncc_mismatch"],
];
const FONT = "11px system-ui, -apple-system, 'Segoe UI', sans-serif";
const PAD = { left: 36, right: 8, top: 25, bottom: 4, axis: 18 };

/** A number as people read it: 0.0032 → "3.2e-3", 0.42 → "0.42", missing → "–". */
export function short(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.01 || size >= 1000 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}

export class Curves {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.logarithmic = true;
  }

  setData({ epochs, metrics, zero_error_epoch, num_classes }) {
    Object.assign(this, { epochs, metrics, zero: zero_error_epoch });
    const kept = num_classes > 2 ? PANELS : PANELS.filter(([title]) => !title.startsWith("NC2")); // vacuous for two
    this.panels = kept.map(([title, ...names]) => ({ title, lines: names.map((name) => metrics[name]) }));
    for (const panel of this.panels) this.setRange(panel);
  }

  /** Whole decades around the positive values; a value of 0 sits on the floor below them. */
  setRange(panel) {
    const values = panel.lines.flat().filter((v) => v !== null && v > 0).map(Math.log10);
    panel.high = values.length ? Math.ceil(Math.max(...values) - 1e-9) : 0;
    panel.low = values.length ? Math.floor(Math.min(...values) + 1e-9) : -1;
    if (panel.high === panel.low) panel.low -= 1;
    panel.zero = panel.lines.flat().some((v) => v === 0);
    panel.floor = panel.low - (panel.zero ? 0.3 * Math.max(1, (panel.high - panel.low) / 3) : 0);
  }

  setTheme(theme) { this.theme = theme; this.paint(); }

  /** One column when the canvas is tall, two when it is wide and low. */
  resize(width, height, pixelRatio, columns) {
    Object.assign(this, { width, height, pixelRatio, columns });
    this.canvas.width = Math.round(width * pixelRatio);
    this.canvas.height = Math.round(height * pixelRatio);
    this.paint();
  }

  // ---- From numbers to places ---------------------------------------------------------------------

  axis(epoch) {
    const first = this.epochs[0], last = this.epochs[this.epochs.length - 1];
    if (last === first) return 0;
    return this.logarithmic ? Math.log1p(epoch - first) / Math.log1p(last - first) : (epoch - first) / (last - first);
  }

  /** Place along the axis, 0 to 1, of a fractional frame. */
  along(position) {
    const i = Math.min(Math.floor(position), this.epochs.length - 1), j = Math.min(i + 1, this.epochs.length - 1);
    return this.axis(this.epochs[i]) + (position - i) * (this.axis(this.epochs[j]) - this.axis(this.epochs[i]));
  }

  box(p) {
    const rows = Math.ceil(this.panels.length / this.columns);
    const w = this.width / this.columns, h = (this.height - PAD.axis) / rows;
    const left = (p % this.columns) * w + PAD.left, top = Math.floor(p / this.columns) * h + PAD.top;
    return { left, top, width: w - PAD.left - PAD.right, height: h - PAD.top - PAD.bottom };
  }

  y(panel, box, value) {
    const level = value > 0 ? Math.max(Math.log10(value), panel.floor) : panel.floor;
    return box.top + (box.height * (panel.high - level)) / (panel.high - panel.floor);
  }

  // ---- Drawing ------------------------------------------------------------------------------------

  /** Everything that stands still, painted once per size, theme and axis. */
  paint() {
    if (!this.theme || !this.width) return;
    this.still = sprite(this.width, this.height, this.pixelRatio, (ctx) => {
      ctx.font = FONT;
      this.panels.forEach((panel, p) => this.paintPanel(ctx, panel, this.box(p), p));
    });
  }

  paintPanel(ctx, panel, box, p) {
    const { ink, muted, faint, accent } = this.theme;
    ctx.fillStyle = ink; ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
    ctx.fillText(panel.title, box.left - PAD.left + 2, box.top - 10);
    if (panel.lines.length > 1) this.paintHint(ctx, box.left - PAD.left + 10 + ctx.measureText(panel.title).width, box.top - 10);
    if (this.zero !== null) {
      const x = box.left + box.width * this.axis(this.zero);
      ctx.fillStyle = this.theme.band; ctx.fillRect(x, box.top, box.left + box.width - x, box.height);
      if (p === 0) { ctx.fillStyle = muted; ctx.textAlign = "right"; ctx.fillText("zero error", box.left + box.width - 4, box.top + 12); }
    }
    this.paintScale(ctx, panel, box, faint, muted);
    panel.lines.forEach((line, l) => this.paintLine(ctx, panel, box, line, l ? DASHES : SOLID, l ? muted : accent));
    if (p >= this.panels.length - this.columns) this.paintEpochs(ctx, box, muted, p === this.panels.length - 1);
  }

  paintHint(ctx, x, y) {
    ctx.strokeStyle = ctx.fillStyle = this.theme.muted;
    ctx.setLineDash([3, 2]); ctx.beginPath(); ctx.moveTo(x, y - 4); ctx.lineTo(x + 14, y - 4); ctx.stroke(); ctx.setLineDash(SOLID);
    ctx.fillText("classifier", x + 18, y);
  }

  paintScale(ctx, panel, box, faint, muted) {
    ctx.textAlign = "right"; ctx.textBaseline = "middle"; ctx.lineWidth = 1;
    const label = (text, y) => {
      ctx.strokeStyle = faint; ctx.beginPath(); ctx.moveTo(box.left, y); ctx.lineTo(box.left + box.width, y); ctx.stroke();
      ctx.fillStyle = muted; ctx.fillText(text, box.left - 5, y);
    };
    const perDecade = box.height / (panel.high - panel.floor);
    const step = Math.ceil(13 / perDecade), lowest = panel.zero ? this.y(panel, box, 0) - 12 : Infinity;
    for (let d = panel.high; d >= panel.low; d -= step) {
      const y = this.y(panel, box, 10 ** d);
      if (y < lowest) label(d === 0 ? "1" : d === 1 ? "10" : "1e" + d, y);
    }
    if (panel.zero) label("0", this.y(panel, box, 0));
  }

  paintLine(ctx, panel, box, line, dashes, colour) {
    ctx.strokeStyle = colour; ctx.lineWidth = 1.8; ctx.lineJoin = "round"; ctx.setLineDash(dashes);
    ctx.beginPath();
    let pen = false;
    line.forEach((value, e) => { // a missing value is a gap
      if (value === null) { pen = false; return; }
      const x = box.left + box.width * this.axis(this.epochs[e]), y = this.y(panel, box, value);
      if (pen) ctx.lineTo(x, y); else { ctx.moveTo(x, y); ctx.lineTo(x + 0.01, y); }
      pen = true;
    });
    ctx.stroke();
    ctx.setLineDash(SOLID);
  }

  paintEpochs(ctx, box, muted, named) {
    const last = this.epochs[this.epochs.length - 1];
    const ticks = this.logarithmic ? [0, 1, 10, 100, 1000, 10000].filter((t) => t < 0.6 * last) : [0, Math.round(last / 2)];
    ctx.fillStyle = muted; ctx.textBaseline = "top"; ctx.textAlign = "center";
    for (const t of ticks) if (t >= this.epochs[0]) ctx.fillText(t, box.left + box.width * this.axis(t), box.top + box.height + 5);
    ctx.textAlign = "right";
    ctx.fillText(named ? "epoch " + last : last, box.left + box.width + 4, box.top + box.height + 5);
  }

  /** The still picture, a cursor at `position`, and the values of the nearest measured epoch. */
  draw(position) {
    const { ctx, theme } = this;
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.drawImage(this.still.canvas, 0, 0, this.width, this.height);
    ctx.font = FONT; ctx.textAlign = "right"; ctx.textBaseline = "alphabetic";
    const part = this.along(position), nearest = Math.round(position);
    for (let p = 0; p < this.panels.length; p++) {
      const panel = this.panels[p], box = this.box(p), x = box.left + box.width * part;
      ctx.fillStyle = theme.ink;
      ctx.fillRect(x - 0.5, box.top, 1, box.height);
      ctx.fillText(short(panel.lines[0][nearest]), box.left + box.width, box.top - 10);
      panel.lines.forEach((line, l) => this.drawPoint(line, position, l ? theme.muted : theme.accent, panel, box, x));
    }
  }

  drawPoint(line, position, colour, panel, box, x) {
    const i = Math.floor(position), j = Math.min(i + 1, line.length - 1);
    if (line[i] === null || line[j] === null) return;
    const y = this.y(panel, box, line[i]) + (position - i) * (this.y(panel, box, line[j]) - this.y(panel, box, line[i]));
    this.ctx.fillStyle = colour;
    this.ctx.beginPath(); this.ctx.arc(x, y, 3.5, 0, TAU); this.ctx.fill();
  }

  /** The fractional frame at a place on the canvas, or -1 outside every panel. */
  frameAt(px, py) {
    for (let p = 0; p < this.panels.length; p++) {
      const box = this.box(p);
      if (py < box.top - PAD.top || py > box.top + box.height + PAD.bottom || px < box.left - PAD.left || px > box.left + box.width + PAD.right) continue;
      const part = Math.max(0, Math.min(1, (px - box.left) / box.width));
      let i = 0;
      while (i < this.epochs.length - 2 && this.axis(this.epochs[i + 1]) <= part) i++;
      const a = this.axis(this.epochs[i]), b = this.axis(this.epochs[Math.min(i + 1, this.epochs.length - 1)]);
      return b > a ? Math.min(i + (part - a) / (b - a), this.epochs.length - 1) : i;
    }
    return -1;
  }
}
