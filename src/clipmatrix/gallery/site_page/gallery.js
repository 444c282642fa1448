// The static gallery: cards a screenful at a time, and one character in a dialog. Needs no server.
(() => {
  'use strict';
  const AT_ONCE = 48;
  const runs = (window.clipmatrixRuns ?? []).map((run, index) => ({ ...run, index }));
  const [grid, more, status, search, sort, one] = ['grid', 'more', 'status', 'search', 'sort', 'one'].map((id) => document.getElementById(id));
  const isServed = location.protocol.startsWith('http');
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const SORTS = {
    made: (a, b) => b.made - a.made,
    score: (a, b) => (b.score ?? -9) - (a.score ?? -9),
    title: (a, b) => a.title.localeCompare(b.title) || a.seed - b.seed,
  };
  let shown = [], count = 0, open = null, stage = null;

  // Texts are only ever set as text: a prompt cannot become part of the page.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === false) continue;
      if (key in element && typeof value !== 'string') element[key] = value;
      else element.setAttribute(key, value === true ? '' : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const path = (run, file) => `runs/${encodeURIComponent(run.name)}/${file}`;
  const has = (run, file) => run.files.includes(file);
  const about = (run) => [run.quality, `seed ${run.seed}`, run.encoder, run.score === null ? null : `score ${run.score.toFixed(2)}`].filter(Boolean).join(' · ');

  function card(run) {
    const frame = make('a', { class: 'frame', href: `#${encodeURIComponent(run.name)}` },
      has(run, 'thumb.jpg') ? make('img', { src: path(run, 'thumb.jpg'), alt: run.title, loading: 'lazy', decoding: 'async', width: '360', height: '360' }) : make('span', { class: 'blank' }, 'no picture'));
    const item = make('li', {}, frame, make('a', { class: 'title', href: `#${encodeURIComponent(run.name)}`, tabindex: '-1' }, run.title), make('p', {}, about(run)));
    if (has(run, 'film.mp4') && !isCalm) {
      let film = null;
      const begin = () => {
        if (film) return;
        film = make('video', { src: path(run, 'film.mp4'), muted: true, loop: true, playsinline: '', 'aria-hidden': 'true' });
        const mine = film;
        mine.addEventListener('playing', () => mine.classList.add('is-there'));
        frame.append(mine);
        mine.play().catch(() => {});
      };
      const end = () => { film?.remove(); film = null; };
      for (const [name, act] of [['pointerenter', begin], ['focusin', begin], ['pointerleave', end], ['focusout', end]]) item.addEventListener(name, act);
    }
    return item;
  }

  function grow() {
    grid.append(...shown.slice(count, count + AT_ONCE).map(card));
    count = Math.min(shown.length, count + AT_ONCE);
  }

  function update() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = runs.filter((run) => {
      const text = [run.name, ...run.texts, run.encoder, run.quality, `seed ${run.seed}`].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    }).sort(SORTS[sort.value]);
    count = 0;
    grid.replaceChildren();
    grow();
    status.textContent = shown.length === runs.length ? `${runs.length} characters` : `${shown.length} of ${runs.length}`;
  }

  function closeStage() {
    stage?.dispose();
    stage = null;
  }

  function show(run) {
    closeStage();
    open = run;
    const picture = make('div', { class: 'picture' });
    const film = () => {
      closeStage();
      picture.replaceChildren(has(run, 'film.mp4')
        ? make('video', { src: path(run, 'film.mp4'), controls: true, loop: true, muted: true, autoplay: !isCalm, playsinline: '', 'aria-label': `${run.title}, turning and moving` })
        : make('img', { src: path(run, 'thumb.jpg'), alt: run.title }));
    };
    const model = async () => {
      const { showModel } = await import('./model.js');
      closeStage();
      stage = await showModel(picture, path(run, 'model.glb'), run.title);
    };
    const link = (label, file) => (has(run, file) ? make('a', { href: path(run, file), download: `${run.name}-${file}` }, label) : null);
    const buttons = make('div', { class: 'buttons' });
    if (isServed && has(run, 'model.glb')) {
      const button = make('button', { type: 'button', 'aria-pressed': 'false' }, '3D');
      button.addEventListener('click', async () => {
        const is3d = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(is3d));
        if (is3d) await model().catch(film); else film();
      });
      buttons.append(button);
    }
    buttons.append(...[link('GLB', 'model.glb'), link('Film', 'film.mp4'), link('Recipe', 'recipe.yaml')].filter(Boolean));
    const step = (by, label, sign) => {
      const button = make('button', { type: 'button', class: 'step', 'aria-label': label }, sign);
      button.addEventListener('click', () => move(by));
      return button;
    };
    const close = make('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '×');
    close.addEventListener('click', () => one.close());
    one.replaceChildren(picture,
      make('div', { class: 'about' }, make('h2', { id: 'one-title', tabindex: '-1' }, run.title), make('p', {}, about(run)),
        ...run.texts.filter((text) => text !== run.title).map((text) => make('p', {}, text)),
        run.isHealthy === false ? make('p', { class: 'bad' }, 'its mesh is not healthy') : null, buttons),
      make('nav', { 'aria-label': 'Others' }, step(-1, 'Previous', '‹'), step(1, 'Next', '›'), close));
    film();
    if (!one.open) one.showModal();
    // Not the film: it would take the arrow keys, which lead to the next character.
    document.getElementById('one-title').focus();
  }

  function move(by) {
    const at = shown.indexOf(open);
    const next = shown[(at + by + shown.length) % shown.length];
    if (next) location.replace(`#${encodeURIComponent(next.name)}`);
  }

  function follow() {
    const name = decodeURIComponent(location.hash.slice(1));
    const run = name && runs.find((other) => other.name === name);
    if (run) show(run);
    else if (one.open) one.close();
  }

  one.addEventListener('close', () => {
    closeStage();
    one.replaceChildren();
    open = null;
    if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  });
  one.addEventListener('click', (event) => { if (event.target === one) one.close(); });
  one.addEventListener('keydown', (event) => {
    if (event.target.closest('canvas, video')) return;
    if (event.key === 'ArrowLeft') move(-1);
    if (event.key === 'ArrowRight') move(1);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.target.closest('input, dialog')) { event.preventDefault(); search.focus(); }
  });
  document.getElementById('tools').addEventListener('submit', (event) => event.preventDefault());
  search.addEventListener('input', update);
  sort.addEventListener('change', update);
  window.addEventListener('hashchange', follow);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting) && count < shown.length) grow(); }, { rootMargin: '800px' }).observe(more);
  update();
  follow();
})();
