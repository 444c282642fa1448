// Make: what to create on the left, what is being created on the right, and places to start from.
import { duration, field, h, icon, replace, toast } from './dom.js';
import { Curve } from './curve.js';
import { RecipeEditor } from './recipe.js';
import { file, get, getOptions, isActive, post, queue, upload } from './server.js';

const PHASES = {
  loading: 'loading the body and the encoder', searching: 'searching a start', starting: 'getting ready',
  descending: 'growing', exporting: 'writing the model and the film', over: 'finished',
};
const QUALITY_NOTES = { draft: 'to try things out', standard: 'the paper’s setting', fine: 'twice that' };
let kept = null;

export async function showMake(place) {
  const options = await getOptions();
  const form = new Form(options);
  const live = new Live();
  const waiting = h('section.queue', { 'aria-label': 'Queue' });
  const starts = startCards(options, form);
  place.append(
    h('h1.unseen', {}, 'Make'),
    h('div.make', {},
      h('div.left', {}, form.element),
      h('div.right', {}, live.element, waiting, starts)));
  const stop = queue.listen((jobs) => {
    live.show(jobs.find(isActive) ?? null);
    showQueue(waiting, jobs);
  });
  return () => { stop(); live.close(); form.keep(); };
}

class Form {
  constructor(options) {
    this.options = options;
    this.prompt = h('textarea', { rows: 2, maxlength: 500, placeholder: 'a mossy stone giant', id: 'prompt' });
    this.regions = h('div.regions');
    this.quality = this.#qualities();
    this.seed = h('input', { inputmode: 'numeric', pattern: '[0-9]*', placeholder: 'random', id: 'seed' });
    this.variations = h('input', { type: 'number', min: 1, max: options.mostVariations, value: 1, id: 'variations' });
    this.wildness = h('input', { type: 'range', min: 0, max: 1, step: 0.05, value: 0.5, id: 'wildness' });
    this.body = h('select', { id: 'body' }, h('option', { value: 'anny' }, 'Anny, a human body'));
    this.bodyFile = h('input.unseen', { type: 'file', accept: '.glb,.obj,.ply,.npz,.pkl', id: 'body-file', tabindex: '-1', 'aria-hidden': 'true' });
    this.encoder = h('input', { list: 'encoders', value: 'mini', id: 'encoder', spellcheck: 'false' });
    this.steps = h('input', { type: 'number', min: 1, placeholder: 'by quality', id: 'steps' });
    this.error = h('p.mistake', { role: 'alert' });
    this.button = h('button.primary.big', { type: 'submit' }, 'Create');
    this.editor = null;
    this.element = this.#layout();
    this.bodyFile.addEventListener('change', () => this.#upload());
    if (kept) this.fill(kept);
  }

  #layout() {
    const tabs = h('div.segments', { role: 'group', 'aria-label': 'How to say it' },
      h('button', { type: 'button', 'aria-pressed': 'true', on: { click: () => this.#turn(false) } }, 'Words'),
      h('button', { type: 'button', 'aria-pressed': 'false', on: { click: () => this.#turn(true) } }, 'Recipe'));
    this.tabs = tabs;
    const dice = h('button.icon', { type: 'button', 'aria-label': 'Draw a seed', title: 'Draw a seed', on: { click: () => { this.seed.value = Math.floor(Math.random() * 10000); } } }, icon('dice'));
    const wild = h('div.field', {}, h('label', { for: 'wildness' }, 'Wildness'),
      h('div.slider', {}, h('span', { 'aria-hidden': 'true' }, 'human'), this.wildness, h('span', { 'aria-hidden': 'true' }, 'wild')));
    const choose = h('button.quiet', { type: 'button', on: { click: () => this.bodyFile.click() } }, 'Use a file …');
    this.words = h('div.words', {},
      field('What should it be?', this.prompt),
      this.regions,
      h('button.quiet.add', { type: 'button', on: { click: () => this.addRegion(true) } }, icon('plus'), 'Say something about one part'),
      this.quality,
      h('div.pair', {},
        h('div.field', {}, h('label', { for: 'seed' }, 'Seed'), h('div.with-button', {}, this.seed, dice)),
        field('How many', this.variations)),
      wild,
      h('details', {}, h('summary', {}, 'More'),
        h('div.field', {}, h('label', { for: 'body' }, 'Body'), h('div.with-button', {}, this.body, choose, this.bodyFile),
          h('p.hint', {}, 'GLB, OBJ, PLY or an SMPL-X .npz or .pkl, up to 64 MB')),
        field('Encoder', this.encoder, 'mini ships with ClipMatrix; others by hub name or folder'),
        h('datalist', { id: 'encoders' }, this.options.encoders.map((name) => h('option', { value: name }))),
        field('Steps', this.steps)));
    this.recipe = h('div.words', { hidden: true });
    return h('form.card', { 'aria-label': 'New character', on: {
      submit: (event) => { event.preventDefault(); this.submit(); },
      keydown: (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.submit(); } },
    } }, tabs, this.words, this.recipe, this.error, this.button);
  }

  #qualities() {
    const choices = this.options.qualities.map(({ name, steps }) => h('label.choice', {},
      h('input', { type: 'radio', name: 'quality', value: name, checked: name === 'draft' }),
      h('b', {}, name), h('small', {}, `${steps} steps`), h('small', {}, QUALITY_NOTES[name] ?? '')));
    return h('fieldset.choices', {}, h('legend', {}, 'Quality'), choices);
  }

  addRegion(isFocused = false, region = 'head', text = '') {
    const select = h('select', { 'aria-label': 'Part of the body' },
      this.options.regions.filter((name) => name !== 'whole').map((name) => h('option', { value: name, selected: name === region }, name)));
    const input = h('input', { 'aria-label': 'What this part should be', maxlength: 500, placeholder: 'a red head', value: text });
    const row = h('div.region', {}, select, input,
      h('button.icon', { type: 'button', 'aria-label': 'Remove this part', on: { click: () => row.remove() } }, icon('close')));
    this.regions.append(row);
    if (isFocused) input.focus();
  }

  #turn(isRecipe) {
    this.words.hidden = isRecipe;
    this.recipe.hidden = !isRecipe;
    [...this.tabs.children].forEach((tab, index) => tab.setAttribute('aria-pressed', String(isRecipe === (index === 1))));
    if (isRecipe && !this.editor) {
      const prompt = this.prompt.value.trim() || 'a mossy stone giant';
      this.editor = new RecipeEditor(`prompts:\n  - {text: ${JSON.stringify(prompt)}}\nquality: draft\nseed: 0\n`);
      this.recipe.append(this.editor.element, h('p.hint', {}, 'YAML, as for clipmatrix create --config. Escape, then Tab leaves the field.'));
    }
    if (isRecipe) this.editor.area.focus();
  }

  get isRecipe() { return !this.recipe.hidden; }

  values() {
    if (this.isRecipe) return { recipe: this.editor.text, variations: Number(this.variations.value) };
    return {
      prompt: this.prompt.value,
      regions: [...this.regions.children].map((row) => ({ region: row.children[0].value, text: row.children[1].value })),
      quality: this.element.elements.quality.value,
      seed: this.seed.value,
      variations: Number(this.variations.value),
      body: this.body.value,
      clip: this.encoder.value,
      steps: this.steps.value,
      wildness: Number(this.wildness.value),
    };
  }

  fill(values) {
    if (values.recipe) {
      this.#turn(true);
      this.editor.text = values.recipe;
      return;
    }
    this.#turn(false);
    this.prompt.value = values.prompt ?? '';
    replace(this.regions);
    for (const { region, text } of values.regions ?? []) this.addRegion(false, region, text);
    if (values.quality) this.element.elements.quality.value = values.quality;
    this.seed.value = values.seed ?? '';
    this.variations.value = values.variations ?? 1;
    if (values.body && ![...this.body.options].some((option) => option.value === values.body)) this.#offerBody(values.body);
    this.body.value = values.body ?? 'anny';
    this.encoder.value = values.clip ?? 'mini';
    this.steps.value = values.steps ?? '';
    if (values.wildness !== undefined) this.wildness.value = values.wildness;
  }

  keep() { kept = this.values(); }

  #offerBody(path) {
    const name = path.split(/[\\/]/).at(-1);
    this.body.append(h('option', { value: path }, name));
    this.body.value = path;
  }

  async #upload() {
    const [blob] = this.bodyFile.files;
    if (!blob) return;
    this.error.textContent = '';
    try {
      if (blob.size > this.options.largestUpload) throw new Error(`${blob.name} is larger than ${this.options.largestUpload / 1e6} MB: make it simpler`);
      this.#offerBody((await upload(blob)).body);
    } catch (error) { this.error.textContent = error.message; }
    this.bodyFile.value = '';
  }

  async submit() {
    this.error.textContent = '';
    this.button.disabled = true;
    try {
      if (this.isRecipe && !await this.editor.check()) { this.editor.area.focus(); return; }
      const { jobs } = await post('/api/jobs', this.values());
      if (queue.jobs.some(isActive)) toast(jobs.length > 1 ? `${jobs.length} characters wait in the queue.` : `“${jobs[0].title}” waits in the queue.`);
      await queue.refresh();
      if (matchMedia('(max-width: 900px)').matches) document.querySelector('.live')?.scrollIntoView({ behavior: 'smooth' });
    } catch (error) {
      this.error.textContent = error.message;
      if (!this.isRecipe && !this.prompt.value.trim()) this.prompt.focus();
    } finally { this.button.disabled = false; }
  }
}

/** The job that is at work: its picture, how far it is, and its buttons. */
class Live {
  constructor() {
    this.number = null;
    this.element = h('section.live.card', { 'aria-label': 'At work' });
    this.empty();
  }

  empty(last = null) {
    this.number = null;
    this.element.classList.add('is-empty');
    const film = last && h('video', { src: file(last.name, 'turntable.mp4'), muted: true, loop: true, playsinline: true,
      autoplay: !matchMedia('(prefers-reduced-motion: reduce)').matches, 'aria-label': `${last.title}, turning and moving` });
    replace(this.element, h('div.stage', {}, film,
      h('p', {}, last ? ['The latest: ', h('a', { href: `#/run/${encodeURIComponent(last.name)}` }, last.title)] : 'Say what it should be, and watch it grow here.')));
  }

  /** The newest finished character turns where the next one will grow. */
  async showLatest() {
    const { runs } = await get('/api/runs');
    if (this.number === null) this.empty(runs.find((run) => run.has_film) ?? null);
  }

  show(job) {
    if (!job) {
      if (this.number !== null || !this.hasAsked) {
        this.hasAsked = true;
        this.number = null;
        this.showLatest().catch(() => {});
      }
      return;
    }
    if (job.number !== this.number) this.#begin(job);
    this.#update(job);
  }

  #begin(job) {
    this.number = job.number;
    this.picture = null;
    this.element.classList.remove('is-empty');
    this.curve = new Curve(job.name);
    this.known = -1;
    this.stage = h('div.stage', {}, h('div.wait', {}, h('span.spinner', { 'aria-hidden': 'true' })));
    this.phase = h('p.phase', { role: 'status' });
    this.bar = h('progress', { max: 1, 'aria-label': 'How far it is' });
    this.figures = h('p.figures');
    this.warnings = h('div.warnings');
    this.pause = h('button', { type: 'button' });
    this.stop = h('button', { type: 'button' }, icon('stop'), 'Stop and keep');
    replace(this.element, this.stage, h('div.about', {},
      h('h2', {}, h('a', { href: `#/run/${encodeURIComponent(job.name)}` }, job.title)),
      this.phase, this.bar, this.figures, this.curve.element, this.warnings, h('div.buttons', {}, this.pause, this.stop)));
    const act = (action) => queue.act(this.job, action).catch((error) => toast(error.message, { isError: true }));
    this.pause.addEventListener('click', () => act(this.job.state === 'paused' ? 'resume' : 'pause'));
    this.stop.addEventListener('click', () => act('stop'));
  }

  #update(job) {
    this.job = job;
    const { phase, done, total, score, secondsLeft, warnings } = job.progress;
    const state = job.state === 'paused' ? 'paused' : job.state === 'stopping' ? `stopping: ${PHASES[phase]}` : PHASES[phase];
    if (this.phase.textContent !== state) this.phase.textContent = state;
    if (['descending', 'searching'].includes(phase) && total) this.bar.value = done / total;
    else this.bar.removeAttribute('value');
    const left = job.state === 'paused' ? '' : duration(secondsLeft);
    replace(this.figures,
      phase === 'descending' ? h('span', {}, `step ${done} of ${total}`) : phase === 'searching' && total ? h('span', {}, `${Math.round(100 * done / total)} %`) : null,
      score === null ? null : h('span', {}, `score ${score.toFixed(3)}`),
      left ? h('span', {}, `${left} left`) : null);
    replace(this.pause, icon(job.state === 'paused' ? 'play' : 'pause'), job.state === 'paused' ? 'Resume' : 'Pause');
    this.pause.disabled = job.state === 'stopping' || phase === 'exporting';
    this.stop.disabled = job.state === 'stopping' || phase === 'exporting';
    if (this.warned !== warnings.join()) {
      this.warned = warnings.join();
      replace(this.warnings, warnings.map((line) => h('p.hint', {}, line)));
    }
    this.#look(job);
    const known = ['descending', 'exporting'].includes(phase) ? done : 0;
    if (known && known !== this.known) {
      this.known = known;
      this.curve.update(total).catch(() => {});
    }
  }

