// The state of a run at a moment, told: the line of words, the caption's remark, the picture in words.

import { frameAt, shareInView } from "./player_geometry.js";
import { wordsFor } from "./player_words.js";
import { short } from "./player_curves.js";

const READOUT = [{ text: "train accuracy", column: "train_accuracy", percent: true }, { text: "NC1", column: "nc1" }];

/** The moment's number among all, and its name where it has one: "layer 2 of 6: block 2". */
export function momentOf(run, epoch, end) {
  const at = run.epochs.indexOf(epoch), number = `${wordsFor(run).moment} ${epoch}`, name = run.moments && at >= 0 ? run.moments[at] : "";
  return `${number} of ${end}${name && name !== number ? `: ${name}` : ""}`;
}

/** What `side` shows at `epoch`, by its nearest measured one. */
export function stateOf({ data, name }, epoch) {
  const at = Math.round(frameAt(data.epochs, epoch)), own = data.epochs[at];
  const when = own === epoch ? "" : ` (${wordsFor(data).moment} ${own})`;
  const values = (data.readout || READOUT).filter(({ column }) => data.metrics[column])
    .map(({ text, column, percent }) => `${text} ${(percent ? share : short)(data.metrics[column][at])}`);
  return { at, own, values, name: name && `${name}${when}: ` };
}

const share = (value) => (value === null ? "–" : `${Number((100 * value).toFixed(value > 0.99 ? 2 : 1))} %`);

/** What the caption adds at frame `at`. */
export function remarkOn({ data, view, frames }, at) {
  const { means } = wordsFor(data), status = data.status ? data.status[at] : "ok";
  if (status === "zero") return ` · the ${means} have collapsed to zero: all is drawn at the origin`;
  if (status === "not finite") return ` · the ${data.kind === "points" ? "points" : "features"} are not finite at this ${wordsFor(data).moment}: nothing to draw`;
  const seen = view.all ? Math.round(100 * shareInView(view, frames.means, at)) : 100;
  return (seen === 100 ? "" : ` · ${seen} % of the ${data.kind === "points" ? "points" : "means"}' spread`) + (data.note ? ` · ${data.note}` : "");
}

/** The picture, for those who do not see it. */
export function pictureInWords({ data, view }, { at, own, values }) {
  const end = data.epochs[data.epochs.length - 1];
  if (!data.kind || data.kind === "network") return networkInWords(data, view, own, at, end);
  const said = values.length ? `; ${values.join(", ")}` : "", note = data.note ? ` ${data.note}` : "";
  return `${data.title}: ${subjectOf(data, view)} at ${momentOf(data, own, end)}${said}. ${view.caption}.${note}`;
}

function subjectOf(data, view) {
  const { things } = wordsFor(data), names = view.classes.map((c) => data.class_names[c]).join(", ");
  const joined = view.edges.length ? `, joined by ${view.edges.length / 2} edges,` : "";
  if (data.kind === "points") return (view.all ? `${view.classes.length} points` : `the points ${names}`) + joined;
  return `${data.labels.length ? "features and class means" : "class means"}${data.weights ? " and classifier" : ""} of the ${things} ${names}${joined}`;
}

function networkInWords(data, view, own, at, end) {
  const names = view.classes.map((c) => data.class_names[c]).join(", "), zero = data.zero_error_epoch, nc1 = data.metrics.nc1[at];
  const phase = zero === null ? "" : own >= zero ? `, zero training error since epoch ${zero}` : `, zero training error comes at epoch ${zero}`;
  const spread = nc1 === null ? "" : `; NC1, the scatter within classes relative to that between them, is ${short(nc1)}`;
  return `${data.title}: features, class means and classifier of the classes ${names} at epoch ${own} of ` +
    `${end}; train accuracy ${share(data.metrics.train_accuracy[at])}${phase}${spread}. ${view.caption}.`;
}
