// Runs whose frames are steps or layers: what is drawn of them, and in which words.

import assert from "node:assert/strict";
import test from "node:test";

import { bodyOf } from "../../nclib/player/player_body.js";
import { Curves } from "../../nclib/player/player_curves.js";
import { decode, gram, makeView, positions } from "../../nclib/player/player_geometry.js";
import { Scene } from "../../nclib/player/player_scene.js";
import { inkOn } from "../../nclib/player/player_sprites.js";
import { ballSize, firmness, partsOf, strutWidth } from "../../nclib/player/player_struts.js";
import { momentOf, pictureInWords, remarkOn, stateOf } from "../../nclib/player/player_telling.js";
import { captionOf, pointedAt, wordsFor } from "../../nclib/player/player_words.js";
import { base64, gap, packed } from "./runs.mjs";

const OCTAHEDRON = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]];
const EDGES = OCTAHEDRON.flatMap((p, a) => OCTAHEDRON.slice(a + 1).map((q, b) => [a, a + 1 + b, p.some((x, i) => x && x === -q[i])]))
  .filter(([, , opposite]) => !opposite).map(([a, b]) => [a, b]);

/** Points that come to the octahedron from somewhat below it, as a run of three steps. */
function octahedron(more = {}) {
  const frames = [0.5, 0.2, 0].map((off) => OCTAHEDRON.map(([x, y, z]) => [x, y, z - off]));
  return decode({
    ...packed({ C: 6, p: 3 }), kind: "points", title: "six points", epochs: [0, 10, 20], metrics: { margin: [0.1, null, 0.7] },
    readout: [{ text: "margin", column: "margin" }], labels: "", features: "", feature_scale: [], weights: null, zero_error_epoch: null,
    status: ["ok", "ok", "ok"], means: base64(Float32Array.from(frames.flat(2))), edges: EDGES, faces: [[0, 2, 4], [1, 3, 5]], ...more,
  });
}

const side = (data, chosen = []) => {
  const view = makeView(data, chosen);
  return { data, name: "", view, frames: positions(data, view) };
};

test("no labels are no features, and no weights no classifier", () => {
  const { data, frames } = side(octahedron());
  assert.deepEqual([data.labels.length, data.features.length, data.weights], [0, 0, null]);
  assert.deepEqual([frames.features.length, frames.weights, frames.means.length], [0, null, 3 * 6 * 3]);
});

test("points stay where they are: not centred, not scaled", () => {
  const { view, frames, data } = side(octahedron());
  assert.ok(gap(frames.means, data.means) < 1e-6);
  assert.deepEqual([view.dims, view.exact, view.free, view.vertices], [3, true, true, null]);
  assert.ok(Math.abs(view.radius - 1) < 1e-6);
});

test("where there is no room for a simplex none is drawn, not even for four of the points", () => {
  for (const chosen of [[], [0, 2, 4, 5], [0, 1, 2]]) assert.equal(makeView(octahedron(), chosen).vertices, null);
  const roomy = makeView(octahedron({ num_features: 5, num_classes: 6 }), [0, 2, 4, 5]);
  assert.ok(roomy.vertices);
  assert.equal(roomy.free, false); // a part is drawn about its own middle
});

test("a network with few features still has a simplex for three classes", () => {
  assert.ok(makeView(decode(packed({ C: 10, p: 5 })), [0, 1, 2]).vertices);
});

test("edges and faces of the classes that are shown", () => {
  assert.deepEqual(bodyOf({ edges: [[0, 1], [1, 3], [2, 3]], faces: [[1, 2, 3], [0, 1, 2]] }, [1, 2, 3]), { edges: [0, 2, 1, 2], faces: [[0, 1, 2]] });
  assert.deepEqual(bodyOf({}, [0, 1]), { edges: [], faces: [] });
  assert.equal(EDGES.length, 12);
  assert.equal(makeView(octahedron(), []).edges.length, 24);
});

test("an edge is firm at its last length, and less the farther from it", () => {
  const { frames } = side(octahedron({ means: base64(Float32Array.from([2, 1.1, 1].flatMap((f) => OCTAHEDRON.flat().map((x) => f * x)))) }));
  const first = [0, 1, 2].map((e) => frames.strengths[e * 12]);
  assert.equal(first[2], 1);
  assert.ok(first[0] < 0.02 && first[0] < first[1] && first[1] < 1);
  assert.ok(Math.abs(firmness(frames, 12, 0, 1, 2, 0.5) - (first[1] + 1) / 2) < 1e-6);
  assert.ok(frames.strengths.every((s) => s > 0 && s <= 1));
});

