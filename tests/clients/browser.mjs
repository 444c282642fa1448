// A real headless Chromium with an empty profile, and pages that note what they ask for and complain of.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const ARGUMENTS = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/** A browser of its own. `asked` are the addresses that its pages asked for, `complaints` their errors. */
export async function openBrowser(executablePath, options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'clipmatrix-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath, headless: true, args: ARGUMENTS, viewport: { width: 1360, height: 900 }, ...options,
  });
  const asked = new Set(), complaints = [];
  context.on('request', (request) => asked.add(request.url()));
  const watch = (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => { if (message.type() === 'error' || message.text().startsWith('THREE.')) complaints.push(message.text()); });
  };
  context.on('page', watch);
  context.pages().forEach(watch);
  return {
    asked, complaints,
    page: async () => context.pages().find((page) => page.url() === 'about:blank') ?? context.newPage(),
    newPage: () => context.newPage(),
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** How many pixels of a canvas or a picture on the page are not backdrop, and a sum that tells two pictures apart. */
export function look(page, selector) {
  return page.evaluate(async (chosen) => {
    const source = document.querySelector(chosen);
    const width = 160, height = 160;
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#dbdbdb';
    pen.fillRect(0, 0, width, height);
    pen.drawImage(source, 0, 0, width, height);
    const { data } = pen.getImageData(0, 0, width, height);
    let drawn = 0, sum = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - 219) + Math.abs(data[i + 1] - 219) + Math.abs(data[i + 2] - 219) > 40) drawn++;
      sum = (sum * 31 + data[i] + 7 * data[i + 1] + 13 * data[i + 2]) % 2147483647;
    }
    return { share: drawn / (width * height), sum };
  }, selector);
}
