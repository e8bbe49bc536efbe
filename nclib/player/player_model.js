// On a page of its own: a model with what the player asks of anywidget's, and nobody behind it.

import { render } from "./player.js";

const state = JSON.parse(document.getElementById("state").textContent);
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes() {}, on() {}, off() {},
};
render({ model, el: document.getElementById("player") });