test("many struts are thin and simple, few balls large", () => {
  const widths = [1, 12, 30, 190].map(strutWidth);
  assert.deepEqual(widths, [...widths].sort((a, b) => b - a));
  assert.ok(widths[3] >= 1.4 && partsOf(12) > partsOf(190));
  assert.ok(ballSize(4) > ballSize(12) && ballSize(12) > ballSize(20));
});

/** A scene without a canvas, looked at from the front, at one moment. */
function sceneOf(data, chosen = []) {
  const scene = new Scene({ getContext: () => ({}) }), { view, frames } = side(data, chosen);
  Object.assign(scene, { width: 400, height: 300 });
  scene.setView(view, frames, data.class_names, 3);
  scene.aim({ yaw: 0.3, pitch: 0.1, zoom: 1 });
  scene.project(frames.means, scene.K, 2, 2, 0, scene.at.mean);
  scene.sort();
  return scene;
}

test("struts and faces are sorted among the balls, from far to near", () => {
  const scene = sceneOf(octahedron()), { order, depth, total, parts } = scene;
  assert.equal(total, 6 + 12 * parts + 2); // no dots, squares, rings, sticks, and no edges of an ETF
  assert.deepEqual([...order].sort((a, b) => a - b), [...Array(total).keys()]);
  for (let o = 1; o < total; o++) assert.ok(depth[order[o]] > depth[order[o - 1]] - 0.03);
  const [near, far] = [0, 1, 2, 3, 4, 5].map((k) => [scene.z[k], [...order].indexOf(k)]).sort((a, b) => b[0] - a[0]).filter((_, i) => i % 5 === 0);
  assert.ok(near[1] > far[1]);
});

test("what a run has not cannot be pointed at", () => {
  const scene = sceneOf(octahedron()), x = scene.x[0], y = scene.y[0];
  assert.deepEqual(scene.pick(x, y), { kind: "mean", cls: 0, x, y });
  scene.layers.mean = false;
  assert.equal(scene.pick(x, y), null);
});

test("points are named by their words, features by theirs", () => {
  assert.deepEqual([wordsFor({}).moment, wordsFor({ kind: "points" }).moments, wordsFor({ kind: "layers" }).moment], ["epoch", "steps", "layer"]);
  assert.equal(wordsFor({ kind: "never heard of" }).moment, "epoch");
  assert.deepEqual(["mean", "vertex"].map((layer) => pointedAt({ kind: "points" }, layer)), ["point", "vertex of the simplex ETF"]);
  assert.equal(pointedAt({}, "mean"), "class mean");
});

test("captions of points: exact, or a projection, and why there is no simplex", () => {
  const of = (K, dims, p, exact, vertices) => captionOf({ classes: Array(K), dims, exact, vertices }, { kind: "points", num_features: p });
  assert.equal(of(12, 3, 3, true, null), "exact: 12 points in 3 dimensions, drawn as they are; no simplex: 12 points would need 11 dimensions");
  assert.equal(of(4, 3, 3, true, []), "exact: 4 points in 3 dimensions, drawn as they are");
  assert.equal(of(3, 2, 9, true, []), "exact: 3 points span 2 dimensions, those of the last step");
  assert.equal(of(10, 3, 9, false, []), "projection: 10 points span 9 dimensions, 3 shown");
  assert.equal(of(8, 3, 4, false, null), "projection: 8 points in 4 dimensions, 3 shown; no simplex: 8 points would need 7 dimensions");
});

test("captions of layers speak of the last layer", () => {
  const data = decode({ ...packed({ C: 4, p: 3 }), num_features: 9, kind: "layers" });
  assert.match(makeView(data, []).caption, /^exact: 4 classes span 3 dimensions, those of the last layer$/);
});

