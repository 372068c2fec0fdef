import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { coordsOfRank, createMesh, openRankPool, ranksOfGroup, type Mesh } from '../../src/ranks/index.ts';
import { numel, type Dtype, type Tensor } from '../../src/tensor/index.ts';
import {
  concatElements,
  inputOf,
  inputShape,
  numbersOf,
  reducedElement,
  sliceElements,
  splitSize,
  type CollectiveCase,
} from './cases.ts';

const pool = openRankPool();
after(() => pool.close());
const module = new URL('./programs.ts', import.meta.url);

const meshes: readonly Mesh[] = [
  createMesh({ tp: 1 }),
  createMesh({ tp: 2 }),
  createMesh({ tp: 3 }),
  createMesh({ tp: 2, dp: 2 }),
  createMesh({ tp: 2, dp: 3 }, { order: 'dp-tp' }),
  createMesh({ tp: 2, dp: 2, pp: 2 }),
];

const cases = (mesh: Mesh) =>
  fc
    .record({
      seed: fc.nat(1e6),
      call: fc.constantFrom<CollectiveCase['call']>(
        'allReduce',
        'allReduce',
        'reduceScatter',
        'allGather',
        'broadcast',
        'allToAll',
        'allToAllSplits',
        'ringShift',
      ),
      axes: fc.subarray(
        mesh.axes.map(({ name }) => name),
        { minLength: 1 },
      ),
      dtype: fc.constantFrom<Dtype>('float32', 'float32', 'float64', 'bfloat16', 'float16', 'int32', 'int64'),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 }),
      axis: fc.nat(2),
      concatAxis: fc.nat(2),
      reduction: fc.constantFrom<CollectiveCase['reduction']>('sum', 'sum', 'mean', 'max', 'min'),
      algorithm: fc.constantFrom<CollectiveCase['algorithm']>('ring', 'tree', 'rank-order'),
      isBf16OnWire: fc.boolean(),
    })
    .map(({ isBf16OnWire, ...rest }): CollectiveCase => ({
      ...rest,
      axis: rest.axis % rest.shape.length,
      concatAxis: rest.concatAxis % rest.shape.length,
      wire: isBf16OnWire && rest.dtype === 'float32' ? 'bfloat16' : 'float32',
    }));

const launches = fc.nat(meshes.length - 1).chain((index) =>
  fc.record({
    mesh: fc.constant(meshes[index]!),
    list: fc.array(cases(meshes[index]!), { minLength: 1, maxLength: 8 }),
  }),
);

test('every collective equals its definition for random meshes, groups, sizes, dtypes and orders', async () => {
  await fc.assert(
    fc.asyncProperty(launches, async ({ mesh, list }) => {
      const { results } = await pool.launch<Tensor[]>({
        mesh,
        module,
        entry: 'runCases',
        params: list,
        timeoutMs: 20_000,
      });
      for (let rank = 0; rank < mesh.numRanks; rank++) {
        list.forEach((each, index) => {
          const members = ranksOfGroup(mesh, rank, each.axes);
          assert.deepEqual(numbersOf(results[rank]![index]!), expected(each, members, rank), JSON.stringify(each));
        });
      }
    }),
    { numRuns: 150, endOnFailure: true },
  );
});

