// In a simulated street of our own: break something, and see that the street stays safe.

import { agreed, order, orderButton, toast } from './commands.js';
import { h } from './dom.js';
import { t } from './language.js';

const FAULTS = [
  { kind: 'dead', share: 0.3 },
  { kind: 'stuck', share: 0.3 },
  { kind: 'mute', one: true },
  { kind: 'refuse', one: true },
  { kind: 'late', one: true },
  { kind: 'lie', one: true },
  { kind: 'flash', one: true },
  { kind: 'restart', one: true },
  { kind: 'reset', one: true },
  { kind: 'end' },
  { kind: 'service' },
  { kind: 'heal' },
];
const MENDS = ['heal', 'reset'];

/** A button for each fault; those of one controller hit the open signal. */
export function demoTab(openSignal) {
  const act = async (fault) => {
    const signal = fault.one ? openSignal() : '';
    if (fault.one && !signal) return toast(t('fault_needs_signal'), 'refused');
    const text = `${t(`fault_${fault.kind}_means`)} ${signal}`;
    if (!MENDS.includes(fault.kind) && (await agreed(t(`fault_${fault.kind}`), text)) === null) return null;
    return order('fault', { kind: fault.kind, share: fault.share ?? 0, signal });
  };
  const button = ({ kind, ...fault }) =>
    orderButton(t(`fault_${kind}`), 'admin', () => act({ kind, ...fault }), MENDS.includes(kind) ? 'primary' : 'danger-line',
      `fault-${kind}`);
  return [
    h('p', { class: 'hint' }, t('demo_hint')),
    h('div', { class: 'faults' }, FAULTS.map((fault) => h('div', { class: 'fault' }, button(fault),
      h('small', {}, t(`fault_${fault.kind}_means`))))),
  ];
}
