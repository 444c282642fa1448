// The page around one character: its movements, its face, and what its file says of itself.
import { CharacterView } from './character_view.js';

const at = (id) => document.getElementById(id);
const view = new CharacterView(at('canvas'), { isStill: matchMedia('(prefers-reduced-motion: reduce)').matches });

function showPlaying() { at('play').textContent = view.isPlaying ? 'Pause' : 'Play'; }

function fillClips() {
  at('clips').replaceChildren(new Option('rest pose', ''), ...view.clips.map(
    (clip) => new Option(`${clip.name} (${clip.duration.toFixed(1)} s)`, clip.name, false, clip === view.clip)));
  at('clips').addEventListener('change', () => {
    view.play(at('clips').value || null);
    if (!view.isPlaying) { view.isPlaying = true; showPlaying(); }
  });
}

function fillFace() {
  const faces = view.meshes.map(({ mesh }) => mesh).filter((mesh) => mesh.morphTargetDictionary);
  const names = [...new Set(faces.flatMap((mesh) => Object.keys(mesh.morphTargetDictionary)))];
  at('face').hidden = !names.length;
  const set = (name, weight) => {
    for (const mesh of faces) mesh.morphTargetInfluences[mesh.morphTargetDictionary[name]] = weight;
  };
  at('actions').replaceChildren(...names.map((name) => {
    const label = document.createElement('label');
    const slider = Object.assign(document.createElement('input'), { type: 'range', min: 0, max: 1, step: 0.01, value: 0 });
    slider.dataset.action = name;
    slider.addEventListener('input', () => set(name, Number(slider.value)));
    label.append(name, slider);
    return label;
  }));
  at('relax').addEventListener('click', () => {
    for (const slider of at('actions').querySelectorAll('input')) { slider.value = 0; set(slider.dataset.action, 0); }
  });
}

async function fillAbout() {
  const data = await (await fetch('model.glb')).arrayBuffer();
  const length = new DataView(data).getUint32(12, true);
  const { asset } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 20, length)));
  const facts = {
    prompts: (asset.extras?.prompts ?? []).join('; '), seed: asset.extras?.seed, made_by: asset.generator,
    licence: asset.copyright, size: `${(data.byteLength / 1e6).toFixed(2)} MB`,
  };
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === '') continue;
    const term = document.createElement('dt'), text = document.createElement('dd');
    term.textContent = name.replace('_', ' ');
    text.textContent = value;
    at('facts').append(term, text);
  }
  at('about').hidden = false;
}

at('play').addEventListener('click', () => { view.isPlaying = !view.isPlaying; showPlaying(); });
at('turn').addEventListener('click', () => {
  view.isTurning = !view.isTurning;
  at('turn').setAttribute('aria-pressed', view.isTurning);
});
at('frame').addEventListener('click', () => view.frame());
at('looks').addEventListener('change', () => view.setLook(at('looks').value));
at('speed').addEventListener('input', () => { view.speed = Number(at('speed').value); });
at('time').addEventListener('input', () => {
  view.isPlaying = false;
  showPlaying();
  view.time = Number(at('time').value) * (view.clip?.duration ?? 0) * 0.9999;
});
at('canvas').addEventListener('viewkey', showPlaying);
setInterval(() => { if (view.isPlaying && view.clip) at('time').value = view.time / view.clip.duration; }, 100);

try {
  await view.load('model.glb');
  fillClips();
  fillFace();
  showPlaying();
  await fillAbout();
  at('message').hidden = true;
  at('controls').disabled = false;
  at('canvas').dataset.ready = 'true';
} catch (error) {
  at('message').textContent = `The model cannot be shown: ${error.message ?? error}`;
  at('canvas').dataset.ready = 'false';
}
