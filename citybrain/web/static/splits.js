// Split monitor: how long each green was against what its plan said, and why it ended.

import { axes, diagram, frame } from './chart.js';
import { s } from './dom.js';
import { number, t } from './language.js';

const SHAPES = { served: (x, y) => `M${x} ${y - 3.6}a3.6 3.6 0 1 0 .01 0z`, maxed: (x, y) => `M${x} ${y - 4.5}l4.4 7.5h-8.8z` };
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
  const marks = [axes(f, { yName: t('green_s'), timed: false }),
    phases.map((phase, k) => column(f, of(phase), f.left + k * room, room, phase))];
  const means = phases.map((phase) => {
    const own = splits.filter(([one]) => one === phase);
    const mean = (at) => {
      const known = own.map((row) => row[at]).filter(Number.isFinite);
      return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : NaN;
    };
    const ended = (why) => number(own.filter((row) => row[3] === why).length);
    return [phase, number(mean(1), 1), number(mean(2), 1), ended('served'), ended('maxed')];
  });
  const programmed = splits.some((row) => Number.isFinite(row[1]));
  return diagram({
    id: 'splits', title: t('splits'), f, stamp, marks, label: means.map(([phase, programmed, actual]) => t('split_words',
      { phase, programmed, actual })).join(' '),
    key: [['split', t('actual')], ...(programmed ? [['line programmed', t('programmed')]] : []), ['path ring end', t('served')],
      ['path up end', t('maxed')]],
    table: { heads: [t('phase'), t('programmed'), t('actual'), t('served'), t('maxed')], rows: means },
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
      SHAPES[why] && width > 4 && s('path', { d: SHAPES[why](x + width / 2, f.y(actual) - 6), class: 'end' }));
  }), s('text', { x: left + room / 2, y: f.bottom + 15, 'text-anchor': 'middle', class: 'tick strong' }, `${t('phase')} ${phase}`));
}
