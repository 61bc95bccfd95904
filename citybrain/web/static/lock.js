// The edit lock of the open signal: taken when somebody begins to fill in a form, prolonged while they do, given back when they are done.

import { api, Refused } from './api.js';
import { may } from './commands.js';

const PROLONG_MS = 60000; // it runs out after two minutes

export class EditLock {
  /** `changed` is called when who holds it has changed. */
  constructor(changed) {
    Object.assign(this, { changed, id: null, mine: false, sentence: '', takenMs: -Infinity });
    document.addEventListener('ordered', () => this.giveBack());
    window.addEventListener('pagehide', () => this.giveBack());
  }

  /** Somebody works on a form of this signal. */
  async work(id) {
    if (!may('engineer') || (id === this.id && performance.now() - this.takenMs < PROLONG_MS)) return;
    if (id !== this.id) await this.giveBack();
    Object.assign(this, { id, takenMs: performance.now() });
    try {
      await api.lock(id);
      this.become(true, '');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.takenMs = -Infinity;
      this.become(false, error.message);
    }
  }

  /** Done with it, or with looking at it. */
  async giveBack() {
    const { id, mine } = this;
    Object.assign(this, { id: null, takenMs: -Infinity });
    this.become(false, '');
    if (mine) await api.unlock(id).catch(() => null); // else it runs out by itself
  }

  become(mine, sentence) {
    const news = mine !== this.mine || sentence !== this.sentence;
    Object.assign(this, { mine, sentence });
    if (news) this.changed();
  }
}
