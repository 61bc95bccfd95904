// A large city's tiles: fetched as somebody looks at them, the newest kept.

import { api } from './api.js';
import { column, Sheet } from './sheet.js';

const MOST_IN_SIGHT = 36; // from farther away the overview is enough
const MOST_KEPT = 96;
const MOST_ASKED = 4; // at once
const AGAIN_MS = 5000;

export class Tiles {
  /** `changed(tile, sheet)`: a tile has come, or (without a sheet) gone. */
  constructor({ size_m: size, columns, rows }, bounds, changed) {
    Object.assign(this, { size, columns, rows, bounds, changed, kept: new Map(), asked: new Set(), wanted: [] });
  }

  /** Numbers of the tiles in sight, those in the middle first. */
  inSight(view) {
    const [west, south, east, north] = view.box();
    const within = (v, most) => Math.min(Math.max(Math.floor(v / this.size), 0), most - 1);
    const [a, b] = [within(west, this.columns), within(east, this.columns)];
    const [c, d] = [within(south, this.rows), within(north, this.rows)];
    if ((b - a + 1) * (d - c + 1) > MOST_IN_SIGHT) return null;
    const found = [];
    for (let row = c; row <= d; row++) for (let col = a; col <= b; col++) found.push(row * this.columns + col);
    const far = (n) => Math.hypot(((n % this.columns) + 0.5) * this.size - view.x, (Math.floor(n / this.columns) + 0.5) * this.size - view.y);
    return found.sort((m, n) => far(m) - far(n));
  }

  /** The sheets in sight that are here, and whether these are all; null where one looks from too far away. The others are sent for. */
  look(view) {
    const numbers = this.inSight(view);
    this.wanted = numbers?.filter((n) => !this.kept.has(n)) ?? [];
    if (numbers === null) return null;
    this.fetch();
    const sheets = numbers.filter((n) => this.kept.has(n)).map((n) => this.touched(n));
    return { sheets, whole: sheets.length === numbers.length };
  }

  /** Looked at last, so forgotten last. */
  touched(n) {
    const one = this.kept.get(n);
    this.kept.delete(n);
    this.kept.set(n, one);
    return one.sheet;
  }

  fetch() {
    for (const n of this.wanted) {
      if (this.asked.size >= MOST_ASKED) return;
      if (!this.asked.has(n)) this.load(n);
    }
  }

  async load(n) {
    this.asked.add(n);
    try {
      const body = await api.tile(n);
      this.keep(n, column(body.signals, Uint16Array), new Sheet(body, this.bounds));
    } catch (error) {
      if (error.status === 404) this.keep(n, [], new Sheet({}, this.bounds));
      else await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    } finally {
      this.asked.delete(n);
      this.wanted = this.wanted.filter((one) => one !== n || !this.kept.has(n));
      this.fetch();
    }
  }

  keep(n, signals, sheet) {
    this.kept.set(n, { signals, sheet });
    while (this.kept.size > MOST_KEPT) {
      const [oldest, one] = this.kept.entries().next().value;
      this.kept.delete(oldest);
      this.changed(one.signals, null);
    }
    this.changed(signals, sheet);
  }
}
