// Tabs as ARIA has them: arrows move, one tab is in the focus order, panels are named by their tabs.

import { h, put } from './dom.js';

export class Tabs {
  /** `names`: [[key, words]…]; `shown` is called with the key of the tab that is opened. */
  constructor(id, shown) {
    this.id = id;
    this.shown = shown;
    this.bar = h('div', { class: 'tabs', role: 'tablist' });
    this.panels = new Map();
  }

  /** The panel of a key, made when it is first asked for. */
  panel(key) {
    if (!this.panels.has(key)) {
      const names = { id: `${this.id}-${key}`, 'aria-labelledby': `${this.id}-tab-${key}` };
      this.panels.set(key, h('div', { ...names, class: 'tab-panel', role: 'tabpanel', tabindex: '0', hidden: true }));
    }
    return this.panels.get(key);
  }

  draw(names, label) {
    this.names = names;
    this.current = names.some(([key]) => key === this.current) ? this.current : names[0][0];
    this.bar.setAttribute('aria-label', label);
    const focused = this.bar.contains(document.activeElement);
    put(this.bar, names.map(([key, words]) => h('button', {
      type: 'button', role: 'tab', id: `${this.id}-tab-${key}`,
      'aria-selected': String(key === this.current), 'aria-controls': `${this.id}-${key}`,
      tabindex: key === this.current ? '0' : '-1', on: { click: () => this.open(key), keydown: (event) => this.keyed(event) },
    }, words)));
    for (const [key] of names) this.panel(key).hidden = key !== this.current;
    if (focused) this.bar.querySelector('[aria-selected=true]').focus();
  }

  open(key) {
    this.current = key;
    for (const tab of this.bar.children) {
      const here = tab.id === `${this.id}-tab-${key}`;
      tab.setAttribute('aria-selected', String(here));
      tab.tabIndex = here ? 0 : -1;
    }
    this.bar.querySelector('[aria-selected=true]').scrollIntoView({ block: 'nearest', inline: 'nearest' });
    for (const [one, panel] of this.panels) panel.hidden = one !== key;
    this.shown(key);
  }

  keyed(event) {
    const keys = this.names.map(([key]) => key);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const ends = { Home: 0, End: keys.length - 1 };
    const at = ends[event.key] ?? (step && (keys.indexOf(this.current) + step + keys.length) % keys.length);
    if (at === undefined) return;
    event.preventDefault();
    this.open(keys[at]);
    this.bar.children[at].focus();
  }
}
