// A phase as a picture: an arrow for every movement that it serves, drawn from where the arm lies.

import { s } from './dom.js';
import { armName, t } from './language.js';

const ON_ROAD = 4.2; // beside the middle of the road, on the right
const OUT = 20;
const IN = 7;
const TURNS = { through: 0, left: -90, right: 90, u_turn: 180 };

const rad = (deg) => (deg * Math.PI) / 180;
const along = (deg, far, aside = 0) => {
  const [sin, cos] = [Math.sin(rad(deg)), Math.cos(rad(deg))];
  return [24 + far * sin + aside * cos, 24 - far * cos + aside * sin];
};
const xy = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** One movement's arrow: in from its arm, out where its turn leads. */
function arrow(movement, permissive) {
  const heading = movement.from_deg + 180;
  const out = heading + (TURNS[movement.turn] ?? 0);
  const start = along(movement.from_deg, OUT, -ON_ROAD);
  const end = along(out, movement.turn === 'through' ? OUT - 5 : 13, ON_ROAD);
  const [a, b] = [along(movement.from_deg, IN, -ON_ROAD), along(out, IN, ON_ROAD)];
  const tip = [end, along(out, -5, 3.4), along(out, -5, -3.4)].map((p, k) => (k ? [p[0] - 24 + end[0], p[1] - 24 + end[1]] : p));
  const bend = [24 + (a[0] - 24 + b[0] - 24) / 4, 24 + (a[1] - 24 + b[1] - 24) / 4];
  return s('g', { class: permissive ? 'yield' : 'go' },
    s('path', { d: `M${xy(start)} L${xy(a)} Q${xy(bend)} ${xy(b)} L${xy(end)}`, fill: 'none' }), s('path',
      { d: `M${tip.map(xy).join('L')}Z`, class: 'tip-mark' }));
}

/** The arms that a phase serves, in words. */
export function armsOf(drawing, phase) {
  const lights = drawing.phases[phase - 1] ?? '';
  const arms = new Map();
  drawing.movements.forEach((m, k) => {
    if (!'Gg'.includes(lights[k]) || !m.arm) return;
    if (!arms.has(m.arm)) arms.set(m.arm, new Set());
    arms.get(m.arm).add(t(`turn_${m.turn}`));
  });
  return [...arms].map(([arm, turns]) => `${armName(arm)} ${[...turns].join('+')}`).join(', ');
}

/** The picture of a phase (from 1). */
export function phaseGlyph(drawing, phase) {
  const lights = drawing.phases[phase - 1] ?? '';
  const seen = new Map();
  drawing.movements.forEach((m, k) => {
    if (m.from_deg === null || m.turn === 'crossing' || m.turn === 'u_turn') return;
    const key = `${m.from_deg} ${m.turn}`;
    const level = { G: 2, g: 1 }[lights[k]] ?? 0;
    if (!seen.has(key) || seen.get(key).level < level) seen.set(key, { m, level });
  });
  const some = [...seen.values()].sort((a, b) => a.level - b.level);
  const arms = [...new Set(some.map(({ m }) => m.from_deg))];
  return s('svg', { viewBox: '0 0 48 48', class: 'glyph', role: 'img', 'aria-label': armsOf(drawing, phase) || t('nobody') },
    arms.map((deg) => s('line', { x1: 24, y1: 24, x2: along(deg, 22)[0], y2: along(deg, 22)[1], class: 'arm' })),
    some.filter(({ level }) => level > 0).map(({ m, level }) => arrow(m, level === 1)));
}
