// Edges as struts between balls, and faces, drawn into a scene: nearer ones over farther ones, which
// fade. Each strut is cut into parts, sorted by depth apart. Nothing is allocated while playing.

import { BALL, mix } from "./player_sprites.js";

const LEVELS = 48; // of mist
const HALO = 1.8, OVERLAP = 0.35; // px: a strut in front leaves a gap in one behind; its parts leave none
const LIGHT = [-0.42, 0.62, 0.66]; // from above on the left, towards the reader: right, up, near
const MANY = 160; // ends of struts: from here on they are drawn more simply
const FAINT = 0.1; // how solid a strut is that is far from its length at the end

/** Colours of struts and faces, from near to far: {body[], shine[], face}. */
export function mistOf({ ink, muted, surface, accent }, flat) {
  const dark = parseInt(surface.slice(1, 3), 16) < 128, steel = mix(muted, ink, dark ? 0.25 : 0.35);
  const level = (colour) => Array.from({ length: LEVELS }, (_, i) => mix(colour, surface, flat ? 0 : 0.78 * (1 - i / (LEVELS - 1)) ** 1.25));
  return { body: level(steel), shine: level(mix(steel, "#ffffff", dark ? 0.5 : 0.55)), face: mix(accent, dark ? "#ffffff" : surface, 0.15) };
}

/** Width in px of one of so many struts. */
export const strutWidth = (count) => Math.max(1.4, Math.min(5.4, 25 / Math.sqrt(Math.max(count, 1))));

/** Times as large as it is painted, a ball of so many. */
export const ballSize = (count) => (count <= 6 ? 1.25 : count <= 12 ? 1.1 : 0.95);

/** Into how many parts each of so many struts is cut. */
export const partsOf = (count) => (2 * count < MANY ? 6 : 1);

/** 0 to 1: how firm edge m is between frames i and j. */
export function firmness({ strengths }, M, m, i, j, part) {
  const from = strengths[i * M + m];
  return from + part * (strengths[j * M + m] - from);
}

/** Part h of `parts` of strut m, counted from its first ball. */
export function drawPart(scene, m, h) {
  const { edges } = scene.view, a = scene.at.mean + edges[2 * m], b = scene.at.mean + edges[2 * m + 1];
  const { x, y, z, size, unit, cx, cy, eye, ctx, parts } = scene, firm = scene.firm[m];
  const ua = (x[a] - cx) / size[a], va = (y[a] - cy) / size[a], wa = z[a] * unit; // px, before perspective
  const du = (x[b] - cx) / size[b] - ua, dv = (y[b] - cy) / size[b] - va, dw = z[b] * unit - wa;
  const long = Math.hypot(du, dv, dw), inset = (0.9 * scene.ball * BALL) / long;
  if (!(inset < 0.5)) return; // its balls touch
  const seam = OVERLAP / long, step = (1 - 2 * inset) / parts;
  const s = inset + h * step - (h ? seam : 0), t = inset + (h + 1) * step + (h < parts - 1 ? seam : 0), far = eye * unit;
  const ps = far / (far - wa - s * dw), pt = far / (far - wa - t * dw); // perspective at its ends
  const x0 = cx + ps * (ua + s * du), y0 = cy + ps * (va + s * dv), x1 = cx + pt * (ua + t * du), y1 = cy + pt * (va + t * dv);
  const across = Math.hypot(x1 - x0, y1 - y0);
  if (across < 0.2) return; // seen from its end
  const near = (wa + ((s + t) / 2) * dw) / unit / scene.reach, level = Math.max(0, Math.min(LEVELS - 1, Math.round(((near + 1) / 2) * (LEVELS - 1))));
  const wide = scene.strut * (0.6 + 0.4 * firm), fade = Math.max(scene.fade[scene.classOf[a]], scene.fade[scene.classOf[b]]);
  const nx = (y0 - y1) / across, ny = (x1 - x0) / across, up = ny > 0 ? -1 : 1; // normal; which side has the light
  if (firm > 0.5 && edges.length < MANY) {
    ctx.globalAlpha = 0.75 * fade * firm;
    ctx.fillStyle = scene.theme.surface;
    quad(ctx, x0, y0, x1, y1, nx, ny, wide * ps + HALO, wide * pt + HALO, 0);
  }
  ctx.globalAlpha = fade * (FAINT + (1 - FAINT) * firm);
  ctx.fillStyle = scene.mist.body[level];
  quad(ctx, x0, y0, x1, y1, nx, ny, wide * ps, wide * pt, 0);
  if (wide < 2.4) return;
  ctx.fillStyle = scene.mist.shine[level];
  quad(ctx, x0, y0, x1, y1, nx, ny, 0.3 * wide * ps, 0.3 * wide * pt, 0.2 * wide * up);
}

/** Which share of the way from the middle to a point, on the screen, is outside its ball. */
export function endAtBall({ x, y, z, size, unit, cx, cy, eye, ball }, k) {
  const w = z[k] * unit, long = Math.hypot((x[k] - cx) / size[k], (y[k] - cy) / size[k], w);
  const t = Math.max(0, 1 - (0.9 * ball * BALL) / Math.max(long, 1));
  return (t * eye * unit) / (eye * unit - t * w) / size[k];
}

/** A bar from one place to another, of two widths, moved aside. */
function quad(ctx, x0, y0, x1, y1, nx, ny, w0, w1, aside) {
  const ax = nx * aside, ay = ny * aside, px = (nx * w0) / 2, py = (ny * w0) / 2, qx = (nx * w1) / 2, qy = (ny * w1) / 2;
  ctx.beginPath();
  ctx.moveTo(x0 + ax + px, y0 + ay + py);
  ctx.lineTo(x1 + ax + qx, y1 + ay + qy);
  ctx.lineTo(x1 + ax - qx, y1 + ay - qy);
  ctx.lineTo(x0 + ax - px, y0 + ay - py);
  ctx.fill();
}

/** Depth of face f: of its middle. */
export function faceDepth(scene, f) {
  const face = scene.view.faces[f];
  let sum = 0;
  for (let k = 0; k < face.length; k++) sum += scene.z[scene.at.mean + face[k]];
  return sum / face.length;
}

/** A pane of glass, brighter the more it faces the light; as firm as the loosest of its edges. */
export function drawFace(scene, f) {
  const face = scene.view.faces[f], { x, y, z, unit, ctx } = scene, at = scene.at.mean;
  const a = at + face[0], b = at + face[1], c = at + face[2];
  const ux = x[b] - x[a], uy = y[a] - y[b], uz = (z[b] - z[a]) * unit, vx = x[c] - x[a], vy = y[a] - y[c], vz = (z[c] - z[a]) * unit;
  let nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
  const size = Math.hypot(nx, ny, nz) || 1;
  nx /= size; ny /= size; nz /= size;
  const out = nx * (x[a] - scene.cx) - ny * (y[a] - scene.cy) + nz * z[a] * unit < 0 ? -1 : 1; // outwards
  const lit = Math.max(0, out * (nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]));
  const firm = scene.firmFace[f], alpha = scene.view.dims < 3 ? 0.08 : out * nz > 0 ? 0.05 + 0.2 * lit : 0.07;
  ctx.globalAlpha = alpha * firm;
  ctx.fillStyle = scene.mist.face;
  ctx.beginPath();
  for (let k = 0; k < face.length; k++) ctx.lineTo(x[at + face[k]], y[at + face[k]]);
  ctx.fill();
}
