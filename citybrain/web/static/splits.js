// Split monitor: how long each green was against what its plan said, and why it ended.

import { axes, diagram, frame } from './chart.js';
import { s } from './dom.js';
import { number, t } from './language.js';

const ring = (x, y) => `M${x} ${y - 3.6}a3.6 3.6 0 1 0 .01 0z`;
const up = (x, y) => `M${x} ${y - 4.5}l4.4 7.5h-8.8z`;
const square = (x, y) => `M${x - 3.2} ${y - 3.2}h6.4v6.4h-6.4z`;
const diamond = (x, y) => `M${x} ${y - 4.6}l4.6 4.6l-4.6 4.6l-4.6 -4.6z`;
const cross = (x, y) => `M${x - 3.2} ${y - 3.2}l6.4 6.4m0 -6.4l-6.4 6.4`;
const dash = (x, y) => `M${x - 3.6} ${y}h7.2`;
/** How a green ended: its shape over the bar and, in the legend, its class. */
const ENDS = { gap_out: [ring, 'ring'], max_out: [up, 'up'], force_off: [square, 'square'], hand: [diamond, 'diamond'],
  skipped: [cross, 'cross'], ended: [dash, 'dash'] };
const MOST = 60;

/** The monitor: a bar for each green, phases side by side in the order of time, a tick at the programmed length. */
export function splitMonitor(history, stamp) {
  const splits = (history.splits ?? []).filter(([, , actual]) => Number.isFinite(actual)).slice(-MOST);
  if (!splits.length) return null;
  const phases = [...new Set(splits.map(([phase]) => phase))].sort((a, b) => a - b);
  const most = Math.max(...splits.flatMap(([, programmed, actual]) => [programmed ?? 0, actual]));
  const f = frame({ x0: 0, x1: 1, y1: most * 1.12, bottom: 24 });
  const room = (f.right - f.left) / phases.length;
  const of = (phase) => splits.filter(([one]) => one === phase);
  const ways = Object.keys(ENDS).filter((why) => splits.some((row) => row[3] === why));
  const marks = [axes(f, { yName: t('green_s'), timed: false }),
    phases.map((phase, k) => column(f, of(phase), f.left + k * room, room, phase))];
  const means = phases.map((phase) => {
    const own = of(phase);
    const mean = (at, rows) => {
      const known = rows.map((row) => row[at]).filter(Number.isFinite);
      return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : NaN;
    };
    const shown = own.filter((row) => row[3] !== 'skipped');
    return [phase, number(mean(1, own), 1), number(mean(2, shown), 1), number(mean(4, shown), 1),
      ...ways.map((why) => number(own.filter((row) => row[3] === why).length))];
  });
  const programmed = splits.some((row) => Number.isFinite(row[1]));
  return diagram({
    id: 'splits', title: t('splits'), f, stamp, marks, label: means.map(([phase, programmed, actual]) => t('split_words',
      { phase, programmed, actual })).join(' '),
    key: [['split', t('actual')], ...(programmed ? [['line programmed', t('programmed')]] : []),
      ...ways.map((why) => [`path ${ENDS[why][1]} end`, t(`end_${why}`)])],
    table: { heads: [t('phase'), t('programmed'), t('actual'), t('left_veh'), ...ways.map((why) => t(`end_${why}`))], rows: means },
  });
}

function column(f, splits, left, room, phase) {
  const width = Math.min((room - 8) / splits.length, 16);
  const start = left + (room - width * splits.length) / 2;
  return s('g', {}, splits.map(([, programmed, actual, why], k) => {
    const x = start + k * width;
    return s('g', {}, s('rect', { x: x + 0.6, y: f.y(actual), width: Math.max(width - 1.2, 0.8), height: f.bottom - f.y(actual),
      class: 'split' }),
      Number.isFinite(programmed) && s('line', { x1: x, x2: x + width, y1: f.y(programmed), y2: f.y(programmed), class: 'programmed' }),
      ENDS[why] && width > 4 && s('path', { d: ENDS[why][0](x + width / 2, f.y(actual) - 6), class: `end end-${ENDS[why][1]}` }));
  }), s('text', { x: left + room / 2, y: f.bottom + 15, 'text-anchor': 'middle', class: 'tick strong' }, `${t('phase')} ${phase}`));
}
