/** The reference backend: rounding per dtype, states, constant folding, ranks in lockstep, errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRng } from '../../src/base/index.ts';
import { OP_NAMES, createGraphBuilder, foldConstants, tensorFromNumbers } from '../../src/graph/index.ts';
import type { Graph, GraphBuilder, GraphValue } from '../../src/graph/index.ts';
import {
  createReferenceBackend,
  evaluateNode,
  referenceBackend,
  runReference,
  runReferenceRanks,
} from '../../src/runtime/reference/index.ts';
import { REFERENCE_KERNELS } from '../../src/runtime/reference/kernel-table.ts';
import { erf } from '../../src/runtime/reference/kernels/special-functions.ts';
import { numbersFromTensor, roundToDtype } from '../../src/tensor/index.ts';
import type { Dtype, Tensor } from '../../src/tensor/index.ts';

const seed = Number(process.env['TENFOLD_TEST_SEED'] ?? process.hrtime()[1]);
console.log(`seed ${seed} (repeat with TENFOLD_TEST_SEED=${seed})`);

const numbersOf = (tensor: Tensor | undefined): number[] => Array.from(numbersFromTensor(tensor!));

/** Builds, runs and returns output `y` as numbers. */
function evaluate(
  build: (b: GraphBuilder) => GraphValue,
  feeds: Readonly<Record<string, Tensor>> = {},
  precision: 'dtype' | 'float64' = 'dtype',
): number[] {
  const b = createGraphBuilder('test');
  b.output(build(b), 'y');
  return numbersOf(runReference(b.finish(), feeds, { precision }).outputs['y']);
}

test('every op has a kernel or is a collective', () => {
  assert.deepEqual(Object.keys(REFERENCE_KERNELS).sort(), [...OP_NAMES].sort());
});

for (const dtype of ['float32', 'float16', 'bfloat16'] as const satisfies readonly Dtype[]) {
  test(`${dtype} results are the exact ones rounded once`, () => {
    const rng = createRng(seed, dtype);
    const [p, q] = [0, 1].map(() => Array.from({ length: 50 }, () => roundToDtype(dtype, rng.normal()))) as [
      number[],
      number[],
    ];
    const build = (b: GraphBuilder): GraphValue => b.mul(b.input('p', dtype, [50]), b.input('q', dtype, [50]));
    const feeds = { p: tensorFromNumbers(dtype, p), q: tensorFromNumbers(dtype, q) };
    assert.deepEqual(
      evaluate(build, feeds),
      p.map((value, i) => roundToDtype(dtype, value * q[i]!)),
    );
  });
}

test('sums accumulate in float64 and round once at the end', () => {
  // In f32 the small terms would vanish one by one beside 2²⁴.
  const terms = [2 ** 24, ...new Array<number>(64).fill(0.5)];
  const x = tensorFromNumbers('float32', terms);
  assert.deepEqual(
    evaluate((b) => b.reduceSum(b.input('x', 'float32', [65])), { x }),
    [2 ** 24 + 32],
  );
  const ones = tensorFromNumbers('float32', new Array<number>(65).fill(1), [65, 1]);
  assert.deepEqual(
    evaluate((b) => b.matMul(b.input('x', 'float32', [1, 65]), b.input('ones', 'float32', [65, 1])), {
      x: { ...x, shape: [1, 65] },
      ones,
    }),
    [2 ** 24 + 32],
  );
});

test('casts to float8 saturate by default and overflow when told so', () => {
  const x = tensorFromNumbers('float32', [1000, -1e9, 3.3, 0.001]);
  const cast = (to: Dtype, saturate: boolean): number[] =>
    evaluate((b) => b.cast(b.cast(b.input('x', 'float32', [4]), to, { saturate }), 'float32'), { x });
  assert.deepEqual(cast('float8e4m3fn', true), [448, -448, 3.25, 0.001953125]);
  assert.deepEqual(cast('float8e5m2', false), [1024, -Infinity, 3.5, 0.0009765625]);
  assert.ok(Number.isNaN(cast('float8e4m3fn', false)[0]));
});

