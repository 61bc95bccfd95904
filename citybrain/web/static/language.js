// Which language the page speaks, and how it writes numbers and times.

import { en } from './strings_en.js';
import { zh } from './strings_zh.js';

export const TABLES = { en, zh };
const LOCALES = { en: 'en-GB', zh: 'zh-CN' };
const UNIX_S = 1e8; // field times beyond this are Unix times, below it seconds since midnight of a simulation
let current = 'en';

/** "en" or "zh". */
export const language = () => current;

/** A sentence or word by its key; {name} in it is filled in. */
export function t(key, values = {}) {
  const text = TABLES[current][key] ?? TABLES.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** The language that was chosen before, else the browser's. */
export function initialLanguage() {
  const kept = localStorage.getItem('language');
  return kept in TABLES ? kept : navigator.language.startsWith('zh') ? 'zh' : 'en';
}

/** Speak a language: static words change now, others when their owners hear `language`. */
export function speak(name) {
  current = name in TABLES ? name : 'en';
  localStorage.setItem('language', current);
  document.documentElement.lang = LOCALES[current];
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', t(element.dataset.tLabel));
    if (element.matches('button')) element.title = t(element.dataset.tLabel);
  }
}

const known = (value) => typeof value === 'number' && Number.isFinite(value);

/** What a sentence says of a signal, without the name that stands beside it. */
export const about = (id, sentence) => (id && sentence.startsWith(id) ? sentence.slice(id.length).replace(/^[:\uff1a]\s*/, '') : sentence);

/** The name of somebody without the number of their key, which stands in a title beside it. */
export const named = (who) => who.replace(/ \([0-9a-f]+\)$/, '');

/** A compass point, or a road with it, as the reader's language has it. */
export const armName = (arm) => arm.replace(/^[NESW]{1,2}(?= |$)/, (point) => t(`arm_${point}`));

/** A number with its digits after the point; a dash where there is none. */
export function number(value, digits = 0) {
  if (!known(value)) return '–';
  return value.toLocaleString(LOCALES[current], { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A number with its unit. */
export const quantity = (value, unit, digits = 0) => (known(value) ? `${number(value, digits)} ${unit}` : '–');

/** A field time as a clock shows it; beyond the first day of a simulation with the day. */
export function clock(timeS, seconds = true) {
  if (!known(timeS)) return '--:--';
  const two = (n) => String(Math.floor(n)).padStart(2, '0');
  const date = timeS > UNIX_S ? new Date(timeS * 1000) : null;
  const day = date ? date.getHours() * 3600 + date.getMinutes() * 60 + date.getSeconds() : ((timeS % 86400) + 86400) % 86400;
  const text = `${two(day / 3600)}:${two((day % 3600) / 60)}`;
  return seconds ? `${text}:${two(day % 60)}` : text;
}

/** A Unix time with its day, in the reader's own time zone. */
export const moment = (unixS) => (known(unixS) ? new Date(unixS * 1000).toLocaleString(LOCALES[current],
  { dateStyle: 'short', timeStyle: 'medium' }) : '–');
