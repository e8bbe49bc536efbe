// The picture on its canvas: camera, depth order, dots, balls, squares, rings, labels, what is pointed at.
// Nothing is allocated while playing: positions go into typed arrays, shapes are pre-rendered sprites.

import { between } from "./player_geometry.js";

const TAU = 2 * Math.PI;
export const EYE = 5.5; // distance of the camera, in radii of the ETF; camera.py reads it here
const TURNED = -0.45, RAISED = 0.28; // a solid is seen a little from the side and from above
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

/** Rows of the camera that turns a solid by `yaw` and looks from `pitch` above: right, up, near. */
export function rotation(yaw, pitch) {
  const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
  return [cy, sy, 0, -sy * sp, cy * sp, cp, sy * cp, -cy * cp, sp];
}

/** A small picture painted once, stamped often. */
export function sprite(width, height, pixelRatio, paint) {
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
    const means = frames.means.subarray((epochs - 1) * K * 3), end = view.vertices ? this.vertices : means;
    this.reach = Math.max(this.reachOf(end), this.reachOf(means)); // a projected ETF is smaller: come closer
    const heights = Array.from({ length: K }, (_, k) => end[3 * k + 1]);
    this.middle = (Math.max(...heights) + Math.min(...heights)) / 2;
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

  reachOf(points) {
    let far = 0;
    for (let k = 0; k < this.K; k++) far = Math.max(far, Math.hypot(points[3 * k], points[3 * k + 1], points[3 * k + 2]));
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
    const about = flat ? yaw : yaw + TURNED, up = Math.max(-1.55, Math.min(1.55, pitch + RAISED));
    const cy = Math.cos(about), sy = Math.sin(about);
    const turned = flat ? [cy, -sy, 0, sy, cy, 0, 0, 0, 1] : rotation(about, up);
    const asIs = [1, 0, 0, 0, 1, 0, 0, 0, 1];
    this.rotation.set(this.view.dims === 1 ? asIs : turned);
    this.cx = this.width / 2;
    this.unit = (Math.min(this.width, this.height) * (flat ? 0.39 : 0.36) * zoom) / this.reach;
    this.cy = this.height * 0.51 + (flat ? this.unit * this.middle : 0);
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
    const [i, j, part] = between(position, this.epochs);
    this.aim(camera);
    this.project(frames.features, n, i, j, part, 0);
    this.project(frames.means, K, i, j, part, n);
    this.project(frames.weights, K, i, j, part, n + K);
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
    ctx.globalAlpha = Math.min(0.6, 3 / this.K) * this.solidity((this.z[a] + this.z[b]) / 2) ** 2;
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
      const reach = 22 * this.size[point];
      const room = Math.max(0, this.width - s.width / 2 - 2), beside = this.x[point] + (dx / length) * (reach + s.width / 2 - 5);
      const x = Math.max(this.width - room, Math.min(room, beside));
      const y = this.y[point] + (x === beside ? (dy / length) * (reach + 4) : (dy < 0 ? -1 : 1) * (reach + 6)); // no room: above, below
      if (this.x[point] < 0 || this.x[point] > this.width) continue; // nothing there to name
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