  /** The new picture is faded in over the old one once it is there. */
  #look(job) {
    if (!job.picture || job.picture === this.picture) return;
    this.picture = job.picture;
    const image = h('img.growing', { alt: `${job.title}, after ${job.progress.done} steps`, src: file(job.name, `preview/live?${job.picture}`) });
    const { stage } = this;
    image.addEventListener('load', () => {
      stage.append(image);
      requestAnimationFrame(() => image.classList.add('is-there'));
      setTimeout(() => { for (const old of [...stage.children]) if (old !== image && old.compareDocumentPosition(image) & 4) old.remove(); }, 700);
    });
  }

  close() { this.number = null; }
}

function showQueue(place, jobs) {
  const rows = jobs.filter((job) => job.state === 'waiting' || job.state === 'failed');
  place.hidden = !rows.length;
  const key = JSON.stringify(rows.map(({ number, state }) => [number, state]));
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  const act = (job, action) => queue.act(job, action).catch((error) => toast(error.message, { isError: true }));
  const row = (job) => h(`li${job.state === 'failed' ? '.bad' : ''}`, {},
    h('span.what', {}, job.title, h('small', {}, ` seed ${job.seed}`), job.message ? h('small.why', {}, job.message) : null),
    job.state === 'waiting' ? h('button.icon', { type: 'button', 'aria-label': `Next: ${job.title}, seed ${job.seed}`, title: 'Do this next', on: { click: () => act(job, 'first') } }, icon('up')) : null,
    h('button.icon', { type: 'button', 'aria-label': `Remove ${job.title}, seed ${job.seed}`, title: 'Remove', on: { click: () => act(job, 'remove') } }, icon('close')));
  const num = rows.filter((job) => job.state === 'waiting').length;
  replace(place, h('h2', {}, 'Queue', num ? h('small', {}, ` ${num} waiting`) : null), h('ol', {}, rows.map(row)));
}

function startCards(options, form) {
  const cards = options.starts.map((start) => h('button.start', { type: 'button', on: { click: () => {
    form.fill(start.recipe ? { recipe: start.recipe } : start.form);
    form.element.scrollIntoView({ behavior: 'smooth', block: 'nearest' });
    (start.recipe ? form.editor.area : form.prompt).focus({ preventScroll: true });
  } } }, start.picture ? h('img', { src: start.picture, alt: '', width: 84, height: 84, loading: 'lazy' }) : null,
  h('span.text', {}, h('b', {}, start.title), h('span', {}, start.form?.prompt ?? start.note), h('small', {}, start.recipe ? 'recipe' : start.note))));
  return h('section.starts', { 'aria-labelledby': 'starts' }, h('h2', { id: 'starts' }, 'Start from'), h('div.cards', {}, cards));
}
