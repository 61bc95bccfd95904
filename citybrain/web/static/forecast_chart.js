// Forecast against truth: what was counted by the minute, what had been expected, and what comes with its 80 % interval.

import { axes, diagram, frame, line } from './chart.js';
import { s } from './dom.js';
import { clock, number, t } from './language.js';

const sum = (row, which) => which.reduce((total, m) => total + (Number.isFinite(row?.[m]) ? row[m] : 0), 0);
const heard = (row, which) => which.some((m) => Number.isFinite(row?.[m]));

/** Counts in the forecast's bins as flows [[start, end, veh/h, minutes heard]]; a silent bin is left out. */
export function flowsOf(countsVeh, which, binS) {
  const bins = new Map();
  for (const [end, row] of countsVeh) {
    if (!heard(row, which)) continue;
    const k = Math.floor((end - 30) / binS);
    if (!bins.has(k)) bins.set(k, [0, 0]);
    bins.get(k)[0] += sum(row, which);
    bins.get(k)[1] += 1;
  }
  return [...bins].sort(([a], [b]) => a - b).map(([k, [veh, minutes]]) => [k * binS, (k + 1) * binS, (veh * 60) / minutes, minutes]);
}

/** What was expected, as [start, end, veh/h]: of every moment by the newest forecast that was made before it. */
export function expectedOf(forecasts, which, binS) {
  const known = forecasts.filter((one) => heard(one.flow_veh_h[0], which)).sort((a, b) => a.start_s - b.start_s);
  return known.map((one, k) => [one.start_s, Math.min(one.start_s + binS, known[k + 1]?.start_s ?? Infinity),
    sum(one.flow_veh_h[0], which)]);
}

/** The chart for these movements (their indices), named. */
export function forecastChart(history, forecast, which, name, stamp) {
  const binS = forecast?.bin_s ?? history.forecasts?.at(-1)?.bin_s ?? 900;
  const minutes = (history.counts_veh ?? []).filter(([, row]) => heard(row, which)).map(([end, row]) => [end, sum(row, which) * 60]);
  const truth = flowsOf(history.counts_veh ?? [], which, binS);
  const past = expectedOf(history.forecasts ?? [], which, binS);
  const coming = (forecast?.flow_veh_h ?? []).map((row, k) => binOf(forecast, k, which)).filter((one) => one !== null);
  if (!minutes.length && !coming.length) return null;
  const t1 = Math.max(history.t1_s, ...coming.slice(0, 2).map((one) => one.from + binS));
  const t0 = Math.min(history.t1_s - 900, ...minutes.map(([end]) => end - 60));
  const shown = coming.filter((one) => one.from < t1);
  const most = Math.max(60, ...minutes.map(([, v]) => v), ...shown.map((one) => one.high), ...past.map(([, , v]) => v));
  const f = frame({ height: 210, x0: t0, x1: t1, y1: most * 1.08 });
  const step = (from, to, v, kind) => s('line', { x1: f.x(Math.max(from, t0)), x2: f.x(Math.min(to, t1)), y1: f.y(v), y2: f.y(v),
    class: kind });
  const marks = [
    shown.map((one) => {
      const [left, right] = [f.x(one.from), f.x(Math.min(one.from + binS, t1))];
      return s('rect', { x: left, y: f.y(one.high), width: right - left, height: f.y(one.low) - f.y(one.high), class: 'interval' });
    }),
    axes(f, { yName: t('veh_h') }),
    s('path', { d: line(minutes.map(([end, v]) => [f.x(end - 30), f.y(v)])), class: 'minutes', fill: 'none' }),
    past.filter(([from, to]) => to > t0 && from < history.t1_s).map(([from, to, v]) => step(from, Math.min(to, history.t1_s), v,
      'expected')),
    truth.map(([from, to, v]) => step(from, Math.min(to, history.t1_s), v, 'truth')),
    shown.map((one) => step(one.from, one.from + binS, one.flow, 'expected')),
    s('line', { x1: f.x(history.t1_s), x2: f.x(history.t1_s), y1: f.top, y2: f.bottom, class: 'now-line' }),
  ];
  const next = shown[0];
  return diagram({
    id: 'forecast', title: `${t('forecast_truth')}: ${name}`, f, stamp, marks,
    label: next ? spoken(next) : t('no_forecast'),
    key: [
      ['line minutes', t('counted_minute')], ['line truth', t('counted_bin', { min: number(binS / 60) })],
      ['line expected', t('forecast_word')], ['interval', t('interval_80')],
    ],
    table: {
      heads: [t('from'), t('counted'), t('forecast_word')],
      rows: truth.slice(-8).map(([from, , v]) => [clock(from, false), number(v),
        number(past.find(([start, end]) => from >= start - 1 && from < end)?.[2])]),
    },
  });
}

const spoken = (bin) =>
  t('forecast_label', { flow: number(bin.flow), low: number(bin.low), high: number(bin.high), time: clock(bin.from, false) });

/** One bin to come; null where nothing is known of it. */
function binOf(forecast, k, which) {
  const row = forecast.flow_veh_h[k];
  if (!heard(row, which)) return null;
  const end = (side) => rootSum(forecast, side, k, which);
  return { from: forecast.start_s + k * forecast.bin_s, flow: sum(row, which), low: end('low'), high: end('high') };
}

/** The interval of a sum: distances from the flows add in squares, as movements err apart from one another. */
function rootSum(forecast, side, k, which) {
  const flow = forecast.flow_veh_h[k];
  const end = forecast[`${side}_veh_h`]?.[k] ?? flow;
  const reach = Math.sqrt(which.reduce((total, m) => total + ((end[m] ?? 0) - (flow[m] ?? 0)) ** 2, 0));
  return Math.max(sum(flow, which) + (side === 'low' ? -reach : reach), 0);
}
