// Axes, ticks and frames that the diagrams share. A diagram is an SVG with a sentence for those who cannot see it.

import { h, s } from './dom.js';
import { clock, number, t } from './language.js';

export const WIDTH = 420;
const HALF_CLOCK_PX = 14;
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

/** A frame with scales: x is time [s], y a value. */
export function frame({ height = 190, left = 46, right = 10, top = 10, bottom = 26, x0, x1, y0 = 0, y1 }) {
  const w = WIDTH - left - right;
  const tall = height - top - bottom;
  return {
    height, left, right: WIDTH - right, top, bottom: height - bottom, x0, x1, y0, y1,
    x: (v) => left + ((v - x0) * w) / Math.max(x1 - x0, 1e-9),
    y: (v) => top + tall - ((v - y0) * tall) / Math.max(y1 - y0, 1e-9),
  };
}

/** Round values between two ends, about so many. */
export function rounds(low, high, about = 5) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  const step = [1, 2, 5, 10].map((f) => f * power).find((one) => one >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) found.push(v);
  return found;
}

/** Times at round minutes. */
export function times(x0, x1, about = 5) {
  const step = STEPS.find((one) => (x1 - x0) / one <= about) ?? 7200;
  const found = [];
  for (let v = Math.ceil(x0 / step) * step; v <= x1; v += step) found.push(v);
  return found;
}

/** Grid lines with their labels: time along (unless not `timed`), values up. */
export function axes(f, { yTicks, yName, yLabel = (v) => number(v), timed = true }) {
  const ys = yTicks ?? rounds(f.y0, f.y1, 4);
  const xs = timed ? times(f.x0, f.x1) : [];
  return s('g', { class: 'axes' },
    ys.map((v) => s('line', { x1: f.left, x2: f.right, y1: f.y(v), y2: f.y(v) })),
    ys.map((v) => s('text', { x: f.left - 5, y: f.y(v) + 3.5, 'text-anchor': 'end', class: 'tick' }, yLabel(v))),
    xs.map((v) => s('line', { x1: f.x(v), x2: f.x(v), y1: f.bottom, y2: f.bottom + 4 })),
    xs.map((v) => s('text', { x: Math.min(Math.max(f.x(v), f.left + HALF_CLOCK_PX), WIDTH - HALF_CLOCK_PX), y: f.bottom + 15,
      'text-anchor': 'middle', class: 'tick' },
      clock(v, false))),
    yName && s('text', { x: -(f.top + f.bottom) / 2, y: 10, 'text-anchor': 'middle', transform: 'rotate(-90)', class: 'tick name' },
      yName));
}

/** A diagram with its title, what its marks mean, and its numbers as a table to fold out. */
export function diagram({ id, title, f, label, marks, key = [], table = null, stamp = null }) {
  return h('figure', { class: 'diagram', id },
    h('figcaption', {}, h('b', {}, title), stamp),
    s('svg', { viewBox: `0 0 ${WIDTH} ${f.height}`, class: 'chart', role: 'img', 'aria-label': `${title}. ${label}` }, marks),
    key.length > 0 && h('ul', { class: 'key' }, key.map(([kind, words]) => h('li', {}, keyPicture(kind), words))),
    table && h('details', {}, h('summary', {}, t('as_table')), asTable(table)));
}

const keyPicture = (kind) => s('svg', { viewBox: '0 0 20 12', class: 'chart', 'aria-hidden': 'true' }, keyMark(kind));

const KEYS = { up: 'M10 1l5 9H5z', ring: 'M10 2a4 4 0 1 0 .01 0z', square: 'M6.5 2.5h7v7h-7z', diamond: 'M10 1l5 5l-5 5l-5 -5z',
  cross: 'M6.5 2.5l7 7m0 -7l-7 7', dash: 'M6 6h8' };

function keyMark(kind) {
  if (kind.startsWith('line')) return s('line', { x1: 0, x2: 20, y1: 6, y2: 6, class: kind.slice(5) });
  if (kind.startsWith('dot')) return s('circle', { cx: 10, cy: 6, r: 3, class: kind.slice(4) });
  if (kind.startsWith('path')) {
    const [, shape, name] = kind.split(' ');
    return s('path', { d: KEYS[shape], class: `${name} end-${shape}` });
  }
  return s('rect', { x: 0, y: 1, width: 20, height: 10, class: kind });
}

/** Rows under their heads. */
export const asTable = ({ heads, rows }) =>
  h('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': t('as_table') },
    h('table', {},
      h('thead', {}, h('tr', {}, heads.map((one) => h('th', { scope: 'col' }, one)))),
      h('tbody', {}, rows.map((row) => h('tr', {}, row.map((one) => h('td', {}, one)))))));

/** "M x y L …" through points [x, y]; a gap where one is not known. */
export function line(points) {
  let down = false;
  return points.map(([x, y]) => {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      down = false;
      return '';
    }
    const word = `${down ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    down = true;
    return word;
  }).join('');
}
