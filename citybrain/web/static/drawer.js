// What happens in the city: alarms, before and after, proposals, the audit trail; in a demo, things to break.

import { api } from './api.js';
import { may, order, orderButton, askReason } from './commands.js';
import { h, put, renew, say } from './dom.js';
import { demoTab } from './demo_tab.js';
import { drawComparison } from './kpi.js';
import { clock, language, moment, named, number, quantity, t } from './language.js';
import { Tabs } from './tabs.js';

const LOOK_MS = 5000;
const LEVELS = { critical: '✖', warning: '▲', info: '●' };
const spoken = (sentence) => (typeof sentence === 'string' ? sentence : (sentence?.[language()] ?? sentence?.en ?? ''));

/** Its sentence, without the name of the signal that stands beside it. */
const alarmWords = ({ signal, sentence }) => (signal ? spoken(sentence).replaceAll(`${signal}: `, '') : spoken(sentence));

export class Drawer {
  constructor(root, city, choose) {
    Object.assign(this, { root, city, choose, alarms: [], proposals: [], kpi: null, selected: '' });
    this.tabs = new Tabs('events', (key) => this.show(key));
    this.keys = ['alarms', 'comparison', 'proposals', 'audit', ...(city.simulated ? ['demo'] : [])];
    put(root, this.tabs.bar, h('div', { class: 'drawer-body' }, this.keys.map((key) => this.tabs.panel(key))));
    document.addEventListener('ordered', () => this.lookAgain());
    this.words();
    this.lookAgain();
  }

  words() {
    const counted = { alarms: this.alarms.length, proposals: this.proposals.length };
    this.tabs.draw(this.keys.map((key) => [key, [t(`tab_${key}`),
      counted[key] ? h('b', { class: `count ${key}` }, number(counted[key])) : '']]), t('events'));
    for (const key of this.keys) if (key !== 'audit' || this.tabs.current === 'audit') this.show(key);
  }

  takeAlarms(alarms) {
    const known = new Set(this.alarms.map((one) => `${one.kind}${one.signal}`));
    const fresh = alarms.filter((one) => !known.has(`${one.kind}${one.signal}`));
    this.alarms = alarms;
    this.words();
    if (fresh.length) say(`${t('new_alarm')}: ${spoken(fresh[0].sentence)} ${fresh[0].signal ?? ''}`);
  }

  takeKpi(kpi) {
    this.kpi = kpi;
    if (performance.now() - this.lookedMs > LOOK_MS) this.lookAgain();
    this.show('comparison');
  }

  /** Something was ordered, here or by others: proposals and the trail may have changed. What is the same stays as it was drawn. */
  async lookAgain() {
    this.lookedMs = performance.now();
    try {
      const proposals = await api.get('proposals');
      const news = JSON.stringify(proposals) !== JSON.stringify(this.proposals);
      this.proposals = proposals;
      if (news) this.words();
      if (this.tabs.current === 'audit') await this.drawAudit();
    } catch (error) {
      put(this.tabs.panel('proposals'), h('p', { class: 'notice' }, error.message));
    }
  }

  show(key) {
    const panel = this.tabs.panel(key);
    if (key === 'alarms') this.drawAlarms(panel);
    else if (key === 'comparison') drawComparison(panel, this.kpi, this.city.simulated);
    else if (key === 'proposals') this.drawProposals(panel);
    else if (key === 'audit') this.drawAudit();
    else if (panel.childElementCount === 0 || panel.dataset.drawn !== `${language()}${may('admin')}`) {
      put(panel, demoTab(() => this.selected));
      panel.dataset.drawn = `${language()}${may('admin')}`;
    }
  }

  signalLink(id, where) {
    const on = { click: () => this.choose(this.city.index.get(id)) };
    return id ? h('button', { type: 'button', class: 'link-button', id: `${where}-${id}`, on }, id) : t('the_service');
  }

  drawAlarms(panel) {
    if (!this.alarms.length) return put(panel, h('p', { class: 'empty' }, h('i', { class: 'well', 'aria-hidden': 'true' }, '✓'), ' ',
      t('no_alarms')));
    return renew(panel, h('ul', { class: 'events' }, this.alarms.map((one) => h('li', { class: `level-${one.level}` },
      h('i', { 'aria-hidden': 'true' }, LEVELS[one.level] ?? '●'), h('b', {}, t(`level_${one.level}`)),
      h('time', {}, t('since', { time: clock(one.since_s) })), this.signalLink(one.signal, `alarm-${one.kind}`), h('span', {}, alarmWords(one))))));
  }

  drawProposals(panel) {
    if (!this.proposals.length) return put(panel, h('p', { class: 'empty' }, t('no_proposals')));
    return renew(panel, h('ul', { class: 'events' }, this.proposals.map((one) => this.proposal(one))));
  }

  proposal(one) {
    const stages = one.stages.map(([phase, green]) => `${phase}: ${quantity(green, 's')}`).join(' · ');
    const button = (what, kind) => orderButton(t(what), 'engineer', () => this.settle(what, one), kind, `${what}-${one.number}`);
    return h('li', {}, h('b', {}, `№ ${one.number}`), this.signalLink(one.signal, `proposal-${one.number}`), h('span', {}, stages),
      h('span', {}, [named(one.by), one.reason].filter(Boolean).join(' · ')),
      h('span', { class: 'buttons' }, button('approve', 'primary'), button('reject', '')));
  }

  async settle(what, one) {
    const reason = await askReason(t(what), `№ ${one.number} · ${one.signal}`);
    if (reason !== null) await order(what, { proposal: one.number, reason });
  }

  async drawAudit() {
    const panel = this.tabs.panel('audit');
    try {
      const records = await api.get('audit?limit=100');
      const newest = [...records].sort((a, b) => b.number - a.number);
      const row = (one) => h('tr', {},
        h('td', { class: 'num' }, number(one.number)), h('td', { class: 'nowrap' }, moment(one.at_s)), h('td', { title: one.who },
          named(one.who)),
        h('th', { scope: 'row', class: 'nowrap' }, t(`what_${one.what}`)), h('td', { class: 'wide' }, one.outcome,
          one.args?.reason && h('small', { class: 'reason' }, t('because', { reason: one.args.reason }))));
      const heads = ['number', 'time', 'who', 'what', 'outcome'].map((key) => h('th', { scope: 'col' }, t(`audit_${key}`)));
      put(panel, h('div', { class: 'table-box' }, h('table', { class: 'audit' },
        h('caption', { class: 'sr' }, t('tab_audit')), h('thead', {}, h('tr', {}, heads)), h('tbody', {}, newest.map(row)))));
    } catch (error) {
      put(panel, h('p', { class: 'notice' }, error.message));
    }
  }
}
