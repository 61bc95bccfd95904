// The open signal's diagrams over the last minutes: time-space, coordination, splits.

import { coordination } from './coordination.js';
import { h, put } from './dom.js';
import { t } from './language.js';
import { stamp } from './kpi.js';
import { splitMonitor } from './splits.js';
import { timeSpace } from './time_space.js';

export class DiagramsTab {
  constructor(root) {
    this.root = root;
    this.phase = 1;
  }

  draw(history, arterial, drawing, simulated) {
    Object.assign(this, { history, arterial, drawing, simulated });
    if (this.phase > drawing.phases.length) this.phase = 1;
    const now = () => stamp(history.t1_s, simulated);
    const nothing = (title, key) => h('figure', { class: 'diagram' }, h('figcaption', {}, h('b', {}, title)), h('p', { class: 'empty' },
      t(key)));
    const open = [...this.root.querySelectorAll('details[open]')].map((one) => one.closest('figure').id);
    const phases = drawing.phases.map((_, k) => h('option', { value: k + 1 }, k + 1));
    const change = (event) => this.choose(Number(event.target.value));
    const select = h('select', { id: 'diagram-phase', value: String(this.phase), on: { change } }, phases);
    const chooser = h('label', { class: 'inline' }, t('phase'), ' ', select);
    const focused = document.activeElement?.id === 'diagram-phase';
    put(this.root, timeSpace(arterial, drawing.id, now()) ?? nothing(t('time_space'), 'no_arterial'), chooser,
      coordination(history, drawing, this.phase, now()) ?? nothing(t('coordination', { phase: this.phase }), 'no_cycles'), splitMonitor(history, now()) ?? nothing(t('splits'), 'no_splits'));
    for (const id of open) this.root.querySelector(`#${id} details`)?.setAttribute('open', '');
    if (focused) this.root.querySelector('#diagram-phase').focus();
  }

  choose(phase) {
    this.phase = phase;
    this.draw(this.history, this.arterial, this.drawing, this.simulated);
  }
}
