// The list of signals: filter, sort, and rows for only what is in sight, however many signals there are.

import { HEALTHS, MODES, QUEUE_RANGES } from './city.js';
import { askReason, may, order } from './commands.js';
import { h, put, say } from './dom.js';
import { language, number, t } from './language.js';
import { healthShape, indexStep, indexWords, queueStep, stepColour } from './palette.js';

const ROW_PX = 34;
const SPARE = 6;
const RESORT_MS = 5000;
const COLUMNS = ['id', 'mode', 'health', 'queue', 'congestion'];
const natural = new Intl.Collator('en', { numeric: true });

export class SignalList {
  constructor(root, city, live, choose) {
    Object.assign(this, { root, city, live, choose, selected: -1, text: '', only: '', sort: 'id', down: false, cursor: 0,
      painted: new Map() });
    this.rows = [...city.ids.keys()];
    const order = this.rows.toSorted((a, b) => natural.compare(city.ids[a], city.ids[b]));
    this.rank = new Uint32Array(city.count);
    order.forEach((i, k) => (this.rank[i] = k));
    this.body = h('div', { class: 'rows', role: 'rowgroup', on: { click: (event) => this.clicked(event) } });
    const on = { scroll: () => this.paint(), keydown: (event) => this.keyed(event) };
    this.scroller = h('div', { class: 'scroller', role: 'grid', tabindex: '0', id: 'signal-rows', on }, this.body);
    new ResizeObserver(() => this.paint()).observe(this.scroller);
    setInterval(() => this.order(), RESORT_MS);
    this.words();
  }

  words() {
    const find = (event) => this.narrow({ text: event.target.value });
    const filter = h('input', { type: 'search', id: 'filter', placeholder: t('filter'), 'aria-label': t('filter'), value: this.text,
      on: { input: find } });
    const choose = (event) => this.narrow({ only: event.target.value });
    const only = h('select', { 'aria-label': t('only'), id: 'only', value: this.only, on: { change: choose } },
      h('option', { value: '' }, t('only_all')), h('option', { value: 'attention' }, t('only_attention')),
      MODES.map((name) => h('option', { value: name }, t(`mode_${name}`))));
    this.head = h('div', { class: 'row head', role: 'group', 'aria-label': t('sorting') }, COLUMNS.map((name) => this.header(name)));
    this.count = h('span', { class: 'count', role: 'status' });
    this.scroller.setAttribute('aria-label', t('signals'));
    put(this.root, h('div', { class: 'filters' }, filter, only), h('div', { class: 'head-box' }, this.head), this.scroller,
      h('footer', {}, this.count, this.modeOfAll()));
    this.order();
  }

  /** One mode for all signals, or for those that the filter shows. */
  modeOfAll() {
    const change = async (event) => {
      const mode = event.target.value;
      const ids = this.rows.length === this.city.count ? [] : this.rows.map((i) => this.city.ids[i]);
      event.target.value = '';
      const reason = await askReason(t('mode_all'), t('mode_all_text', { n: number(this.rows.length), mode: t(`mode_${mode}`) }));
      if (reason !== null) await order('set_mode', { mode, signals: ids, reason });
    };
    return h('select', { id: 'mode-of-all', value: '', disabled: !may('operator'), 'aria-label': t('mode_all'), on: { change } },
      h('option', { value: '' }, t('mode_all')), MODES.map((name) => h('option', { value: name }, t(`mode_${name}`))));
  }

  header(name) {
    const sorted = this.sort === name ? (this.down ? 'descending' : 'ascending') : 'none';
    const arrow = { ascending: ' ▲', descending: ' ▼', none: '' }[sorted];
    const title = t(`column_${name}_title`);
    const label = sorted === 'none' ? title : `${title}, ${t(sorted)}`;
    const button = { type: 'button', 'data-sort': name, 'data-sorted': sorted, title, 'aria-label': label,
      on: { click: () => this.sortBy(name) } };
    return h('div', { class: `c-${name}` }, h('button', button, t(`column_${name}`) + arrow));
  }

  sortBy(name) {
    this.down = this.sort === name ? !this.down : name === 'queue' || name === 'congestion' || name === 'health';
    this.sort = name;
    this.words();
    this.root.querySelector(`[data-sort=${name}]`).focus();
  }

  narrow(change) {
    Object.assign(this, change);
    this.cursor = 0;
    this.scroller.scrollTop = 0;
    this.order();
  }

  fits(i) {
    const { live } = this;
    if (this.only === 'attention' && live.health[i] === 0) return false;
    if (MODES.includes(this.only) && MODES[live.mode[i]] !== this.only) return false;
    return !this.text || this.city.ids[i].toLowerCase().includes(this.text.trim().toLowerCase());
  }

