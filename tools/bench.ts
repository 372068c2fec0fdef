/** `npm run bench [-- name…] [--write]`: side-by-side benches. Every `bench/*.bench.ts` exports `bench(): Promise<BenchRow[]>`;
 *  ours and the peer are measured in the same run. `--write` puts the tables into docs/benchmarks.md. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchRow } from '../core/src/report/index.ts';
import { createBenchTable, replaceBenchSection } from './src/bench-table.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isWriting = process.argv.includes('--write');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

const files = globSync('{core,ui,systems/*,apps/*}/bench/**/*.bench.ts', { cwd: root })
  .filter((file) => !file.includes('node_modules'))
  .filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)))
  .toSorted();
if (files.length === 0) {
  console.error(`bench: expected a bench file whose path contains ${wanted.join(' or ')}, got none.`);
  process.exit(2);
}
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
console.log(machine);
let failures = 0;
for (const file of files) {
  const name = `${file.split('/bench/')[0]} · ${basename(file, '.bench.ts')}`;
  try {
    const { bench } = (await import(join(root, file))) as { bench: () => Promise<BenchRow[]> };
    const table = createBenchTable(await bench());
    console.log(`\n${name}\n${table}`);
    if (isWriting) writeSection(name, table);
  } catch (cause) {
    failures++;
    console.error(`\n${name}: failed: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;

function writeSection(name: string, table: string): void {
  const path = join(root, 'docs/benchmarks.md');
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    path,
    replaceBenchSection(readFileSync(path, 'utf8'), {
      name,
      note: `${date}, ${machine}, \`npm run bench -- ${name.split(' · ')[1]}\``,
      table,
    }),
  );
}
