// The archive of a signal's plans, each with a way back to it; and a form for a plan of one's own.

import { api } from './api.js';
import { askReason, may, order, orderButton } from './commands.js';
import { h, put } from './dom.js';
import { clock, quantity, t } from './language.js';

/** Where a green of a new plan starts: at the base plan's, and not under the least that the site's rules allow. */
const startGreen = (baseS = 0, leastS = 0) => (baseS > 0 ? Math.ceil(Math.max(baseS, leastS)) : 0);

export class PlansTab {
  constructor(root) {
    this.root = root;
  }

  async draw(detail, drawing) {
    const { id } = detail;
    const plans = await api.plans(id);
    const rows = plans.map((plan) => this.row(detail, plan));
    put(this.root,
      rows.length ? h('ol', { class: 'plans' }, rows) : h('p', { class: 'empty' }, t('no_plans')),
      this.form(detail, drawing));
  }

  row({ id, override }, plan) {
    const stands = override?.kind === 'plan' && override.plan === plan.number;
    const stages = plan.stages.map(([phase, green]) => h('span', { class: 'chip' }, h('b', {}, phase), ` ${quantity(green, 's')}`));
    const cycle = t('repeats', { cycle: quantity(plan.cycle_s, 's'), offset: quantity(plan.offset_s, 's') });
    return h('li', {},
      h('div', {}, h('b', {}, t('plan_number', { n: plan.number })),
        h('span', {}, ` ${[plan.at_s > 0 && clock(plan.at_s), plan.by].filter(Boolean).join(' · ')}`),
        h('div', { class: 'chips' }, stages), h('small', {}, [cycle, plan.reason].filter(Boolean).join(' · '))),
      stands ? h('span', { class: 'tag held' }, t('in_force')) : orderButton(t('roll_back'), 'operator', () => this.back(id, plan)));
  }

  async back(id, plan) {
    const reason = await askReason(t('roll_back'), t('roll_back_text', { n: plan.number, id }));
    if (reason !== null) await order('roll_back', { signal: id, plan: plan.number, reason });
  }

  form({ id, min_green_s: leastS }, drawing) {
    const base = new Map(drawing.base.stages);
    const greens = drawing.phases.map((_, k) => h('label', { class: 'field narrow' }, `${t('phase')} ${k + 1}`,
      h('input', { type: 'number', name: `green-${k + 1}`, min: '0', max: '300', step: '1',
        value: String(startGreen(base.get(k + 1), leastS?.[k])) }),
      leastS && h('small', {}, t('at_least', { s: leastS[k] }))));
    const seconds = (name, value) => h('input', { type: 'number', name, min: '0', max: '600', step: '1',
      value: String(Math.round(value)) });
    const offset = h('label', { class: 'field narrow' }, t('offset_s'), seconds('offset', drawing.base.offset_s));
    const reason = h('label', { class: 'field wide' }, t('reason'), h('input', { type: 'text', name: 'reason', maxlength: '300' }));
    const form = h('form', { class: 'propose' }, h('fieldset', {}, h('legend', {}, t('propose')),
      h('div', { class: 'fields' }, greens, offset, reason),
      h('p', { class: 'hint' }, t('propose_hint')), h('button', { type: 'submit', disabled: !may('engineer') }, t('propose_do'))));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const stages = drawing.phases.map((_, k) => [k + 1, Number(data.get(`green-${k + 1}`))]).filter(([, green]) => green > 0);
      order('propose', { signal: id, stages, offset_s: Number(data.get('offset')), reason: data.get('reason') });
    });
    return form;
  }
}
