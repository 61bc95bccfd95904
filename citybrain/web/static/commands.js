// What people may order: forms, questions before anything that cannot be taken back lightly, and the answer in one line.

import { api, Refused } from './api.js';
import { byId, h, put } from './dom.js';
import { t } from './language.js';

const SHOWN_MS = 9000;
export const RANKS = ['viewer', 'engineer', 'operator', 'admin'];

/** Who is signed in; the page hides nothing from the service's own checks, it only greys out what would be refused. */
export const session = { who: '', role: 'viewer' };
export const may = (role) => RANKS.indexOf(session.role) >= RANKS.indexOf(role);

/** A line that comes and goes: an answer or an error. */
export function toast(sentence, kind = 'done') {
  const one = h('div', { class: `toast ${kind}` },
    h('i', { 'aria-hidden': 'true' }, kind === 'done' ? '✓' : '!'), h('span', {}, sentence),
    h('button', { type: 'button', class: 'plain icon', 'aria-label': t('close'), on: { click: () => one.remove() } }, '×'));
  byId('toasts').append(one);
  setTimeout(() => one.remove(), SHOWN_MS);
}

/** Order something; its receipt, or null where it was refused. Whoever listens for `ordered` looks again. */
export async function order(name, body) {
  try {
    const receipt = await api.command(name, body);
    toast(`${t('receipt', { number: receipt.number })}: ${receipt.sentence}`, receipt.accepted ? 'done' : 'refused');
    document.dispatchEvent(new CustomEvent('ordered', { detail: receipt }));
    return receipt.accepted ? receipt : null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, 'refused');
    return null;
  }
}

/** Ask for a reason before an order; resolves to it, or null where it was thought better of. */
export const askReason = (title, text) =>
  asked(title, text, { reason: h('input', { type: 'text', name: 'reason', maxlength: '300', autocomplete: 'off' }) });

function asked(title, text, { reason = null, danger = false }) {
  const dialog = byId('ask');
  const form = h('form', { method: 'dialog' }, h('h2', { id: 'ask-title' }, title), h('p', {}, text),
    reason && h('label', { class: 'field' }, t('reason'), reason),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', on: { click: () => dialog.close('') } }, t('cancel')),
      h('button', { type: 'submit', class: danger ? 'danger' : 'primary', value: 'yes' }, title)));
  dialog.setAttribute('aria-labelledby', 'ask-title');
  put(dialog, form);
  return new Promise((resolve) => {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      dialog.close('yes');
    });
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes' ? (reason?.value ?? '') : null), { once: true });
    dialog.returnValue = '';
    dialog.showModal();
    (reason ?? form.querySelector('button')).focus();
  });
}

/** Ask whether it is meant, where no reason is kept; resolves to null where it was thought better of. */
export const agreed = (title, text) => asked(title, text, { danger: true });

/** A button that is greyed out for those who may not, and says for whom it is. */
export function orderButton(words, role, act, kind = '', id = null) {
  const allowed = may(role);
  const title = allowed ? null : t('needs_role', { role: t(`role_${role}`) });
  return h('button', { type: 'button', id, class: kind, disabled: !allowed, title, on: { click: act } }, words);
}
