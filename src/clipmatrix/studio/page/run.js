// One run: look at it, refine it, take it.
import { ago, bytes, duration, field, h, icon, replace, toast } from './dom.js';
import { Curve } from './curve.js';
import { RecipeEditor } from './recipe.js';
import { starButton } from './gallery.js';
import { file, get, getOptions, isActive, post, queue, run } from './server.js';
import { Stage } from './stage.js';

export async function showRun(place, rest) {
  const name = decodeURIComponent(rest);
  const [item, options] = await Promise.all([get(run(name)), getOptions()]);
  if (!queue.isAsked) await queue.refresh();
  const active = () => queue.jobs.find((job) => job.name === name && isActive(job)) ?? null;
  const stage = new Pictures(item, active());
  const curve = new Curve(name);
  curve.update().catch(() => {});
  place.append(
    h('div.head', {}, h('h1', {}, item.title), starButton(item), h('p.status', {}, facts(item))),
    h('div.look', {},
      h('div.left', {}, stage.element),
      h('div.right', {},
        prompts(item), health(item),
        h('section.card', {}, h('h2', {}, 'Score'), curve.element, h('p.hint', {}, 'How well its pictures match the words, step by step')),
        take(item, name), refine(item, name, options))));
  const stop = queue.listen((jobs, before) => {
    const job = jobs.find((other) => other.name === name), old = before.find((other) => other.name === name);
    const isGrowing = job && isActive(job);
    if (isGrowing && !stage.job) { again(); return; }
    if (isGrowing) {
      curve.update(job.progress.total).catch(() => {});
      stage.grow(job);
    }
    if (old && isActive(old) && !isGrowing) again();
  });
  return () => { stop(); stage.close(); };
}

/** Shows the view anew, as it now is. */
function again() { window.dispatchEvent(new HashChangeEvent('hashchange')); }

function facts(item) {
  return [item.quality, `seed ${item.seed}`, item.encoder, item.body, `${item.step} of ${item.steps} steps`,
    item.score === null ? null : `score ${item.score.toFixed(3)}`, duration(item.seconds), item.state === 'done' ? null : item.state,
    ago(item.made)].filter(Boolean).join(' · ');
}

