/** `npm run pack-offline [-- folder]`: one archive of Node, dependencies and product for machines without network. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createOfflineArchive } from './src/pack/offline-archive.ts';
import { packAll } from './src/pack/pack-all.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [named] = process.argv.slice(2);
const outFolder = named === undefined ? mkdtempSync(join(tmpdir(), 'tenfold-archive-')) : resolve(named);
const packages = mkdtempSync(join(tmpdir(), 'tenfold-packages-'));
try {
  const tarballs = await packAll(root, packages);
  const { path, packedBytes, unpackedBytes, numFiles } = createOfflineArchive(tarballs, root, outFolder);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`${path}: ${megabytes(packedBytes)}, ${megabytes(unpackedBytes)} unpacked, ${numFiles} files`);
  console.log('On the other machine: tar -xzf the archive, then ./tenfold/tenfold tour');
} finally {
  rmSync(packages, { recursive: true, force: true });
}
