// From one measured epoch to the next: the clock, the camera's interpolation, curves, numbers in words.

import assert from "node:assert/strict";
import test from "node:test";

import { Curves, short } from "../../nclib/player/player_curves.js";
import { between, epochAt, frameAt } from "../../nclib/player/player_geometry.js";
import { shortNames } from "../../nclib/player/player_page.js";
import { Scene } from "../../nclib/player/player_scene.js";
import { mix } from "../../nclib/player/player_sprites.js";
import { gap } from "./runs.mjs";

const canvas = { getContext: () => ({}) };

test("epochAt and frameAt undo one another", () => {
  const epochs = [0, 1, 3, 10, 100];
  for (const position of [0, 0.25, 1, 1.5, 2.999, 3.5, 4]) assert.ok(Math.abs(frameAt(epochs, epochAt(epochs, position)) - position) < 1e-12);
  assert.equal(epochAt(epochs, 2.5), 6.5);
  for (const [frame, epoch] of epochs.entries()) assert.equal(frameAt(epochs, epoch), frame); // exactly: no epoch is missed
});

test("a run waits for its first epoch and rests at its last", () => {
  assert.equal(frameAt([5, 8], 0), 0);
  assert.equal(frameAt([5, 8], 6.5), 0.5);
  assert.equal(frameAt([5, 8], 1000), 1);
  assert.equal(frameAt([7], 7), 0);
  assert.equal(frameAt([7], 3), 0);
  assert.equal(epochAt([7], 0), 7);
});

test("two runs follow one clock over the measured epochs of both", () => {
  const first = [0, 2, 10, 40], second = [0, 5, 10];
  const union = [0, 2, 5, 10, 40]; // as the page gets it
  const seen = union.map((_, i) => epochAt(union, i)).map((epoch) => [frameAt(first, epoch), frameAt(second, epoch)]);
  assert.deepEqual(seen, [[0, 0], [1, 0.4], [1.375, 1], [2, 2], [3, 2]]);
  let before = [-1, -1];
  for (let position = 0; position <= 4; position += 0.05) { // never backwards, never a jump
    const now = [first, second].map((epochs) => frameAt(epochs, epochAt(union, position)));
    now.forEach((frame, r) => assert.ok(frame >= before[r] && frame - Math.max(before[r], 0) < 0.11));
    before = now;
  }
});

test("between gives the neighbours, and the last epoch twice at the end", () => {
  assert.deepEqual(between(1.25, 4), [1, 2, 0.25]);
  assert.deepEqual(between(3, 4), [3, 3, 0]);
  assert.deepEqual(between(0, 1), [0, 0, 0]);
});

/** A scene of two points on one frame each, 200 by 100 px. */
function smallScene(dims) {
  const scene = new Scene(canvas);
  Object.assign(scene, { view: { dims }, width: 200, height: 100, reach: 1, middle: 0 });
  for (const name of ["x", "y", "z", "size"]) scene[name] = new Float32Array(2);
  return scene;
}

test("points move on straight lines from one epoch to the next", () => {
  const scene = smallScene(2), source = Float32Array.from([0, 0, 0, 1, 0, 0, /* then */ 1, 1, 0, 0, -1, 0]);
  const at = (part) => {
    scene.aim({ yaw: 0, pitch: 0, zoom: 1 });
    scene.project(source, 2, 0, 1, part, 0);
    return [...scene.x, ...scene.y];
  };
  const [start, middle, end] = [at(0), at(0.5), at(1)];
  assert.ok(gap(middle, start.map((v, i) => (v + end[i]) / 2)) < 1e-4);
  assert.ok(gap(start, [100, 139, 51, 51]) < 1e-4); // 39 % of the smaller side are the unit
});

test("the camera's rows are orthonormal and the origin stays in the middle", () => {
  const scene = smallScene(3);
  for (const [yaw, pitch] of [[0, 0], [0.7, 0.3], [-2, 1.2], [3, -5]]) {
    scene.aim({ yaw, pitch, zoom: 1 });
    const m = scene.rotation, dot = (a, b) => m[3 * a] * m[3 * b] + m[3 * a + 1] * m[3 * b + 1] + m[3 * a + 2] * m[3 * b + 2];
    for (let a = 0; a < 3; a++) for (let b = 0; b < 3; b++) assert.ok(Math.abs(dot(a, b) - (a === b ? 1 : 0)) < 1e-12);
    scene.project(new Float32Array(6), 2, 0, 0, 0, 0);
    assert.ok(gap(scene.x, [100, 100]) < 1e-4 && gap(scene.size, [1, 1]) === 0);
  }
});

test("nearer things are larger, but not in a plane", () => {
  const solid = smallScene(3), plane = smallScene(2), ahead = Float32Array.from([0, 0, 1, 0, 0, -1]);
  for (const scene of [solid, plane]) {
    scene.aim({ yaw: 0.45, pitch: -0.28, zoom: 1 }); // straight from the front
    scene.project(solid === scene ? Float32Array.from([0, -1, 0, 0, 1, 0]) : ahead, 2, 0, 0, 0, 0);
  }
  assert.ok(solid.size[0] > 1.1 && solid.size[1] < 0.9);
  assert.ok(gap(plane.size, [1, 1]) < 1e-6);
});

test("numbers are written as people read them", () => {
  const written = [0, 0.0032, 0.42, 0.4249, 3, 12.34, 999, 1234, 1e-12, -0.5, null, NaN, Infinity].map(short);
  assert.deepEqual(written, ["0", "3.2e-3", "0.42", "0.42", "3", "12", "1000", "1.2e+3", "1.0e-12", "-0.5", "–", "–", "–"]);
});

