// Purdue coordination diagram: when within its cycle a phase was green, and when vehicles passed (Day et al. 2010).

import { axes, diagram, frame, rounds } from './chart.js';
import { s } from './dom.js';
import { number, t } from './language.js';

/** [start of red, start of green, end of green] of a phase; a cycle runs from the end of one green to the end of the next. */
export function cyclesOf(greens, phase) {
  const own = greens.filter(([one]) => one === phase);
  return own.slice(1).map(([, on, off], k) => [own[k][2], on, off]);
}

/** The movements that a phase gives green, by its lights. */
export const movementsOf = (drawing, phase) => [...(drawing.phases[phase - 1] ?? '')].flatMap((aspect,
  m) => ('Gg'.includes(aspect) ? [m] : []));

/** The diagram of one phase (from 1). */
export function coordination(history, drawing, phase, stamp) {
  const cycles = cyclesOf(history.greens ?? [], phase);
  if (cycles.length < 2) return null;
  const longest = Math.max(...cycles.map(([red, , off]) => off - red));
  const f = frame({ x0: cycles[0][0], x1: cycles.at(-1)[2], y1: Math.min(longest * 1.05, 300) });
  const own = new Set(movementsOf(drawing, phase));
  const passed = (history.arrivals ?? []).filter(([, m]) => own.has(m));
  const placed = passed.flatMap(([at]) => {
    const cycle = cycles.find(([red, , off]) => at >= red && at < off);
    return cycle ? [[at, at - cycle[0], at >= cycle[1]]] : [];
  });
  const onGreen = placed.filter(([, , green]) => green).length;
  const share = placed.length ? `${number((100 * onGreen) / placed.length)} %` : '–';
  const marks = [
    cycles.map(([red, on, off]) => greenBand(f, red, on, off)),
    cycles.map(([red, on, off]) => s('line', { x1: f.x(red), x2: f.x(off), y1: f.y(on - red), y2: f.y(on - red), class: 'green-start' })),
    placed.map(([at, into, green]) => s('circle', { cx: f.x(at), cy: f.y(into), r: 1.7, class: green ? 'passed' : 'passed on-red' })),
    axes(f, { yTicks: rounds(0, f.y1, 4), yName: t('in_cycle_s') }),
  ];
  return diagram({
    id: 'coordination', title: t('coordination', { phase }), f, stamp, marks,
    label: t('coordination_label', { n: placed.length, share }),
    key: [
      ['green-band', t('green_time')], ['line green-start', t('green_start')],
      ['dot passed', t('passed_green', { share })], ['dot passed on-red', t('passed_red')],
    ],
    table: {
      heads: [t('cycle_s'), t('red_s'), t('green_s')],
      rows: cycles.slice(-12).map(([red, on, off]) => [number(off - red), number(on - red), number(off - on)]),
    },
  });
}

function greenBand(f, red, on, off) {
  const top = f.y(Math.min(off - red, f.y1));
  return s('rect', { x: f.x(red), y: top, width: Math.max(f.x(off) - f.x(red), 0.5), height: Math.max(f.y(on - red) - top, 0),
    class: 'green-band' });
}
