import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  censusOfLayers,
  globalMicroBatch,
  layersOfStages,
  lowerPlacements,
  memoryRun,
  parsePlacement,
} from '../src/index.ts';
import { mergeWhole } from '../src/check/merge.ts';
import { runsOfBox } from '../src/trace/box-runs.ts';
import { boxesOfLocalRange, type AxisPlacement, type Lowered } from '../src/trace/placement.ts';
import { traceOf, type HeldTensor } from './made-traces.ts';

const axis = (name: string, index: number, size: number, text: string): AxisPlacement => ({
  axis: name,
  index,
  size,
  placement: parsePlacement(text),
});

/** Local data of a logical tensor whose element i is i + 1. */
function slice({ boxes, local, flat }: Lowered, global: readonly number[]): Float32Array {
  const numel = global.reduce((a, b) => a * b, 1);
  const data = new Float32Array(local.reduce((a, b) => a * b, 1));
  for (const box of boxes) {
    const { starts, locals, length } = runsOfBox(box, flat ? [numel] : global, local);
    for (let r = 0; r < starts.length; r++) for (let i = 0; i < length; i++) data[locals[r] + i] = starts[r] + i + 1;
  }
  return data;
}

test('shards of any nested placement merge into the tensor they came from', () => {
  const sizes = fc.record({
    tp: fc.constantFrom(1, 2, 4, 8),
    cp: fc.constantFrom(1, 2, 4),
    dp: fc.constantFrom(1, 2, 4),
    kind: fc.constantFrom('sequence', 'columns', 'gated', 'rows', 'flat', 'qkv', 'shared'),
    extra: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(sizes, ({ tp, cp, dp, kind, extra }) => {
      const sequence = 2 * cp * tp * extra;
      const shapes = {
        sequence: { global: [sequence, extra, 3], place: { cp: 'Z(0)', tp: 'S(0)' } },
        columns: { global: [sequence, 2, tp * 3], place: { cp: 'Z(0)', tp: 'S(2)' } },
        gated: { global: [2 * tp * extra, 5], place: { tp: 'G(0,2)' } },
        rows: { global: [extra, tp * 4], place: { tp: 'S(1)' } },
        flat: { global: [tp * 2, 2 * extra + 1], place: { tp: 'S(0)', dp: 'F' } },
        qkv: { global: [8 * 4 * 2, extra], place: { tp: 'S(0)' } },
        shared: { global: [8, extra], place: { tp: tp >= 4 ? 'S(0,2)' : 'S(0)' } },
      } as const;
      const { global, place } = shapes[kind];
      const mesh = { tp, cp, dp };
      const held: HeldTensor[] = [];
      for (let rank = 0; rank < tp * cp * dp; rank++) {
        const coords = { tp: rank % tp, cp: Math.floor(rank / tp) % cp, dp: Math.floor(rank / (tp * cp)) };
        const axes = Object.entries(place).map(([name, text]) =>
          axis(name, coords[name as 'tp'], mesh[name as 'tp'], text),
        );
        const lowered = lowerPlacements(global, axes);
        held.push({ rank, id: 'it0/out/x', global, lowered, data: slice(lowered, global) });
      }
      const run = traceOf({ axes: mesh, held });
      const { data, merger } = mergeWhole(run.tensors.get('it0/out/x')!);
      assert.equal(merger.numUncovered(), 0);
      assert.equal(merger.replica(), undefined);
      assert.deepEqual(
        data,
        Float32Array.from(data, (_, i) => i + 1),
      );
    }),
    { numRuns: 2000 },
  );
});

test('zigzag over two ranks gives rank 0 the ends and rank 1 the middle', () => {
  const rows = (index: number) =>
    lowerPlacements([16], [axis('cp', index, 2, 'Z(0)')]).boxes.map(({ g, n }) => [g[0], g[0] + n[0]]);
  assert.deepEqual(rows(0), [
    [0, 4],
    [12, 16],
  ]);
  assert.deepEqual(rows(1), [[4, 12]]);
});

test('a gated projection has two boxes a shard, not one contiguous one', () => {
  const { boxes } = lowerPlacements([8, 3], [axis('tp', 1, 2, 'G(0,2)')]);
  assert.deepEqual(
    boxes.map(({ g, n, l }) => [g[0], n[0], l[0]]),
    [
      [2, 2, 0],
      [6, 2, 2],
    ],
  );
});

test('vocabulary padding is in no box', () => {
  const lowered = lowerPlacements([10, 2], [axis('tp', 1, 2, 'S(0)')], [16, 2]);
  assert.deepEqual(lowered.local, [8, 2]);
  assert.deepEqual(lowered.boxes, [{ g: [8, 0], n: [2, 2], l: [0, 0] }]);
});

test('a flat range of a column shard is cut at its rows', () => {
  const { boxes, local } = lowerPlacements([4, 4], [axis('tp', 1, 2, 'S(1)')]);
  const flat = boxesOfLocalRange(boxes, local, [4, 4], 3, 6);
  assert.deepEqual(flat.boxes, [
    { g: [7], n: [1], l: [0] },
    { g: [10], n: [2], l: [1] },
  ]);
});

test('keys of two query groups are shared by neighbouring ranks', () => {
  const rows = [0, 1, 2, 3].map((rank) => lowerPlacements([8, 2], [axis('tp', rank, 4, 'S(0,2)')]).boxes[0].g[0]);
  assert.deepEqual(rows, [0, 0, 4, 4]);
  assert.throws(
    () => lowerPlacements([9, 2], [axis('tp', 0, 4, 'S(0,3)')]),
    /axis "tp" divides, got 4 ranks that share 3 parts\. TF-TRACE-015/,
  );
});

test('an uneven split names the axis', () => {
  assert.throws(
    () => lowerPlacements([5], [axis('tp', 0, 2, 'S(0)')]),
    /lowerPlacements: a size that axis "tp" divides, got 5 elements in 2 pieces\. TF-TRACE-015/,
  );
});

test('virtual stages interleave layers', () => {
  assert.deepEqual(layersOfStages({ numLayers: 8, numStages: 2, numChunks: 4 })[0].flat(), [0, 2, 4, 6]);
  assert.deepEqual(
    layersOfStages({ numLayers: 6, numStages: 4, firstStage: 1, lastStage: 1 }).map((c) => c.flat().length),
    [1, 2, 2, 1],
  );
  assert.deepEqual(
    layersOfStages({ numLayers: 6, numStages: 4, countsEmbedding: true, countsLoss: true }).map((c) => c.flat().length),
    [1, 2, 2, 1],
  );
  assert.deepEqual(
    layersOfStages({ numLayers: 5, numStages: 3, layout: 'Et|(tt|)*1ttL' }).map((c) => c.flat()),
    [[0], [1, 2], [3, 4]],
  );
  assert.throws(() => layersOfStages({ numLayers: 30, numStages: 4 }), /TF-TRACE-015/);
});

test('the census names missing and doubled layers', () => {
  assert.deepEqual(censusOfLayers([0, 1, 1, 3], 5), { missing: [2, 4], doubled: [1] });
  assert.equal(globalMicroBatch(3, 1, 2), 7);
});

test('an uncovered element counts as missing, not as zero', () => {
  const lowered = lowerPlacements([4], [axis('tp', 0, 2, 'S(0)')]);
  const run = traceOf({
    axes: { tp: 2 },
    held: [{ rank: 0, id: 'it0/out/x', global: [4], lowered, data: Float32Array.of(1, 2) }],
  });
  assert.equal(mergeWhole(run.tensors.get('it0/out/x')!).merger.numUncovered(), 2);
  assert.equal(memoryRun('empty', run.info, []).tensors.size, 0);
});
