// Small made-up runs, packed as the page gets them, and the little algebra the tests need.

export const base64 = (array) => Buffer.from(array.buffer).toString("base64");

/** Numbers in [-1, 1) that are the same every time (mulberry32). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
  };
}

export const draws = (count, seed) => Float64Array.from({ length: count }, random(seed));

/** A payload of `E` epochs with S = 2C samples; p features, of which min(C-1, p) coordinates. */
export function packed({ C = 4, p = 3, E = 3, seed = 1, epochs = null } = {}) {
  const d = Math.min(C - 1, p), S = 2 * C;
  const features = Int16Array.from(draws(E * S * d, seed), (v) => Math.round(1000 * v));
  return {
    title: "made up", num_classes: C, num_features: p, dims: d,
    class_names: Array.from({ length: C }, (_, c) => `class ${c}`),
    epochs: epochs || Array.from({ length: E }, (_, e) => e * e),
    labels: base64(Uint16Array.from({ length: S }, (_, s) => s % C)),
    features: base64(features),
    feature_scale: Array.from({ length: E }, (_, e) => 0.001 * (e + 1)),
    means: base64(Float32Array.from(draws(E * C * d, seed + 1))),
    weights: base64(Float32Array.from(draws(E * C * d, seed + 2))),
  };
}

/** Greatest difference of two arrays. */
export const gap = (a, b) => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])), a.length === b.length ? 0 : Infinity);

/** Rows `chosen` at the last epoch minus their mean, (K, d). */
export function lastMeans(data, chosen) {
  const { num_classes: C, dims: d } = data, at = (data.epochs.length - 1) * C * d;
  const rows = chosen.map((c) => [...data.means.subarray(at + c * d, at + (c + 1) * d)]);
  const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  return Float64Array.from(rows.flatMap((row) => row.map((v, i) => v - mean[i])));
}

/** Squared distance of points (K, d) from scale · frame (K, m) · rotationᵀ, rotation (d, m). */
export function misfit(points, frame, rotation, scale, K, d, m) {
  let sum = 0;
  for (let k = 0; k < K; k++)
    for (let i = 0; i < d; i++) {
      let there = 0;
      for (let j = 0; j < m; j++) there += frame[k * m + j] * rotation[i * m + j];
      sum += (points[k * d + i] - scale * there) ** 2;
    }
  return sum;
}

/** Turns two rows of a (d, m) matrix into one another by `angle`. */
export function turned(matrix, m, a, b, angle) {
  const out = Float64Array.from(matrix), c = Math.cos(angle), s = Math.sin(angle);
  for (let j = 0; j < m; j++) {
    out[a * m + j] = c * matrix[a * m + j] - s * matrix[b * m + j];
    out[b * m + j] = s * matrix[a * m + j] + c * matrix[b * m + j];
  }
  return out;
}

