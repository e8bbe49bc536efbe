// The metrics as small panels on a canvas of their own: logarithmic upwards, epochs to the right, a cursor.

import { epochAt, frameAt } from "./player_geometry.js";
import { sprite } from "./player_sprites.js";
import { wordsFor } from "./player_words.js";

const FONT = "11px system-ui, -apple-system, 'Segoe UI', sans-serif";
const PAD = { left: 36, right: 10, top: 27, bottom: 5, axis: 18 };
const VALUE = 48; // px for one value beside a title

/** A number as people read it: 0.0032 → "3.2e-3", 0.42 → "0.42", missing → "–". */
export function short(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.01 || size >= 1000 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}

/** Whole steps of 1, 2 or 5 times a power of ten around the values, some two or three of them. */
function linearRange(all) {
  const most = Math.max(...all), least = Math.min(...all), wide = Math.max(most - least, 0.02 * Math.abs(most), 1e-9);
  const power = 10 ** Math.floor(Math.log10(wide / 2)), step = power * [1, 2, 5, 10].find((f) => f * power >= wide / 3);
  const low = Math.floor(least / step + 1e-6) * step, high = Math.ceil(most / step - 1e-6) * step;
  return { empty: !all.length, high: Math.max(high, low + step), low, zero: false, floor: low, step };
}

/** Whole decades around the positive values; a value of 0 sits on the floor below them. */
function rangeOf(lines, linear) {
  const all = lines.flatMap((line) => line.values).filter((v) => v !== null);
  if (linear) return linearRange(all.length ? all : [0, 1]);
  const values = all.filter((v) => v > 0).map(Math.log10), zero = all.some((v) => v === 0);
  const high = values.length ? Math.ceil(Math.max(...values) - 1e-9) : 0;
  const low = Math.min(values.length ? Math.floor(Math.min(...values) + 1e-9) : -1, high - 1);
  return { empty: !all.length, high, low, zero, floor: low - (zero ? 0.3 * Math.max(1, (high - low) / 3) : 0) };
}