test('float64 precision rounds nothing, whatever the dtype of a value', () => {
  const x: Tensor = { dtype: 'float64', shape: [2], data: Float64Array.of(1 / 3, 1e-300) };
  const build = (b: GraphBuilder): GraphValue => b.cast(b.mul(b.input('x', 'bfloat16', [2]), 1), 'float16');
  assert.deepEqual(evaluate(build, { x }, 'float64'), [1 / 3, 1e-300]);
});

test('integers divide towards zero, wrap and take the sign of the divisor in Mod', () => {
  const p = tensorFromNumbers('int32', [-7, 7, 2 ** 31 - 1]);
  const q = tensorFromNumbers('int32', [2, -2, 3]);
  const on = (f: (b: GraphBuilder, p: GraphValue, q: GraphValue) => GraphValue): number[] =>
    evaluate((b) => f(b, b.input('p', 'int32', [3]), b.input('q', 'int32', [3])), { p, q });
  assert.deepEqual(
    on((b, x, y) => b.div(x, y)),
    [-3, -3, 715827882],
  );
  assert.deepEqual(
    on((b, x, y) => b.mod(x, y)),
    [1, -1, 1],
  );
  assert.deepEqual(
    on((b, x, y) => b.mul(x, y)),
    [-14, -14, 2147483645],
  );
});

test('erf agrees with tabulated values to 1e-14', () => {
  // Abramowitz and Stegun, table 7.1 (more digits from the defining integral).
  const table: readonly [number, number][] = [
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
  ];
  for (const [x, expected] of table) {
    assert.ok(Math.abs(erf(x) - expected) < 1e-14, `${x}: ${erf(x)}`);
    assert.equal(erf(-x), -erf(x));
  }
});

test('states step from run to run and can be read and written', async () => {
  const b = createGraphBuilder('counter');
  const count = b.buffer('count', [2]);
  b.setNextState(count, b.add(count, b.input('step', 'float32', [2])));
  b.output(b.mul(count, 10), 'old');
  await using session = await referenceBackend.createSession(b.finish(), {
    count: tensorFromNumbers('float32', [1, 2]),
  });
  const step = tensorFromNumbers('float32', [1, 0.5]);
  assert.deepEqual(numbersOf((await session.run({ step }))['old']), [10, 20]);
  assert.deepEqual(numbersOf((await session.run({ step }))['old']), [20, 25]);
  assert.deepEqual(numbersOf(await session.readState('count')), [3, 3]);
  await session.writeState('count', tensorFromNumbers('float32', [7, 7]));
  assert.deepEqual(numbersOf((await session.run({ step }))['old']), [70, 70]);
});

test('a profile times every node once per run and starts anew when read', async () => {
  let now = 0;
  const b = createGraphBuilder('profile');
  b.output(b.exp(b.sin(b.input('x', 'float32', [3]))), 'y');
  const backend = createReferenceBackend({ clock: () => (now += 2) });
  await using session = await backend.createSession(b.finish(), {}, { isProfiled: true });
  await session.run({ x: tensorFromNumbers('float32', [1, 2, 3]) });
  await session.run({ x: tensorFromNumbers('float32', [1, 2, 3]) });
  assert.deepEqual(
    session.profile().map(({ op, totalMs, count }) => [op, totalMs, count]),
    [
      ['Sin', 4, 2],
      ['Exp', 4, 2],
    ],
  );
  assert.deepEqual(session.profile(), []);
});

test('evaluateNode folds constants', () => {
  const b = createGraphBuilder('fold');
  const c = b.add(b.constant(tensorFromNumbers('float32', [1, 2])), b.constant(tensorFromNumbers('float32', [3, 4])));
  b.output(b.mul(b.input('x', 'float32', [2]), c), 'y');
  const folded = foldConstants(b.finish(), evaluateNode);
  assert.deepEqual(
    folded.nodes.map((node) => node.op),
    ['Mul'],
  );
  const x = tensorFromNumbers('float32', [10, 100]);
  assert.deepEqual(numbersOf(runReference(folded, { x }).outputs['y']), [40, 600]);
});

