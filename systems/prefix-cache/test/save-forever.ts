/** Saves snapshots of a changing cache until it is killed. */
import { createRng } from '@tenfold/core/base';
import { saveSnapshot } from '../src/cache/snapshot.ts';
import { CODECS, createTextCache, fillTextCache } from './text-cache.ts';

const path = process.argv[2]!;
const cache = createTextCache();
const rng = createRng(9, 'forever');
for (;;) {
  fillTextCache(cache, rng, 20);
  await saveSnapshot(cache, path, CODECS);
  process.stdout.write('.');
}
