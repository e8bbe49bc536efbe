// Numbers to positions: what is drawn where, before any camera. Touches no page and no canvas.
// Arrays are flat and row-major; E epochs, S samples, C classes, d recorded dimensions, K classes shown.

import { bodyOf, strengths } from "./player_body.js";
import { captionOf } from "./player_words.js";

// ---- The payload ----------------------------------------------------------------------------------

function bytes(base64) {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out.buffer;
}

/** The payload with its packed arrays unpacked; features stay Int16, times feature_scale[epoch]. No labels: no features. */
export function decode(payload) {
  return {
    ...payload,
    labels: new Uint16Array(bytes(payload.labels || "")),
    features: new Int16Array(bytes((payload.labels && payload.features) || "")),
    means: new Float32Array(bytes(payload.means)),
    weights: payload.weights ? new Float32Array(bytes(payload.weights)) : null,
  };
}

// ---- The clock ------------------------------------------------------------------------------------

/** The epoch, whole or between two, at `position`: a fractional index into the measured `epochs`. */
export function epochAt(epochs, position) {
  const [i, j, part] = between(position, epochs.length);
  return epochs[i] + part * (epochs[j] - epochs[i]);
}

/** The other way: the fractional index at `epoch`; before the first it waits, after the last it rests. */
export function frameAt(epochs, epoch) {
  const last = epochs.length - 1;
  if (epoch <= epochs[0]) return 0;
  if (epoch >= epochs[last]) return last;
  let i = 0;
  while (epochs[i + 1] <= epoch) i++;
  return i + (epoch - epochs[i]) / (epochs[i + 1] - epochs[i]);
}

/** The frames around `position` among `count`, and how far it is from the first to the second. */
export function between(position, count) {
  const i = Math.min(Math.floor(position), count - 1);
  return [i, Math.min(i + 1, count - 1), position - i];
}

// ---- Small linear algebra -------------------------------------------------------------------------

/** AᵀB for A (rows, a) and B (rows, b). */
export function gram(A, B, rows, a, b) {
  const out = new Float64Array(a * b);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++) out[i * b + j] += A[r * a + i] * B[r * b + j];
  return out;
}

/** Eigenvalues and eigenvectors (columns) of a symmetric n × n matrix, by cyclic Jacobi rotations. */
export function jacobi(symmetric, n) {
  const A = Float64Array.from(symmetric);
  const V = new Float64Array(n * n);
  for (let i = 0; i < n; i++) V[i * n + i] = 1;
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0, all = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) { all += A[i * n + j] ** 2; if (i !== j) off += A[i * n + j] ** 2; }
    if (off <= 1e-30 * all) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(A, V, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => A[i * n + i]), vectors: V };
}

/** One Jacobi rotation: makes A[p,q] zero and turns the eigenvectors along. */
function rotate(A, V, n, p, q) {
  const apq = A[p * n + q];
  if (apq === 0) return;
  const theta = (A[q * n + q] - A[p * n + p]) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1), s = t * c;
  const turn = (M, a, b) => { const x = M[a], y = M[b]; M[a] = c * x - s * y; M[b] = s * x + c * y; };
  for (let k = 0; k < n; k++) turn(A, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) turn(A, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) turn(V, k * n + p, k * n + q);
}

/** Polar factor UVᵀ of N = UΣVᵀ (rows ≥ cols), from NᵀN = VΣ²Vᵀ; free directions where Σ is 0. */
export function polar(N, rows, cols) {
  const { values, vectors } = jacobi(gram(N, N, rows, cols, cols), cols);
  const order = [...values.keys()].sort((i, j) => values[j] - values[i]);
  const floor = 1e-10 * values[order[0]];
  const U = [];
  const out = new Float64Array(rows * cols);
  for (const k of order) {
    const v = Float64Array.from({ length: cols }, (_, j) => vectors[j * cols + k]);
    const u = values[k] > floor ? unit(times(N, v, rows, cols)) : freeDirection(U, rows);
    U.push(u);
    for (let r = 0; r < rows; r++) for (let j = 0; j < cols; j++) out[r * cols + j] += u[r] * v[j];
  }
  return out;
}

