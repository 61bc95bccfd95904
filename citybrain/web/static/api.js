// Requests to the service. Every failure is one sentence; nobody being signed in is told apart.

export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

const PATIENCE_MS = 10000;

/** What the service says is wrong, from whichever form its answer has. */
function sentenceOf(body, status) {
  const said = body?.error ?? body?.sentence ?? body?.detail;
  if (Array.isArray(said)) return said.map((one) => `${(one.loc ?? []).slice(1).join('.')}: ${one.msg ?? one}`).join('; ');
  return typeof said === 'string' && said ? said : `HTTP ${status}`;
}

async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  } catch (error) {
    throw new Refused(error.name === 'TimeoutError' ? `${path}: no answer in ${PATIENCE_MS / 1000} s` : `${path}: not reached`, 0);
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(sentenceOf(body, answer.status), answer.status);
  return body;
}

const within = (id) => encodeURIComponent(id);

const posted = (body) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': api.csrf },
  body: JSON.stringify(body),
});

export const api = {
  csrf: '', // of the session; what changes anything must carry it
  get: (path) => asked(`/v1/${path}`),
  city: () => asked('/v1/city'),
  tile: (number) => asked(`/v1/tiles/${number}`),
  drawing: (id) => asked(`/v1/city/${within(id)}`),
  signal: (id) => asked(`/v1/signals/${within(id)}`),
  history: (id, seconds) => asked(`/v1/signals/${within(id)}/history?seconds=${seconds}`),
  arterial: (id) => asked(`/v1/signals/${within(id)}/arterial`),
  plans: (id) => asked(`/v1/signals/${within(id)}/plans?limit=50`),
  lock: (id) => asked(`/v1/locks/${within(id)}`, posted({})),
  unlock: (id) => asked(`/v1/locks/${within(id)}`, { method: 'DELETE', headers: { 'X-CSRF-Token': api.csrf }, keepalive: true }),
  command: (name, body) => asked(`/v1/commands/${name}`, posted(body)),
  /** Who is signed in; Refused with status 401 where nobody is. */
  session: async (key = null) => {
    const options = key === null ? {} : { method: 'POST', headers: { Authorization: `Bearer ${key}` } };
    const found = await asked('/v1/session', options);
    api.csrf = found.csrf ?? '';
    return found;
  },
  signOut: () => asked('/v1/session', { method: 'DELETE', headers: { 'X-CSRF-Token': api.csrf } }),
};
