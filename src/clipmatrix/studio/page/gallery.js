// The gallery: all runs, searched and sorted in the browser, drawn a screenful at a time.
import { ago, h, icon, replace, toast } from './dom.js';
import { file, get, isActive, post, queue, run } from './server.js';

const AT_ONCE = 48;
const SORTS = {
  newest: ['Newest', (a, b) => b.made - a.made],
  score: ['Best score', (a, b) => (b.score ?? -9) - (a.score ?? -9)],
  title: ['By name', (a, b) => a.title.localeCompare(b.title) || a.seed - b.seed],
};
const FILTERS = {
  all: ['All', () => true],
  starred: ['Starred', (item) => item.isStarred],
  healthy: ['Healthy', (item) => item.isHealthy === true],
  unfinished: ['Unfinished', (item) => item.state !== 'done'],
};
const MOST_COMPARED = 4;
const wish = { text: '', filter: 'all', sort: 'newest' };
export const chosen = new Set();

export async function showGallery(place) {
  let runs = await load();
  let shown = [], count = 0;
  const grid = h('ul.grid', { 'aria-label': 'Characters' });
  const more = h('div.more');
  const status = h('p.status', { role: 'status' });
  const tray = h('div.tray', { role: 'region', 'aria-label': 'Chosen for comparison' });
  const search = h('input', { type: 'search', id: 'search', placeholder: 'Search prompts, encoders, seeds', 'aria-label': 'Search', value: wish.text });
  const filters = h('div.segments', { role: 'group', 'aria-label': 'Show' }, Object.entries(FILTERS).map(([key, [label]]) =>
    h('button', { type: 'button', 'aria-pressed': String(key === wish.filter), data: { key }, on: { click: () => { wish.filter = key; update(); } } }, label)));
  const sort = h('select', { 'aria-label': 'Sort by' }, Object.entries(SORTS).map(([key, [label]]) => h('option', { value: key, selected: key === wish.sort }, label)));

  function update() {
    for (const button of filters.children) button.setAttribute('aria-pressed', String(button.dataset.key === wish.filter));
    const words = wish.text.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (item) => [item.name, ...item.texts, item.encoder, item.quality, item.body, `seed ${item.seed}`].join(' ').toLowerCase();
    shown = runs.filter((item) => FILTERS[wish.filter][1](item) && words.every((word) => text(item).includes(word)));
    shown.sort(SORTS[wish.sort][1]);
    count = 0;
    replace(grid);
    grow();
    status.textContent = runs.length === 0 ? '' : shown.length === runs.length ? `${runs.length} character${runs.length === 1 ? '' : 's'}` : `${shown.length} of ${runs.length}`;
    grid.hidden = !shown.length;
    replace(more, shown.length ? null : h('div.empty', {}, h('p', {}, runs.length
      ? 'Nothing here fits. Try other words, or show all.'
      : ['Nothing here yet. ', h('a', { href: '#/make' }, 'Make the first one.')])));
  }

  function grow() {
    grid.append(...shown.slice(count, count + AT_ONCE).map((item) => card(item, () => { showTray(); })));
    count = Math.min(shown.length, count + AT_ONCE);
  }

  function showTray() {
    tray.hidden = !chosen.size;
    replace(tray, h('span', {}, `${chosen.size} chosen`),
      h('a.button.primary', { href: `#/compare/${[...chosen].map(encodeURIComponent).join('+')}` }, 'Compare'),
      h('button.quiet', { type: 'button', on: { click: () => { chosen.clear(); update(); showTray(); } } }, 'Clear'));
  }

  search.addEventListener('input', () => { wish.text = search.value; update(); });
  sort.addEventListener('change', () => { wish.sort = sort.value; update(); });
  place.append(h('div.head', {}, h('h1', {}, 'Gallery'), status), h('div.tools', {}, search, filters, sort), grid, more, tray);
  const watcher = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting) && count < shown.length) grow(); }, { rootMargin: '600px' });
  watcher.observe(more);
  update();
  showTray();
  const stop = queue.listen(async (jobs, before) => {
    const has = (list) => list.filter((job) => job.hasRun || job.state === 'done').map((job) => job.number + job.state).join();
    if (jobs === before || has(jobs) === has(before)) return;
    runs = await load().catch(() => runs);
    update();
  });
  return () => { stop(); watcher.disconnect(); };
}

async function load() { return (await get('/api/runs')).runs.map((item) => ({ ...item, isHealthy: item.is_healthy })); }

export function starButton(item, after = () => {}) {
  const button = h('button.icon.star', { type: 'button', 'aria-pressed': String(item.isStarred), 'aria-label': `Star ${item.title}`, title: 'Star' }, icon('star'));
  button.addEventListener('click', async () => {
    try {
      ({ isStarred: item.isStarred } = await post(run(item.name, '/star'), { isStarred: !item.isStarred }));
      button.setAttribute('aria-pressed', String(item.isStarred));
      after();
    } catch (error) { toast(error.message, { isError: true }); }
  });
  return button;
}

function card(item, onchoose) {
  const link = `#/run/${encodeURIComponent(item.name)}`;
  const state = queue.jobs.some((job) => job.name === item.name && isActive(job)) ? 'growing' : item.state;
  const picture = h('img', { src: file(item.name, 'thumb.jpg'), alt: item.title, loading: 'lazy', decoding: 'async', width: 360, height: 360 });
  picture.addEventListener('error', () => picture.replaceWith(h('div.blank', {}, 'no picture yet')), { once: true });
  const frame = h('a.frame', { href: link, tabindex: '-1', 'aria-hidden': 'true' }, picture);
  const choose = h('input', { type: 'checkbox', checked: chosen.has(item.name), 'aria-label': `Compare ${item.title}, seed ${item.seed}` });
  choose.addEventListener('change', () => {
    if (choose.checked && chosen.size >= MOST_COMPARED) {
      choose.checked = false;
      toast(`At most ${MOST_COMPARED} can be compared at once.`);
    } else if (choose.checked) chosen.add(item.name);
    else chosen.delete(item.name);
    onchoose();
  });
  const element = h('li.item', {}, frame,
    h('div.over', {}, starButton(item), h('label.choose', { title: 'Compare' }, choose, h('span', { 'aria-hidden': 'true' }, 'compare'))),
    h('a.title', { href: link }, item.title),
    h('p.meta', {}, [item.quality, `seed ${item.seed}`, item.score === null ? null : `score ${item.score.toFixed(2)}`].filter(Boolean).join(' · ')),
    h('p.meta', {}, ago(item.made), state === 'done' ? null : h('b', {}, state), item.isHealthy === false ? h('b.bad', {}, 'not healthy') : null));
  if (item.has_film) play(element, frame, item);
  return element;
}

/** The film plays while the pointer or the focus is on the card. */
function play(element, frame, item) {
  let film = null;
  const begin = () => {
    if (film || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    film = h('video', { src: file(item.name, 'turntable.mp4'), muted: true, loop: true, playsinline: true, 'aria-hidden': 'true' });
    film.addEventListener('playing', () => film?.classList.add('is-there'));
    frame.append(film);
    film.play().catch(() => {});
  };
  const end = () => { film?.remove(); film = null; };
  element.addEventListener('pointerenter', begin);
  element.addEventListener('pointerleave', end);
  element.addEventListener('focusin', begin);
  element.addEventListener('focusout', end);
}