const times = (N, v, rows, cols) =>
  Float64Array.from({ length: rows }, (_, r) => v.reduce((sum, x, j) => sum + N[r * cols + j] * x, 0));
const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
const unit = (u) => u.map((x) => x / Math.sqrt(dot(u, u)));

/** A unit vector orthogonal to the orthonormal `basis`: the coordinate axis furthest from it. */
function freeDirection(basis, size) {
  const rests = Array.from({ length: size }, (_, axis) => {
    const rest = new Float64Array(size);
    rest[axis] = 1;
    for (const b of basis) for (let i = 0; i < size; i++) rest[i] -= b[axis] * b[i];
    return rest;
  });
  return unit(rests.reduce((best, rest) => (dot(rest, rest) > dot(best, best) ? rest : best)));
}

// ---- Views ----------------------------------------------------------------------------------------

/** Simplex ETF of K unit rows in K-1 dimensions (Helmert); the first class points along the last axis. */
export function simplexETF(K) {
  const E = new Float64Array(K * (K - 1));
  for (let k = 0; k < K; k++)
    for (let j = 1; j < K; j++) {
      const row = K - 1 - k;
      const helmert = row < j ? 1 : row === j ? -j : 0;
      E[k * (K - 1) + j - 1] = (-helmert / Math.sqrt(j * (j + 1))) * Math.sqrt(K / (K - 1));
    }
  return E;
}

/** Mean of the rows `classes` at epoch `e` of a (E, C, d) array, into `out`. */
function meanOf(array, e, classes, C, d, out) {
  out.fill(0);
  for (const c of classes) for (let i = 0; i < d; i++) out[i] += array[(e * C + c) * d + i] / classes.length;
  return out;
}

/** Those rows minus their mean, (K, d). */
function centredRows(array, e, classes, C, d) {
  const mean = meanOf(array, e, classes, C, d, new Float64Array(d));
  return Float64Array.from({ length: classes.length * d }, (_, n) => {
    const k = Math.floor(n / d), i = n % d;
    return array[(e * C + classes[k]) * d + i] - mean[i];
  });
}

/**
 * What is shown of `data` for the `chosen` classes (none: all of them).
 *
 * At most four classes span at most three dimensions: the picture is exact, turned so that the last
 * epoch's class means lie best on the simplex ETF (orthogonal Procrustes). More classes are projected
 * on the first three principal axes, and the ETF with them. The axes never change during play.
 * Beside another run's view `like`, a projected ETF is turned to look the same in both.
 * Points (`kind`) lie on a sphere about the origin, which stays where it is; where it has no room for
 * a simplex none is drawn.
 *
 * Returns classes, dims (1, 2 or 3), axes (d, dims), scale, vertices (K, dims; null where no ETF
 * exists), frameAxes ((K-1, dims), the ETF's share in the axes), exact, caption, edges (pairs of
 * indices into classes, flat), faces (lists of them), free (not centred: points, all of them), radius
 * (of the sphere on which they are seen; 0: none).
 */
export function makeView(data, chosen, like = null) {
  const { num_classes: C, dims: d } = data, points = data.kind === "points";
  const classes = chosen.length ? [...chosen] : Array.from({ length: C }, (_, c) => c);
  const K = classes.length, need = K - 1, room = !points || data.num_features >= C - 1;
  const last = centredRows(data.means, data.epochs.length - 1, classes, C, d);
  const found = room && need <= d ? align(last, K, d) : null; // no room for an ETF otherwise
  const whole = found && need <= 3;
  const dims = whole ? need : Math.min(d, 3);
  const shared = found && !whole && d === need && like && like.frameAxes;
  const axes = whole ? found.rotation : shared ? product(found.rotation, shared, d, need, dims) : identity(d, dims);
  const frameAxes = found && !whole && gram(found.rotation, axes, d, need, dims);
  const vertices = whole ? found.frame : found && product(found.frame, frameAxes, K, need, dims);
  const exact = Boolean(whole) || data.num_features <= 3;
  const view = { classes, dims, axes, frameAxes, vertices, exact, all: K === C, points, free: points && K === C, scale: found ? found.scale : 1 };
  Object.assign(view, bodyOf(data, classes));
  view.radius = view.free && exact ? Math.sqrt(dot(last, last) / K) / view.scale : 0;
  return { ...view, caption: captionOf(view, data) };
}

