// The door: who is there already, or a form for a key. A key is sent once, in a header, and not kept by the page.

import { api } from './api.js';
import { byId, h, put } from './dom.js';
import { t } from './language.js';

/** Who is signed in, as soon as somebody is. */
export async function signedIn() {
  for (;;) {
    try {
      return await api.session();
    } catch (error) {
      if (error.status === 401) return asked();
      byId('stale').hidden = false;
      byId('stale').textContent = `${error.message}. ${t('trying_again')}`;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function asked() {
  const dialog = byId('ask');
  const key = h('input', { type: 'password', id: 'key', name: 'key', required: true, autocomplete: 'off',
    'aria-describedby': 'key-wrong' });
  const spent = location.search === '?spent';
  const wrong = h('p', { class: 'notice', id: 'key-wrong', role: 'alert', hidden: !spent }, spent ? t('link_spent') : '');
  const form = h('form', {}, h('h2', { id: 'ask-title' }, t('sign_in')), h('p', {}, t('sign_in_text')),
    h('label', { class: 'field' }, t('key'), key), wrong,
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, t('sign_in'))));
  dialog.setAttribute('aria-labelledby', 'ask-title');
  put(dialog, form);
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.showModal();
  return new Promise((resolve) => {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        const found = await api.session(key.value.trim());
        dialog.close();
        byId('stale').hidden = true;
        resolve(found);
      } catch (error) {
        wrong.hidden = false;
        wrong.textContent = error.status === 401 ? t('key_wrong') : error.message;
      }
    });
  });
}
