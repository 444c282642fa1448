// The frame of the page: which view is open, the theme, keys, and word of jobs that ended.
import { h, replace, toast } from './dom.js';
import { isActive, queue } from './server.js';
import { showMake } from './make.js';
import { showGallery } from './gallery.js';
import { showRun } from './run.js';
import { showCompare } from './compare.js';

const VIEWS = { make: showMake, gallery: showGallery, run: showRun, compare: showCompare };
const WORDS = { loading: 'loading', searching: 'searching', starting: 'starting', descending: 'growing', exporting: 'finishing', over: 'done' };
const main = document.getElementById('main');
let close = () => {};
let visit = 0;

async function open() {
  const [, view = 'make', rest = ''] = /^#\/(\w+)(?:\/(.*))?$/.exec(location.hash) ?? [];
  const show = VIEWS[view] ?? VIEWS.make;
  close();
  close = () => {};
  const number = ++visit;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const place = h('div.view', { data: { view } });
  replace(main, place);
  window.scrollTo(0, 0);
  try {
    const closer = await show(place, rest);
    if (number === visit) close = closer ?? close;
    else closer?.();
  } catch (error) {
    replace(place, h('div.empty', {}, h('h1', {}, 'That did not work'), h('p', {}, error.message),
      h('p', {}, h('a', { href: '#/gallery' }, 'Back to the gallery'))));
  }
}

function setTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* It then lasts as long as the page. */ }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, canvas, dialog')) return;
  const go = (view) => { location.hash = `#/${view}`; };
  const actions = {
    m: () => go('make'), g: () => go('gallery'), c: () => go('compare'),
    '?': () => document.getElementById('help').showModal(),
    '/': () => {
      const search = document.getElementById('search');
      if (search) search.focus(); else go('gallery');
    },
    s: () => document.querySelector('.view > .head .star')?.click(),
  };
  const action = actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
}

function pulse(jobs) {
  const link = document.getElementById('pulse');
  const active = jobs.find(isActive), waiting = jobs.filter((job) => job.state === 'waiting').length;
  link.hidden = !active && !waiting && queue.isReached;
  if (!queue.isReached) { replace(link, 'no answer'); return; }
  const share = active?.progress?.total ? active.progress.done / active.progress.total : 0;
  const word = active ? (active.state === 'paused' ? 'paused' : WORDS[active.progress.phase]) : 'starting';
  const figure = active && ['searching', 'descending'].includes(active.progress.phase) ? `${Math.round(100 * share)} %` : null;
  link.classList.toggle('is-paused', active?.state === 'paused');
  replace(link, h('i', { 'aria-hidden': 'true' }), h('span.word', {}, word), figure, waiting ? h('b', {}, `+${waiting}`) : null);
  document.title = active?.progress?.phase === 'descending' ? `${Math.round(100 * share)} % · ClipMatrix` : 'ClipMatrix studio';
}

function tell(jobs, before) {
  for (const job of jobs) {
    const old = before.find((other) => other.number === job.number);
    if (!old || old.state === job.state) continue;
    const link = { href: `#/run/${encodeURIComponent(job.name)}`, text: 'Look' };
    if (job.state === 'done') toast(`“${job.title}” is ready.`, { link });
    if (job.state === 'stopped' && job.hasRun) toast(`“${job.title}” was stopped. What it made is kept.`, { link });
    if (job.state === 'failed') toast(`“${job.title}” failed: ${job.message}`, { isError: true });
  }
}

document.getElementById('theme').addEventListener('click', setTheme);
document.addEventListener('keydown', onKey);
window.addEventListener('hashchange', open);
document.addEventListener('visibilitychange', () => { if (!document.hidden) queue.refresh(); });
queue.listen(pulse);
queue.listen(tell);
queue.refresh();
open();
