// Opens the local viewing page in headless Chromium, uses it, and prints what it did, as JSON.
// Arguments: the page's address, the browser's executable, and the file for a picture of the page.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [address, executablePath, picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'clipmatrix-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1100, height: 700 },
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader'],
});
try {
  const page = await context.newPage();
  const complaints = [], requests = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(address);
  await page.waitForSelector('#canvas[data-ready]', { timeout: 60000 });
  const shot = () => page.locator('#stage').screenshot();
  const hold = async () => { await page.waitForTimeout(400); };
  const clips = await page.locator('#clips option').allTextContents();
  await page.selectOption('#clips', 'wave');
  await page.locator('#time').fill('0.1');
  await hold();
  const first = await shot();
  await page.locator('#time').fill('0.6');
  await hold();
  const second = await shot();
  await page.locator('#face summary').click();
  const actions = await page.locator('#actions label').allTextContents();
  await page.locator('#actions input').first().fill('1');
  await hold();
  const third = await shot();
  await page.locator('#about summary').click();
  await page.screenshot({ path: picture });
  process.stdout.write(JSON.stringify({
    complaints, requests, clips, actions,
    ready: await page.locator('#canvas').getAttribute('data-ready'),
    facts: await page.locator('#facts').textContent(),
    hasMoved: !first.equals(second), hasFace: !second.equals(third),
  }));
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