/** Procrustes of (K, d) points on the simplex ETF: points ≈ scale · frame · rotationᵀ, rotation (d, K-1). */
export function align(points, K, d) {
  const frame = simplexETF(K), need = K - 1;
  const cross = gram(points, frame, K, d, need);
  const rotation = polar(cross, d, need);
  const scale = dot(cross, rotation) / K;
  return { frame, rotation, scale: scale > 1e-9 ? scale : 1 };
}

const identity = (rows, cols) =>
  Float64Array.from({ length: rows * cols }, (_, i) => (Math.floor(i / cols) === i % cols ? 1 : 0));

/** AB for A (rows, inner) and B (inner, cols). */
function product(A, B, rows, inner, cols) {
  const out = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++)
    for (let i = 0; i < inner; i++)
      for (let c = 0; c < cols; c++) out[r * cols + c] += A[r * inner + i] * B[i * cols + c];
  return out;
}

// ---- Positions of every epoch ---------------------------------------------------------------------

/** Positions (E, ·, 3) of the view's features, means and weights; `shown` lists the samples drawn. */
export function positions(data, view) {
  const { num_classes: C, dims: d, weights } = data;
  const E = data.epochs.length, S = data.labels.length, K = view.classes.length;
  const slot = new Int16Array(C).fill(-1);
  view.classes.forEach((c, k) => { slot[c] = k; });
  const shown = Uint32Array.from([...data.labels.keys()].filter((s) => slot[data.labels[s]] >= 0));
  const out = {
    shown,
    labels: Uint16Array.from(shown, (s) => data.labels[s]),
    features: new Float32Array(E * shown.length * 3),
    means: new Float32Array(E * K * 3),
    weights: weights && new Float32Array(E * K * 3),
    strengths: strengths(data, view),
  };
  const centre = new Float64Array(d), none = new Float64Array(d);
  for (let e = 0; e < E; e++) {
    if (!view.free) meanOf(data.means, e, view.classes, C, d, centre);
    shown.forEach((s, i) => place(data.features, (e * S + s) * d, data.feature_scale[e], centre, view, d, out.features, (e * shown.length + i) * 3));
    view.classes.forEach((c, k) => place(data.means, (e * C + c) * d, 1, centre, view, d, out.means, (e * K + k) * 3));
    if (!weights) continue;
    if (!view.all) meanOf(weights, e, view.classes, C, d, centre);
    const origin = view.all ? none : centre;
    view.classes.forEach((c, k) => place(weights, (e * C + c) * d, 1, origin, view, d, out.weights, (e * K + k) * 3));
  }
  if (view.dims === 1) spread(out.features, shown.length, E);
  return out;
}

/** One row of `from`: (row · step - centre) · axes / scale, into three coordinates of `to`. */
function place(from, at, step, centre, { axes, dims, scale }, d, to, into) {
  for (let i = 0; i < d; i++) {
    const x = (from[at + i] * step - centre[i]) / scale;
    for (let j = 0; j < dims; j++) to[into + j] += x * axes[i * dims + j];
  }
}

/** On a line the dots would hide each other: spread them upwards and downwards, the same at all epochs. */
function spread(features, n, E) {
  for (let e = 0; e < E; e++)
    for (let i = 0; i < n; i++) features[(e * n + i) * 3 + 1] = 0.3 * (((i * 0.618034) % 1) - 0.5);
}

/** Share of the class means' squared norm that the view shows at epoch `e` (all classes shown). */
export function shareInView(view, means, e) {
  let sum = 0;
  const K = view.classes.length;
  for (let i = e * K * 3; i < (e + 1) * K * 3; i++) sum += means[i] ** 2;
  return (sum * view.scale ** 2) / K;
}
