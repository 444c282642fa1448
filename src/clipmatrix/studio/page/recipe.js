// A text field for recipes that shows its mistakes in place: beside the line, and in words below.
import { h, replace } from './dom.js';
import { post } from './server.js';

const WAIT = 350;

export class RecipeEditor {
  constructor(text, label = 'Recipe') {
    this.lines = h('div.lines', { 'aria-hidden': 'true' });
    this.area = h('textarea.code', {
      spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', wrap: 'off', 'aria-label': label, rows: 18, value: text,
    });
    this.message = h('p.mistake', { role: 'alert', id: `m${Math.random().toString(36).slice(2)}` });
    this.area.setAttribute('aria-describedby', this.message.id);
    this.element = h('div.recipe', {}, h('div.sheet', {}, this.lines, this.area), this.message);
    this.area.addEventListener('input', () => this.#changed());
    this.area.addEventListener('scroll', () => { this.lines.scrollTop = this.area.scrollTop; });
    this.area.addEventListener('keydown', (event) => this.#key(event));
    this.mistake = null;
    this.#number();
    if (text) this.check();
  }

  get text() { return this.area.value; }

  set text(value) {
    this.area.value = value;
    this.#number();
    this.check();
  }

  /** Asks what is wrong; true where nothing is. */
  async check() {
    const asked = this.text;
    const { mistake } = await post('/api/recipe/check', { recipe: asked });
    if (asked !== this.text) return false;
    this.mistake = mistake;
    replace(this.message, mistake ? [mistake.line ? h('b', {}, `Line ${mistake.line}: `) : null, mistake.message] : null);
    this.area.setAttribute('aria-invalid', mistake ? 'true' : 'false');
    this.#number();
    return !mistake;
  }

  #changed() {
    this.#number();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check().catch(() => {}), WAIT);
  }

  #number() {
    const num = this.text.split('\n').length;
    replace(this.lines, Array.from({ length: num }, (_, index) =>
      h(this.mistake?.line === index + 1 ? 'span.wrong' : 'span', {}, String(index + 1))));
  }

  #key(event) {
    // Tab indents while Escape then Tab leaves, so that nobody is caught in the field.
    if (event.key === 'Escape') { this.mayLeave = true; return; }
    if (event.key === 'Tab' && !event.shiftKey && !this.mayLeave) {
      event.preventDefault();
      this.area.setRangeText('  ', this.area.selectionStart, this.area.selectionEnd, 'end');
      this.#changed();
    }
    this.mayLeave = false;
  }
}
