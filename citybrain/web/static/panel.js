// The open signal: its head, its tabs, and when each of them is asked for anew.

import { api, Refused } from './api.js';
import { ControlTab } from './control_tab.js';
import { DiagramsTab } from './diagrams_tab.js';
import { h, put, renew } from './dom.js';
import { ForecastTab } from './forecast_tab.js';
import { stamp } from './kpi.js';
import { about, named, t } from './language.js';
import { EditLock } from './lock.js';
import { nowTab } from './now_tab.js';
import { HEALTH_SHAPES } from './palette.js';
import { PlansTab } from './plans_tab.js';
import { Tabs } from './tabs.js';

const TABS = ['now', 'diagrams', 'forecast', 'plans', 'control'];
const DETAIL_MS = 950;
const HISTORY_MS = 10000;
const HISTORY_S = 1800;

export class SignalPanel {
  constructor(root, city, live, map) {
    Object.assign(this, { root, city, live, map, id: null, detail: null, askedMs: 0, historyMs: -Infinity });
    this.head = h('header', { class: 'panel-head' });
    this.tabs = new Tabs('signal', () => this.show().catch((error) => this.failed(this.id, error)));
    const part = (key) => this.tabs.panel(key);
    this.control = new ControlTab(part('control'));
    this.plans = new PlansTab(part('plans'));
    this.diagrams = new DiagramsTab(part('diagrams'));
    this.forecast = new ForecastTab(part('forecast'));
    this.body = h('div', { class: 'panel-body' }, TABS.map(part));
    this.lock = new EditLock(() => this.detail && this.drawHead());
    const work = (event) => event.target.closest('form') && this.lock.work(this.id);
    for (const kind of ['focusin', 'input']) this.body.addEventListener(kind, work);
    document.addEventListener('ordered', () => this.refresh(true));
    this.words();
  }

  words() {
    this.tabs.draw(TABS.map((key) => [key, t(`tab_${key}`)]), t('signal'));
    if (this.id === null) put(this.root, h('div', { class: 'empty large' }, h('b', {}, t('none_open')), h('p', {}, t('none_open_hint'))));
    else this.refresh(true);
  }

  async open(id) {
    this.lock.giveBack();
    this.id = id;
    this.detail = this.drawing = this.history = null;
    this.historyMs = -Infinity;
    this.control.drawn = '';
    for (const key of TABS) put(this.tabs.panel(key), h('p', { class: 'empty' }, t('loading')));
    put(this.head, h('h2', {}, id));
    put(this.root, this.head, this.tabs.bar, this.body);
    await this.refresh(true);
  }

  /** A new picture of the city has come: look again, at most once a second and never twice at once. */
  tick() {
    if (this.id !== null && performance.now() - this.askedMs >= DETAIL_MS && !this.asking) this.refresh(false);
  }

  async refresh(whole) {
    if (this.id === null) return;
    const id = this.id;
    this.asking = true;
    this.askedMs = performance.now();
    try {
      this.drawing ??= await api.drawing(id);
      const detail = await api.signal(id);
      if (id !== this.id) return;
      this.detail = detail;
      this.drawHead();
      this.map.closeUp(detail, this.drawing);
      await this.show(whole);
    } catch (error) {
      this.failed(id, error);
    } finally {
      this.asking = false;
    }
  }

  /** A refusal in place of what was asked for; it is asked for again with the next picture. */
  failed(id, error) {
    if (!(error instanceof Refused)) throw error;
    if (id === this.id) put(this.head, h('h2', {}, id), h('p', { class: 'notice', role: 'alert' }, error.message));
    this.historyMs = -Infinity;
  }

  drawHead() {
    const d = this.detail;
    const held = d.override && h('span', { class: 'tag held', title: d.override.owner }, t(d.override.kind === 'phase' ? 'by_hand' : 'fixed'),
      ` ${named(d.override.owner)}`);
    put(this.head,
      h('h2', { title: d.id }, d.id),
      h('div', { class: 'tags' },
        h('span', { class: `tag m-${d.mode}` }, t(`mode_${d.mode}`)),
        d.health && h('span', { class: `tag h-${d.health}` }, h('i', { 'aria-hidden': 'true' }, HEALTH_SHAPES[d.health] ?? ''),
          ` ${t(`health_${d.health}`)}`),
        h('span', { class: 'tag' }, t(d.plan?.pushed ? 'runs_sent' : 'runs_base')), held,
        this.lock.mine && h('span', { class: 'tag locked' }, h('i', { 'aria-hidden': 'true' }, '✎'), ` ${t('lock_mine')}`),
        stamp(d.now_s, this.city.simulated)),
      this.lock.sentence && h('p', { class: 'notice', role: 'alert' }, this.lock.sentence),
      (d.fit === false || d.trouble) && h('p', { class: 'notice' },
        [about(d.id, d.trouble ?? ''), d.fit === false && t('unfit')].filter(Boolean).join('. ')));
  }

  /** Draw the open tab; what is asked for itself only now and then, or when `whole`. */
  async show(whole = true) {
    const { detail, drawing } = this;
    if (!detail || !drawing) return;
    const tab = this.tabs.current;
    if (tab === 'now') renew(this.tabs.panel('now'), nowTab(detail, drawing, this.live.before[this.city.index.get(detail.id)]));
    else if (tab === 'control') this.control.draw(detail, drawing);
    else if (tab === 'plans') {
      if (whole) await this.plans.draw(detail, drawing);
    } else if (whole || performance.now() - this.historyMs > HISTORY_MS) await this.drawPast(tab);
  }

  async drawPast(tab) {
    this.historyMs = performance.now();
    const id = this.id;
    const [history, arterial] = await Promise.all([api.history(id, HISTORY_S), tab === 'diagrams' ? api.arterial(id) : null]);
    if (id !== this.id) return;
    if (tab === 'diagrams') this.diagrams.draw(history, arterial, this.drawing, this.city.simulated);
    else this.forecast.draw(history, this.detail, this.drawing, this.city.simulated);
  }
}

