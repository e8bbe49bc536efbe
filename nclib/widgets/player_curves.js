// The metrics as small panels on a canvas of their own: logarithmic upwards, epochs to the right, a cursor.

import { sprite } from "./player_scene.js";

const PANELS = [
  ["NC1 · scatter within / between classes", "nc1"],
  ["NC2 · unequal norms", "equinorm_means", "equinorm_weights"],
  ["NC2 · angles off −1/(C−1)", "max_angle_means", "max_angle_weights"],
  ["NC3 · classifier ≠ class means", "self_duality"],
  ["NC4 · nearest-mean mismatch", "ncc_mismatch"],
];
const CURVE_DASHES = [5, 4];
const FONT = "11px system-ui, -apple-system, 'Segoe UI', sans-serif";
const PAD = { left: 36, right: 8, top: 25, bottom: 4, axis: 18 };

/** A number as people read it: 0.0032 → "3.2e-3", 0.42 → "0.42", missing → "–". */
export function short(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.01 || size >= 1000 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}

export class Curves {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.logarithmic = true;
  }

  setData({ epochs, metrics, zero_error_epoch, num_classes }) {
    Object.assign(this, { epochs, metrics, zero: zero_error_epoch });
    const kept = num_classes > 2 ? PANELS : PANELS.filter(([title]) => !title.startsWith("NC2")); // vacuous for two
    this.panels = kept.map(([title, ...names]) => ({ title, lines: names.map((name) => metrics[name]) }));
    for (const panel of this.panels) this.setRange(panel);
  }

  /** Whole decades around the positive values; a value of 0 sits on the floor below them. */
  setRange(panel) {
    const values = panel.lines.flat().filter((v) => v !== null && v > 0).map(Math.log10);
    panel.high = values.length ? Math.ceil(Math.max(...values) - 1e-9) : 0;
    panel.low = values.length ? Math.floor(Math.min(...values) + 1e-9) : -1;
    if (panel.high === panel.low) panel.low -= 1;
    panel.zero = panel.lines.flat().some((v) => v === 0);
    panel.floor = panel.low - (panel.zero ? 0.3 * Math.max(1, (panel.high - panel.low) / 3) : 0);
  }

  setTheme(theme) { this.theme = theme; this.paint(); }

  /** One column when the canvas is tall, two when it is wide and low. */
  resize(width, height, pixelRatio, columns) {
    Object.assign(this, { width, height, pixelRatio, columns });
    this.canvas.width = Math.round(width * pixelRatio);
    this.canvas.height = Math.round(height * pixelRatio);
    this.paint();
  }

  // ---- From numbers to places ---------------------------------------------------------------------

  axis(epoch) {
    const first = this.epochs[0], last = this.epochs[this.epochs.length - 1];
    if (last === first) return 0;
    return this.logarithmic ? Math.log1p(epoch - first) / Math.log1p(last - first) : (epoch - first) / (last - first);
  }

  /** Place along the axis, 0 to 1, of a fractional frame. */
  along(position) {
    const i = Math.min(Math.floor(position), this.epochs.length - 1), j = Math.min(i + 1, this.epochs.length - 1);
    return this.axis(this.epochs[i]) + (position - i) * (this.axis(this.epochs[j]) - this.axis(this.epochs[i]));
  }

  /** Where the lines of panel p go. */
  boxOf(p) {
    const rows = Math.ceil(this.panels.length / this.columns);
    const w = this.width / this.columns, h = (this.height - PAD.axis) / rows;
    const left = (p % this.columns) * w + PAD.left, top = Math.floor(p / this.columns) * h + PAD.top;
    return { left, top, width: w - PAD.left - PAD.right, height: h - PAD.top - PAD.bottom };
  }

  y(panel, box, value) {
    const level = value > 0 ? Math.max(Math.log10(value), panel.floor) : panel.floor;
    return box.top + (box.height * (panel.high - level)) / (panel.high - panel.floor);
  }

  // ---- Drawing ------------------------------------------------------------------------------------

  /** Everything that stands still, painted once per size, theme and axis. */
  paint() {
    if (!this.theme || !this.width) return;
    this.boxes = this.panels.map((_, p) => this.boxOf(p));
    this.still = sprite(this.width, this.height, this.pixelRatio, (ctx) => {
      ctx.font = FONT;
      this.panels.forEach((panel, p) => this.paintPanel(ctx, panel, this.boxes[p], p));
    });
  }

  paintPanel(ctx, panel, box, p) {
    const { ink, muted, faint, accent } = this.theme;
    ctx.fillStyle = ink; ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
    ctx.fillText(panel.title, box.left - PAD.left + 2, box.top - 10);
    if (panel.lines.length > 1) this.paintHint(ctx, box.left - PAD.left + 10 + ctx.measureText(panel.title).width, box.top - 10);
    if (this.zero !== null) {
      const x = box.left + box.width * this.axis(this.zero);
      ctx.fillStyle = this.theme.band; ctx.fillRect(x, box.top, box.left + box.width - x, box.height);
      if (p === 0) { ctx.fillStyle = muted; ctx.textAlign = "right"; ctx.fillText("zero error", box.left + box.width - 4, box.top + 12); }
    }
    this.paintScale(ctx, panel, box, faint, muted);
    panel.lines.forEach((line, l) => this.paintLine(ctx, panel, box, line, l ? CURVE_DASHES : [], l ? muted : accent));
    if (p >= this.panels.length - this.columns) this.paintEpochs(ctx, box, muted, p === this.panels.length - 1);
  }

  paintHint(ctx, x, y) {
    ctx.strokeStyle = ctx.fillStyle = this.theme.muted;
    ctx.setLineDash([3, 2]); ctx.beginPath(); ctx.moveTo(x, y - 4); ctx.lineTo(x + 14, y - 4); ctx.stroke(); ctx.setLineDash([]);
    ctx.fillText("classifier", x + 18, y);
  }

  paintScale(ctx, panel, box, faint, muted) {
    ctx.textAlign = "right"; ctx.textBaseline = "middle"; ctx.lineWidth = 1;
    const label = (text, y) => {
      ctx.strokeStyle = faint; ctx.beginPath(); ctx.moveTo(box.left, y); ctx.lineTo(box.left + box.width, y); ctx.stroke();
      ctx.fillStyle = muted; ctx.fillText(text, box.left - 5, y);
    };
    const perDecade = box.height / (panel.high - panel.floor);
    const step = Math.ceil(13 / perDecade), lowest = panel.zero ? this.y(panel, box, 0) - 12 : Infinity;
    for (let d = panel.high; d >= panel.low; d -= step) {
      const y = this.y(panel, box, 10 ** d);
      if (y < lowest) label(d === 0 ? "1" : d === 1 ? "10" : "1e" + d, y);
    }
    if (panel.zero) label("0", this.y(panel, box, 0));
  }

  paintLine(ctx, panel, box, line, dashes, colour) {
    ctx.strokeStyle = colour; ctx.lineWidth = 1.8; ctx.lineJoin = "round"; ctx.setLineDash(dashes);
    ctx.beginPath();
    let pen = false;
    line.forEach((value, e) => { // a missing value is a gap
      if (value === null) { pen = false; return; }
      const x = box.left + box.width * this.axis(this.epochs[e]), y = this.y(panel, box, value);
      if (pen) ctx.lineTo(x, y); else { ctx.moveTo(x, y); ctx.lineTo(x + 0.01, y); }
      pen = true;
    });
    ctx.stroke();
    ctx.setLineDash([]);
  }

  paintEpochs(ctx, box, muted, named) {
    const last = this.epochs[this.epochs.length - 1];
    const ticks = this.logarithmic ? [0, 1, 10, 100, 1000, 10000].filter((t) => t < 0.6 * last) : [0, Math.round(last / 2)];
    ctx.fillStyle = muted; ctx.textBaseline = "top"; ctx.textAlign = "center";
    for (const t of ticks) if (t >= this.epochs[0]) ctx.fillText(t, box.left + box.width * this.axis(t), box.top + box.height + 5);
    ctx.textAlign = "right";
    ctx.fillText(named ? "epoch " + last : last, box.left + box.width + 4, box.top + box.height + 5);
  }

  /** The still picture, a cursor at `position`, and the values of the nearest measured epoch. */
  draw(position) {
    const { ctx, theme } = this;
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.drawImage(this.still.canvas, 0, 0, this.width, this.height);
    ctx.font = FONT; ctx.textAlign = "right"; ctx.textBaseline = "alphabetic";
    const part = this.along(position), nearest = Math.round(position);
    for (let p = 0; p < this.panels.length; p++) {
      const panel = this.panels[p], box = this.boxes[p], x = box.left + box.width * part;
      ctx.fillStyle = theme.ink;
      ctx.fillRect(x - 0.5, box.top, 1, box.height);
      ctx.fillText(short(panel.lines[0][nearest]), box.left + box.width, box.top - 10);
      for (let l = panel.lines.length - 1; l >= 0; l--) this.drawPoint(panel.lines[l], position, l ? theme.muted : theme.accent, panel, box, x);
    }
  }

  drawPoint(line, position, colour, panel, box, x) {
    const i = Math.floor(position), j = Math.min(i + 1, line.length - 1);
    if (line[i] === null || line[j] === null) return;
    const y = this.y(panel, box, line[i]) + (position - i) * (this.y(panel, box, line[j]) - this.y(panel, box, line[i]));
    this.ctx.fillStyle = colour;
    this.ctx.beginPath(); this.ctx.arc(x, y, 3.5, 0, 2 * Math.PI); this.ctx.fill();
  }

  /** The fractional frame at a place on the canvas, or -1 outside every panel. */
  frameAt(px, py) {
    for (let p = 0; p < this.panels.length; p++) {
      const box = this.boxes[p];
      if (py < box.top - PAD.top || py > box.top + box.height + PAD.bottom) continue;
      if (px < box.left - PAD.left || px > box.left + box.width + PAD.right) continue;
      const part = Math.max(0, Math.min(1, (px - box.left) / box.width));
      let i = 0;
      while (i < this.epochs.length - 2 && this.axis(this.epochs[i + 1]) <= part) i++;
      const a = this.axis(this.epochs[i]), b = this.axis(this.epochs[Math.min(i + 1, this.epochs.length - 1)]);
      return b > a ? Math.min(i + (part - a) / (b - a), this.epochs.length - 1) : i;
    }
    return -1;
  }
}
