// Does in the studio what a person does, and prints what was seen, as JSON.
// Arguments: the browser's executable, the studio's address, the scenario, and its arguments as JSON.
import { look, openBrowser } from './browser.mjs';

const [executablePath, base, scenario, given = '{}'] = process.argv.slice(2);
const LONG = 240_000;

async function open(browser, hash) {
  const page = await browser.page();
  await page.goto(`${base}/#/${hash}`);
  await page.waitForSelector('.view > *');
  return page;
}

const scenarios = {
  /** Types a prompt, starts, sees the preview change, pauses, goes on, stops, opens the 3D view, and downloads. */
  async make(browser, { folder, steps }) {
    const page = await open(browser, 'make');
    await page.fill('#prompt', 'a red person');
    await page.click('details summary');
    await page.fill('#encoder', 'fake');
    await page.fill('#steps', String(steps));
    await page.click('.choice:has-text("standard")');
    await page.fill('#seed', '3');
    await page.locator('#prompt').press('Control+Enter');
    await page.waitForSelector('.live img.is-there', { timeout: LONG });
    const first = await look(page, '.live img.is-there:last-of-type');
    const source = await page.getAttribute('.live img.is-there:last-of-type', 'src');
    await page.waitForFunction((old) => [...document.querySelectorAll('.live img.is-there')].at(-1)?.getAttribute('src') !== old, source, { timeout: LONG });
    await page.waitForTimeout(400);
    const second = await look(page, '.live img.is-there:last-of-type');
    const figures = await page.innerText('.live .figures');
    await page.click('.live button:has-text("Pause")');
    await page.waitForSelector('.live .phase:has-text("paused")');
    // The step that was under way may take its time.
    let halted = '', stillHalted = ' ';
    for (let tries = 0; tries < 20 && halted !== stillHalted; tries++) {
      halted = await page.innerText('.live .figures');
      await page.waitForTimeout(4000);
      stillHalted = await page.innerText('.live .figures');
    }
    await page.click('.live button:has-text("Resume")');
    await page.waitForFunction((old) => document.querySelector('.live .figures').innerText.split('\n')[0] !== old.split('\n')[0], stillHalted, { timeout: LONG });
    const curve = await page.getAttribute('.live .curve', 'aria-label');
    await page.click('.live button:has-text("Stop and keep")');
    await page.waitForSelector('.toast:has-text("was stopped")', { timeout: LONG });
    await page.click('.toast a');
    await page.waitForSelector('canvas[data-ready]', { timeout: LONG });
    // On a busy machine the first frame comes long after the model.
    let pose = await look(page, '.stage3d canvas');
    for (let tries = 0; tries < 60 && !pose.share; tries++) {
      await page.waitForTimeout(500);
      pose = await look(page, '.stage3d canvas');
    }
    await page.waitForTimeout(1000);
    const laterPose = await look(page, '.stage3d canvas');
    const clips = await page.locator('.controls select').first().locator('option').allInnerTexts();
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.button:has-text("GLB")')]);
    await download.saveAs(`${folder}/model.glb`);
    return { first, second, figures, halted, stillHalted, curve, pose, laterPose, clips, command: await page.innerText('.command code'), hash: await page.evaluate(() => location.hash) };
  },

  /** Two browsers: what one does, the other sees. */
  async two(browser, { name }) {
    const other = await openBrowser(executablePath);
    try {
      const [one, two] = [await open(browser, `run/${name}`), await open(other, 'make')];
      await one.click('.refine form:has-text("Other seeds") button');
      await one.waitForSelector('.toast');
      await two.waitForSelector('.queue li', { timeout: 10_000 });
      const seen = await two.locator('.queue li').count();
      await two.click('.queue li:last-child button[aria-label^="Remove"]');
      await one.goto(`${base}/#/make`);
      await one.waitForFunction((num) => document.querySelectorAll('.queue li').length === num, seen - 1, { timeout: 10_000 });
      return { seen, complaints: other.complaints, asked: [...other.asked] };
    } finally { await other.close(); }
  },

  /** Scripts in prompts, recipes and names are text everywhere. */
  async hostile(browser, { name, prompt }) {
    const page = await browser.page();
    await page.addInitScript(() => { window.alert = () => { window.isHacked = true; }; });
    const texts = {};
    for (const hash of ['gallery', `run/${name}`, `compare/${name}+${name}`, 'make', 'run/..%2F..%2Fetc', 'run/%3Cscript%3Ealert(1)%3C%2Fscript%3E']) {
      await page.goto('about:blank');
      await page.goto(`${base}/#/${hash}`);
      await page.waitForSelector('.view > *');
      await page.waitForTimeout(800);
      texts[hash] = await page.innerText('main');
    }
    await page.goto('about:blank');
    await page.goto(`${base}/#/make`);
    await page.fill('#prompt', prompt);
    await page.click('.segments button:has-text("Recipe")');
    await page.fill('.code', `prompts: [{text: "${prompt.replaceAll('"', '\\"')}"}]\nquality: <u>fine</u>\n`);
    await page.waitForSelector('.recipe .wrong');
    const mistake = await page.innerText('.recipe .mistake');
    const strangers = await page.locator('main script, main img[src="x"], main u').count();
    return { texts, mistake, strangers, isHacked: await page.evaluate(() => window.isHacked === true) };
  },

  /** A recipe with a mistake, shown in place, and mended. */
  async recipe(browser, { name }) {
    const page = await open(browser, `run/${name}`);
    await page.click('.refine details summary');
    const text = await page.inputValue('.code');
    await page.fill('.code', text.replace(/^seed: .*$/m, 'sed: 1'));
    await page.waitForSelector('.recipe .wrong');
    const mistake = await page.innerText('.recipe .mistake');
    const wrong = Number(await page.innerText('.recipe .wrong'));
    const line = text.split('\n').findIndex((row) => row.startsWith('seed:')) + 1;
    await page.fill('.code', text);
    await page.waitForSelector('.recipe .wrong', { state: 'detached' });
    return { mistake, wrong, line };
  },

  /** All by keys alone. */
  async keys(browser, { name }) {
    const page = await open(browser, 'make');
    await page.keyboard.press('g');
    await page.waitForSelector('.grid .item');
    await page.keyboard.press('/');
    await page.keyboard.type('zzzz');
    await page.waitForSelector('.empty');
    await page.keyboard.press('Control+A');
    await page.keyboard.type(name.split('-')[1]);
    await page.waitForSelector('.grid .item');
    let focused = '';
    for (let i = 0; i < 20 && !focused.includes('title'); i++) {
      await page.keyboard.press('Tab');
      focused = await page.evaluate(() => document.activeElement.className);
    }
    await page.keyboard.press('Enter');
    await page.waitForSelector('canvas[data-ready]', { timeout: LONG });
    await page.keyboard.press('s');
    await page.waitForSelector('.head .star[aria-pressed="true"]');
    await page.focus('.stage3d canvas');
    await page.keyboard.press(' ');
    await page.waitForTimeout(300);
    const before = await look(page, '.stage3d canvas');
    await page.keyboard.press('ArrowLeft');
    await page.waitForTimeout(300);
    const turned = await look(page, '.stage3d canvas');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Escape');
    const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, a, input, select, textarea, canvas')].filter((element) =>
      element.checkVisibility() && !element.closest('[aria-hidden="true"]') && !(element.innerText?.trim() || element.getAttribute('aria-label') || element.labels?.length || element.title)).map((element) => element.outerHTML));
    const blind = await page.evaluate(() => [...document.querySelectorAll('img')].filter((image) => !image.alt).length);
    return { before, turned, unnamed, blind };
  },

  /** How long the page takes to react while a job runs: milliseconds for views, and for answers of the server. */
  async pace(browser, { name }) {
    const page = await open(browser, 'make');
    const measure = async (hash, selector) => page.evaluate(async ([to, chosen]) => {
      const began = performance.now();
      location.hash = to;
      while (!document.querySelector(chosen)) await new Promise((resolve) => setTimeout(resolve, 1));
      return performance.now() - began;
    }, [hash, selector]);
    const found = { views: [], answers: [], stars: [] };
    for (let round = 0; round < 5; round++) {
      found.views.push(await measure('#/gallery', '.grid .item'), await measure('#/make', '.card.live'), await measure(`#/run/${name}`, '.tabs'));
      found.answers.push(await page.evaluate(async () => { const began = performance.now(); await (await fetch('/api/state')).json(); return performance.now() - began; }));
      found.stars.push(await page.evaluate(async () => {
        const star = document.querySelector('.head .star'), was = star.getAttribute('aria-pressed'), began = performance.now();
        star.click();
        while (star.getAttribute('aria-pressed') === was) await new Promise((resolve) => setTimeout(resolve, 1));
        return performance.now() - began;
      }));
    }
    const jobs = await page.evaluate(async () => (await (await fetch('/api/state')).json()).jobs.map((job) => job.state));
    return { ...found, jobs };
  },

  /** A picture of each view, wide and narrow, light and dark. */
  async shoot(browser, { folder, views, runs }) {
    const page = await browser.page();
    const sideways = {};
    for (const { file, hash, width, height, theme, act } of views) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'no-preference' });
      await page.goto('about:blank');
      await page.goto(`${base}/#/${hash}`);
      await page.waitForSelector('.view > *');
      if (/^(run|compare\/)/.test(hash)) await page.waitForSelector('canvas[data-ready]', { timeout: LONG });
      await page.waitForFunction(() => [...document.images].filter((image) => image.loading !== 'lazy' || image.getBoundingClientRect().top < innerHeight).every((image) => image.complete));
      for (const [kind, ...rest] of act ?? []) await page[kind](...rest);
      await page.waitForTimeout(1200);
      // Pictures are for everybody: where these runs happen to lie is not.
      await page.evaluate((place) => { for (const code of document.querySelectorAll('code')) code.textContent = code.textContent.replaceAll(place, 'runs'); }, runs);
      if (folder) await page.screenshot({ path: `${folder}/${file}`, type: 'jpeg', quality: 82 });
      sideways[file] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    }
    return { sideways };
  },

  /** The static gallery, from wherever it lies. */
  async site(browser, { address, prompt, file }) {
    const page = await browser.page();
    await page.goto(address);
    await page.waitForSelector('#grid li');
    const cards = await page.locator('#grid li').count();
    await page.waitForFunction(() => [...document.images].filter((image) => image.getBoundingClientRect().top < innerHeight).every((image) => image.complete && image.naturalWidth > 0));
    if (file) await page.screenshot({ path: file, type: 'jpeg', quality: 82 });
    await page.hover('#grid li >> nth=0');
    await page.waitForFunction(() => document.querySelector('#grid video')?.currentTime > 0);
    await page.click('#grid li >> nth=0');
    await page.waitForFunction(() => document.querySelector('dialog video')?.currentTime > 0);
    const hash = () => page.evaluate(() => location.hash);
    const first = await hash();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((old) => location.hash !== old, first);
    const second = await hash();
    const links = await page.locator('dialog .buttons a').allInnerTexts();
    let model = null;
    if (address.startsWith('http')) {
      await page.click('dialog button:has-text("3D")');
      await page.waitForSelector('dialog canvas[data-ready]', { timeout: LONG });
      await page.waitForTimeout(500);
      model = await look(page, 'dialog canvas');
    }
    await page.keyboard.press('Escape');
    await page.fill('#search', prompt);
    await page.waitForFunction(() => document.querySelectorAll('#grid li').length === 1);
    return { cards, first, second, links, model, status: await page.innerText('#status') };
  },
};

const browser = await openBrowser(executablePath);
try {
  const found = await scenarios[scenario](browser, JSON.parse(given));
  process.stdout.write(JSON.stringify({ ...found, asked: [...browser.asked, ...(found.asked ?? [])], complaints: [...browser.complaints, ...(found.complaints ?? [])] }));
} finally { await browser.close(); }
