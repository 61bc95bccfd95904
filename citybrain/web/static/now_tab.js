// The open signal now: its phases and countdown, what comes and why, and its movements one by one.

import { LAMP } from './city.js';
import { order, orderButton } from './commands.js';
import { h } from './dom.js';
import { about, armName, clock, language, named, number, t } from './language.js';
import { lampMark } from './legend.js';
import { countdown, phaseRow, stageLine } from './stages.js';

const LAMPS = { G: LAMP.protected, g: LAMP.permissive, r: LAMP.red, y: LAMP.amber, s: LAMP.onRed };
const WORDS = { [LAMP.protected]: 'protected', [LAMP.permissive]: 'permissive', [LAMP.red]: 'red', [LAMP.amber]: 'amber',
  [LAMP.onRed]: 'on_red' };
const TURNS = { left: '↰', through: '↑', right: '↱', u_turn: '↶', crossing: '⇿' };

/** The tab's parts; `before` is the phase that was green before the running intergreen, 0 where it is not known. */
export function nowTab(detail, drawing, before) {
  if (detail.phase === undefined) return [h('p', { class: 'empty' }, t('not_yet'))];
  const { plan, wish } = detail;
  const other = wish && JSON.stringify(wish.stages) !== JSON.stringify(plan?.stages);
  return [
    h('div', { class: 'now' }, countdown(detail), phaseRow(drawing, detail)),
    stageLine(plan, detail, drawing, t('plan_running')),
    other && stageLine(wish, detail, drawing, t('plan_wished')),
    other && wish.repeats && adviceButton(detail),
    (detail.objections ?? []).map((sentence) => h('p', { class: 'notice' }, about(detail.id, sentence))),
    whyBox(detail),
    movementTable(detail, drawing, before),
  ];
}

/** A plan that was worked out and is not sent can be put forward as it is, to be approved. */
function adviceButton({ id, wish }) {
  const { stages, offset_s } = wish;
  const put = () => order('propose', { signal: id, stages, offset_s, reason: t('advised') });
  return h('div', { class: 'buttons' }, orderButton(t('propose_this'), 'engineer', put, '', 'propose-this'));
}

/** What a person has ordered, before what the planner weighs. */
export function heldWords({ kind, phase, plan, owner, until_s: untilS, reason }) {
  const what = kind === 'phase' ? t('held', { phase, owner: named(owner), time: clock(untilS) })
    : t('fixed_plan', { owner: named(owner), plan });
  return reason ? `${what} ${t('because', { reason })}` : what;
}

function whyBox(detail) {
  const planned = about(detail.id, detail.why?.[language()] || detail.why?.en || t('no_reason'));
  const agreement = Number.isFinite(detail.agreement) && h('small', {}, t('agreement', { share: number(100 * detail.agreement) }));
  return h('div', { class: 'why', id: 'why' }, h('b', {}, t('why')),
    detail.override && h('p', { class: 'ordered' }, heldWords(detail.override)), h('p', {}, planned), agreement);
}

/** The aspects of all movements: as the controller shows them, or in an intergreen as they follow from the two phases. */
export function aspects(detail, drawing, before) {
  if (detail.lights) return [...detail.lights];
  const coming = drawing.phases[detail.phase - 1] ?? '';
  const was = drawing.phases[before - 1] ?? '';
  const green = (aspect) => aspect === 'G' || aspect === 'g';
  return [...coming].map((aspect, k) => (green(was[k]) ? (green(aspect) ? aspect : 'y') : 'r'));
}

function movementTable(detail, drawing, before) {
  const lights = aspects(detail, drawing, before);
  const rows = drawing.movements.map((m, k) => movementRow(detail, m, k, lights[k])).filter(Boolean);
  const head = (key, unit) => h('th', { scope: 'col', class: unit && 'num' }, t(key), unit && h('small', {}, unit));
  return h('div', { class: 'table-box' }, h('table', { class: 'movements' },
    h('caption', {}, t('movements'), ' ', h('small', {}, clock(detail.now_s))),
    h('thead', {}, h('tr', {}, head('movement'), head('light'), head('kpi_queue', t('veh')), head('flow', t('veh_h')),
      head('tab_forecast', t('veh_h')))),
    h('tbody', {}, rows)));
}

function movementRow(detail, m, k, aspect) {
  if (!m.arm && m.turn !== 'crossing') return null;
  const lamp = LAMPS[aspect] ?? LAMP.unknown;
  const word = t(`lamp_${WORDS[lamp] ?? 'unknown'}`);
  const queue = detail.queue_veh?.[k];
  const bar = h('i', { class: 'queue-bar', vars: { '--w': `${Math.min((queue ?? 0) * 4, 100)}%` }, 'aria-hidden': 'true' });
  return h('tr', {}, h('th', { scope: 'row' }, h('i', { class: 'turn', 'aria-hidden': 'true' }, TURNS[m.turn] ?? ''),
    `${armName(m.arm)} ${t(`turn_${m.turn}`)}`),
    h('td', {}, h('span', { class: 'light', title: word }, lampMark(lamp), h('span', {}, word))),
    h('td', { class: 'num' }, bar, number(queue)),
    h('td', { class: 'num' }, number(detail.flow_veh_h?.[k])), h('td', { class: 'num' }, number(detail.forecast?.flow_veh_h?.[0]?.[k])));
}
