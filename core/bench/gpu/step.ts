/** The transformer training step on WebGPU: milliseconds per step, losses, placements, and where the time goes.
 *  Usage: node core/bench/gpu/step.ts small|large|tiny float32|float16 [steps] [profile] [unfused] [cpu] */
import { createSmallTransformer, LARGE, SMALL } from '../spine.transformer.ts';

const TINY = { vocabulary: 64, width: 32, layers: 2, heads: 2, batch: 2, length: 16 };
const [which = 'small', dtype = 'float32', steps = '20', ...flags] = process.argv.slice(2);
const size = { small: SMALL, large: LARGE, tiny: TINY }[which as 'small'];
const isProfiled = flags.includes('profile');
const backend = flags.includes('cpu') ? 'cpu' : 'webgpu';
const created = performance.now();
const { trainer, step } = await createSmallTransformer({
  size,
  backend,
  computeDtype: dtype as 'float32',
  session: { isProfiled, fusesKernels: !flags.includes('unfused') },
});
const createSec = (performance.now() - created) / 1e3;
const losses: number[] = [];
const times: number[] = [];
for (let i = 0; i < Number(steps); i++) {
  const start = performance.now();
  losses.push(await step());
  times.push(performance.now() - start);
}
const warm = times.slice(3).toSorted((a, b) => a - b);
console.log(
  JSON.stringify({
    which,
    dtype,
    backend,
    parameters: trainer.parameterCount,
    nodes: trainer.trainStep.graph.nodes.length,
    createSec: Number(createSec.toFixed(2)),
    firstMs: Number(times[0].toFixed(1)),
    medianMs: Number(warm[warm.length >> 1].toFixed(2)),
    minMs: Number(warm[0].toFixed(2)),
    firstLoss: losses[0],
    lastLoss: losses.at(-1),
    placements: [...new Set(trainer.session.placements().values())],
  }),
);
if (isProfiled) {
  const timings = trainer.session.profile();
  const byOp = Map.groupBy(timings, ({ op }) => op);
  const rows = [...byOp].map(([op, entries]) => ({
    op,
    ms: entries.reduce((sum, { totalMs }) => sum + totalMs, 0) / Number(steps),
    count: entries.reduce((sum, { count }) => sum + count, 0) / Number(steps),
  }));
  for (const { op, ms, count } of rows.toSorted((a, b) => b.ms - a.ms).slice(0, 16)) {
    console.log(`  ${op}: ${ms.toFixed(3)} ms in ${count.toFixed(0)} calls`);
  }
  for (const { op, node, totalMs } of timings.slice(0, 24))
    console.log(`    ${(totalMs / Number(steps)).toFixed(3)} ms ${op} ${node}`);
}
await trainer.dispose();
