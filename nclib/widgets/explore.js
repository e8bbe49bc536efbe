// A page's sliders over pictures that were all drawn beforehand.

const { sliders, pictures, alts } = JSON.parse(document.getElementById("state").textContent);
const [picture, words, box] = ["picture", "words", "sliders"].map((id) => document.getElementById(id));

const inputs = sliders.map(({ name, texts, start }) => {
  const label = document.createElement("label"), input = document.createElement("input");
  const output = document.createElement("output");
  Object.assign(input, { type: "range", min: 0, max: texts.length - 1, value: start });
  input.setAttribute("aria-label", name);
  input.dataset.lmSuppressShortcuts = "true";
  input.say = () => {
    output.textContent = texts[input.value];
    input.setAttribute("aria-valuetext", texts[input.value]);
  };
  input.addEventListener("input", show);
  input.addEventListener("change", () => { words.textContent = picture.alt; }); // read out
  output.setAttribute("aria-hidden", "true"); // the slider says it
  label.append(name, input, output);
  box.append(label);
  return input;
});

function show() {
  const at = (sum, input, i) => sum * sliders[i].texts.length + Number(input.value);
  const index = inputs.reduce(at, 0);
  picture.src = "data:image/png;base64," + pictures[index];
  picture.alt = alts[index];
  inputs.forEach((input) => input.say());
}

show();
