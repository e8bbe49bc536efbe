// Where things are drawn: unpacking, projection, the Procrustes fit, positions.

import assert from "node:assert/strict";
import test from "node:test";

import { align, decode, gram, jacobi, makeView, polar, positions, shareInView, simplexETF } from "../../nclib/player/player_geometry.js";
import { draws, gap, lastMeans, misfit, packed, turned } from "./runs.mjs";

const eye = (n) => Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

test("decode gives back what was packed", () => {
  const payload = packed({ C: 3, p: 2, E: 2 }), data = decode(payload);
  assert.deepEqual([...data.labels], [0, 1, 2, 0, 1, 2]);
  assert.deepEqual([...data.features], Array.from(draws(24, 1), (v) => Math.round(1000 * v)));
  assert.deepEqual([...data.means], [...Float32Array.from(draws(12, 2))]);
  assert.equal(data.weights.length, 12);
  assert.equal(data.title, "made up");
  assert.equal(typeof payload.labels, "string"); // the payload itself is left alone
});

test("the simplex ETF has unit rows, all at the same angle, that sum to zero", () => {
  for (const K of [2, 3, 4, 10, 20]) {
    const E = simplexETF(K), rows = Float64Array.from({ length: K * (K - 1) }, (_, i) => E[(i % K) * (K - 1) + Math.floor(i / K)]);
    const cosines = gram(rows, rows, K - 1, K, K);
    assert.ok(gap(cosines, eye(K).map((v) => (K * v - 1) / (K - 1))) < 1e-12, `${K} classes`);
    for (let j = 0; j < K - 1; j++) assert.ok(Math.abs(rows.subarray(j * K, (j + 1) * K).reduce((a, b) => a + b)) < 1e-12);
  }
});

test("eigenvalues and eigenvectors rebuild the matrix", () => {
  const n = 7, A = gram(draws(n * n, 5), draws(n * n, 5), n, n, n), { values, vectors } = jacobi(A, n);
  assert.ok(gap(gram(vectors, vectors, n, n, n), eye(n)) < 1e-12);
  const back = Float64Array.from({ length: n * n }, (_, i) => {
    const r = Math.floor(i / n), c = i % n;
    return values.reduce((sum, v, k) => sum + v * vectors[r * n + k] * vectors[c * n + k], 0);
  });
  assert.ok(gap(back, A) < 1e-12);
});

test("the polar factor has orthonormal columns, also of a matrix without full rank", () => {
  for (const [rows, cols, rank] of [[5, 3, 3], [4, 4, 4], [6, 3, 2], [3, 3, 1], [4, 2, 0]]) {
    const N = gram(draws(rank * rows, 3), draws(rank * cols, 4), rank, rows, cols);
    const Q = polar(N, rows, cols);
    assert.ok(gap(gram(Q, Q, rows, cols, cols), eye(cols)) < 1e-9, `${rows} × ${cols} of rank ${rank}`);
    const P = gram(Q, N, rows, cols, cols); // symmetric, not negative: N = QP
    for (let i = 0; i < cols; i++) for (let j = 0; j < i; j++) assert.ok(Math.abs(P[i * cols + j] - P[j * cols + i]) < 1e-9);
    for (const value of jacobi(P, cols).values) assert.ok(value > -1e-9);
  }
});

test("free directions are chosen last, around those that are given", () => {
  const Q = polar(Float64Array.from([0, 1, 0, 2, 0, 2]), 3, 2); // a first column of zeros
  assert.ok(gap([Q[1], Q[3], Q[5]], [1 / 3, 2 / 3, 2 / 3]) < 1e-12);
  assert.ok(gap(gram(Q, Q, 3, 2, 2), eye(2)) < 1e-12);
});

test("no turn and no scale fits the simplex ETF better than align", () => {
  for (const [K, d] of [[3, 2], [4, 3], [4, 6], [10, 9]]) {
    const data = decode(packed({ C: K, p: d, E: 1, seed: K })), size = data.dims;
    const points = lastMeans(data, [...Array(K).keys()]), { frame, rotation, scale } = align(points, K, size);
    const best = misfit(points, frame, rotation, scale, K, size, K - 1);
    for (let a = 0; a < size; a++)
      for (let b = 0; b < a; b++)
        for (const angle of [-0.3, -0.01, 0.01, 0.3, Math.PI]) {
          const worse = misfit(points, frame, turned(rotation, K - 1, a, b, angle), scale, K, size, K - 1);
          assert.ok(worse > best, `${K} classes, ${a} to ${b} by ${angle}`);
        }
    for (const factor of [0.9, 1.1]) assert.ok(misfit(points, frame, rotation, scale * factor, K, size, K - 1) > best);
  }
});