/** Live, 3D, film, sheet, texture and growth, of which one is open at a time. */
class Pictures {
  constructor(item, job) {
    this.item = item;
    this.job = job;
    const has = (name) => name in item.files;
    const panels = {
      Live: job && (() => this.#live()),
      '3D': has('model.glb') && (() => this.#model()),
      Film: has('turntable.mp4') && (() => h('video', { src: file(item.name, 'turntable.mp4'), controls: true, loop: true, muted: true, autoplay: !matchMedia('(prefers-reduced-motion: reduce)').matches, playsinline: true, 'aria-label': `${item.title}, turning and moving` })),
      Sheet: has('views.png') && (() => this.#still('views.png', 'from all sides and in motion')),
      Texture: has('albedo.png') && (() => this.#still('albedo.png', 'the texture, laid flat')),
      Growth: (item.previews.length || item.hasCandidates) && (() => this.#growth()),
    };
    this.panels = Object.fromEntries(Object.entries(panels).filter(([, show]) => show));
    this.panel = h('div.panel', { role: 'tabpanel', id: 'panel' });
    this.tabs = h('div.tabs', { role: 'tablist', 'aria-label': 'Pictures' }, Object.keys(this.panels).map((label) =>
      h('button', { type: 'button', role: 'tab', 'aria-controls': 'panel', data: { label }, on: { click: () => this.open(label), keydown: (event) => this.#key(event, label) } }, label)));
    this.element = h('div.pictures', {}, this.tabs, this.panel);
    const first = Object.keys(this.panels)[0];
    if (first) this.open(first);
    else replace(this.panel, h('div.empty', {}, h('p', {}, 'There is nothing to see yet.')));
  }

  open(label) {
    this.close();
    for (const tab of this.tabs.children) {
      tab.setAttribute('aria-selected', String(tab.dataset.label === label));
      tab.tabIndex = tab.dataset.label === label ? 0 : -1;
    }
    this.panel.dataset.kind = label;
    replace(this.panel, this.panels[label]());
  }

  close() {
    this.stage?.close();
    this.stage = null;
  }

  #key(event, label) {
    const labels = Object.keys(this.panels), at = labels.indexOf(label);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: labels.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = labels[(to + labels.length) % labels.length];
    this.open(next);
    [...this.tabs.children].find((tab) => tab.dataset.label === next).focus();
  }

  #live() {
    this.shot = h('img', { alt: `${this.item.title}, as it grows`, hidden: true });
    this.word = h('p', { role: 'status' });
    if (this.job) this.grow(this.job);
    return h('div.still.growing-now', {}, this.shot, this.word);
  }

  /** The latest picture of the job at work, where that is what is shown. */
  grow(job) {
    this.job = job;
    if (!this.shot?.isConnected && this.panel?.dataset.kind !== 'Live') return;
    const { phase, done, total, secondsLeft } = job.progress;
    this.word.replaceChildren(phase === 'descending' ? `step ${done} of ${total}, ${duration(secondsLeft)} left` : phase, ' · ', h('a', { href: '#/make' }, 'watch'));
    if (!job.picture) return;
    this.shot.hidden = false;
    const source = file(this.item.name, `preview/live?${job.picture}`);
    if (this.shot.getAttribute('src') !== source) this.shot.src = source;
  }

  #model() {
    this.stage = new Stage(this.item);
    return this.stage.element;
  }

  #still(name, what) {
    const source = file(this.item.name, name);
    return h('a.still', { href: source, target: '_blank', rel: 'noopener', title: 'Open in full size' }, h('img', { src: source, alt: `${this.item.title}: ${what}` }));
  }

  #growth() {
    const { item } = this;
    const steps = item.previews;
    const shots = steps.map((step) => h('figure', {}, h('img', { loading: 'lazy', src: file(item.name, `preview/${step}`), alt: `${item.title} after ${step} steps` }), h('figcaption', {}, step ? `after ${step} steps` : 'the start')));
    const found = item.hasCandidates ? h('figure', {}, h('img', { loading: 'lazy', src: file(item.name, 'preview/candidates'), alt: `the looks that the search found for ${item.title}, best first` }), h('figcaption', {}, 'what the search found, best first')) : null;
    return h('div.growth', {}, found, shots);
  }
}

function prompts(item) {
  const rows = item.prompts.map((prompt) => h('li', {}, h('span', {}, prompt.text), h('small', {}, ` ${prompt.region}${prompt.isTextured ? '' : ', shape only'}`)));
  return h('section.card', {}, h('h2', {}, 'Prompts'), h('ul.plain', {}, rows),
    item.base ? h('p.hint', {}, 'Set out from ', h('a', { href: `#/run/${encodeURIComponent(item.base)}` }, item.base)) : null);
}

function health(item) {
  if (!item.health) return null;
  const rows = item.health.verdicts.map((verdict) => h(`li.${verdict.is_healthy ? 'good' : 'bad'}`, {}, h('b', {}, verdict.is_healthy ? 'ok' : 'bad'), ` ${verdict.name}: ${verdict.line}`));
  return h('section.card', {}, h('details', { open: !item.health.is_healthy },
    h('summary', {}, h('h2', {}, 'Health'), h(`b.${item.health.is_healthy ? 'good' : 'bad'}`, {}, item.health.is_healthy ? 'healthy' : 'not healthy')), h('ul.plain.verdicts', {}, rows)));
}

function take(item, name) {
  const has = (key) => key in item.files;
  const link = (label, href, note) => h('a.button', { href, download: '' }, label, note ? h('small', {}, note) : null);
  const result = (key, label) => (has(key) ? link(label, file(name, `${key}?download=true`), bytes(item.files[key])) : null);
  const command = h('code', {}, item.command);
  const copy = h('button', { type: 'button', on: { click: async () => {
    try {
      await navigator.clipboard.writeText(item.command);
      toast('The command is copied.');
    } catch {
      getSelection().selectAllChildren(command);
      toast('Press Ctrl-C to copy what is marked.');
    }
  } } }, 'Copy');
  return h('section.card', { 'aria-label': 'Take' }, h('h2', {}, 'Take'),
    h('div.buttons', {}, result('model.glb', 'GLB'), has('model.glb') ? link('OBJ', file(name, 'obj.zip'), 'ZIP') : null,
      result('turntable.mp4', 'Film'), result('albedo.png', 'Texture'), link('Recipe', file(name, 'recipe.yaml'), 'YAML')),
    h('p.label', {}, 'The command that makes it again'), h('div.command', {}, command, copy));
}

function refine(item, name, options) {
  const error = h('p.mistake', { role: 'alert' });
  const say = async (work) => {
    error.textContent = '';
    try {
      const { jobs } = await work();
      toast(jobs.length > 1 ? `${jobs.length} characters are in the queue.` : `“${jobs[0].title}” is in the queue.`, { link: { href: '#/make', text: 'Watch' } });
      await queue.refresh();
    } catch (found) { error.textContent = found.message; }
  };
  const submit = (work) => ({ submit: (event) => { event.preventDefault(); say(work); } });

  const prompt = h('textarea', { rows: 2, maxlength: 500, value: item.title });
  const steps = h('input', { type: 'number', min: 1, value: item.steps });
  const reach = h('input', { type: 'range', min: 0.05, max: 1, step: 0.05, value: 0.1 });
  const goOn = 'model.glb' in item.files ? h('form', { on: submit(() => post(run(name, '/continue'), { prompt: prompt.value, steps: steps.value, refine: Number(reach.value) })) },
    h('h3', {}, 'Go on from here'), field('With these words', prompt),
    h('div.pair', {}, field('Steps', steps), h('div.field', {}, h('label', {}, 'How freely', h('div.slider', {}, h('span', { 'aria-hidden': 'true' }, 'close'), reach, h('span', { 'aria-hidden': 'true' }, 'free'))))),
    h('button', { type: 'submit' }, 'Go on')) : null;

  const resume = item.canResume ? h('form', { on: submit(() => post(run(name, '/resume'))) }, h('h3', {}, `It was cut off after ${item.step} steps`), h('button', { type: 'submit' }, 'Resume it')) : null;

  const num = h('input', { type: 'number', min: 1, max: options.mostVariations, value: 4 });
  const vary = h('form', { on: submit(() => post(run(name, '/vary'), { variations: Number(num.value) })) },
    h('h3', {}, 'Vary'), h('div.pair', {}, field('Other seeds', num), h('button', { type: 'submit' }, 'Vary')));

  const box = h('div.box');
  const edit = h('details', { on: { toggle: () => { if (edit.open && !box.children.length) openEditor(); } } }, h('summary', {}, h('h3', {}, 'Edit the recipe')), box);
  const openEditor = () => {
    const editor = new RecipeEditor(item.recipe);
    replace(box, editor.element, h('button', { type: 'button', on: { click: async () => {
      if (await editor.check().catch(() => true)) say(() => post('/api/jobs', { recipe: editor.text }));
      else editor.area.focus();
    } } }, 'Create from this recipe'));
  };
  return h('section.card.refine', { 'aria-label': 'Refine' }, h('h2', {}, 'Refine'), resume, goOn, vary, edit, error);
}
