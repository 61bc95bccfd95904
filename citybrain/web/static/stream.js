// The live events: connects, takes deltas, notices silence and gaps, and connects again by itself.

const SILENT_MS = 6000; // without an event the picture is stale
const STANDING_MS = 12000; // events come, but the street's clock stands
const LONGEST_WAIT_S = 5;

/** Bytes of base64. */
export function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return bytes;
}

/** States: connecting, live, stale (connected, nothing new), lost (waiting to try again). Tells changes as `state` events. */
export class Stream extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.state = 'connecting';
    this.attempts = 0;
    this.n = null;
    this.nowS = NaN;
    this.heardMs = this.movedMs = performance.now();
    setInterval(() => this.#watch(), 1000);
    this.open();
  }

  open() {
    this.source?.close();
    clearTimeout(this.timer);
    this.n = null;
    this.retryS = 0;
    this.heardMs = this.movedMs = performance.now();
    this.source = new EventSource(this.url);
    for (const kind of ['w', 'd', 'c', 'k', 'a']) this.source.addEventListener(kind, (event) => this.#take(kind, event.data));
    this.source.addEventListener('error', () => this.#lost());
  }

  #take(kind, data) {
    const body = JSON.parse(data);
    this.heardMs = performance.now();
    this.attempts = 0;
    if (kind === 'w' || kind === 'd') {
      // A delta on top of a picture that was never seen would show a wrong city: ask for a whole one.
      if (kind === 'd' && (this.n === null || body.n <= this.n)) return undefined;
      if (kind === 'd' && body.n !== this.n + 1) return this.open();
      this.n = body.n;
      if (body.t !== this.nowS) this.movedMs = this.heardMs;
      this.nowS = body.t;
      this.#become('live');
    }
    this.dispatchEvent(new CustomEvent(kind, { detail: body }));
    return undefined;
  }

  #lost() {
    this.source.close();
    this.attempts += 1;
    this.retryS = Math.min(Math.round(1.5 ** (this.attempts - 1)), LONGEST_WAIT_S);
    this.#become('lost');
    this.timer = setTimeout(() => this.open(), this.retryS * 1000);
  }

  #watch() {
    const now = performance.now();
    if (this.state === 'lost') return;
    if (now - this.heardMs > SILENT_MS) {
      this.#become('stale');
      if (now - this.heardMs > 3 * SILENT_MS) this.#lost();
    } else if (now - this.movedMs > STANDING_MS) this.#become('stale');
  }

  /** How long ago the newest picture came [s]. */
  get silentS() {
    return Math.round((performance.now() - this.movedMs) / 1000);
  }

  #become(state) {
    const changed = state !== this.state;
    this.state = state;
    if (changed || state !== 'live') this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}