test("a moment is told by its number and its name", () => {
  const run = { kind: "layers", epochs: [0, 1, 2], moments: ["input", "block 1", "block 2"] };
  assert.equal(momentOf(run, 1, 2), "layer 1 of 2: block 1");
  assert.equal(momentOf({ ...run, moments: undefined }, 1, 2), "layer 1 of 2");
  assert.equal(momentOf({ ...run, moments: ["input", "layer 1", "layer 2"] }, 1, 2), "layer 1 of 2"); // not twice
  assert.equal(momentOf({ epochs: [0, 5] }, 5, 40), "epoch 5 of 40");
});

test("the line of words reads what the run says", () => {
  const all = side(octahedron());
  assert.deepEqual([0, 10, 20].map((step) => stateOf(all, step).values), [["margin 0.1"], ["margin –"], ["margin 0.7"]]);
  const readout = [{ text: "right", column: "right", percent: true }, { text: "absent", column: "absent" }];
  assert.deepEqual(stateOf(side(octahedron({ readout, metrics: { right: [0.5, 0.999, 1] } })), 10).values, ["right 99.9 %"]);
  const usual = side(octahedron({ readout: undefined, metrics: { nc1: [1, 2, 3], train_accuracy: [0.5, 0.5, null] } }));
  assert.deepEqual(stateOf(usual, 20).values, ["train accuracy –", "NC1 3"]);
});

test("the picture in words: points, their edges, their numbers, the note", () => {
  const all = side(octahedron({ note: "Twelve pairs touch." }));
  assert.equal(pictureInWords(all, stateOf(all, 20)), "six points: 6 points, joined by 12 edges, at step 20 of 20; margin 0.7. " +
    "exact: 6 points in 3 dimensions, drawn as they are; no simplex: 6 points would need 5 dimensions. Twelve pairs touch.");
  assert.equal(remarkOn(all, 2), " · Twelve pairs touch.");
  const three = side(octahedron({ class_names: [..."abcdef"] }), [0, 2, 4]);
  assert.match(pictureInWords(three, stateOf(three, 0)), /^six points: the points a, c, e, joined by 3 edges, at step 0 of 20/);
});

test("the picture in words: layers name what they have", () => {
  const keys = { kind: "layers", metrics: {}, readout: [], status: ["ok", "ok", "ok"], title: "net", moments: ["in", "mid", "out"] };
  const layers = side(decode({ ...packed({ C: 3, p: 2, epochs: [0, 1, 2] }), ...keys, weights: null }));
  assert.match(pictureInWords(layers, stateOf(layers, 2)), /^net: features and class means of the classes class 0, class 1, class 2 at layer 2 of 2: out\. exact/);
});

test("a linear panel has whole steps around its values, and its line is straight", () => {
  const curves = new Curves({ getContext: () => ({}) });
  const panel = (values) => {
    const metrics = { value: values };
    curves.setData([{ kind: "layers", epochs: [0, 1, 2], panels: [{ title: "t", short: "t", columns: ["value"], linear: true }], metrics }], [0, 1, 2]);
    return curves.panels[0];
  };
  for (const values of [[-0.33, 0.97, 0.4], [1, 9, 5], [0.64, 0.64, 0.64], [null, 0, 0], [1e-9, 2e-9, 3e-9]]) {
    const { low, high, step, floor } = panel(values), given = values.filter((v) => v !== null);
    assert.ok(low <= Math.min(...given) + 1e-12 && high >= Math.max(...given) - 1e-12 && high > low && floor === low, values.join());
    assert.ok(Math.round((high - low) / step) <= 5 && Math.abs((high - low) / step - Math.round((high - low) / step)) < 1e-6, values.join());
  }
  assert.ok(panel([null, null, null]).high > 0);
  const box = { top: 10, height: 100 }, found = panel([0, 5, 10]);
  assert.deepEqual([0, 5, 10].map((v) => curves.y(found, box, v)), [110, 60, 10]);
  assert.match(curves.inWords(2, [""]), /^curves over layers 0 to 2, at layer 2: t: 10\.$/);
});

test("names on balls are dark on light and light on dark", () => {
  assert.deepEqual(["#ffffff", "#ffa90e", "#bd1f01", "#000000"].map(inkOn), ["#1c2330", "#1c2330", "#ffffff", "#ffffff"]);
});

test("axes of a view of points are orthonormal, too", () => {
  const view = makeView(octahedron(), []);
  assert.ok(gap(gram(view.axes, view.axes, 3, 3, 3), [1, 0, 0, 0, 1, 0, 0, 0, 1]) < 1e-12);
});
