/** One audit of a file of probabilities, in a process of its own, so that its memory can be measured.
 *  node stream-once.ts probs.npy labels.npy → JSON line: processor and wall seconds of the audit, bytes by which the process grew, flags. */
import { existsSync, readFileSync } from 'node:fs';
import { readNpy } from '@tenfold/core/data';
import { auditPasses, openProbabilities, runOverSource } from '../src/index.ts';

const [probs = '', labelFile = ''] = process.argv.slice(2);
const before = process.memoryUsage().rss;
const start = process.cpuUsage();
const startMs = performance.now();
const labels = (await readNpy(labelFile)).data as Int32Array;
await using source = await openProbabilities(probs);
const result = await runOverSource(auditPasses(labels, source.numClasses), source);
const { user, system } = process.cpuUsage(start);
const seconds = (user + system) / 1e6;
const wallSeconds = (performance.now() - startMs) / 1000;
const grownBytes = peakBytes() - before;
console.log(
  JSON.stringify({ seconds, wallSeconds, grownBytes, numFlagged: result.ranked.length, rule: result.repairRule }),
);

/** Largest memory of this program. On Linux `maxRSS` also counts the parent from before the program was loaded. */
function peakBytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kib = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
  return kib * 1024;
}
