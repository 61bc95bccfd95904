// The open signal's forecast against what came, for all its movements or one arm.

import { h, put } from './dom.js';
import { forecastChart } from './forecast_chart.js';
import { stamp } from './kpi.js';
import { armName, t } from './language.js';

export class ForecastTab {
  constructor(root) {
    this.root = root;
    this.arm = '';
  }

  draw(history, detail, drawing, simulated) {
    Object.assign(this, { history, detail, drawing, simulated });
    const arms = [...new Set(drawing.movements.filter((m) => m.arm && m.turn !== 'crossing').map((m) => m.arm))];
    if (!arms.includes(this.arm)) this.arm = '';
    const which = drawing.movements.flatMap((m, k) => (m.arm && m.turn !== 'crossing' && (!this.arm || m.arm === this.arm) ? [k] : []));
    const focused = document.activeElement?.id === 'forecast-arm';
    const change = (event) => this.choose(event.target.value);
    const options = [h('option', { value: '' }, t('all_arms')), arms.map((arm) => h('option', { value: arm }, armName(arm)))];
    const chooser = h('label', { class: 'inline' }, t('arm'), ' ',
      h('select', { id: 'forecast-arm', value: this.arm, on: { change } }, options));
    const rung = [detail.forecast?.rung].flat().filter(Boolean);
    const chart = forecastChart(history, detail.forecast, which, armName(this.arm) || t('all_arms'), stamp(history.t1_s, simulated));
    put(this.root, chooser, chart ?? h('p', { class: 'empty' }, t('no_forecast')),
      chart && rung.length > 0 && h('p', { class: 'ack' }, t('rung', { rung: [...new Set(rung)].map((one) => t(`rung_${one}`)).join(', ') })));
    if (focused) this.root.querySelector('#forecast-arm').focus();
  }

  choose(arm) {
    this.arm = arm;
    this.draw(this.history, this.detail, this.drawing, this.simulated);
  }
}
