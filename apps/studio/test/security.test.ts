/** What the server must refuse. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { safeFileName } from '../server/uploads.ts';
import { openTestStudio } from './studio-kit.ts';

/** A request whose path and headers are sent as they are; fetch would clean them. */
function rawGet(
  base: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    request({ hostname, port, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    })
      .on('error', reject)
      .end();
  });
}

test('no address leads out of the folders that are served', async (t) => {
  const studio = await openTestStudio(t);
  writeFileSync(join(studio.home, 'secret.txt'), 'do not serve');
  const runId = await studio.start('estimate', { points: 400 });
  await studio.finished(runId);
  const artifact = await rawGet(studio.base, `/api/runs/${runId}/artifacts/parts.csv`);
  assert.equal(artifact.status, 200, 'the file of the run itself is served');
  for (const path of [
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/assets/../../server/index.ts',
    '/assets/..%2f..%2f..%2fserver%2findex.ts',
    '//etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    `/api/runs/${runId}/artifacts/../../../secret.txt`,
    `/api/runs/${runId}/artifacts/..%2f..%2fsecret.txt`,
    `/api/runs/${runId}/artifacts/%2e%2e/%2e%2e/secret.txt`,
    `/api/runs/..%2f..%2fsecret.txt`,
    '/api/runs/../../secret.txt',
  ]) {
    const { status, text } = await rawGet(studio.base, path);
    assert.ok(status >= 400 || (status === 200 && text.includes('<div id="root">')), `${path} gives ${status}`);
    assert.doesNotMatch(text, /do not serve|root:|"workspaces"|startStudio/, path);
  }
});

test('an upload over the limit is refused and leaves nothing behind, with or without a stated length', async (t) => {
  const studio = await openTestStudio(t, { maxUploadBytes: 1000 });
  const stated = await studio.call('/api/uploads?name=a.bin', { method: 'POST', body: new Uint8Array(1001) });
  assert.equal(stated.status, 413);
  assert.equal(
    stated.body.error.message,
    'upload: "a.bin" to have at most 1000 B, got more. Name a file on this machine instead. TF-STUDIO-004',
  );
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let chunk = 0; chunk < 5; chunk++) controller.enqueue(new Uint8Array(400));
      controller.close();
    },
  });
  const unstated = await studio.call('/api/uploads?name=b.bin', {
    method: 'POST',
    body: chunks,
    duplex: 'half',
  } as RequestInit);
  assert.equal(unstated.status, 413);
  const folder = join(studio.home, 'uploads');
  assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
  const fits = await studio.call('/api/uploads?name=c.bin', { method: 'POST', body: new Uint8Array(1000) });
  assert.equal(fits.status, 201);
  assert.equal(fits.body.byteLength, 1000);
});

test('the name of an upload cannot leave its folder', async (t) => {
  for (const [given, safe] of [
    ['../../evil.sh', 'evil.sh'],
    ['..', 'file'],
    ['C:\\temp\\x.csv', 'x.csv'],
    ['.bashrc', 'bashrc'],
    ['a b\u0000c.npy', 'a_b_c.npy'],
    ['', 'file'],
  ] as const)
    assert.equal(safeFileName(given), safe);
  const studio = await openTestStudio(t);
  const { body } = await studio.call(`/api/uploads?name=${encodeURIComponent('../../../x.txt')}`, {
    method: 'POST',
    body: 'hello',
  });
  assert.ok(body.path.startsWith(join(studio.home, 'uploads')));
  const run = await studio.finished(await studio.start('estimate', { points: 400, notes: body.path }));
  assert.equal(run.status, 'done', 'an uploaded file can be given to a verb');
});

test('requests of other sites and under other host names are refused', async (t) => {
  const studio = await openTestStudio(t);
  const port = new URL(studio.base).port;
  for (const headers of [
    { host: `evil.example:${port}` },
    { host: 'localhost.evil.example' },
    { origin: 'http://evil.example' },
    { origin: `http://localhost:${Number(port) + 1}` },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  ] as Record<string, string>[]) {
    const { status, text } = await rawGet(studio.base, '/api/runs', headers);
    assert.equal(status, 403, JSON.stringify(headers));
    assert.match(text, /TF-STUDIO-001/);
  }
  const own = await rawGet(studio.base, '/api/runs', { origin: studio.base, 'sec-fetch-site': 'same-origin' });
  assert.equal(own.status, 200);
});

test('beyond this machine nothing is answered without the token', async (t) => {
  const studio = await openTestStudio(t, { host: '0.0.0.0' });
  assert.match(studio.token!, /^[0-9a-f]{32}$/);
  const base = `http://127.0.0.1:${new URL(studio.url).port}`;
  for (const path of ['/', '/api/rooms', '/api/runs', `/api/rooms?token=${'0'.repeat(32)}`, '/?token=']) {
    const { status, text } = await rawGet(base, path);
    assert.equal(status, 401, path);
    assert.match(text, /TF-STUDIO-002/);
  }
  assert.equal((await rawGet(base, '/api/rooms', { authorization: `Bearer ${studio.token}` })).status, 200);
  const welcome = await fetch(`${base}/runs?token=${studio.token}&q=x`, { redirect: 'manual' });
  assert.equal(welcome.status, 302);
  assert.equal(welcome.headers.get('location'), '/runs?q=x', 'the token leaves the address');
  assert.match(welcome.headers.get('set-cookie')!, /HttpOnly.*SameSite=Strict/i);
  const cookie = welcome.headers.get('set-cookie')!.split(';')[0]!;
  assert.equal((await rawGet(base, '/api/rooms', { cookie })).status, 200);
});

test('a shared studio keeps path params inside its folders, links followed', async (t) => {
  const studio = await openTestStudio(t, { host: '0.0.0.0' });
  const base = `http://127.0.0.1:${new URL(studio.url).port}`;
  mkdirSync(join(studio.home, 'uploads'), { recursive: true });
  symlinkSync('/etc', join(studio.home, 'uploads', 'link'));
  for (const notes of ['/etc/hostname', '../../etc/hostname', 'uploads/link/hostname']) {
    const response = await fetch(`${base}/api/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${studio.token}` },
      body: JSON.stringify({ system: 'pi-room', verb: 'estimate', params: { notes } }),
    });
    assert.equal(response.status, 403, notes);
    assert.match(await response.text(), /TF-STUDIO-008/);
  }
});

test('kept files are never run as pages of the studio', async (t) => {
  const studio = await openTestStudio(t);
  const runId = await studio.start('estimate', { points: 400 });
  await studio.finished(runId);
  await studio.store.putArtifact(runId, {
    name: 'x.html',
    mediaType: 'text/html',
    bytes: new TextEncoder().encode('<script>1</script>'),
  });
  const { response } = await studio.call(`/api/runs/${runId}/artifacts/x.html`);
  assert.equal(response.headers.get('content-type'), 'application/octet-stream');
  assert.match(response.headers.get('content-security-policy')!, /^sandbox/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
});
