// The picture on its canvas: camera, depth order, dots, balls, squares, rings, struts, labels, what is
// pointed at. Nothing is allocated while playing: positions go into typed arrays, shapes are sprites.

import { between } from "./player_geometry.js";
import { mistSprite, sphereSprite, spritesOf } from "./player_sprites.js";
import { ballSize, drawFace, drawPart, endAtBall, faceDepth, firmness, mistOf, partsOf, strutWidth } from "./player_struts.js";

export const EYE = 5.5; // distance of the camera, in radii of the ETF; camera.py reads it here
const TURNED = -0.45, RAISED = 0.28; // a solid is seen a little from the side and from above
const DASHES = [5, 4], SOLID = [];
const BINS = 256; // levels of depth that are told apart
const [DOT, MEAN, WEIGHT, VERTEX, MEAN_STICK, WEIGHT_STICK, EDGE, STRUT, FACE] = Array(9).keys();

/** Rows of the camera that turns a solid by `yaw` and looks from `pitch` above: right, up, near. */
export function rotation(yaw, pitch) {
  const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
  return [cy, sy, 0, -sy * sp, cy * sp, cp, sy * cp, -cy * cp, sp];
}

export class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.layers = { dot: true, mean: true, weight: true, vertex: true, strut: true, face: true };
    this.rotation = new Float64Array(9);
    this.bins = new Uint32Array(BINS + 1);
  }

  // ---- What there is to draw ----------------------------------------------------------------------

  /** Shows other data or other classes; `names` are all class names. */
  setView(view, frames, names, epochs) {
    const K = view.classes.length, n = frames.labels.length, W = frames.weights ? K : 0, V = view.vertices ? K : 0;
    Object.assign(this, { view, frames, names, epochs, K, n, W, V });
    this.vertices = new Float32Array(K * 3);
    if (view.vertices)
      for (let i = 0; i < K * view.dims; i++) this.vertices[Math.floor(i / view.dims) * 3 + (i % view.dims)] = view.vertices[i];
    this.measure();
    this.pairs = [];
    for (let a = 0; a < K; a++) for (let b = a + 1; b < K; b++) this.pairs.push(a, b);
    const M = view.edges.length / 2, F = view.faces.length, parts = partsOf(M), ball = view.points ? ballSize(K) : 1;
    Object.assign(this, { M, F, parts, ball, ring: view.points ? 1.15 * ball : 1, strut: strutWidth(M) });
    Object.assign(this, { firm: new Float32Array(M), firmFace: new Float32Array(F) });
    this.sides = view.faces.map((face) => sidesOf(face, view.edges));
    this.at = { dot: 0, mean: n, weight: n + K, vertex: n + K + W };
    const counts = [n, K, W, V, M ? 0 : K, W, V && !M ? this.pairs.length / 2 : 0, parts * M, F];
    this.first = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
    this.total = counts.reduce((a, b) => a + b, 0);
    const points = n + 2 * K + W;
    for (const name of ["x", "y", "z", "size"]) this[name] = new Float32Array(points); // size: perspective, 1 at the origin
    this.depth = new Float32Array(this.total);
    this.order = new Uint32Array(this.total);
    this.kind = new Uint8Array(this.total);
    counts.forEach((count, i) => this.kind.fill(i, this.first[i], this.first[i] + count));
    this.classOf = new Uint16Array(points);
    this.classOf.set(frames.labels);
    for (let i = 0; i < points - n; i++) this.classOf[n + i] = view.classes[i % K];
    this.fade = new Float32Array(names.length).fill(1);
    this.makeSprites();
  }

  /** How far things reach, and how high the middle of a plane is. */
  measure() {
    const { K, view, frames } = this, means = frames.means.subarray((this.epochs - 1) * K * 3), end = view.vertices ? this.vertices : means;
    const ever = view.free ? this.reachOf(frames.means) : 0; // points may come from farther out
    this.reach = view.radius || Math.max(this.reachOf(end), this.reachOf(means), ever); // a projected ETF is smaller: come closer
    const heights = Array.from({ length: K }, (_, k) => end[3 * k + 1]);
    this.middle = view.free ? 0 : (Math.max(...heights) + Math.min(...heights)) / 2;
  }

  reachOf(points) {
    let far = 0;
    for (let k = 0; k < points.length / 3; k++) far = Math.max(far, Math.hypot(points[3 * k], points[3 * k + 1], points[3 * k + 2]));
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
    const { theme, pixelRatio: ratio, view } = this, { points } = view;
    this.sprites = theme.colours.map((colour, c) => spritesOf(colour, this.names[c], theme, ratio, points));
    this.mist = mistOf(theme, view.dims < 3);
    this.veil = points && mistSprite(theme.surface, ratio);
    this.sphere = view.radius ? sphereSprite(theme.accent, ratio) : null;
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
    this.unit = (Math.min(this.width, this.height) * (this.view.points ? 0.43 : flat ? 0.39 : 0.36) * zoom) / this.reach;
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
    const { z, n, K, W, V, M, F, parts, at, depth, order, bins, first, pairs } = this;
    for (let i = 0; i < n; i++) depth[i] = z[i];
    for (let k = 0; k < K; k++) {
      depth[first[MEAN] + k] = z[at.mean + k] + 0.04; // a ball in front of its own square, the square of its ring
      if (V) depth[first[VERTEX] + k] = z[at.vertex + k];
      if (!M) depth[first[MEAN_STICK] + k] = z[at.mean + k] / 2;
    }
    for (let k = 0; k < W; k++) {
      depth[first[WEIGHT] + k] = z[at.weight + k] + 0.02;
      depth[first[WEIGHT_STICK] + k] = z[at.weight + k] / 2;
    }
    for (let e = first[EDGE]; e < first[STRUT]; e++) {
      const pair = 2 * (e - first[EDGE]);
      depth[e] = (z[at.vertex + pairs[pair]] + z[at.vertex + pairs[pair + 1]]) / 2 - 0.2;
    }
    for (let m = 0; m < M; m++) {
      const a = z[at.mean + this.view.edges[2 * m]], b = z[at.mean + this.view.edges[2 * m + 1]];
      for (let h = 0; h < parts; h++) depth[first[STRUT] + parts * m + h] = a + ((h + 0.5) / parts) * (b - a);
    }
    for (let f = 0; f < F; f++) depth[first[FACE] + f] = faceDepth(this, f) - 0.15; // behind its own edges
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
    const { ctx, K, n, W, M, frames, at } = this;
    const [i, j, part] = between(position, this.epochs);
    this.aim(camera);
    this.project(frames.features, n, i, j, part, at.dot);
    this.project(frames.means, K, i, j, part, at.mean);
    if (W) this.project(frames.weights, K, i, j, part, at.weight);
    this.project(this.vertices, K, 0, 0, 0, at.vertex);
    for (let m = 0; m < M; m++) this.firm[m] = firmness(frames, M, m, i, j, part);
    this.firmUpFaces();
    this.sort();
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    ctx.globalAlpha = 1;
    ctx.clearRect(0, 0, this.width, this.height);
    if (this.sphere) this.drawSphere();
    for (let o = 0; o < this.total; o++) this.drawItem(this.order[o]);
    if (this.layers.mean) this.drawLabels();
    ctx.globalAlpha = 1;
  }

  /** A face is as firm as the loosest of its edges. */
  firmUpFaces() {
    for (let f = 0; f < this.F; f++) {
      const sides = this.sides[f];
      let least = 1;
      for (let s = 0; s < sides.length; s++) least = Math.min(least, this.firm[sides[s]]);
      this.firmFace[f] = least;
    }
  }

  drawItem(item) {
    const kind = this.kind[item], k = item - this.first[kind], { layers, at } = this;
    if (kind === DOT) { if (layers.dot) this.stamp("dot", k, 0.92); }
    else if (kind === MEAN) { if (layers.mean) this.stamp("mean", at.mean + k, 1); }
    else if (kind === WEIGHT) { if (layers.weight) this.stamp("weight", at.weight + k, 1); }
    else if (kind === VERTEX) { if (layers.vertex) this.stamp("vertex", at.vertex + k, 0.9); }
    else if (kind === MEAN_STICK) { if (layers.mean) this.stick(at.mean + k, 3, false); }
    else if (kind === WEIGHT_STICK) { if (layers.weight) this.stick(at.weight + k, 2.2, true); }
    else if (kind === STRUT) { if (layers.strut) drawPart(this, Math.floor(k / this.parts), k % this.parts); }
    else if (kind === FACE) { if (layers.face) drawFace(this, k); }
    else if (layers.vertex) this.edge(k);
  }

  stamp(kind, point, opacity) {
    const c = this.classOf[point], s = this.sprites[c][kind], scale = this.size[point] * (kind === "mean" ? this.ball : kind === "vertex" ? this.ring : 1);
    const w = s.width * scale, h = s.height * scale, solid = this.solidity(this.z[point]), veiled = this.veil && kind === "mean";
    this.ctx.globalAlpha = opacity * this.fade[c] * (veiled ? 1 : solid);
    this.ctx.drawImage(s.canvas, this.x[point] - w / 2, this.y[point] - h / 2, w, h);
    if (!veiled || solid === 1) return;
    this.ctx.globalAlpha = this.fade[c] * (1 - solid);
    this.ctx.drawImage(this.veil.canvas, this.x[point] - w / 2, this.y[point] - h / 2, w, h);
  }

  /** The sphere of points, as wide as perspective makes it. */
  drawSphere() {
    const { ctx, cx, cy, unit, eye } = this, r = this.view.radius;
    const wide = (unit * r * eye) / Math.sqrt(eye * eye - r * r) * (304 / 300);
    ctx.drawImage(this.sphere.canvas, cx - wide, cy - wide, 2 * wide, 2 * wide);
  }

  stick(point, width, dashed) {
    const { ctx } = this, c = this.classOf[point];
    ctx.globalAlpha = 0.85 * this.fade[c] * this.solidity(this.z[point] / 2);
    ctx.strokeStyle = dashed ? this.theme.sticks[c] : this.theme.colours[c];
    ctx.lineWidth = width * this.size[point];
    if (dashed) ctx.setLineDash(DASHES);
    const end = this.view.points ? endAtBall(this, point) : 1;
    ctx.beginPath();
    ctx.moveTo(this.cx, this.cy);
    ctx.lineTo(this.cx + end * (this.x[point] - this.cx), this.cy + end * (this.y[point] - this.cy));
    ctx.stroke();
    if (dashed) ctx.setLineDash(SOLID);
  }

  edge(k) {
    const { ctx, pairs } = this, at = this.at.vertex;
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
      if (this.kind[item] !== MEAN) continue;
      const point = n + item - this.first[MEAN], c = this.classOf[point], s = this.sprites[c].label;
      if (!s) continue; // it stands on its ball
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
    const { n, K, W, V, at } = this;
    const groups = [["mean", at.mean, K, 13], ["weight", at.weight, W, 12], ["vertex", at.vertex, V, 18], ["dot", at.dot, n, 7]];
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

/** Which of the edges [a, b, …] are sides of a face. */
function sidesOf(face, edges) {
  const found = [];
  for (let k = 0; k < face.length; k++) {
    const a = face[k], b = face[(k + 1) % face.length];
    for (let m = 0; m < edges.length; m += 2)
      if ((edges[m] === a && edges[m + 1] === b) || (edges[m] === b && edges[m + 1] === a)) found.push(m / 2);
  }
  return found;
}
