// The strip of the city's figures, and the comparison of before and after. Each has a unit, a time and says what it is.

import { h, put, s } from './dom.js';
import { clock, language, number, t } from './language.js';
import { indexStep, stepColour } from './palette.js';

/** When a figure was true, and whether it was simulated or measured. */
export const stamp = (timeS, simulated) => h('span', { class: 'stamp' }, `${clock(timeS)} · ${t(simulated ? 'simulated' : 'measured')}`);

function card(key, value, unit, under, extra) {
  return h('div', { class: 'kpi', 'data-kpi': key },
    h('span', { class: 'kpi-name' }, t(`kpi_${key}`)),
    h('span', { class: 'kpi-value' }, extra, h('b', {}, value), unit && h('span', { class: 'unit' }, unit)),
    h('span', { class: 'kpi-under' }, under));
}

const dot = (index) => h('i', { class: 'dot', vars: { '--c': stepColour(index ? indexStep(index * 50) : -1), '--r': '12px' },
  'aria-hidden': 'true' });

/** The strip at the top. */
export function drawKpis(root, kpi, simulated) {
  const when = (value) => (value === null || value === undefined ? h('span', {}, t('gathering')) : stamp(kpi?.now_s, simulated));
  const change = kpi?.congestion_15 && kpi?.congestion ? kpi.congestion_15 - kpi.congestion : NaN;
  const trend = Number.isFinite(change) ? t(change > 0.02 ? 'rising' : change < -0.02 ? 'falling' : 'steady') : '';
  put(root,
    card('congestion', number(kpi?.congestion, 2), '', when(kpi?.congestion), dot(kpi?.congestion)),
    card('congestion_15', number(kpi?.congestion_15, 2), '', [trend, t('forecast_word')].filter(Boolean).join(' · '),
      dot(kpi?.congestion_15)),
    card('queue', number(kpi?.queue_veh), t('veh'), stamp(kpi?.now_s, simulated)),
    card('throughput', number(kpi?.throughput_veh_h), t('veh_h'), when(kpi?.throughput_veh_h)),
    card('delay', number(kpi?.delay_s_per_veh, 1), t('s_veh'), when(kpi?.delay_s_per_veh)),
    differenceCard(kpi));
}

const spoken = (sentence) => (typeof sentence === 'string' ? sentence : (sentence?.[language()] ?? sentence?.en ?? ''));

const upTo10 = (span) => number(Math.min(span.minutes, 10));

/** Minutes that have been gathered so far, while there are too few to compare. */
const gathered = (kpi) => (kpi?.before ? t('collecting', { before: upTo10(kpi.before), after: upTo10(kpi.after) }) : t('no_comparison'));

function differenceCard(kpi) {
  const d = kpi?.difference;
  if (!d) return card('difference', '–', '', h('span', { title: spoken(kpi?.sentence) }, gathered(kpi)));
  const under = h('span', { title: spoken(kpi.sentence) }, t('interval', { low: signed(d.low), high: signed(d.high) }));
  return card('difference', signed(d.value), '%', under);
}

const signed = (value) => (value > 0 ? '+' : value < 0 ? '−' : '') + number(Math.abs(value), 1);

const ROWS = [
  ['delay_s_per_veh', 'delay', 's_veh', 1],
  ['throughput_veh_h', 'throughput', 'veh_h', 0],
  ['congestion', 'congestion', '', 2],
];

/** Before and after side by side, with the interval of the difference. */
export function drawComparison(root, kpi, simulated) {
  if (!kpi?.before?.minutes && !kpi?.after?.minutes) return put(root, h('p', { class: 'empty' }, t('no_comparison')));
  const head = (key, one) =>
    h('th', { scope: 'col' }, t(key), h('small', {}, spoken(one.setting_words) || one.setting || '–'),
      h('small', { class: 'nowrap' }, one.minutes ? `${clock(one.from_s, false)}–${clock(one.to_s, false)}` : ''));
  const rows = ROWS.map(([key, name, unit, digits]) =>
    h('tr', {}, h('th', { scope: 'row' }, t(`kpi_${name}`)), h('td', {}, number(kpi.before[key], digits)),
      h('td', {}, number(kpi.after[key], digits)),
      h('td', {}, unit && t(unit))));
  const table = h('table', {},
    h('thead', {}, h('tr', {}, h('td', {}), head('before', kpi.before), head('after', kpi.after),
      h('th', { scope: 'col' }, t('unit')))), h('tbody', {}, rows));
  const words = h('figcaption', {}, spoken(kpi.sentence), ' ', stamp(kpi.now_s, simulated));
  const picture = h('figure', {}, whisker(kpi.difference, spoken(kpi.sentence)), words);
  return put(root, h('div', { class: 'comparison' }, h('div', { class: 'table-box' }, table), picture));
}

const MIDDLE_PX = 110;

/** The difference as a dot with its interval, beside the line of no difference [%]. */
function whisker(d, label) {
  if (!d) return null;
  const reach = 1.15 * Math.max(Math.abs(d.low), Math.abs(d.high), Math.abs(d.value), 0.1);
  const x = (value) => MIDDLE_PX + (0.9 * MIDDLE_PX * value) / reach;
  const beside = (at, anchor, words) => s('text', { x: at, y: 66, 'text-anchor': anchor, class: 'tick' }, words);
  const text = (at, y, words, more = '') => s('text', { x: x(at), y, 'text-anchor': 'middle', class: `tick${more}` }, words);
  return s('svg', { viewBox: `0 0 ${2 * MIDDLE_PX} 74`, class: 'chart whisker', role: 'img', 'aria-label': label },
    s('line', { x1: MIDDLE_PX, x2: MIDDLE_PX, y1: 6, y2: 52, class: 'zero' }), [d.low,
      d.high].every((v) => Math.abs(x(v) - MIDDLE_PX) > 30) &&
       text(0, 66, '0 %'),
    s('line', { x1: x(d.low), x2: x(d.high), y1: 30, y2: 30, class: 'whisk' }),
    [d.low, d.high].map((v) => s('line', { x1: x(v), x2: x(v), y1: 22, y2: 38, class: 'whisk' })),
    s('circle', { cx: x(d.value), cy: 30, r: 6, class: 'mark' }),
    beside(x(d.low) + 6, 'end', signed(d.low)), beside(x(d.high) - 6, 'start', signed(d.high)),
    text(d.value, 14, `${signed(d.value)} %`, ' strong'));
}
