// The city as columns: what never changes (City) and what changes every second (Live).

import { column, metres, Sheet } from './sheet.js';
import { bytesOf } from './stream.js';
import { Tiles } from './tiles.js';

export class City {
  constructor(body) {
    const bounds = body.bounds_m;
    this.bounds = bounds;
    this.site = body.site;
    this.simulated = body.simulated;
    this.controllers = body.controllers ?? [];
    this.origin = [bounds[0], bounds[1]];
    this.size = [bounds[2] - bounds[0], bounds[3] - bounds[1]];
    this.ids = body.signals.id;
    this.count = this.ids.length;
    this.index = new Map(this.ids.map((id, k) => [id, k]));
    this.xy = metres(body.signals.xy_dm, bounds);
    this.phases = column(body.signals.phases, Uint8Array);
    this.changed = () => {}; // called when more of the map has come
    this.draws(body);
  }

  /** What is drawn: all of it, or of a large city an overview and tiles; `pending` while these are still being made. */
  draws(body) {
    this.pending = Boolean(body.pending);
    this.sheet = new Sheet(body, this.bounds);
    this.owned = new Map(this.sheet.own.entries()); // by signal, its stop lines and lamps where they are here
    this.tiles = body.tiles ? new Tiles(body.tiles, this.bounds, (signals, sheet) => this.came(signals, sheet)) : null;
  }

  came(signals, sheet) {
    signals.forEach((i, k) => (sheet ? this.owned.set(i, sheet.own[k]) : this.owned.delete(i)));
    if (sheet) this.changed();
  }

  /** The sheets that a view needs; the overview stays below until all tiles are here. */
  sheets(view) {
    const found = this.tiles?.look(view);
    return found ? (found.whole ? found.sheets : [this.sheet, ...found.sheets]) : [this.sheet];
  }

  /** The stop lines and lamps of a signal; undefined where they are not here. */
  own(i) {
    return this.owned.get(i);
  }
}

export const HEALTHS = ['ok', 'degraded', 'silent', 'flash'];
export const MODES = ['observe', 'shadow', 'advise', 'automatic'];
export const QUEUE_RANGES = ['0', '1–2', '3–5', '6–9', '10–14', '15–20', '21–30', '>30'];
export const LAMP = { unknown: 0, red: 1, amber: 2, permissive: 3, protected: 4, onRed: 5 };
const SHOWN = [LAMP.red, LAMP.permissive, LAMP.protected, LAMP.onRed];

export class Live {
  constructor(city) {
    this.city = city;
    this.nowS = NaN;
    this.light = new Uint8Array(city.count);
    this.before = new Uint8Array(city.count); // the phase that was green before the running intergreen
    this.queue = new Uint8Array(city.count);
    this.mode = new Uint8Array(city.count);
    this.health = new Uint8Array(city.count);
    this.congestion = new Uint8Array(city.count);
    this.congestion15 = new Uint8Array(city.count);
  }

  /** Changed signals: index (two bytes), light, queue + 8 mode + 32 health. */
  takeLights(body) {
    const bytes = bytesOf(body.b);
    this.nowS = body.t;
    for (let k = 0; k + 3 < bytes.length; k += 4) {
      const i = bytes[k] | (bytes[k + 1] << 8);
      if (i >= this.city.count) continue;
      if (this.light[i] < 128) this.before[i] = this.light[i];
      this.light[i] = bytes[k + 2];
      this.queue[i] = bytes[k + 3] & 7;
      this.mode[i] = (bytes[k + 3] >> 3) & 3;
      this.health[i] = (bytes[k + 3] >> 5) & 3;
    }
  }

  /** Changed congestion: index (two bytes), now, in 15 minutes. */
  takeCongestion(body) {
    const bytes = bytesOf(body.b);
    for (let k = 0; k + 3 < bytes.length; k += 4) {
      const i = bytes[k] | (bytes[k + 1] << 8);
      if (i >= this.city.count) continue;
      this.congestion[i] = bytes[k + 2];
      this.congestion15[i] = bytes[k + 3];
    }
  }

  /** Whether anything is known of its queue: the controller answers, and not all of its sensors are silent. */
  seen(i) {
    return this.health[i] < 2 && !(this.health[i] === 1 && this.congestion[i] === 0);
  }

  /** The phase that is green or coming, from 1; 0 where it is not known. */
  phase(i) {
    return this.light[i] & 127;
  }

  /** What stop line k of signal i is shown: a LAMP, and whether other movements of the lane are red. */
  lamp(i, k) {
    const own = this.city.own(i);
    if (!own) return { lamp: LAMP.unknown, partly: false };
    const codeOf = (phase) => own.codes[(phase - 1) * own.n + k];
    const phase = this.phase(i);
    if (phase < 1 || phase > this.city.phases[i] || this.health[i] >= 2) return { lamp: LAMP.unknown, partly: false };
    const code = codeOf(phase);
    if (this.light[i] < 128) return { lamp: SHOWN[code & 3], partly: (code & 4) > 0 };
    // In an intergreen, who was green and will be stays so; who only was is at yellow.
    const green = (one) => (one & 3) === 1 || (one & 3) === 2;
    const was = this.before[i] >= 1 && this.before[i] <= this.city.phases[i] && green(codeOf(this.before[i]));
    if (!was) return { lamp: LAMP.red, partly: false };
    return green(code) ? { lamp: SHOWN[code & 3], partly: (code & 4) > 0 } : { lamp: LAMP.amber, partly: false };
  }
}
