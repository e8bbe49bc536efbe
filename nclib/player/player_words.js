// What the page calls things, by the kind of run: a network in training, points pushed apart, layers.
// Captions of pictures. Knows no page, no canvas and no array.

const NETWORK = {
  moment: "epoch", moments: "epochs", thing: "class", things: "classes", mean: "class mean", means: "class means",
  end: "those of the last epoch", vertex: "simplex ETF, the limit",
};
const VOCABULARY = {
  network: NETWORK,
  points: {
    moment: "step", moments: "steps", thing: "point", things: "points", mean: "point", means: "points",
    end: "those of the last step", vertex: "simplex ETF",
  },
  layers: { ...NETWORK, moment: "layer", moments: "layers", end: "those of the last layer", vertex: "simplex ETF" },
};

/** What it is that lies under the pointer. */
export const pointedAt = (run, layer) => ({
  dot: "features of one sample", mean: wordsFor(run).mean, weight: "classifier row", vertex: "vertex of the simplex ETF",
}[layer]);

/** The words of a run. */
export const wordsFor = ({ kind }) => VOCABULARY[kind] || NETWORK;

const counted = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** What a picture of `view` is of `data`: exact, or a projection. */
export function captionOf(view, data) {
  return data.kind === "points" ? captionOfPoints(view, data) : captionOfFeatures(view, data);
}

function captionOfFeatures({ classes, dims, vertices, exact }, data) {
  const need = classes.length - 1, p = data.num_features;
  const missing = vertices ? "" : `; no simplex ETF: ${classes.length} classes need ${counted(need, "dimension")}`;
  const line = dims === 1 ? "; dots are spread upwards and downwards only to be seen" : "";
  if (exact && p === dims) return `exact: the features have ${counted(p, "dimension")} and are drawn as they are${missing}${line}`;
  if (exact) return `exact: ${classes.length} classes span ${counted(need, "dimension")}, ${wordsFor(data).end}${line}`;
  if (vertices) return `projection: ${classes.length} classes need ${need} dimensions, ${dims} shown`;
  return `projection: the features have ${p} dimensions, ${dims} shown${missing}`;
}

function captionOfPoints({ classes, dims, vertices, exact }, { num_features: p }) {
  const K = classes.length, missing = vertices ? "" : `; no simplex: ${K} points would need ${counted(K - 1, "dimension")}`;
  if (exact && p === dims) return `exact: ${K} points in ${counted(p, "dimension")}, drawn as they are${missing}`;
  if (exact) return `exact: ${K} points span ${counted(K - 1, "dimension")}, those of the last step`;
  if (vertices) return `projection: ${K} points span ${K - 1} dimensions, ${dims} shown`;
  return `projection: ${K} points in ${p} dimensions, ${dims} shown${missing}`;
}
