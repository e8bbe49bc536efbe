// Edges and faces between class means: which, how firm at every epoch, and which way is up.

const FIRM = 0.12; // an edge off its last length by this share is half as firm

/**
 * Edges [a, b, a, b, …] and faces [[a, b, c, …], …] of `data` among the shown classes, as indices into
 * them. Where the picture is the body itself (`solid`) and faces are not given, they are those of the
 * hull of the last epoch's rows `last` (K, d).
 */
export function bodyOf(data, classes, last, solid) {
  const slots = (list) => (list || []).map((group) => group.map((c) => classes.indexOf(c))).filter((group) => !group.includes(-1));
  const edges = slots(data.edges), K = classes.length;
  const hull = solid && edges.length && !data.faces ? hullOf(last, K, last.length / K) : [];
  return { edges: edges.flat(), faces: data.faces ? slots(data.faces) : hull };
}

/** Faces of the convex hull of (K, d) rows that span three dimensions; corners go round each. */
export function hullOf(rows, K, d) {
  const found = new Map();
  if (d !== 3) return [];
  for (let a = 0; a < K; a++)
    for (let b = a + 1; b < K; b++)
      for (let c = b + 1; c < K; c++) {
        const face = faceThrough(rows, K, a, b, c);
        if (face) found.set(face.join(), face);
      }
  return [...found.values()];
}

const at = (rows, k) => [rows[3 * k], rows[3 * k + 1], rows[3 * k + 2]];
const less = (u, v) => u.map((x, i) => x - v[i]);
const cross = (u, v) => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
const inner = (u, v) => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
const flat = (u) => { const size = Math.hypot(...u); return size > 1e-6 ? u.map((x) => x / size) : null; };

/** All corners in the plane of three, if every other point lies on one side of it. */
function faceThrough(rows, K, a, b, c) {
  const origin = at(rows, a), normal = flat(cross(less(at(rows, b), origin), less(at(rows, c), origin)));
  if (!normal) return null;
  const corners = [];
  let above = 0, below = 0;
  for (let k = 0; k < K; k++) {
    const height = inner(less(at(rows, k), origin), normal);
    if (Math.abs(height) < 1e-3) corners.push(k);
    else if (height > 0) above++;
    else below++;
  }
  return (above && below) || corners.length < 3 ? null : around(rows, corners, normal);
}

/** Corners in the order in which they go round their middle, the first of them first. */
function around(rows, corners, normal) {
  const middle = corners.map((k) => at(rows, k)).reduce((sum, p) => sum.map((x, i) => x + p[i] / corners.length), [0, 0, 0]);
  const first = flat(less(at(rows, corners[0]), middle)), second = cross(normal, first);
  const angle = (k) => {
    const arm = less(at(rows, k), middle), turned = Math.atan2(inner(arm, second), inner(arm, first));
    return turned < -1e-9 ? turned + 2 * Math.PI : turned;
  };
  const round = [...corners].sort((p, q) => angle(p) - angle(q)), low = round.indexOf(Math.min(...round));
  return [...round.slice(low), ...round.slice(0, low)];
}

/** Axes (d, d) for rows (K, d) of the plane or the space: a face of four or more corners on top, else the first row. */
export function upright(rows, faces, K, d) {
  const wide = faces.filter((face) => face.length > 3).sort((a, b) => b.length - a.length)[0];
  const top = new Float64Array(d);
  for (const k of wide || [0]) for (let i = 0; i < d; i++) top[i] += rows[k * d + i];
  const columns = d === 3 ? [2] : [1], axes = new Float64Array(d * d), basis = [];
  const candidates = [top, ...Array.from({ length: d }, (_, i) => Float64Array.from({ length: d }, (_unused, j) => Number(i === j)))];
  for (const from of candidates) {
    const rest = Float64Array.from(from);
    for (const b of basis) { const part = rest.reduce((sum, x, i) => sum + x * b[i], 0); rest.forEach((_, i) => { rest[i] -= part * b[i]; }); }
    const size = Math.hypot(...rest);
    if (size > 0.3 * Math.hypot(...from) && size > 1e-6 && basis.length < d) basis.push(rest.map((x) => x / size));
  }
  const order = [...columns, ...Array.from({ length: d }, (_, j) => j).filter((j) => !columns.includes(j))];
  basis.forEach((b, i) => b.forEach((x, row) => { axes[row * d + order[i]] = x; }));
  return axes;
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
