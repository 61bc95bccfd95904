// What a signal does now and is going to do: its phases, the countdown, and its stages on a line of time.

import { h, s } from './dom.js';
import { armsOf, phaseGlyph } from './glyph.js';
import { clock, number, quantity, t } from './language.js';

const AHEAD_S = 90;
const MOST = 12;

/** All phases as pictures, the running one lit; between two greens the coming one is announced. */
export function phaseRow(drawing, detail) {
  const changing = detail.age_s < 0;
  return h('ol', { class: 'phases' }, drawing.phases.map((_, k) => {
    const here = detail.phase === k + 1;
    const state = here ? (changing ? 'coming' : 'running') : '';
    return h('li', { class: state, 'aria-current': here ? 'step' : null, title: armsOf(drawing, k + 1) },
      phaseGlyph(drawing, k + 1), h('b', {}, k + 1), state && h('span', {}, t(`phase_${state}`)));
  }));
}

/** What is left of the running green [s]: as the sequence says, or as the repeating plan's green less its age; NaN where neither can. */
export function greenLeft(detail) {
  const { plan } = detail;
  if (!plan?.stages?.length) return NaN;
  if (!plan.repeats) return plan.stages[0][0] === detail.phase ? plan.green_left_s : 0;
  const programmed = plan.stages.find(([phase]) => phase === detail.phase)?.[1] ?? NaN;
  return Math.max(programmed - detail.age_s, 0);
}

/** [which words, seconds]: until green, what is left of one, at most of one by hand, or at least of one whose plan is renewed. */
function expected(detail) {
  const { override: held, min_green_s: leastS, phase, age_s: ageS } = detail;
  if (ageS < 0) return ['green_in', -ageS];
  if (held?.kind === 'phase' && held.phase === phase) return ['green_held', Math.max(held.until_s - detail.now_s, 0)];
  if (detail.plan?.repeats !== false) return ['green_left', greenLeft(detail)];
  return ['green_at_least', Math.max(greenLeft(detail), (leastS?.[phase - 1] ?? 0) - ageS, 0)];
}

/** The countdown in large figures. */
export function countdown(detail) {
  const changing = detail.age_s < 0;
  const [words, left] = expected(detail);
  return h('div', { class: 'countdown', 'data-changing': String(changing) },
    h('span', {}, t(words, { phase: detail.phase })),
    h('b', { id: 'countdown' }, number(left)), h('span', { class: 'unit' }, 's'),
    h('small', {}, changing ? t('intergreen') : t('green_for', { age: number(detail.age_s) })));
}

/** [phase, from, to] in seconds from now, intergreens between; a repeating plan is rolled on, a sequence ends where it ends. */
export function timeline(plan, detail, intergreenS) {
  if (!plan?.stages?.length || !Number.isFinite(detail.age_s)) return [];
  const changing = detail.age_s < 0;
  const found = [];
  let at = changing ? -detail.age_s : 0;
  let before = detail.phase;
  const running = plan.stages.findIndex(([phase]) => phase === detail.phase);
  if (!changing) {
    const left = greenLeft({ ...detail, plan }) || 0; // of a phase that the plan does not have nothing is left
    found.push([detail.phase, 0, left]);
    at = left;
  }
  let k = running < 0 ? 0 : changing ? running : running + 1;
  for (let n = 0; n < MOST && at < AHEAD_S && (plan.repeats || k < plan.stages.length); n++, k++) {
    const [phase, green] = plan.stages[k % plan.stages.length];
    const from = at + (found.length ? (intergreenS[before - 1]?.[phase - 1] ?? 0) : 0);
    found.push([phase, from, from + green]);
    at = from + green;
    before = phase;
  }
  return found;
}

const onLine = (at) => 6 + (Math.min(at, AHEAD_S) * 388) / AHEAD_S;

/** Stages of a plan on a line of time from now on; behind the end of a sequence, the base plan. */
export function stageLine(plan, detail, drawing, label) {
  const parts = timeline(plan, detail, drawing.intergreen_s);
  const end = parts.at(-1)?.[2] ?? 0;
  const bars = parts.filter(([, from]) => from < AHEAD_S).map((part, k) => stageBar(part, k === 0 && detail.age_s >= 0));
  const rest = !plan?.repeats && parts.length > 0 && end < AHEAD_S - 12 && [
    s('rect', { x: onLine(end) + 2, y: 4, width: onLine(AHEAD_S) - onLine(end) - 2, height: 24, rx: 3, class: 'stage rest' }),
    s('text', { x: (onLine(end) + onLine(AHEAD_S)) / 2, y: 20, 'text-anchor': 'middle', class: 'tick' }, t('then_renewed')),
  ];
  const ticks = [0, 30, 60, 90].map((at) =>
    s('text', { x: onLine(at), y: 41, 'text-anchor': at ? (at === 90 ? 'end' : 'middle') : 'start', class: 'tick' },
      at ? `+${at} s` : clock(detail.now_s)));
  const words = parts.map(([phase, from, to]) => `${phase}: ${number(from)}–${number(to)} s`).join('; ');
  return h('figure', { class: 'stage-line' }, h('figcaption', {}, label, h('small', {}, planWords(plan))),
    s('svg', { viewBox: '0 0 400 44', class: 'chart', role: 'img', 'aria-label': `${label}. ${words}` },
      s('rect', { x: 6, y: 4, width: 388, height: 24, class: 'track' }), bars, rest, ticks));
}

function stageBar([phase, from, to], now) {
  const width = Math.max(onLine(to) - onLine(from), 2);
  const words = width > 44 ? `${phase} · ${number(to - from)} s` : phase;
  return s('g', {}, s('rect', { x: onLine(from), y: 4, width, height: 24, rx: 3, class: now ? 'stage now' : 'stage' }),
    width > 13 && s('text', { x: onLine(from) + width / 2, y: 20, 'text-anchor': 'middle', class: now ? 'on-stage' : 'on-later' }, words));
}

/** Whether it repeats, and how long it is valid. */
export function planWords(plan) {
  if (!plan?.stages?.length) return t('no_plan');
  const parts = [plan.repeats ? t('repeats', { cycle: quantity(plan.cycle_s, 's'), offset: quantity(plan.offset_s, 's') }) : t('sequence')];
  if (Number.isFinite(plan.valid_until_s)) parts.push(t('valid_until', { time: clock(plan.valid_until_s) }));
  return parts.join(' · ');
}
