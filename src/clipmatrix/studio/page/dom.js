// Elements out of tags and texts. Text is always text: nothing that a user wrote is ever read as HTML.
const SVG = 'http://www.w3.org/2000/svg';

/** h('button.primary', { type: 'button', on: { click } }, 'Create'): an element with attributes and children. */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name || 'div');
  if (classes.length) element.className = classes.join(' ');
  return fill(element, attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'on') for (const [name, listener] of Object.entries(value)) element.addEventListener(name, listener);
    else if (key === 'data') Object.assign(element.dataset, value);
    else if (['value', 'checked', 'muted', 'selected'].includes(key)) element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A labelled field: the label's text, the control, and a line of help below. */
export function field(label, control, help = null) {
  control.id ||= `f${Math.random().toString(36).slice(2)}`;
  const hint = help && h('p.hint', { id: `${control.id}-hint` }, help);
  if (hint) control.setAttribute('aria-describedby', hint.id);
  return h('div.field', {}, h('label', { for: control.id }, label), control, hint);
}

const ICONS = {
  star: 'm12 3.6 2.6 5.3 5.8.8-4.2 4.1 1 5.8L12 16.9l-5.2 2.7 1-5.8-4.2-4.1 5.8-.8z',
  close: 'M6 6l12 12M18 6 6 18',
  play: 'M8 5.5v13l10.5-6.5z',
  pause: 'M8 5.5v13M16 5.5v13',
  stop: 'M6.5 6.5h11v11h-11z',
  up: 'M12 19V5M6 11l6-6 6 6',
  dice: 'M5 5h14v14H5zM9 9h.01M15 15h.01M15 9h.01M9 15h.01',
  plus: 'M12 5v14M5 12h14',
  turn: 'M4 12a8 8 0 1 1 2.5 5.8M4 12l-1-4M4 12l4-1',
};

/** A drawn sign; it says nothing to screen readers, the button around it must. */
export function icon(name) {
  return s('svg', { viewBox: '0 0 24 24', class: `sign ${name}`, 'aria-hidden': 'true' }, s('path', { d: ICONS[name] }));
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function toast(text, { link = null, isError = false } = {}) {
  const close = h('button.icon', { type: 'button', 'aria-label': 'Close', on: { click: () => box.remove() } }, icon('close'));
  const box = h(`div.toast${isError ? '.bad' : ''}`, {}, h('span', {}, text), link && h('a', { href: link.href }, link.text), close);
  document.getElementById('toasts').append(box);
  setTimeout(() => box.remove(), isError ? 12000 : 7000);
}

/** 75 -> 1 min 15 s */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole % 3600 / 60)).padStart(2, '0')} min`;
}

export function bytes(size) {
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

export function ago(secondsSince1970) {
  const seconds = Date.now() / 1000 - secondsSince1970;
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (seconds >= length) return words.format(-Math.floor(seconds / length), unit);
  }
  return 'just now';
}
