// Colours that people with any colour vision tell apart (Okabe and Ito 2008; ColorBrewer RdYlBu), and the shapes that say the same.

import { colour } from './dom.js';
import { HEALTHS, LAMP } from './city.js';
import { number } from './language.js';

export const LAMP_COLOURS = {
  [LAMP.unknown]: '#8a949e',
  [LAMP.red]: '#d55e00',
  [LAMP.amber]: '#f0c420',
  [LAMP.permissive]: '#009e73',
  [LAMP.protected]: '#009e73',
  [LAMP.onRed]: '#d55e00',
};

/** From free to jammed; five steps that differ in lightness too. */
export const RAMP = ['#3b6fb6', '#86b8dc', '#f4d58a', '#f08a4b', '#c8202f'];
export const INDEX_LIMITS = [1.15, 1.4, 1.8, 2.4];
const QUEUE_STEPS = [0, 0, 1, 2, 3, 3, 4, 4];

/** The step of RAMP for a congestion index in the live byte (times 50); -1 where it is not known. */
export function indexStep(byte) {
  if (byte === 0) return -1;
  const index = byte / 50;
  return INDEX_LIMITS.filter((limit) => index >= limit).length;
}

/** A congestion index in the live byte, in figures; the byte ends at 5.1. */
export function indexWords(byte) {
  if (byte === 0) return '–';
  return `${byte === 255 ? '≥' : ''}${number(byte / 50, byte === 255 ? 1 : 2)}`;
}

export const queueStep = (level) => QUEUE_STEPS[level];

/** What a layer shows of signal i: a step of RAMP, -1 unknown. */
export function layerStep(layer, live, i) {
  if (layer === 'queue') return live.seen(i) ? queueStep(live.queue[i]) : -1;
  return indexStep(layer === 'congestion_15' ? live.congestion15[i] : live.congestion[i]);
}

export const stepColour = (step) => (step < 0 ? '#8a949e' : RAMP[step]);

/** Black or white, whichever is read better on a step. */
export const inkOn = (step) => (step === 0 || step === 4 ? '#ffffff' : '#111820');

export const HEALTH_SHAPES = { ok: '●', degraded: '▲', silent: '◇', flash: '✖' };
export const healthShape = (k) => HEALTH_SHAPES[HEALTHS[k]];

/** The style sheet's colours that canvases need, read anew when the theme changes. */
export const canvasColours = () =>
  Object.fromEntries(['map', 'road', 'road-edge', 'area', 'ink', 'ink2', 'surface', 'accent', 'line'].map((name) => [name, colour(name)]));
