// The open signal's controls: its mode, a phase by hand, and lifting what stands.

import { MODES } from './city.js';
import { may, order, orderButton } from './commands.js';
import { h, put } from './dom.js';
import { armsOf, phaseGlyph } from './glyph.js';
import { t } from './language.js';
import { heldWords } from './now_tab.js';

const LENGTHS_S = [30, 60, 120, 300, 600];

/** The tab, drawn anew only when what stands has changed, so that nobody's half-filled form is lost. */
export class ControlTab {
  constructor(root) {
    this.root = root;
    this.drawn = '';
  }

  draw(detail, drawing) {
    const mark = JSON.stringify([detail.id, detail.mode, detail.override, document.documentElement.lang, may('operator')]);
    if (mark === this.drawn) return;
    this.drawn = mark;
    put(this.root, this.standing(detail), this.modes(detail), this.form(detail, drawing));
  }

  standing(detail) {
    const one = detail.override;
    if (!one) return null;
    return h('div', { class: 'notice' }, h('p', {}, heldWords(one)),
      orderButton(t('lift'), 'operator', () => order('lift', { signal: detail.id, reason: '' }), 'primary'));
  }

  modes(detail) {
    const button = (name) =>
      h('input', { type: 'radio', name: 'mode', value: name, checked: name === detail.mode, disabled: !may('operator') });
    const one = (name) => h('label', { class: 'choice' }, button(name),
      h('span', {}, h('b', {}, t(`mode_${name}`)), h('small', {}, t(`mode_${name}_means`))));
    const reason = h('label', { class: 'field wide' }, t('reason'), h('input', { name: 'reason', type: 'text', maxlength: '300',
      autocomplete: 'off' }));
    const doing = h('div', { class: 'fields settle', hidden: true }, reason, h('button', { type: 'submit', class: 'primary' }, t('mode_do')));
    const form = h('form', { id: 'mode-form' }, h('fieldset', { class: 'modes' }, h('legend', {}, t('mode')), MODES.map(one)), doing);
    form.addEventListener('change', () => (doing.hidden = new FormData(form).get('mode') === detail.mode));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const data = new FormData(form);
      order('set_mode', { mode: data.get('mode'), signals: [detail.id], reason: data.get('reason') });
    });
    return form;
  }

  form(detail, drawing) {
    const phases = drawing.phases.map((_, k) => h('label', { class: 'phase-choice', title: armsOf(drawing, k + 1) },
      h('input', { type: 'radio', name: 'phase', value: k + 1, required: true }), h('span', {}, phaseGlyph(drawing, k + 1),
        h('b', {}, k + 1))));
    const lengths = h('select', { name: 'for_s', value: '60' },
      LENGTHS_S.map((s) => h('option', { value: s }, s < 120 ? `${s} s` : `${s / 60} min`)));
    const reason = h('input', { name: 'reason', type: 'text', required: true, maxlength: '300', autocomplete: 'off' });
    const form = h('form', { class: 'override', id: 'override' },
      h('fieldset', {}, h('legend', {}, t('override')), h('div', { class: 'phase-choices' }, phases),
        h('div', { class: 'fields' }, h('label', { class: 'field' }, t('for'), lengths),
          h('label', { class: 'field wide' }, t('reason_needed'), reason)),
        h('p', { class: 'hint' }, t('override_hint')),
        h('button', { type: 'submit', class: 'primary', disabled: !may('operator') }, t('override_do'))));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const [phase, forS] = [Number(data.get('phase')), Number(data.get('for_s'))];
      if (await order('override', { signal: detail.id, phase, for_s: forS, reason: data.get('reason') })) form.reset();
    });
    return form;
  }
}
