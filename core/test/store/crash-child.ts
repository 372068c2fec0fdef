/** Started by sqlite-store.test.ts and killed in the middle of its work: writes metrics and artifacts without end. */
import { openSqliteStore } from '../../src/store/index.ts';

const store = openSqliteStore({ folder: process.argv[2]!, clock: { nowMs: () => Date.now() } });
const run = await store.createRun({ system: 'toy', verb: 'add', params: { n: 1 }, seed: 0 });
await store.startRun(run.id, 'child');
for (let step = 0; ; step++) {
  await store.appendMetrics(run.id, [
    { name: 'loss', step, value: 1 / (step + 1), atMs: step },
    { name: 'twin', step, value: step, atMs: step },
  ]);
  await store.putArtifact(run.id, {
    name: 'state.bin',
    mediaType: 'application/octet-stream',
    bytes: new Uint8Array(65536).fill(step),
  });
  if (step === 5) process.stdout.write(`${run.id}\n`);
}