test('an index outside its axis is named with its node', () => {
  assert.throws(
    () =>
      evaluate((b) => b.op('Gather', [b.full([3], 1), b.input('i', 'int64', [1])], {}, { name: 'embed/rows' }), {
        i: { dtype: 'int64', shape: [1], data: BigInt64Array.of(3n) },
      }),
    { message: 'evaluateNode: Gather needs indices in [-3, 3), got 3 (node "embed/rows"). TF-REFERENCE-004' },
  );
});

const options = { groupSize: 2, group: 'pair' };

function exchangeGraph(build: (b: GraphBuilder, x: GraphValue) => GraphValue): Graph {
  const b = createGraphBuilder('rank');
  b.output(build(b, b.input('x', 'float32', [2])), 'y');
  return b.finish();
}
const feedsOf = (...rows: number[][]) => rows.map((row) => ({ x: tensorFromNumbers('float32', row) }));

test('collectives of two groups of a mesh axis run side by side', () => {
  const graphs = Array.from({ length: 4 }, () => exchangeGraph((b, x) => b.allReduce(x, options)));
  const results = runReferenceRanks(graphs, feedsOf([1, 2], [3, 4], [5, 6], [7, 8]), {
    groups: {
      pair: [
        [0, 2],
        [1, 3],
      ],
    },
  });
  assert.deepEqual(
    results.map(({ outputs }) => numbersOf(outputs['y'])),
    [
      [6, 8],
      [10, 12],
      [6, 8],
      [10, 12],
    ],
  );
});

test('Send and Recv carry a tensor along a pipeline', () => {
  const first = exchangeGraph((b, x) => {
    const h = b.mul(x, 10);
    b.send(h, 1, options);
    return h;
  });
  const second = exchangeGraph((b, x) => b.add(x, b.recv(0, [2], options)));
  const results = runReferenceRanks([first, second], feedsOf([1, 2], [3, 4]));
  assert.deepEqual(numbersOf(results[1]!.outputs['y']), [13, 24]);
});

test('a rank at a Recv of a group is not yet at the collective that another rank of it waits at', () => {
  const first = exchangeGraph((b, x) => {
    b.send(x, 1, options);
    return b.allReduce(x, options);
  });
  const second = exchangeGraph((b, x) => b.allReduce(b.add(x, b.recv(0, [2], options)), options));
  for (const graphs of [
    [first, second],
    [
      exchangeGraph((b, x) => b.allReduce(b.add(x, b.recv(1, [2], options)), options)),
      exchangeGraph((b, x) => {
        b.send(x, 0, options);
        return b.allReduce(x, options);
      }),
    ],
  ]) {
    const results = runReferenceRanks(graphs, feedsOf([1, 2], [3, 4]));
    // One rank holds its own pair, the other its own plus the received one; both end with the sum of the two.
    const [own, received] =
      graphs[0] === first
        ? [
            [1, 2],
            [4, 6],
          ]
        : [
            [3, 4],
            [4, 6],
          ];
    assert.deepEqual(numbersOf(results[1]!.outputs['y']), [own[0]! + received[0]!, own[1]! + received[1]!]);
  }
});

test('ranks that reach different collectives, or wait for ever, are named', () => {
  const graphs = [
    exchangeGraph((b, x) => b.allReduce(x, options)),
    exchangeGraph((b, x) => b.allGather(x, 0, options)),
  ];
  assert.throws(() => runReferenceRanks(graphs, feedsOf([1, 2], [3, 4])), {
    message:
      'runReferenceRanks: rank 1 at AllReduce like rank 0 (node "AllReduce"), got AllGather (node "AllGather"). TF-REFERENCE-003',
  });
  const lonely = [exchangeGraph((b, x) => b.allReduce(x, options)), exchangeGraph((b, x) => b.exp(x))];
  assert.throws(() => runReferenceRanks(lonely, feedsOf([1, 2], [3, 4])), {
    message:
      'runReferenceRanks: every rank of a group to reach the same collective, got rank 0 at "AllReduce" waiting for ever. TF-REFERENCE-003',
  });
});

test('a session of one rank refuses collectives', async () => {
  const graph = exchangeGraph((b, x) => b.allReduce(x, options));
  await assert.rejects(referenceBackend.createSession(graph, {}), { code: 'TF-RUN-009' });
});
