/** Prints a digest of the bits that eight ranks compute; the core-count test runs it with one core and with all. */
import { createHash } from 'node:crypto';
import { createMesh, launchRanks } from '../../src/ranks/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

const { results } = await launchRanks<Tensor>({
  mesh: createMesh({ dp: 8 }),
  module: new URL('./programs.ts', import.meta.url),
  entry: 'manySums',
  params: 50_021,
  timeoutMs: 60_000,
});
const digest = createHash('sha256');
for (const { data } of results) digest.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
console.log(digest.digest('hex'));
