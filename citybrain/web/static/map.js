// The city map: two canvases (roads that stand, signals that live), its tools, legend and tip.

import { HEALTHS, MODES, QUEUE_RANGES } from './city.js';
import { h, put, say } from './dom.js';
import { number, t } from './language.js';
import { ARM_LAMPS, legend, STOP_LAMPS } from './legend.js';
import { listen } from './map_input.js';
import { drawCloseUp } from './map_closeup.js';
import { drawRoads, scaleBar } from './map_roads.js';
import { CLOSE, drawSignals, inSight, roses } from './map_signals.js';
import { canvasColours, indexWords } from './palette.js';
import { View } from './view.js';

const LAYERS = ['queue', 'congestion', 'congestion_15'];
const QUICK_ROADS = 3000; // so many are drawn anew at every frame; more, only when the hand rests
const REST_MS = 140;
const REACH_PX = 22;
const NEAR = 2.6; // px per metre at which a chosen signal is shown

export class CityMap {
  constructor(root, city, live, choose) {
    Object.assign(this, { root, city, live, choose, selected: -1, layer: localStorage.getItem('layer') ?? 'queue' });
    if (!LAYERS.includes(this.layer)) this.layer = 'queue';
    this.view = new View(city.size);
    this.still = h('canvas', { 'aria-hidden': 'true' });
    this.canvas = h('canvas', { tabindex: '0', role: 'application', id: 'map-canvas' });
    this.tip = h('div', { class: 'tip', hidden: true });
    this.tools = h('div', { class: 'map-tools' });
    this.legend = h('div', { class: 'legend' });
    put(root, this.still, this.canvas, this.tools, this.legend, this.tip);
    this.roadsSeen = null;
    this.colours = canvasColours();
    city.changed = () => this.draw(true);
    listen(this);
    new ResizeObserver(() => this.resized()).observe(root);
    this.words();
  }

  /** Labels in the page's language. */
  words() {
    const layer = (name) => {
      const pressed = String(name === this.layer);
      return h('button', { type: 'button', 'aria-pressed': pressed, 'data-layer': name, on: { click: () => this.show(name) } },
        t(`layer_${name}`));
    };
    const tool = (key, sign, act) =>
      h('button', { type: 'button', class: 'icon', title: t(key), 'aria-label': t(key), 'data-tool': key, on: { click: act } }, sign);
    put(
      this.tools,
      h('div', { class: 'segments', role: 'group', 'aria-label': t('layer') }, LAYERS.map(layer)),
      h('div', { class: 'zoomers' },
        tool('zoom_in', '+', () => this.zoom(1.5)),
        tool('zoom_out', '−', () => this.zoom(1 / 1.5)),
        tool('fit', '⤢', () => this.fit())),
    );
    this.canvas.setAttribute('aria-label', t('map_label', { n: number(this.city.count) }));
    this.drawLegend();
  }

  drawLegend() {
    const { lengthM, px } = scaleBar(this.view);
    this.close = this.view.scale >= CLOSE;
    const lamps = this.close ? STOP_LAMPS : roses(this.view, inSight(this.city, this.view)) ? ARM_LAMPS : [];
    put(this.legend, legend(this.layer, lamps), h('div', { class: 'scale', vars: { '--px': `${px}px` } }, `${number(lengthM)} m`));
  }

  show(layer) {
    this.layer = layer;
    localStorage.setItem('layer', layer);
    this.words();
    this.draw();
    this.tools.querySelector(`[data-layer=${layer}]`).focus();
  }

