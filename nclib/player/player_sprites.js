// Small pictures that are painted once and stamped often: dots, balls, squares, rings, names.

const TAU = 2 * Math.PI;
const FONT_OF_NAMES = "600 13px system-ui, -apple-system, 'Segoe UI', sans-serif";
export const BALL = 12.5; // px, radius of a point
const ON_BALL = 2; // letters of a name that stand on it

/** "#rrggbb" moved by `t` towards "#rrggbb". */
export function mix(colour, towards, t) {
  const part = (c, i) => parseInt(c.slice(1 + 2 * i, 3 + 2 * i), 16);
  const hex = [0, 1, 2].map((i) => Math.round(part(colour, i) * (1 - t) + part(towards, i) * t));
  return "#" + hex.map((v) => v.toString(16).padStart(2, "0")).join("");
}

/** A small picture painted once, stamped often. */
export function sprite(width, height, pixelRatio, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * pixelRatio);
  canvas.height = Math.ceil(height * pixelRatio);
  const ctx = canvas.getContext("2d");
  ctx.scale(pixelRatio, pixelRatio);
  paint(ctx);
  return { canvas, width, height };
}

const disc = (ctx, r, c) => { ctx.beginPath(); ctx.arc(c, c, r, 0, TAU); };

/** Sprites of one class: dot, mean, weight, vertex, label; a mean that is a point is a ball with its name. */
export function spritesOf(colour, name, theme, ratio, points) {
  const { ink, surface } = theme;
  return {
    dot: sprite(8, 8, 2 * ratio, (ctx) => { disc(ctx, 3.2, 4); ctx.fillStyle = colour; ctx.fill(); }),
    mean: points ? ballSprite(colour, onBall(name) ? name : "", surface, ratio) : meanSprite(colour, surface, ratio),
    weight: sprite(24, 24, 1.5 * ratio, (ctx) => {
      ctx.fillStyle = mix(colour, surface, 0.35); ctx.fillRect(3.5, 3.5, 17, 17);
      ctx.lineWidth = 2; ctx.strokeStyle = mix(colour, ink, 0.45); ctx.strokeRect(3.5, 3.5, 17, 17);
    }),
    vertex: sprite(40, 40, 1.5 * ratio, (ctx) => {
      disc(ctx, 16.5, 20); ctx.lineWidth = 2.2; ctx.strokeStyle = mix(colour, ink, 0.15); ctx.stroke();
    }),
    label: points && onBall(name) ? null : labelSprite(name, theme, ratio),
  };
}

const onBall = (name) => name.length <= ON_BALL;

function meanSprite(colour, surface, ratio) {
  return sprite(26, 26, 1.5 * ratio, (ctx) => {
    const shade = ctx.createRadialGradient(9.5, 8.5, 1, 13, 13, 11);
    shade.addColorStop(0, mix(colour, "#ffffff", 0.65));
    shade.addColorStop(0.5, colour);
    shade.addColorStop(1, mix(colour, "#000000", 0.3));
    disc(ctx, 10, 13); ctx.fillStyle = shade; ctx.fill();
    ctx.lineWidth = 1.4; ctx.strokeStyle = surface; ctx.stroke();
  });
}

/** A ball in the light of a window, from above on the left, and its name in front. */
function ballSprite(colour, name, surface, ratio) {
  const size = 2 * BALL + 4, c = size / 2;
  return sprite(size, size, 1.6 * ratio, (ctx) => {
    const shade = ctx.createRadialGradient(c - 0.34 * BALL, c - 0.42 * BALL, 0.08 * BALL, c, c, BALL);
    shade.addColorStop(0, mix(colour, "#ffffff", 0.6));
    shade.addColorStop(0.35, mix(colour, "#ffffff", 0.12));
    shade.addColorStop(0.72, colour);
    shade.addColorStop(1, mix(colour, "#000000", 0.42));
    disc(ctx, BALL, c); ctx.fillStyle = shade; ctx.fill();
    ctx.lineWidth = 1.2; ctx.strokeStyle = mix(colour, "#000000", 0.5); ctx.globalAlpha = 0.55; ctx.stroke();
    const shine = ctx.createRadialGradient(c - 4.6, c - 6, 0, c - 4.6, c - 6, 5);
    shine.addColorStop(0, "#ffffffdd"); shine.addColorStop(1, "#ffffff00");
    ctx.globalAlpha = 0.8; disc(ctx, BALL - 1, c); ctx.fillStyle = shine; ctx.fill();
    ctx.globalAlpha = 1;
    Object.assign(ctx, { font: `700 ${name.length > 1 ? 11.5 : 13}px system-ui, -apple-system, 'Segoe UI', sans-serif`, textAlign: "center", textBaseline: "middle" });
    ctx.fillStyle = inkOn(colour);
    ctx.fillText(name, c, c + 1);
  });
}

/** Dark or white, whichever reads better on "#rrggbb" (WCAG relative luminance). */
export function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.18 ? "#ffffff" : "#1c2330";
}

/** A disc of the background over a ball that is far: it fades, and nothing behind it shows through. */
export function mistSprite(surface, ratio) {
  const size = 2 * BALL + 4;
  return sprite(size, size, ratio, (ctx) => { disc(ctx, BALL + 0.7, size / 2); ctx.fillStyle = surface; ctx.fill(); });
}

/** The sphere on which points lie: a breath of colour towards the rim. Radius 150 of 304. */
export function sphereSprite(accent, ratio) {
  return sprite(304, 304, 2 * ratio, (ctx) => {
    const shade = ctx.createRadialGradient(118, 104, 20, 152, 152, 150);
    shade.addColorStop(0, accent + "00"); shade.addColorStop(0.7, accent + "07"); shade.addColorStop(1, accent + "1c");
    disc(ctx, 150, 152); ctx.fillStyle = shade; ctx.fill();
    ctx.lineWidth = 0.8; ctx.strokeStyle = accent + "38"; ctx.stroke();
  });
}

function labelSprite(name, { ink, surface }, ratio) {
  const text = name.length > 18 ? name.slice(0, 17) + "…" : name;
  const width = widthOf(text) + 8;
  return sprite(width, 20, ratio, (ctx) => {
    Object.assign(ctx, { font: FONT_OF_NAMES, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
    ctx.strokeStyle = surface; ctx.strokeText(text, width / 2, 10.5);
    ctx.fillStyle = ink; ctx.fillText(text, width / 2, 10.5);
  });
}

let measuring = null;

function widthOf(text) {
  measuring ||= document.createElement("canvas").getContext("2d");
  measuring.font = FONT_OF_NAMES;
  return measuring.measureText(text).width;
}