export class Curves {
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.logarithmic = true;
  }

  /** One run or two over the clock's `epochs`; what the panels show is the first run's. */
  setData(runs, epochs) {
    Object.assign(this, { runs, first: epochs[0], last: epochs[epochs.length - 1], words: wordsFor(runs[0]) });
    this.panels = runs[0].panels.map((panel) => this.panelOf(panel));
  }

  /** A panel's lines: of the class means, of the classifier. All tend to 0. */
  panelOf({ title, short: brief, columns, share_of_right: right, linear }) {
    const lines = this.runs.flatMap((run, r) => columns.map((name, m) => {
      const values = right ? run.metrics[name].map((v) => (v === null ? null : 1 - v)) : run.metrics[name];
      return { values, epochs: run.epochs, ...this.styleOf(r, m) };
    }));
    const told = this.runs.length > 1 ? lines.filter((line) => !line.ofClassifier) : lines; // room for two values
    return { title, brief, lines, told, linear, ...rangeOf(lines, linear) };
  }

  /** Two runs differ by colour and dashes, means and classifier then by width; else by colour and dashes. */
  styleOf(run, metric) {
    const ofClassifier = metric === 1;
    if (this.runs.length === 1) return { ofClassifier, colour: metric ? "muted" : "accent", dashes: metric ? [5, 4] : [], width: 1.8 };
    return { ofClassifier, colour: run ? "second" : "accent", dashes: run ? [7, 2, 2, 2] : [], width: metric ? 0.9 : 2 };
  }

  setTheme(theme) { this.theme = theme; this.paint(); }

  resize(width, height, pixelRatio, columns) {
    Object.assign(this, { width, height, pixelRatio, columns });
    this.canvas.width = Math.round(width * pixelRatio);
    this.canvas.height = Math.round(height * pixelRatio);
    this.paint();
  }

  // ---- From numbers to places ---------------------------------------------------------------------

  /** Place along the axis, 0 to 1, of an epoch. */
  axis(epoch) {
    const { first, last } = this;
    if (last === first) return 0;
    return this.logarithmic ? Math.log1p(epoch - first) / Math.log1p(last - first) : (epoch - first) / (last - first);
  }

  /** The epoch at a place along the axis. */
  epochAlong(part) {
    const { first, last } = this;
    return first + (this.logarithmic ? Math.expm1(part * Math.log1p(last - first)) : part * (last - first));
  }

  /** Where the lines of panel p go. */
  boxOf(p) {
    const rows = Math.ceil(this.panels.length / this.columns);
    const w = this.width / this.columns, h = (this.height - PAD.axis) / rows;
    const left = (p % this.columns) * w + PAD.left, top = Math.floor(p / this.columns) * h + PAD.top;
    return { left, top, width: w - PAD.left - PAD.right, height: h - PAD.top - PAD.bottom };
  }

  y(panel, box, value) {
    const level = panel.linear ? value : value > 0 ? Math.max(Math.log10(value), panel.floor) : panel.floor;
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
    const { theme } = this, right = box.left + box.width, room = right - box.left + PAD.left - panel.told.length * VALUE;
    ctx.fillStyle = theme.ink; ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
    const fits = ctx.measureText(panel.title).width < room;
    ctx.fillText(fits ? panel.title : panel.brief, box.left - PAD.left + 2, box.top - 12);
    this.runs.forEach(({ zero_error_epoch: zero }, r) => this.paintPhase(ctx, box, zero, r, p === 0));
    this.paintScale(ctx, panel, box, theme.faint, theme.muted);
    for (const line of panel.lines) this.paintLine(ctx, panel, box, line);
    if (panel.empty) { ctx.fillStyle = theme.muted; ctx.textAlign = "center"; ctx.fillText("no values", box.left + box.width / 2, box.top + box.height / 2); }
    if (p >= this.panels.length - this.columns) this.paintEpochs(ctx, box, theme.muted);
  }

  /** The phase after zero training error, shaded; of two runs, shade over shade. */
  paintPhase(ctx, box, zero, run, named) {
    if (zero === null) return;
    const x = box.left + box.width * this.axis(zero), right = box.left + box.width;
    ctx.fillStyle = run ? this.theme.band2 : this.theme.band; ctx.fillRect(x, box.top, right - x, box.height);
    if (!named || run || right - x < 60) return;
    ctx.fillStyle = this.theme.muted; ctx.textAlign = "right"; ctx.textBaseline = "alphabetic";
    ctx.fillText("zero error", right - 4, box.top + 12);
  }

  paintScale(ctx, panel, box, faint, muted) {
    ctx.textAlign = "right"; ctx.textBaseline = "middle"; ctx.lineWidth = 1;
    const label = (text, y) => {
      ctx.strokeStyle = faint; ctx.beginPath(); ctx.moveTo(box.left, y); ctx.lineTo(box.left + box.width, y); ctx.stroke();
      ctx.fillStyle = muted; ctx.fillText(text, box.left - 5, y);
    };
    if (panel.linear) {
      const every = Math.ceil((13 * (panel.high - panel.floor)) / (panel.step * box.height)), steps = Math.round((panel.high - panel.low) / panel.step);
      for (let i = 0; i <= steps; i += every) label(String(Number((panel.low + i * panel.step).toPrecision(6))), this.y(panel, box, panel.low + i * panel.step));
      return;
    }
    const perDecade = box.height / (panel.high - panel.floor);
    const step = Math.ceil(13 / perDecade), lowest = panel.zero ? this.y(panel, box, 0) - 12 : Infinity;
    for (let d = panel.high; d >= panel.low; d -= step) {
      const y = this.y(panel, box, 10 ** d);
      if (y < lowest) label(d === 0 ? "1" : d === 1 ? "10" : "1e" + d, y);
    }
    if (panel.zero) label("0", this.y(panel, box, 0));
  }

  paintLine(ctx, panel, box, { values, epochs, colour, dashes, width }) {
    ctx.strokeStyle = this.theme[colour]; ctx.lineWidth = width; ctx.lineJoin = "round"; ctx.setLineDash(dashes);
    ctx.beginPath();
    let pen = false;
    values.forEach((value, e) => { // a missing value is a gap
      if (value === null) { pen = false; return; }
      const x = box.left + box.width * this.axis(epochs[e]), y = this.y(panel, box, value);
      if (pen) ctx.lineTo(x, y); else { ctx.moveTo(x, y); ctx.lineTo(x + 0.01, y); }
      pen = true;
    });
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** The last epoch, and as many of the others as there is room for. */
  paintEpochs(ctx, box, muted) {
    const { first, last } = this, top = box.top + box.height + 5, right = box.left + box.width + 6;
    const ticks = this.logarithmic ? [0, 1, 10, 100, 1000, 10000] : [first, Math.round((first + last) / 2)];
    ctx.fillStyle = muted; ctx.textBaseline = "top"; ctx.textAlign = "right";
    ctx.fillText(`${this.words.moment} ${last}`, right, top);
    ctx.textAlign = "center";
    let free = -Infinity;
    for (const tick of ticks.filter((t) => t >= first && t < last)) {
      const x = box.left + box.width * this.axis(tick), half = ctx.measureText(tick).width / 2 + 3;
      if (x - half < free || x + half > right - ctx.measureText(`${this.words.moment} ${last}`).width) continue;
      ctx.fillText(tick, x, top);
      free = x + half;
    }
  }

  /** The still picture, a cursor at `epoch`, and the values of the nearest measured epoch of each run. */
  draw(epoch) {
    const { ctx, theme } = this;
    ctx.setTransform(this.pixelRatio, 0, 0, this.pixelRatio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.drawImage(this.still.canvas, 0, 0, this.width, this.height);
    ctx.font = FONT; ctx.textAlign = "right"; ctx.textBaseline = "alphabetic";
    for (let p = 0; p < this.panels.length; p++) {
      const { lines, told } = this.panels[p], box = this.boxes[p], right = box.left + box.width;
      ctx.fillStyle = theme.ink;
      ctx.fillRect(box.left + box.width * this.axis(epoch) - 0.5, box.top, 1, box.height);
      for (let l = 0; l < told.length; l++) {
        ctx.fillStyle = theme[told[l].colour];
        ctx.fillText(short(valueAt(told[l], epoch)), right - (told.length - 1 - l) * VALUE, box.top - 12);
      }
      for (let l = lines.length - 1; l >= 0; l--) this.drawPoint(lines[l], epoch, this.panels[p], box);
    }
  }

  /** The point of a line at `epoch`, on the drawn line; at its end when the run is over. */
  drawPoint({ values, epochs, colour, width }, epoch, panel, box) {
    const frame = frameAt(epochs, epoch), i = Math.floor(frame), j = Math.min(i + 1, values.length - 1);
    if (values[i] === null || values[j] === null) return;
    const a = this.axis(epochs[i]), b = this.axis(epochs[j]), x = this.axis(epochAt(epochs, frame));
    const from = this.y(panel, box, values[i]), to = this.y(panel, box, values[j]);
    this.ctx.fillStyle = this.theme[colour];
    this.ctx.beginPath();
    this.ctx.arc(box.left + box.width * x, from + (b > a ? (x - a) / (b - a) : 0) * (to - from), 2.2 + 0.7 * width, 0, 2 * Math.PI);
    this.ctx.fill();
  }

  /** The epoch at a place on the canvas, or null outside every panel. */
  pointed(px, py) {
    const box = this.boxes.find(({ left, top, width, height }) =>
      py >= top - PAD.top && py <= top + height + PAD.bottom && px >= left - PAD.left && px <= left + width + PAD.right);
    return box ? this.epochAlong(Math.max(0, Math.min(1, (px - box.left) / box.width))) : null;
  }

  /** The values at `epoch` for those who do not see the curves; `names` tell two runs apart. */
  inWords(epoch, names) {
    const panels = this.panels.map(({ title, lines }) => {
      const each = this.runs.length * (lines.length > this.runs.length ? 2 : 1);
      return `${title}: ${lines.slice(0, each).map((line, l) => wordsOf(line, names[Math.floor((l * this.runs.length) / each)], epoch)).join(", ")}`;
    });
    const { moment, moments } = this.words;
    return `curves over ${moments} ${this.first} to ${this.last}, at ${moment} ${epoch}: ${panels.join("; ")}.`;
  }
}

/** A line's value at the measured epoch nearest to `epoch`. */
const valueAt = ({ values, epochs }, epoch) => values[Math.round(frameAt(epochs, epoch))];

const wordsOf = (line, name, epoch) =>
  [name, line.ofClassifier ? "classifier" : "", short(valueAt(line, epoch))].filter(Boolean).join(" ");
