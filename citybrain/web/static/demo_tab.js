// In a simulated street of our own: break something, and see that the street stays safe.

import { agreed, order, orderButton, toast } from './commands.js';
import { h } from './dom.js';
import { t } from './language.js';

/** `share`: of the detectors; `one`: hits the open signal; `name`: of its words, where it is not the kind. */
const FAULTS = [
  { kind: 'heal' },
  { kind: 'dead', share: 0.3 },
  { kind: 'dead', share: 1, name: 'dead_all' },
  { kind: 'service' },
  { kind: 'stuck', share: 0.3 },
  { kind: 'mute', one: true },
  { kind: 'refuse', one: true },
  { kind: 'late', one: true },
  { kind: 'lie', one: true },
  { kind: 'flash', one: true },
  { kind: 'restart', one: true },
  { kind: 'reset', one: true },
  { kind: 'end' },
];
const MENDS = ['heal', 'reset'];

/** A button for each fault; those of one controller hit the open signal. */
export function demoTab(openSignal) {
  const act = async ({ kind, share = 0, one, name = kind }) => {
    const signal = one ? openSignal() : '';
    if (one && !signal) return toast(t('fault_needs_signal'), 'refused');
    const text = `${t(`fault_${name}_means`)} ${signal}`;
    if (!MENDS.includes(kind) && (await agreed(t(`fault_${name}`), text)) === null) return null;
    return order('fault', { kind, share, signal });
  };
  const button = (fault, name) =>
    orderButton(t(`fault_${name}`), 'admin', () => act(fault), MENDS.includes(name) ? 'primary' : 'danger-line', `fault-${name}`);
  const box = (fault, name) => h('div', { class: 'fault' }, button(fault, name), h('small', {}, t(`fault_${name}_means`)));
  return [
    h('p', { class: 'hint' }, t('demo_hint')),
    h('div', { class: 'faults' }, FAULTS.map((fault) => box(fault, fault.name ?? fault.kind))),
  ];
}
