// Edges and faces between class means: which of them, and how firm each edge is at every epoch.

const FIRM = 0.12; // an edge off its last length by this share is half as firm

/** Edges [a, b, a, b, …] and faces [[a, b, c, …], …] of `data` among the shown classes, as indices into them. */
export function bodyOf(data, classes) {
  const slots = (list) => (list || []).map((group) => group.map((c) => classes.indexOf(c))).filter((group) => !group.includes(-1));
  return { edges: slots(data.edges).flat(), faces: slots(data.faces) };
}

/** How firm each edge is at each epoch, (E, edges): 1 at its length at the end, less the farther from it. */
export function strengths(data, view) {
  const { num_classes: C, dims: d, means } = data, E = data.epochs.length, M = view.edges.length / 2;
  const long = (e, m) => {
    const a = (e * C + view.classes[view.edges[2 * m]]) * d, b = (e * C + view.classes[view.edges[2 * m + 1]]) * d;
    let sum = 0;
    for (let i = 0; i < d; i++) sum += (means[a + i] - means[b + i]) ** 2;
    return Math.sqrt(sum);
  };
  return Float32Array.from({ length: E * M }, (_, n) => {
    const end = long(E - 1, n % M), now = long(Math.floor(n / M), n % M);
    return 1 / (1 + ((now / end - 1) / FIRM) ** 2);
  });
}
