// The score over the steps as a small drawing that grows.
import { s, replace } from './dom.js';
import { get, run } from './server.js';

const WIDTH = 600, HEIGHT = 120;
const SMOOTHING = 0.92;

/** A drawing for one run; `update` fetches what came since. */
export class Curve {
  constructor(name) {
    this.name = name;
    this.scores = [];
    this.element = s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'curve', role: 'img', preserveAspectRatio: 'none' });
    this.#draw(0);
  }

  async update(steps = 0) {
    const found = await get(run(this.name, `/curve?after=${this.scores.length}`));
    if (found.scores.length > found.num - this.scores.length) this.scores = [];
    this.scores.push(...found.scores);
    this.#draw(Math.max(steps, this.scores.length));
  }

  #draw(steps) {
    const known = this.scores.map((score, step) => [step, score]).filter(([, score]) => score !== null);
    if (known.length < 2) {
      this.element.setAttribute('aria-label', 'the score, once there are steps');
      replace(this.element, s('line', { x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2, class: 'axis' }));
      return;
    }
    let mean = known[0][1];
    const smooth = known.map(([step, score]) => [step, (mean = SMOOTHING * mean + (1 - SMOOTHING) * score)]);
    const values = [...known.map(([, score]) => score), ...smooth.map(([, score]) => score)];
    const low = Math.min(...values), high = Math.max(...values), span = high - low || 1;
    const at = ([step, score]) =>
      `${(step / Math.max(1, steps - 1) * WIDTH).toFixed(1)},${(HEIGHT - 8 - (score - low) / span * (HEIGHT - 20)).toFixed(1)}`;
    const raw = known.map(at).join(' '), line = smooth.map(at).join(' ');
    const last = smooth.at(-1);
    const [x, y] = at(last).split(',');
    this.element.setAttribute('aria-label',
      `score from ${smooth[0][1].toFixed(3)} to ${last[1].toFixed(3)} over ${known.length} steps`);
    replace(this.element,
      s('line', { x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2, class: 'axis' }),
      s('polyline', { points: raw, class: 'raw' }),
      s('polygon', { points: `0,${HEIGHT} ${line} ${x},${HEIGHT}`, class: 'area' }),
      s('polyline', { points: line, class: 'mean' }),
      s('circle', { cx: x, cy: y, r: 4, class: 'dot' }));
  }
}
