// What the map's colours and shapes mean.

import { HEALTHS, LAMP } from './city.js';
import { h, s } from './dom.js';
import { number, t } from './language.js';
import { HEALTH_SHAPES, INDEX_LIMITS, LAMP_COLOURS, RAMP } from './palette.js';

const QUEUES = ['0–2', '3–5', '6–9', '10–20', '>20'];

function ranges(layer) {
  if (layer === 'queue') return QUEUES;
  return RAMP.map((_, k) => {
    if (k === 0) return `<${number(INDEX_LIMITS[0], 2)}`;
    return k === RAMP.length - 1 ? `≥${number(INDEX_LIMITS[k - 1], 2)}` : `${number(INDEX_LIMITS[k - 1], 2)}–`;
  });
}

/** A lamp as it stands on the map. */
export function lampMark(lamp) {
  const colour = LAMP_COLOURS[lamp];
  const shape = {
    [LAMP.protected]: () => s('path', { d: 'M3 13 8 2l5 11z', fill: colour }),
    [LAMP.permissive]: () => s('path', { d: 'M4 12 8 3.5 12 12z', fill: 'none', stroke: colour, 'stroke-width': 2 }),
    [LAMP.amber]: () => s('path', { d: 'M8 2l5 6-5 6-5-6z', fill: colour }),
    [LAMP.onRed]: () => s('path', { d: 'M2 8h12M8 3v5', stroke: colour, 'stroke-width': 3 }),
    [LAMP.unknown]: () => s('path', { d: 'M2 8h12', stroke: colour, 'stroke-width': 4, 'stroke-dasharray': '3 2' }),
  }[lamp] ?? (() => s('path', { d: 'M2 8h12', stroke: colour, 'stroke-width': 4.5 }));
  return s('svg', { viewBox: '0 0 16 16', class: 'lamp', 'aria-hidden': 'true' }, shape());
}

/** [word, mark]: as stop lines show it from close by, and as arms do from farther away. */
export const STOP_LAMPS = [['protected', LAMP.protected], ['permissive', LAMP.permissive], ['amber', LAMP.amber],
  ['red', LAMP.red]].map(([key, lamp]) => [key, () => lampMark(lamp)]);
const ARMS = { protected: 'M5 5h10v5H5z', amber: 'M8 4a3.5 3.5 0 1 0 .01 0z', red: 'M6.5 2h3v12h-3z' };
export const ARM_LAMPS = Object.entries(ARMS).map(([key, d]) => [key, () =>
  s('svg', { viewBox: '0 0 16 16', class: 'lamp', 'aria-hidden': 'true' }, s('path', { d, fill: LAMP_COLOURS[LAMP[key]] }))]);

/** The legend of a layer, and of the lamps that are drawn. */
export function legend(layer, lamps) {
  const steps = ranges(layer).map((text, k) => h('li', {}, h('i', { class: 'dot', vars: { '--c': RAMP[k], '--r': `${8 + 2 * k}px` } }),
    text));
  return [
    h('b', {}, t(`legend_${layer}`)),
    h('ul', {}, steps),
    lamps.length > 0 && h('ul', {}, lamps.map(([key, mark]) => h('li', {}, mark(), t(`lamp_${key}`)))),
    h('ul', { class: 'health' }, HEALTHS.slice(1).map((name) => h('li', {}, h('i', { class: 'shape' }, HEALTH_SHAPES[name]),
      t(`health_${name}`)))),
  ];
}
