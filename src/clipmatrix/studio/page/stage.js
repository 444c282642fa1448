// A 3D view with its controls: clips, time, turning, looks. Knows nothing of the rest of the page.
import { h, icon, replace } from './dom.js';
import { file } from './server.js';
import { CharacterView } from '/viewer/character_view.js';

const LOOKS = { textured: 'Textured', plain: 'Plain', wireframe: 'Wireframe', skeleton: 'Skeleton' };

export class Stage {
  /** `onready` is called with the view once the character is shown; `isBare` leaves the controls out. */
  constructor(item, { onchange, onready = () => {}, isBare = false } = {}) {
    this.canvas = h('canvas', { tabindex: 0, role: 'img', 'aria-label': `${item.title} in 3D. Arrows turn, plus and minus zoom, space plays and pauses.` });
    this.note = h('p.note', { role: 'status' }, 'loading …');
    this.element = h('div.stage3d', {}, h('div.canvas', {}, this.canvas, this.note), isBare ? null : (this.controls = h('div.controls')));
    this.isClosed = false;
    // The canvas must be on the page before its size is known.
    requestAnimationFrame(() => this.#begin(item, onchange, onready, isBare));
  }

  async #begin(item, onchange, onready, isBare) {
    if (this.isClosed) return;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    try {
      this.view = new CharacterView(this.canvas, { onchange, isStill: isCalm });
    } catch {
      this.note.textContent = 'This browser cannot draw in 3D. The film and the sheet show the character as well.';
      return;
    }
    try {
      await this.view.load(file(item.name, 'model.glb'));
    } catch (error) {
      this.note.textContent = `The model cannot be shown: ${error.message}`;
      return;
    }
    if (this.isClosed) return;
    this.note.remove();
    this.canvas.dataset.ready = 'true';
    if (!isBare) this.#controls();
    onready(this.view);
  }

  #controls() {
    const { view } = this;
    const clips = h('select', { 'aria-label': 'Movement' }, view.clips.map((clip) => h('option', { value: clip.name, selected: clip === view.clip }, clip.name)), h('option', { value: '' }, 'bind pose'));
    clips.addEventListener('change', () => view.play(clips.value || null));
    const play = h('button.icon', { type: 'button' });
    const showPlay = () => {
      replace(play, icon(view.isPlaying ? 'pause' : 'play'));
      play.setAttribute('aria-label', view.isPlaying ? 'Pause' : 'Play');
    };
    play.addEventListener('click', () => { view.isPlaying = !view.isPlaying; view.speed ||= 1; showPlay(); });
    this.canvas.addEventListener('viewkey', showPlay);
    const time = h('input', { type: 'range', min: 0, max: 1, step: 0.001, value: 0, 'aria-label': 'Moment of the movement' });
    time.addEventListener('input', () => { view.isPlaying = false; view.time = time.value * (view.clip?.duration ?? 0); showPlay(); });
    this.ticker = setInterval(() => { if (view.isPlaying && view.clip) time.value = (view.time % view.clip.duration) / view.clip.duration; }, 100);
    const turn = h('button.icon', { type: 'button', 'aria-label': 'Turntable', title: 'Turntable', 'aria-pressed': 'false', on: { click: () => { view.isTurning = !view.isTurning; turn.setAttribute('aria-pressed', String(view.isTurning)); } } }, icon('turn'));
    const looks = h('select', { 'aria-label': 'Look' }, Object.entries(LOOKS).map(([key, label]) => h('option', { value: key }, label)));
    looks.addEventListener('change', () => view.setLook(looks.value));
    showPlay();
    replace(this.controls, play, clips, time, turn, looks);
  }

  close() {
    this.isClosed = true;
    clearInterval(this.ticker);
    this.view?.dispose();
  }
}
