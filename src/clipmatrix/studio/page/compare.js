// Up to four characters side by side, seen from one side and moving as one.
import { duration, h, icon, replace } from './dom.js';
import { chosen, starButton } from './gallery.js';
import { get, run } from './server.js';
import { Stage } from './stage.js';

const MOST = 4;

export async function showCompare(place, rest) {
  const names = rest ? rest.split('+').slice(0, MOST).map(decodeURIComponent) : [...chosen];
  if (names.length < 2) {
    place.append(h('div.empty', {}, h('h1', {}, 'Compare'), h('p', {}, 'Choose two to four characters in the ', h('a', { href: '#/gallery' }, 'gallery'), ', by the box “compare” on their pictures.')));
    return null;
  }
  const items = await Promise.all(names.map((name) => get(run(name))));
  const stages = [], views = [];
  const follow = (leader) => { for (const view of views) if (view !== leader) view.follow(leader); };
  const clips = h('select', { 'aria-label': 'Movement' });
  const play = h('button.icon', { type: 'button', 'aria-label': 'Play or pause', on: { click: () => {
    const isPlaying = !views[0]?.isPlaying;
    for (const view of views) { view.isPlaying = isPlaying; view.speed ||= 1; }
    showPlay();
  } } });
  const showPlay = () => replace(play, icon(views[0]?.isPlaying === false ? 'play' : 'pause'));
  showPlay();
  const turn = h('button.icon', { type: 'button', 'aria-label': 'Turntable', title: 'Turntable', 'aria-pressed': 'false', on: { click: () => {
    if (!views.length) return;
    views[0].isTurning = !views[0].isTurning;
    turn.setAttribute('aria-pressed', String(views[0].isTurning));
  } } }, icon('turn'));
  clips.addEventListener('change', () => { for (const view of views) view.play(clips.value || null); });

  function ready(view) {
    views.push(view);
    const shared = views.map(({ clips: list }) => list.map((clip) => clip.name)).reduce((a, b) => a.filter((name) => b.includes(name)));
    replace(clips, shared.map((name) => h('option', { value: name, selected: name === view.clip?.name }, name)), h('option', { value: '' }, 'bind pose'));
    // All begin anew, so that they keep step.
    if (views.length > 1) { follow(views[0]); for (const other of views) other.play(clips.value || null); }
  }

  const column = (item) => {
    const has = 'model.glb' in item.files;
    const stage = has ? new Stage(item, { isBare: true, onchange: follow, onready: ready }) : null;
    if (stage) stages.push(stage);
    return h('article.column', {},
      stage?.element ?? h('div.stage3d', {}, h('p.note', {}, 'no model yet')),
      h('div.under', {}, h('h2', {}, h('a', { href: `#/run/${encodeURIComponent(item.name)}` }, item.title)), starButton(item)),
      h('dl', {}, Object.entries(facts(item)).map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value)))));
  };
  place.append(h('div.head', {}, h('h1', {}, 'Compare'), h('div.controls', {}, play, clips, turn)),
    h('div.columns', { data: { num: items.length } }, items.map(column)));
  return () => { for (const stage of stages) stage.close(); };
}

function facts(item) {
  const sick = item.health?.verdicts.filter((verdict) => !verdict.is_healthy).map((verdict) => verdict.name) ?? [];
  return {
    score: item.score === null ? '–' : item.score.toFixed(3), seed: item.seed, quality: item.quality, steps: `${item.step} of ${item.steps}`,
    encoder: item.encoder, time: duration(item.seconds) || '–', health: item.health ? (sick.length ? sick.join(', ') : 'healthy') : '–',
  };
}
