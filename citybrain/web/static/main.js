// The page: signs in, loads the city, follows the live events, and lets its parts know.

import { api } from './api.js';
import { City, Live } from './city.js';
import { agreed, askReason, may, order, session } from './commands.js';
import { byId, h, put, say } from './dom.js';
import { Drawer } from './drawer.js';
import { drawKpis } from './kpi.js';
import { clock, initialLanguage, language, speak, t } from './language.js';
import { SignalList } from './list.js';
import { CityMap } from './map.js';
import { SignalPanel } from './panel.js';
import { signedIn } from './sign_in.js';
import { Stream } from './stream.js';

const DRAWING_MS = 2000;
const page = { kpi: null };

async function begin() {
  speak(initialLanguage());
  theme(localStorage.getItem('theme') ?? '');
  byId('language').addEventListener('click', () => changeLanguage(language() === 'en' ? 'zh' : 'en'));
  byId('theme').addEventListener('click', () => theme({ '': 'dark', dark: 'light',
    light: '' }[document.documentElement.dataset.theme ?? '']));
  document.querySelectorAll('#views [data-view]').forEach((one) => one.addEventListener('click', () => view(one.dataset.view)));
  Object.assign(session, await signedIn());
  if (location.search) history.replaceState(null, '', `/${location.hash}`);
  page.city = new City(await loaded());
  page.live = new Live(page.city);
  page.map = new CityMap(byId('map'), page.city, page.live, choose);
  page.list = new SignalList(byId('list'), page.city, page.live, choose);
  page.panel = new SignalPanel(byId('panel'), page.city, page.live, page.map);
  page.drawer = new Drawer(byId('drawer'), page.city, choose);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page.map.recolour());
  byId('controller').addEventListener('change', changeController);
  byId('who').addEventListener('click', leave);
  window.addEventListener('hashchange', fromHash);
  words();
  follow();
  fromHash();
  awaitDrawing();
  document.body.dataset.ready = 'true';
}

/** The city, once there is one: a service that is just starting is waited for. */
async function loaded() {
  for (;;) {
    try {
      return await api.city();
    } catch (error) {
      if (error.status === 401) throw error;
      stale(`${error.message}. ${t('trying_again')}`);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/** A large city's roads are still being drawn by the service: straight streets stand in until they come. */
function awaitDrawing() {
  if (!page.city.pending) return;
  setTimeout(async () => {
    const body = await api.city().catch(() => null);
    if (body && !body.pending) {
      page.city.draws(body);
      page.map.moved();
    }
    awaitDrawing();
  }, DRAWING_MS);
}

function words() {
  const { city } = page;
  document.title = `${city.site} · ${t('brand')}`;
  byId('site').textContent = city.site;
  const nature = byId('nature');
  nature.hidden = false;
  nature.textContent = t(city.simulated ? 'simulated' : 'measured');
  nature.title = t(city.simulated ? 'simulated_means' : 'measured_means');
  const other = byId('language');
  other.textContent = language() === 'en' ? '中文' : 'English';
  other.lang = language() === 'en' ? 'zh-CN' : 'en';
  const who = byId('who');
  who.hidden = !session.who;
  put(who, t(`role_${session.role}`), h('span', { class: 'leave' }, ` · ${t('sign_out')}`));
  who.title = `${session.who} · ${t('sign_out')}`;
  who.setAttribute('aria-label', `${session.who}, ${t(`role_${session.role}`)}. ${t('sign_out')}`);
  put(byId('controller'), city.controllers.map(([name, title]) => h('option', { value: name, title }, name)));
  byId('controller').disabled = !may('operator');
  if (page.kpi?.controller) byId('controller').value = page.kpi.controller;
  drawKpis(byId('kpis'), page.kpi, city.simulated);
}

function changeLanguage(name) {
  speak(name);
  if (!page.city) return;
  words();
  for (const part of [page.map, page.list, page.panel, page.drawer]) part.words();
  linkState();
}

/** '' follows the system. */
function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem('theme', name);
  byId('theme').textContent = { '': '◐', dark: '☾', light: '☀' }[name];
  page.map?.recolour();
}

/** On a narrow screen one part is seen at a time. */
function view(name) {
  document.body.dataset.view = name;
  document.querySelectorAll('#views [data-view]').forEach((one) => one.setAttribute('aria-pressed', String(one.dataset.view === name)));
}

function follow() {
  const stream = (page.stream = new Stream('/v1/events'));
  const on = (kind, call) => stream.addEventListener(kind, (event) => call(event.detail));
  const lights = (body) => {
    page.live.takeLights(body);
    byId('clock').textContent = clock(body.t);
    page.map.draw();
    page.list.paint();
    page.panel.tick();
  };
  on('w', (body) => {
    lights(body);
    page.list.order();
    page.drawer.lookAgain();
  });
  on('d', lights);
  on('c', (body) => page.live.takeCongestion(body));
  on('k', takeKpi);
  on('a', (alarms) => page.drawer.takeAlarms(alarms));
  on('state', linkState);
  linkState();
}

function takeKpi(kpi) {
  page.kpi = kpi;
  drawKpis(byId('kpis'), kpi, page.city.simulated);
  page.drawer.takeKpi(kpi);
  if (kpi.controller && !page.switching && document.activeElement !== byId('controller')) byId('controller').value = kpi.controller;
}

/** Whether what is seen is live; said in words, and over everything when it is not. */
async function linkState() {
  const { stream } = page;
  const link = byId('link');
  const text = t(`link_${stream.state}`, { s: stream.silentS, retry: stream.retryS });
  if (link.dataset.state !== stream.state || link.lastElementChild.textContent !== text) link.lastElementChild.textContent = text;
  link.dataset.state = stream.state;
  const old = stream.state === 'stale' || stream.state === 'lost';
  document.body.classList.toggle('old', old);
  stale(old ? t(`banner_${stream.state}`, { s: stream.silentS, time: clock(stream.nowS) }) : '');
  if (stream.state === 'lost') {
    // Is it the network, or has the session ended?
    const known = await api.session().catch((error) => error);
    if (known.status === 401) location.reload();
  }
}

function stale(sentence) {
  byId('stale').hidden = !sentence;
  if (byId('stale').textContent !== sentence) byId('stale').textContent = sentence;
}

async function changeController(event) {
  const select = event.target;
  const name = select.value;
  const before = page.kpi?.controller ?? '';
  page.switching = true; // figures that come meanwhile leave the choice as it is
  const reason = await askReason(t('switch_controller'), t('switch_controller_text',
    { name, what: select.selectedOptions[0]?.title ?? '' }));
  const taken = reason !== null && (await order('set_controller', { controller: name, reason })) !== null;
  select.value = taken ? name : before;
  page.kpi = { ...page.kpi, controller: select.value };
  page.switching = false;
}

async function leave() {
  if ((await agreed(t('sign_out'), t('sign_out_text', { who: session.who }))) === null) return;
  await api.signOut().catch(() => null);
  location.reload();
}

function choose(i) {
  if (i !== undefined) location.hash = `signal/${encodeURIComponent(page.city.ids[i])}`;
}

/** The address names the open signal, so that it can be sent to a colleague and the back key works. */
function fromHash() {
  const id = decodeURIComponent(location.hash.replace(/^#signal\//, ''));
  const i = page.city.index.get(id);
  if (i === undefined || id === page.panel.id) return;
  page.drawer.selected = id;
  page.list.select(i);
  page.map.select(i);
  page.panel.open(id);
  view('panel');
  say(t('opened', { id }));
}

begin().catch((error) => stale(error.message));