test("runs are told apart by what differs in their titles", () => {
  assert.deepEqual(shortNames(["digits · mlp · cross-entropy"]), [""]);
  assert.deepEqual(shortNames(["digits · mlp · cross-entropy", "digits · mlp · squared-error"]), ["cross-entropy", "squared-error"]);
  assert.deepEqual(shortNames(["a · x · l", "b · y · l"]), ["a · x", "b · y"]);
  assert.deepEqual(shortNames(["a · b", "a · b"]), ["first run", "second run"]);
  assert.deepEqual(shortNames(["a", "a · b"]), ["first run", "second run"]);
  const one = { "learning rate": "0.1", "label noise": "0.3", seed: "0" }, same = ["a · b", "a · b"];
  assert.deepEqual(shortNames(same, [one, { ...one, "label noise": "0" }]), ["label noise 0.3", "label noise 0"]);
  assert.deepEqual(shortNames(same, [one, one]), ["first run", "second run"]);
  assert.deepEqual(shortNames(same, [{ seed: "1" }, {}]), ["seed 1", "seed –"]);
  assert.deepEqual(shortNames(["a · x", "a · y"], [one, {}]), ["x", "y"]);
});

test("colours mix channel by channel", () => {
  assert.equal(mix("#000000", "#ffffff", 0.5), "#808080");
  assert.equal(mix("#102030", "#ffffff", 0), "#102030");
});

const NC2 = ["equinorm: spread of the norms", "equiangularity", "max_angle"];
const panelOf = (title, ...columns) => ({ title, short: title, columns });
const PANELS = [
  { ...panelOf("training error", "train_accuracy"), share_of_right: true }, panelOf("NC1", "nc1"),
  ...NC2.map((title) => [title.split(":")[0], title]).map(([name, title]) => panelOf(`NC2 · ${title}`, `${name}_means`, `${name}_weights`)),
  panelOf("NC3", "self_duality"), panelOf("NC4", "ncc_mismatch"),
];

/** Curves over one run or two, without a canvas. */
function curvesOf(...runs) {
  const filled = runs.map(({ epochs, ...given }) => {
    const none = epochs.map(() => null);
    const names = PANELS.flatMap((panel) => panel.columns);
    return { epochs, panels: PANELS, zero_error_epoch: null, ...given, metrics: { ...Object.fromEntries(names.map((name) => [name, none])), ...given.metrics } };
  });
  const curves = new Curves(canvas);
  curves.setData(filled, [...new Set(runs.flatMap((run) => run.epochs))].sort((a, b) => a - b));
  return curves;
}

test("the panels it is given, and a range in whole decades", () => {
  const curves = curvesOf({ epochs: [0, 1, 10], metrics: { nc1: [20, 0.5, 0.002], ncc_mismatch: [0.5, 0.1, 0] } });
  assert.equal(curves.panels.length, 7);
  const [error, nc1, , , , , mismatch] = curves.panels;
  assert.deepEqual([nc1.high, nc1.low, nc1.floor, nc1.zero], [2, -3, -3, false]);
  assert.ok(mismatch.zero && mismatch.floor < mismatch.low);
  assert.ok(error.empty && !nc1.empty);
  const [, flat] = curvesOf({ epochs: [0, 1], metrics: { nc1: [10, 10] } }).panels;
  assert.deepEqual([flat.high, flat.low], [1, 0]); // never an axis without length
  const fewer = curvesOf({ epochs: [0, 1], panels: PANELS.toSpliced(2, 3), metrics: {} });
  assert.deepEqual(fewer.panels.map((panel) => panel.title.slice(0, 3)), ["tra", "NC1", "NC3", "NC4"]);
});

test("training error is one minus accuracy, a gap where it is missing", () => {
  const [error] = curvesOf({ epochs: [0, 1, 2], metrics: { train_accuracy: [0.25, null, 1] } }).panels;
  assert.deepEqual(error.lines[0].values, [0.75, null, 0]);
});

test("either axis runs from the first epoch to the last, and back", () => {
  const curves = curvesOf({ epochs: [0, 10, 100], metrics: {} }, { epochs: [5, 300], metrics: {} });
  for (const logarithmic of [true, false]) {
    curves.logarithmic = logarithmic;
    assert.deepEqual([curves.axis(0), curves.axis(300)], [0, 1]);
    for (const epoch of [0, 3, 50, 300]) assert.ok(Math.abs(curves.epochAlong(curves.axis(epoch)) - epoch) < 1e-9);
  }
  assert.ok(Math.abs(curves.axis(150) - 0.5) < 1e-12);
  assert.equal(curvesOf({ epochs: [4], metrics: {} }).axis(4), 0);
});

test("both runs are in every panel, by colour and dashes, and in words", () => {
  const curves = curvesOf(
    { epochs: [0, 10], metrics: { nc1: [3, 0.5], equinorm_means: [1, 0.1], equinorm_weights: [1, 0.2] } },
    { epochs: [0, 4], metrics: { nc1: [2, 0.25], equinorm_means: [1, 0.3], equinorm_weights: [1, 0.4] } },
  );
  for (const { lines } of curves.panels) assert.deepEqual(new Set(lines.map((line) => line.colour)), new Set(["accent", "second"]));
  assert.deepEqual(curves.panels[2].told.map((line) => line.colour), ["accent", "second"]);
  const looks = curves.panels[2].lines.map(({ colour, dashes, width }) => JSON.stringify([colour, dashes, width]));
  assert.equal(new Set(looks).size, 4);
  const words = curves.inWords(10, ["left", "right"]);
  assert.match(words, /NC1[^:]*: left 0\.5, right 0\.25;/);
  assert.match(words, /norms: left 0\.1, left classifier 0\.2, right 0\.3, right classifier 0\.4;/);
  assert.match(words, /training error: left –, right –;/);
});
