/** A trace of 20 GB that is never stored: shards of two runs are generated while they are read, compared, and judged.
 *  Prints time, throughput and the largest resident set.
 *
 *      node scripts/large-trace.ts [gigabytes of each run, default 20] */
import { checkTrace, lowerPlacements } from '../src/index.ts';
import { gatherRun, type Shard } from '../src/trace/trace-run.ts';
import type { RunInfo, TensorEntry } from '../src/types.ts';

const gigabytes = Number(process.argv[2] ?? 20);
/** One tensor of a gigabyte of f32: 16,384 by 16,384. */
const GLOBAL = [16_384, 16_384];
const BYTES = GLOBAL[0] * GLOBAL[1] * 4;
const PERIOD = 1 << 20;

/** Values of a shard by local index, from a table that is long against the stretches that are read. */
const table = Float32Array.from({ length: PERIOD }, (_, i) => Math.sin(i * 12.9898) * 43.758);
const shifted = table.map((value, i) => value * (1 + 1e-7 * (i % 7)));

function run(numRanks: number, values: Float32Array) {
  const info: RunInfo = {
    format: 'tenfold-trace/1',
    role: numRanks === 1 ? 'reference' : 'candidate',
    world: numRanks,
    mesh: { axes: [{ name: 'tp', size: numRanks }] },
    precision: 'float32',
    lossFactor: 1,
    level: 'full',
  };
  const numTensors = Math.max(1, Math.round((gigabytes * 1e9) / BYTES));
  const ranks = Array.from({ length: numRanks }, (_, rank) => ({
    rank,
    entries: Array.from({ length: numTensors }, (__, t): TensorEntry => {
      const { boxes, local } = lowerPlacements(GLOBAL, [
        { axis: 'tp', index: rank, size: numRanks, placement: { kind: 'S', dim: 0 } },
      ]);
      const id = `it0/mb0/out/decoder.layers.${t}.mlp`;
      return { id, file: '', key: id, dtype: 'F32', local, global: GLOBAL, boxes, seq: t };
    }),
  }));
  const readerOf = (_rank: number, entry: TensorEntry): Pick<Shard, 'read'> => {
    const offset = entry.boxes[0].g[0] * GLOBAL[1];
    return {
      read(start, count, target, at) {
        for (let done = 0; done < count;) {
          const from = (offset + start + done) % PERIOD;
          const part = Math.min(count - done, PERIOD - from);
          target.set(values.subarray(from, from + part), at + done);
          done += part;
        }
      },
    };
  };
  return { trace: gatherRun('generated', info, ranks, readerOf, () => {}), bytes: numTensors * BYTES };
}

const [reference, candidate] = [run(1, table), run(4, shifted)];
const started = performance.now();
const { text } = checkTrace({ reference: reference.trace, candidate: candidate.trace });
const seconds = (performance.now() - started) / 1000;
const read = (reference.bytes + candidate.bytes) / 1e9;
process.stdout.write(
  `${(candidate.bytes / 1e9).toFixed(1)} GB per run, ${text} ${seconds.toFixed(1)} s, ${(read / seconds).toFixed(2)} GB/s, ` +
    `largest resident set ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB\n`,
);
