/** Schedule: one million operations simulated; reading a Chrome trace against JSON.parse of the same text. */
import {
  chromeTraceText,
  createProgramBuilder,
  readChromeTrace,
  simulate,
  traceFromSimulation,
  type Program,
  type QueuePolicy,
  type SimulateOptions,
} from '../src/schedule/index.ts';
import type { BenchRow } from '../src/report/index.ts';
import { sideBySide } from './side-by-side.ts';

const NUM_OPS = 1_000_000;
const NUM_LANES = 16;
const NUM_TRACE_OPS = 170_000;

export async function bench(): Promise<BenchRow[]> {
  const program = chainedProgram(NUM_OPS, 'in-order');
  return [
    row('in-order queues', program),
    row('first-in-first-out queues', chainedProgram(NUM_OPS, 'fifo')),
    row('in-order queues with interference', program, {
      interference: [{ victim: 'compute', aggressor: 'communication', factor: 1.13 }],
    }),
    await benchTrace(),
  ];
}

function row(what: string, program: Program, options?: SimulateOptions): BenchRow {
  simulate(chainedProgram(NUM_OPS / 10, 'in-order'), options);
  const startMs = performance.now();
  const { makespanMs } = simulate(program, options);
  const ours = performance.now() - startMs;
  if (!(makespanMs > 0)) throw new Error('the result must be used');
  return {
    name: `1 M operations simulated, ${what}`,
    ours,
    peer: NaN,
    unit: 'ms',
    ratio: NaN,
    note: 'no peer; 2 s are allowed',
  };
}

async function benchTrace(): Promise<BenchRow> {
  const text = chromeTraceText(traceFromSimulation(simulate(chainedProgram(NUM_TRACE_OPS, 'in-order', false))));
  const bytes = new TextEncoder().encode(text);
  return sideBySide({
    name: `Chrome trace of ${(bytes.length / 1e6).toFixed(0)} MB to columns`,
    work: bytes.length / 1e6,
    unit: 'MB/s',
    ours: () => readChromeTrace(bytes),
    peer: () => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
    note: 'peer: JSON.parse alone',
  });
}

function chainedProgram(numOps: number, policy: QueuePolicy, hasDependencies = true): Program {
  const builder = createProgramBuilder();
  const lanes = Array.from({ length: NUM_LANES }, (_, lane) =>
    builder.addResource({
      name: `lane ${lane}`,
      device: `device ${lane >> 1}`,
      kind: lane % 2 ? 'communication' : 'compute',
      policy,
    }),
  );
  for (let op = 0; op < numOps; op++) {
    const before = op - NUM_LANES - ((op * 31) % 3 ? 0 : 1);
    builder.addOp({
      name: `layers.${op % 96}.mlp`,
      category: 'forward',
      on: lanes[op % NUM_LANES]!,
      durationMs: 1 + ((op * 7919) % 13),
      ...(hasDependencies && before >= 0 ? { after: [before] } : {}),
    });
  }
  return builder.build();
}
