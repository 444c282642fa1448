// Requests to the studio's server, and the queue as it was last told. Knows nothing of what is shown.

export class Refusal extends Error {}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal('The studio does not answer. Is it still open in the terminal?');
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(body.message ?? (response.status === 404 ? 'there is no run of that name here' : `The studio answered with ${response.status}.`));
  return body;
}

export const get = (path) => ask(path);
export const post = (path, body = {}) =>
  ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
export const run = (name, rest = '') => `/api/runs/${encodeURIComponent(name)}${rest}`;
export const file = (name, rest) => `/runs/${encodeURIComponent(name)}/${rest}`;

export function upload(blob) {
  return ask(`/api/uploads?name=${encodeURIComponent(blob.name)}`, { method: 'POST', body: blob });
}

let options = null;
export async function getOptions() { return (options ??= await get('/api/options')); }

/** The queue, asked for once a second while something is at work, and less often otherwise. */
export const queue = {
  jobs: [],
  isReached: true,
  isAsked: false,
  listeners: new Set(),
  timer: null,

  listen(listener) {
    this.listeners.add(listener);
    listener(this.jobs, this.jobs);
    return () => this.listeners.delete(listener);
  },

  async refresh() {
    clearTimeout(this.timer);
    const before = this.jobs;
    try {
      this.jobs = (await get('/api/state')).jobs;
      this.isReached = true;
    } catch { this.isReached = false; }
    this.isAsked = true;
    for (const listener of [...this.listeners]) listener(this.jobs, before);
    const isBusy = this.jobs.some((job) => ['running', 'stopping', 'waiting'].includes(job.state));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), document.hidden ? 5000 : isBusy ? 1000 : 2500);
  },

  async act(job, action) {
    await post(`/api/jobs/${job.number}/${action}`);
    await this.refresh();
  },
};

export const isActive = (job) => ['running', 'paused', 'stopping'].includes(job.state);
