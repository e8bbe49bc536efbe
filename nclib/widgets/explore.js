// A page's sliders over pictures that were all drawn beforehand.

import { putSliders } from "./sliders.js";

const { sliders, pictures, alts } = JSON.parse(document.getElementById("state").textContent);
const [picture, words, box] = ["picture", "words", "sliders"].map((id) => document.getElementById(id));

const show = (index) => {
  picture.src = "data:image/png;base64," + pictures[index];
  picture.alt = alts[index];
};
putSliders(box, sliders, show, () => { words.textContent = picture.alt; }); // read out
