// Sliders over the combinations of what was made beforehand; the last slider counts fastest.

/**
 * Puts sliders of {name, texts, start} into `box`. `moved` gets the number of the combination, at
 * once and whenever it is another one; `rested` is told when a slider is let go.
 */
export function putSliders(box, wanted, moved, rested) {
  const inputs = wanted.map((slider) => sliderOf(box, slider));
  const count = (sum, input, i) => sum * wanted[i].texts.length + Number(input.value);
  const tell = () => {
    inputs.forEach((input) => input.say());
    moved(inputs.reduce(count, 0));
  };
  for (const input of inputs) {
    input.addEventListener("input", tell);
    input.addEventListener("change", rested);
  }
  tell();
}

function sliderOf(box, { name, texts, start }) {
  const label = document.createElement("label"), input = document.createElement("input");
  const output = document.createElement("output");
  Object.assign(input, { type: "range", min: 0, max: texts.length - 1, value: start, autocomplete: "off" });
  input.setAttribute("aria-label", name);
  input.dataset.lmSuppressShortcuts = "true";
  input.say = () => {
    output.textContent = texts[input.value];
    input.setAttribute("aria-valuetext", texts[input.value]);
  };
  output.setAttribute("aria-hidden", "true"); // the slider says it
  label.append(name, input, output);
  box.append(label);
  return input;
}