  /** Filter and sort anew; now and then by itself, so that rows do not jump every second. */
  order() {
    const { live } = this;
    const key = { id: null, mode: live.mode, health: live.health, queue: live.queue, congestion: live.congestion }[this.sort];
    const sign = this.down ? -1 : 1;
    const by = (a, b) => (key ? sign * (key[a] - key[b]) || this.rank[a] - this.rank[b] : sign * (this.rank[a] - this.rank[b]));
    this.rows = [...this.city.ids.keys()].filter((i) => this.fits(i)).sort(by);
    this.body.style.height = `${this.rows.length * ROW_PX}px`;
    this.scroller.setAttribute('aria-rowcount', String(this.rows.length));
    this.count.textContent = t('count', { n: number(this.rows.length), all: number(this.city.count) });
    this.paint();
  }

  paint() {
    const first = Math.max(Math.floor(this.scroller.scrollTop / ROW_PX) - SPARE, 0);
    const seen = Math.ceil((this.scroller.clientHeight || 600) / ROW_PX) + 2 * SPARE;
    const before = this.painted;
    this.painted = new Map(this.rows.slice(first, first + seen).map((i, k) => [i, this.kept(before.get(i), i, first + k)]));
    const shown = [...this.painted.values()].map(({ element }) => element);
    if (shown.length !== this.body.childElementCount || shown.some((one, k) => one !== this.body.children[k])) put(this.body, shown);
    const here = this.rows[this.cursor];
    this.scroller.setAttribute('aria-activedescendant', here === undefined ? '' : `row-${here}`);
  }

  /** The row as it was painted, where nothing in it has changed: what somebody is about to click stays where it is. */
  kept(before, i, k) {
    const { live } = this;
    const mark = [k, i === this.selected, k === this.cursor, live.mode[i], live.health[i], live.queue[i], live.congestion[i],
      language()].join();
    return before?.mark === mark ? before : { mark, element: this.row(i, k) };
  }

  row(i, k) {
    const { live } = this;
    const health = HEALTHS[live.health[i]];
    const mode = MODES[live.mode[i]];
    const queue = live.seen(i) ? QUEUE_RANGES[live.queue[i]] : '–';
    const cell = (name, ...inside) => h('div', { role: 'gridcell', class: `c-${name}` }, inside);
    const width = (step) => `${step < 0 ? 0 : 20 + step * 20}%`;
    const bar = (step) => h('i', { class: 'bar', vars: { '--c': stepColour(step), '--w': width(step) }, 'aria-hidden': 'true' });
    const classes = ['row', i === this.selected && 'selected', k === this.cursor && 'cursor'].filter(Boolean).join(' ');
    const row = { id: `row-${i}`, role: 'row', 'aria-rowindex': k + 1, 'aria-selected': String(i === this.selected),
      'data-id': this.city.ids[i] };
    return h('div', { ...row, class: classes, vars: { '--y': `${k * ROW_PX}px` } },
      cell('id', h('span', { title: this.city.ids[i] }, this.city.ids[i])),
      cell('mode', h('span', { class: `mode m-${mode}`, title: t(`mode_${mode}`) }, t(`mode_short_${mode}`))),
      cell('health', h('span', { class: `health h-${health}`, title: t(`health_${health}`) },
        h('span', { 'aria-hidden': 'true' }, healthShape(live.health[i])),
        h('span', { class: 'sr' }, t(`health_${health}`)))),
      cell('queue', bar(live.seen(i) ? queueStep(live.queue[i]) : -1),
        h('span', { class: 'sr' }, `${t('kpi_queue')} `), h('span', {}, queue), h('span', { class: 'sr' }, ` ${t('veh')}`)),
      cell('congestion', bar(indexStep(live.congestion[i])), h('span', { class: 'sr' }, `${t('column_congestion')} `),
        h('span', {}, indexWords(live.congestion[i]))));
  }

  /** By the place, not the element: a row may be painted anew between press and release. */
  clicked(event) {
    const k = Math.floor((event.clientY - this.body.getBoundingClientRect().top) / ROW_PX);
    if (k >= 0 && k < this.rows.length) this.open(k);
  }

  open(k) {
    this.cursor = k;
    this.choose(this.rows[k]);
  }

  select(i) {
    this.selected = i;
    const k = this.rows.indexOf(i);
    if (k >= 0) this.moveTo(k);
    this.paint();
  }

  moveTo(k) {
    this.cursor = Math.min(Math.max(k, 0), this.rows.length - 1);
    const [top, height] = [this.cursor * ROW_PX, this.scroller.clientHeight];
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_PX > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW_PX - height;
  }

  keyed(event) {
    const page = Math.max(Math.floor(this.scroller.clientHeight / ROW_PX) - 1, 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps && this.rows.length) {
      this.moveTo(this.cursor + steps[event.key]);
      this.paint();
      const i = this.rows[this.cursor];
      say(`${this.city.ids[i]}, ${t(`mode_${MODES[this.live.mode[i]]}`)}, ${t(`health_${HEALTHS[this.live.health[i]]}`)}`);
    } else if (event.key === 'Enter' && this.rows.length) this.open(this.cursor);
    else return;
    event.preventDefault();
  }
}
