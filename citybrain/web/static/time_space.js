// Time-space diagram of a signal's arterial: greens of both directions, shown and planned, with the speed that platoons drive at.

import { axes, diagram, frame, line } from './chart.js';
import { s } from './dom.js';
import { clock, number, t } from './language.js';

const BAR = 7;
const PAST_S = 300;
const AHEAD_S = 120;
const LABEL_PX = 21; // between two labels
const UP = { forward: -BAR, back: 0 };

/** By signal: how far from the arterial's first stop line; the way back is measured from its other end. */
function places(ways) {
  const way = ways.find((one) => one.name === 'forward') ?? ways[0];
  const far = way.name === 'forward' ? 0 : way.signals.at(-1).at_m;
  return new Map(way.signals.map((one) => [one.id, Math.abs(one.at_m - far)]));
}

/** The arterial's diagram; null where the signal is on none. */
export function timeSpace(arterial, id, stamp) {
  const ways = arterial?.ways ?? [];
  if (!ways.length) return null;
  const atM = places(ways);
  const f = frame({
    height: 70 + Math.max(150, atM.size * 40), left: 92, top: 20, bottom: 30,
    x0: arterial.now_s - PAST_S, x1: arterial.now_s + AHEAD_S, y0: 0, y1: Math.max(...atM.values(), 1),
  });
  const now = f.x(arterial.now_s);
  const marks = [
    axes(f, { yTicks: [...atM.values()], yLabel: () => '' }),
    labels(f, atM, id),
    ways.map((way) => way.signals.map((one) =>
      [bars(f, one.greens, atM.get(one.id), way.name, ''), bars(f, one.planned, atM.get(one.id), way.name, ' planned')])),
    ways.map((way) => platoons(f, way, atM)),
    s('line', { x1: now, x2: now, y1: f.top - 8, y2: f.bottom, class: 'now-line' }),
    s('text', { x: now, y: f.top - 10, 'text-anchor': 'middle', class: 'tick strong' }, t('now')),
  ];
  const rows = [...atM].map(([one, at]) => [one, number(at), spoken(ways, one)]);
  return diagram({
    id: 'time-space', title: t('time_space'), f, stamp, marks,
    label: t('time_space_label', { n: atM.size, from: clock(f.x0), to: clock(f.x1) }),
    key: [...ways.map((way) => [`way-${way.name}`, t(`way_${way.name}`)]), [`way-${ways[0].name} planned`, t('planned')],
      ['line drive', t('drive_line')]],
    table: { heads: [t('signal'), t('distance_m'), t('greens_shown')], rows },
  });
}

const shortened = (id) => (id.length > 13 ? `${id.slice(0, 6)}…${id.slice(-5)}` : id);

const spoken = (ways, id) =>
  ways.flatMap((way) => (way.signals.find((one) => one.id === id)?.greens ?? []).slice(-4).map(([on,
    off]) => `${clock(on)}–${clock(off)}`)).join(', ');

/** Names and distances at the left, pushed apart where signals are close. */
function labels(f, atM, id) {
  let last = Infinity;
  return [...atM].sort(([, a], [, b]) => a - b).map(([one, at]) => {
    const y = Math.min(f.y(at), last - LABEL_PX);
    last = y;
    const text = (dy, words, more) => s('text', { x: f.left - 6, y: y + dy, 'text-anchor': 'end', class: `tick${more}` }, words);
    return s('g', {}, text(-1, shortened(one), one === id ? ' strong' : ''), text(9, `${number(at)} m`, ''));
  });
}

function bars(f, greens, at, way, more) {
  return (greens ?? []).filter(([on, off]) => off > f.x0 && on < f.x1).map(([on, off]) => {
    const [left, right] = [f.x(Math.max(on, f.x0)), f.x(Math.min(off, f.x1))];
    return s('rect', { x: left, y: f.y(at) + UP[way], width: Math.max(right - left, 0.5), height: BAR - 1, class: `way-${way}${more}` });
  });
}

/** How platoons run that leave as the first signal of a way turns green. */
function platoons(f, way, atM) {
  const first = way.signals[0];
  return [...(first.greens ?? []), ...(first.planned ?? [])].filter(([on]) => on > f.x0).map(([on]) => {
    const points = way.signals.map((one) => [f.x(on + one.travel_s - first.travel_s), f.y(atM.get(one.id))]).filter(([x]) => x <= f.right);
    return s('path', { d: line(points), class: `drive drive-${way.name}`, fill: 'none' });
  });
}
