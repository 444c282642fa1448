// The 3D view of the static gallery; only loaded where a server serves it, since disks serve no modules.
import { CharacterView } from './viewer/character_view.js';

export async function showModel(place, url, title) {
  const canvas = document.createElement('canvas');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${title} in 3D. Arrows turn, plus and minus zoom, space plays and pauses.`);
  const holder = document.createElement('div');
  holder.className = 'stage';
  holder.append(canvas);
  const clips = document.createElement('select');
  clips.setAttribute('aria-label', 'Movement');
  place.replaceChildren(holder, clips);
  const view = new CharacterView(canvas, { isStill: matchMedia('(prefers-reduced-motion: reduce)').matches });
  await view.load(url);
  for (const clip of view.clips) clips.append(new Option(clip.name, clip.name, false, clip === view.clip));
  clips.hidden = !view.clips.length;
  clips.addEventListener('change', () => view.play(clips.value));
  canvas.dataset.ready = 'true';
  return view;
}