/** What the collective is, element by element, in the documented order of additions. */
function expected(each: CollectiveCase, members: readonly number[], rank: number): number[] {
  const n = members.length;
  const position = members.indexOf(rank);
  const shape = inputShape(each, n);
  const inputs = members.map((member) => numbersOf(inputOf(each, member, shape)));
  const chunkOf = (index: number, length: number): number => {
    let chunk = 0;
    while (Math.floor(((chunk + 1) * length) / n) <= index) chunk++;
    return chunk;
  };
  switch (each.call) {
    case 'allReduce':
      return inputs[0]!.map((_, i) =>
        reducedElement(
          each,
          inputs.map((values) => values[i]!),
          chunkOf(i, inputs[0]!.length),
        ),
      );
    case 'reduceScatter': {
      const size = each.shape[each.axis]!;
      const parts = inputs.map((values) =>
        sliceElements(values, shape, each.axis, position * size, (position + 1) * size),
      );
      return parts[0]!.map((_, i) =>
        reducedElement(
          each,
          parts.map((values) => values[i]!),
          position,
        ),
      );
    }
    case 'allGather':
      return concatElements(
        inputs.map((values) => ({ values, shape })),
        each.axis,
      );
    case 'broadcast':
      return inputs[each.seed % n]!;
    case 'allToAll': {
      const size = each.shape[each.axis]!;
      const blocks = inputs.map((values) => ({
        values: sliceElements(values, shape, each.axis, position * size, (position + 1) * size),
        shape: each.shape,
      }));
      return concatElements(blocks, each.concatAxis);
    }
    case 'allToAllSplits':
      return members.flatMap((member, from) => {
        const sizes = members.map((_, to) => splitSize(each, from, to));
        const rows = sizes.reduce((sum, size) => sum + size, 0);
        const row = numel(each.shape.slice(1));
        const start = sizes.slice(0, position).reduce((sum, size) => sum + size, 0);
        const values = numbersOf(inputOf(each, member, [rows, ...each.shape.slice(1)]));
        return values.slice(start * row, (start + sizes[position]!) * row);
      });
    case 'ringShift':
      return inputs[(position + n - 1) % n]!;
  }
}

test('the three summation orders differ in the last bits, and bf16 on the wire differs by more', async () => {
  const base: CollectiveCase = {
    seed: 5,
    call: 'allReduce',
    axes: ['tp'],
    dtype: 'float32',
    shape: [400],
    axis: 0,
    concatAxis: 0,
    reduction: 'sum',
    algorithm: 'ring',
    wire: 'float32',
  };
  const list = [
    base,
    { ...base, algorithm: 'tree' },
    { ...base, algorithm: 'rank-order' },
    { ...base, wire: 'bfloat16' },
  ];
  const mesh = createMesh({ tp: 7 });
  const { results } = await pool.launch<Tensor[]>({ mesh, module, entry: 'runCases', params: list });
  const [ring, tree, ordered, rough] = results[0]!.map(numbersOf);
  const largest = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
  for (const other of [tree!, ordered!]) {
    assert.ok(largest(ring!, other) > 0);
    assert.ok(largest(ring!, other) < 1e-5);
  }
  assert.ok(largest(ring!, rough!) > 1e-3 && largest(ring!, rough!) < 0.2);
  for (const rank of results) assert.deepEqual(rank.map(numbersOf), results[0]!.map(numbersOf));
});

test('chunks of many blocks are reduced like short ones, in every order', async () => {
  const mesh = createMesh({ tp: 3 });
  const list = (['ring', 'tree', 'rank-order'] as const).map((algorithm, i): CollectiveCase => ({
    seed: i,
    call: 'allReduce',
    axes: ['tp'],
    dtype: 'float32',
    shape: [30_011],
    axis: 0,
    concatAxis: 0,
    reduction: (['sum', 'mean', 'max'] as const)[i]!,
    algorithm,
    wire: 'float32',
  }));
  const { results } = await pool.launch<Tensor[]>({ mesh, module, entry: 'runCases', params: list });
  list.forEach((each, index) =>
    assert.deepEqual(numbersOf(results[1]![index]!), expected(each, [0, 1, 2], 1), each.algorithm),
  );
});

test('sixteen ranks give the same bits at every launch', async () => {
  const mesh = createMesh({ tp: 4, dp: 4 });
  const runs = [];
  for (let i = 0; i < 2; i++)
    runs.push(await pool.launch<Tensor>({ mesh, module, entry: 'manySums', params: 1003, timeoutMs: 60_000 }));
  const bits = runs.map(({ results }) =>
    results.map(({ data }) => Buffer.from(data.buffer as ArrayBuffer).toString('hex')),
  );
  assert.equal(new Set(bits.flat()).size, 1);
  assert.equal(coordsOfRank(mesh, 15)['dp'], 3);
});
