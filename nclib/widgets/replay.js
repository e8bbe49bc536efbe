// A page's sliders over runs that were all made beforehand, with one player for them.

import { render } from "../player/player.js";
import { putSliders } from "./sliders.js";

const { sliders: wanted, payloads, at_end: atEnd } = JSON.parse(document.getElementById("state").textContent);
const held = { frame: 0, selected: [] }, listeners = {}; // what the player asks of anywidget's model
const model = {
  get: (name) => held[name],
  set: (name, value) => { held[name] = value; },
  save_changes() {},
  on: (event, act) => { listeners[event] = act; },
  off: (event, act) => { if (listeners[event] === act) delete listeners[event]; },
};
let shown = null;

/** Another run at the same share of it; classes stay chosen where it has the same ones. */
function show(index) {
  const before = shown, now = payloads[index];
  if (now === before) return;
  shown = now;
  const last = (payload) => Math.max(payload.epochs.length - 1, 1), names = ({ runs }) => runs[0].class_names.join("\n");
  if (before && names(before) !== names(now)) held.selected = [];
  held.frame = before ? Math.round((held.frame / last(before)) * (now.epochs.length - 1)) : atEnd * (now.epochs.length - 1);
  held.payload = JSON.stringify({ ...now, as_before: Boolean(before) });
  if (before) listeners["change:payload"]();
  else render({ model, el: document.getElementById("player") });
}

putSliders(document.getElementById("sliders"), wanted, show, () => {});