  resized() {
    const { width, height } = this.root.getBoundingClientRect();
    if (width < 2 || height < 2) return;
    const first = this.view.width <= 1;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.still, this.canvas]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    Object.assign(this.view, { width, height });
    if (first) this.view.fit();
    if (first && this.selected >= 0) this.lookAt(this.selected);
    this.moved();
  }

  /** The theme changed. */
  recolour() {
    this.colours = canvasColours();
    this.moved();
  }

  /** The view changed: roads at once if they are few, else shifted now and drawn when the hand rests. */
  moved() {
    clearTimeout(this.resting);
    const roads = this.city.sheets(this.view).reduce((sum, sheet) => sum + sheet.roads.count, 0);
    const quick = roads <= QUICK_ROADS || this.roadsSeen === null;
    if (!quick) this.resting = setTimeout(() => this.draw(true), REST_MS);
    this.draw(quick);
    this.drawLegend();
  }

  draw(roads = false) {
    this.roadsDue ||= roads;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.roadsDue) this.paintRoads();
      else this.shiftRoads();
      this.paintSignals();
    });
  }

  start(canvas) {
    const context = canvas.getContext('2d');
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.view.width, this.view.height);
    return context;
  }

  paintRoads() {
    this.roadsDue = false;
    this.still.style.transform = '';
    drawRoads(this.start(this.still), this.city.sheets(this.view), this.view, this.colours);
    this.roadsSeen = { x: this.view.x, y: this.view.y, scale: this.view.scale };
  }

  /** Roads as they were painted, put where they are now. */
  shiftRoads() {
    const was = this.roadsSeen;
    if (was === null || (was.x === this.view.x && was.y === this.view.y && was.scale === this.view.scale)) return;
    const factor = this.view.scale / was.scale;
    const dx = (was.x - this.view.x) * this.view.scale;
    const dy = (this.view.y - was.y) * this.view.scale;
    this.still.style.transform = `translate(${dx}px, ${dy}px) scale(${factor})`;
  }

  paintSignals() {
    const context = this.start(this.canvas);
    if (this.near && this.view.scale >= CLOSE) {
      drawCloseUp(context, this.city, this.view, this.near.detail, this.near.drawing, this.live.before[this.selected], this.colours);
    }
    drawSignals(context, this.city, this.live, this.view, this.layer, this.selected, this.colours);
    if (this.aiming) this.paintAim(context);
  }

  /** The middle of the map, for those who steer by keys. */
  paintAim(context) {
    const [x, y] = [this.view.width / 2, this.view.height / 2];
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 2;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 6 * dx, y + 6 * dy);
      context.lineTo(x + 16 * dx, y + 16 * dy);
    }
    context.stroke();
  }

  zoom(factor) {
    this.view.zoom(factor);
    this.moved();
  }

  fit() {
    this.view.fit();
    this.moved();
  }

  /** The signal nearest to a pixel, within reach; -1 where there is none. */
  at(px, py, reachPx = REACH_PX) {
    const [x, y] = this.view.metres(px, py);
    let [best, least] = [-1, (reachPx / this.view.scale) ** 2];
    for (let i = 0; i < this.city.count; i++) {
      const far = (this.city.xy[2 * i] - x) ** 2 + (this.city.xy[2 * i + 1] - y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  lookAt(i) {
    this.view.lookAt(this.city.xy[2 * i], this.city.xy[2 * i + 1], NEAR);
    this.moved();
  }

  /** What is known of the open signal, for who looks closely. */
  closeUp(detail, drawing) {
    this.near = detail.id === this.city.ids[this.selected] && detail.phase !== undefined ? { detail, drawing } : null;
    this.draw();
  }

  select(i) {
    this.selected = i;
    this.near = null;
    if (i >= 0) this.lookAt(i);
    this.draw();
  }

  /** One line about a signal. */
  sentence(i) {
    const { live } = this;
    return t('tip', {
      id: this.city.ids[i], phase: live.phase(i) || '–', queue: live.seen(i) ? QUEUE_RANGES[live.queue[i]] : '–',
      now: indexWords(live.congestion[i]),
      later: indexWords(live.congestion15[i]), mode: t(`mode_${MODES[live.mode[i]]}`), health: t(`health_${HEALTHS[live.health[i]]}`),
    });
  }

  point(px, py) {
    const i = this.at(px, py);
    this.tip.hidden = i < 0;
    this.canvas.style.cursor = i < 0 ? 'grab' : 'pointer';
    if (i < 0) return;
    const [x, y] = [this.view.px(this.city.xy[2 * i]), this.view.py(this.city.xy[2 * i + 1])];
    this.tip.textContent = this.sentence(i);
    this.tip.style.left = `${Math.min(Math.max(x - 110, 8), this.view.width - 228)}px`;
    this.tip.style.top = `${y > 140 ? y - 112 : y + 26}px`;
  }

  announce() {
    const i = this.at(this.view.width / 2, this.view.height / 2, 80);
    say(i < 0 ? t('nothing_here') : this.sentence(i));
  }
}