test("points that are an ETF are found to be one, whatever their place and size", () => {
  for (const K of [3, 4, 10]) {
    const d = K - 1, Q = polar(draws(d * d, K), d, d), E = simplexETF(K);
    const points = Float64Array.from({ length: K * d }, (_, n) => {
      const k = Math.floor(n / d), i = n % d;
      return 2.5 * Array.from({ length: d }, (_unused, j) => E[k * d + j] * Q[i * d + j]).reduce((a, b) => a + b);
    });
    const { rotation, scale, frame } = align(points, K, d);
    assert.ok(Math.abs(scale - 2.5) < 1e-9);
    assert.ok(gap(rotation, Q) < 1e-9);
    assert.ok(misfit(points, frame, rotation, scale, K, d, d) < 1e-18);
  }
});

test("axes are orthonormal in every kind of view", () => {
  for (const [C, p, chosen] of [[2, 5, []], [3, 2, []], [4, 9, []], [10, 16, []], [10, 16, [1, 4, 7]], [10, 16, [0, 2, 5, 9]], [10, 2, []], [3, 1, []], [20, 40, []]]) {
    const data = decode(packed({ C, p })), view = makeView(data, chosen);
    assert.ok(gap(gram(view.axes, view.axes, data.dims, view.dims, view.dims), eye(view.dims)) < 1e-9, `${C} classes, ${p} features`);
    assert.equal(view.dims, Math.min((chosen.length || C) - 1, p, 3));
  }
});

test("three and four classes lose nothing: distances are kept", () => {
  for (const chosen of [[0, 3, 8], [1, 2, 5, 9]]) {
    const data = decode(packed({ C: 10, p: 12 })), view = makeView(data, chosen), K = chosen.length;
    const seen = positions(data, view).means, points = lastMeans(data, chosen), at = (data.epochs.length - 1) * K * 3;
    assert.ok(view.exact);
    for (let a = 0; a < K; a++)
      for (let b = 0; b < a; b++) {
        const far = (array, from, width) => Math.hypot(...Array.from({ length: width }, (_, i) => array[from + a * width + i] - array[from + b * width + i]));
        assert.ok(Math.abs(far(seen, at, 3) * view.scale - far(points, 0, data.dims)) < 1e-5);
      }
  }
});

test("more classes are projected, and the caption says so", () => {
  const view = makeView(decode(packed({ C: 10, p: 16 })), []);
  assert.ok(!view.exact);
  assert.match(view.caption, /^projection: 10 classes need 9 dimensions, 3 shown$/);
  assert.match(makeView(decode(packed({ C: 10, p: 2 })), []).caption, /no simplex ETF: 10 classes need 9 dimensions/);
  assert.match(makeView(decode(packed({ C: 2, p: 8 })), []).caption, /^exact: 2 classes span 1 dimension,/);
});

test("two runs beside each other show the same simplex ETF", () => {
  const first = decode(packed({ C: 10, p: 16, seed: 1 })), second = decode(packed({ C: 10, p: 30, seed: 20 }));
  const like = makeView(first, []), alone = makeView(second, []), beside = makeView(second, [], like);
  assert.ok(gap(beside.vertices, like.vertices) < 1e-9);
  assert.ok(gap(alone.vertices, like.vertices) > 0.1);
  assert.ok(gap(gram(beside.axes, beside.axes, 9, 3, 3), eye(3)) < 1e-9);
  assert.equal(makeView(decode(packed({ C: 10, p: 5 })), [], like).vertices, null); // no room for it: not turned
});

test("positions are those of the chosen classes, features in their own units", () => {
  const data = decode(packed({ C: 4, p: 3 })), view = makeView(data, [0, 2, 3]), found = positions(data, view);
  assert.deepEqual([...found.shown], [0, 2, 3, 4, 6, 7]);
  assert.deepEqual([...found.labels], [0, 2, 3, 0, 2, 3]);
  const whole = makeView(data, []), all = positions(data, whole), e = 2, s = 5;
  const mean = [0, 1, 2].map((i) => [0, 1, 2, 3].reduce((sum, c) => sum + data.means[(e * 4 + c) * 3 + i] / 4, 0));
  for (let j = 0; j < 3; j++) {
    const expected = mean.reduce((sum, m, i) => sum + ((data.features[(e * 8 + s) * 3 + i] * 0.003 - m) * whole.axes[i * 3 + j]) / whole.scale, 0);
    assert.ok(Math.abs(all.features[(e * 8 + s) * 3 + j] - expected) < 1e-6);
  }
});

test("the share in view is 1 where nothing is left out and less in a projection", () => {
  const exact = decode(packed({ C: 4, p: 3 })), view = makeView(exact, []), means = positions(exact, view).means;
  const squares = lastMeans(exact, [0, 1, 2, 3]).reduce((sum, v) => sum + v * v, 0) / 4;
  assert.ok(Math.abs(shareInView(view, means, 2) - squares) < 1e-5);
  const many = decode(packed({ C: 10, p: 16 })), part = makeView(many, []), all = lastMeans(many, [...Array(10).keys()]);
  assert.ok(shareInView(part, positions(many, part).means, 2) < all.reduce((sum, v) => sum + v * v, 0) / 10);
});
