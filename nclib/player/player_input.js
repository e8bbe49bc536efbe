// Mouse, touch and keys: what people do, told to the player.

import { pointedAt } from "./player_words.js";

const CLICK = 6; // px a pointer may move and still have clicked

/** Everything the player listens to on its own page. */
export function listen(player) {
  const { part, root } = player;
  const onButton = (group, act) => player.on(group, "click", (event) => {
    const found = event.target.closest("button");
    if (found) act(found);
  });
  onButton(part.play, () => (player.playing ? player.pause() : player.play()));
  onButton(part.turn, () => player.toggleTurning());
  onButton(part.axis, () => player.toggleAxis());
  onButton(part.sizes, (found) => player.chooseMany(Number(found.dataset.size)));
  onButton(part.classes, (found) => player.clickClass(Number(found.dataset.class)));
  onButton(root.querySelector(".nc-key"), (found) => player.toggleLayer(found));
  player.on(part.speed, "change", () => { player.speed = Number(part.speed.value); });
  player.on(root, "keydown", (event) => key(player, event));
  player.on(root, "keyup", () => { if (!player.playing) player.commitFrame(); });
  listenToScrubber(player);
  listenToCurves(player);
  for (const side of player.sides) listenToScene(player, side);
}

/** Dragging passes between measured epochs, letting go snaps to one; keys go from one to the next. */
function listenToScrubber(player) {
  const { scrub } = player.part;
  player.on(scrub, "pointerdown", () => { player.setPlaying(false); player.dragging = true; scrub.step = "any"; });
  player.on(scrub, "input", () => { if (player.playing) player.setPlaying(false); player.seek(Number(scrub.value)); });
  player.on(scrub, "change pointerup pointercancel", () => {
    player.dragging = false;
    scrub.step = 1;
    if (!player.playing) player.rest();
  });
}

function listenToCurves(player) {
  const canvas = player.part.curves;
  let sweeping = false;
  const move = (event) => {
    const epoch = player.curves.pointed(event.offsetX, event.offsetY);
    if (epoch !== null) player.seekEpoch(epoch);
  };
  player.on(canvas, "pointerdown", (event) => {
    player.setPlaying(false);
    sweeping = true;
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  player.on(canvas, "pointermove", (event) => { if (sweeping) move(event); });
  player.on(canvas, "pointerup pointercancel", () => { sweeping = false; player.rest(); });
}

/** One pointer turns, points or clicks; two zoom. */
function listenToScene(player, side) {
  const { canvas, tip } = side.part, down = new Map();
  let moved = 0;
  const point = (event) => { side.pointer = event && { x: event.offsetX, y: event.offsetY }; hover(side); };
  player.on(canvas, "pointerdown", (event) => {
    if (!down.size) moved = 0;
    down.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
  });
  player.on(canvas, "pointermove", (event) => {
    const from = down.get(event.pointerId);
    if (!from) { point(event); return; }
    down.set(event.pointerId, event);
    moved += apart(event, from);
    const [other] = [...down.values()].filter((held) => held !== event);
    if (other) player.zoom(apart(event, other) / Math.max(apart(from, other), 1));
    else turn(player, side, event, from);
    if (moved > CLICK) point(null);
  });
  player.on(canvas, "pointerup pointercancel", (event) => {
    if (!down.delete(event.pointerId) || down.size || moved > CLICK) return;
    const hit = event.type === "pointerup" && side.scene.pick(event.offsetX, event.offsetY);
    if (hit) player.clickClass(hit.cls);
    else if (player.highlighted >= 0) player.emphasise(-1);
    point(event); // a finger has no other way to ask for the name
  });
  player.on(canvas, "pointerleave", (event) => { if (event.pointerType === "mouse") point(null); });
  player.on(canvas, "dblclick", () => { player.resetCamera(); player.emphasise(-1); });
  player.on(canvas, "wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    player.zoom(Math.exp(-event.deltaY / 300));
  }, { passive: false });
  tip.hidden = true;
}

const apart = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

/** Turns the picture: a solid about its centre, a plane in itself, a line not at all. */
function turn(player, { scene, view }, event, from) {
  if (view.dims === 1) return;
  for (const side of player.sides) side.part.hint.hidden = true;
  if (view.dims === 2) {
    const angle = (e) => Math.atan2(scene.cy - e.offsetY, e.offsetX - scene.cx);
    player.turn(angle(event) - angle(from), 0);
  } else player.turn((from.clientX - event.clientX) / 140, (event.clientY - from.clientY) / 140);
}

/** Names what lies under the pointer, also while the picture moves. */
export function hover({ scene, part: { tip }, pointer, data }) {
  const hit = pointer && scene.pick(pointer.x, pointer.y);
  if (tip.hidden === !hit && !hit) return;
  tip.hidden = !hit;
  if (!hit) return;
  tip.textContent = `${data.class_names[hit.cls]} · ${pointedAt(data, hit.kind)}`;
  const room = scene.width - tip.offsetWidth - 4;
  tip.style.left = `${Math.max(4, Math.min(room, hit.x - tip.offsetWidth / 2))}px`;
  tip.style.top = `${hit.y > 50 ? hit.y - 42 : hit.y + 22}px`;
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -1e9, End: 1e9 };
const TURNS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
const ZOOMS = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 };

function key(player, event) {
  const { target } = event, { part } = player;
  if (target === part.speed || event.altKey || event.metaKey || event.ctrlKey) return;
  if (event.shiftKey && TURNS[event.key]) player.turn(...TURNS[event.key]);
  else if (STEPS[event.key]) player.step(STEPS[event.key]);
  else if (ZOOMS[event.key]) player.zoom(ZOOMS[event.key]);
  else if (event.key === "0") player.resetCamera();
  else if (event.key === " " && (target.tagName !== "BUTTON" || target === part.play)) { if (!event.repeat) part.play.click(); }
  else return;
  event.preventDefault();
  event.stopPropagation();
}
