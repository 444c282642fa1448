// Opens a GLB in three.js inside headless Chromium and prints what the page found, as JSON.
// Arguments: the GLB, the browser's executable, the file with the JSON that the page's function takes, and the page's script.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const [glb, executablePath, wanted, script] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">{"imports": {
  "three": "/three/build/three.module.js", "three/addons/": "/three/examples/jsm/"}}</script>
  <body><script type="module" src="/${script}"></script>`;

const send = (response, type, body) => { response.setHeader('content-type', type); response.end(body); };
const server = createServer((request, response) => {
  const path = normalize(request.url);
  if (path === '/') send(response, 'text/html', html);
  else if (path === '/model.glb') send(response, 'model/gltf-binary', readFileSync(glb));
  else if (path === `/${script}`) send(response, 'text/javascript', readFileSync(join(here, path)));
  else if (path.startsWith('/three/')) send(response, 'text/javascript', readFileSync(join(here, 'node_modules', path)));
  else { response.statusCode = 404; response.end(); }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const profile = mkdtempSync(join(tmpdir(), 'clipmatrix-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader'],
});
try {
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.text().startsWith('THREE.')) complaints.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.isReady === true');
  const found = await page.evaluate((asked) => window.inspect(asked), JSON.parse(readFileSync(wanted, 'utf8')));
  process.stdout.write(JSON.stringify({ ...found, complaints }));
} finally {
  await context.close();
  server.close();
  rmSync(profile, { recursive: true, force: true });
}
