/** `npm run pack [-- folder]`: the tarballs of all packages, as plain JavaScript with declarations. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packAll } from './src/pack/pack-all.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [named] = process.argv.slice(2);
const outFolder = named === undefined ? mkdtempSync(join(tmpdir(), 'tenfold-packages-')) : resolve(named);
const tarballs = await packAll(root, outFolder);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
for (const { name, packedBytes, unpackedBytes, numFiles } of tarballs)
  console.log(
    `${name.padEnd(24)} ${megabytes(packedBytes).padStart(9)}, ${megabytes(unpackedBytes).padStart(9)} unpacked, ${numFiles} files`,
  );
console.log(
  `\n${tarballs.length} packages in ${outFolder}\nInstall them: ONNXRUNTIME_NODE_INSTALL=skip npm install ${join(outFolder, '*.tgz')}`,
);
