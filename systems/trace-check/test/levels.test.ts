/** Traces that keep less than all values, second runs of the reference, and what a targeted second trace should hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalAt } from '@tenfold/core/base';
import { checkInvariants, checkTrace, type RunInfo, type TensorEntry, type TraceRun } from '../src/index.ts';
import { compareRuns } from '../src/check/compare-runs.ts';
import { sketchLocal } from '../src/check/sketch.ts';
import { captureListOf } from '../src/check/capture-list.ts';
import { gatherRun } from '../src/trace/trace-run.ts';
import { infoOf, traceOf } from './made-traces.ts';

const N = 64;
const ID = 'it0/mb0/out/decoder.layers.0.mlp';
const x = Float32Array.from({ length: N }, (_, i) => normalAt(1, i));

interface Kept {
  readonly rank?: number;
  readonly id?: string;
  readonly data: Float32Array;
  readonly rows?: readonly [number, number];
  readonly hash?: string;
}

/** A trace that keeps norms and sums (and hashes) of [16, 4] tensors. */
function summaryRun(
  level: 'hash' | 'stats',
  axes: Readonly<Record<string, number>>,
  kept: readonly Kept[],
  info: Partial<RunInfo> = {},
): TraceRun {
  const full = infoOf(axes, { level, ...info });
  const entryOf = ({ id = ID, data, rows: [from, to] = [0, 16], hash = '' }: Kept, seq: number): TensorEntry => ({
    id,
    file: '',
    key: id,
    dtype: 'F32',
    local: [to - from, 4],
    global: [16, 4],
    boxes: [{ g: [from, 0], n: [to - from, 4], l: [0, 0] }],
    seq,
    norm2: data.reduce((sum, v) => sum + v * v, 0),
    sum: data.reduce((sum, v) => sum + v, 0),
    max: Math.max(...data.map(Math.abs)),
    hash,
  });
  const ranks = Array.from({ length: full.world }, (_, rank) => ({
    rank,
    entries: kept.filter((tensor) => (tensor.rank ?? 0) === rank).map(entryOf),
  }));
  return gatherRun(
    'kept',
    full,
    ranks,
    () => ({
      numStored: 0,
      read: () => assert.fail('there are no values to read'),
    }),
    () => {},
  );
}

test('norms and sums certify nothing, but show a difference that is larger than the tolerance', () => {
  const reference = summaryRun('stats', { tp: 1 }, [{ data: x }]);
  const rows = [...Array(16).keys()].flatMap((r) => [...x.subarray((15 - r) * 4, (16 - r) * 4)]);
  const permuted = checkTrace({
    reference,
    candidate: summaryRun('stats', { tp: 1 }, [{ data: Float32Array.from(rows) }]),
  });
  assert.equal(permuted.verdict, 'inconclusive');
  assert.match(permuted.findings[0].note!, /values were not recorded/);
  const doubled = checkTrace({ reference, candidate: summaryRun('stats', { tp: 1 }, [{ data: x.map((v) => 2 * v) }]) });
  assert.equal(doubled.verdict, 'divergence');
  assert.ok(Math.abs(doubled.findings[0].rel - 1) < 1e-12);
  const minus = checkTrace({ reference, candidate: summaryRun('stats', { tp: 1 }, [{ data: x.map((v) => v + 1) }]) });
  assert.equal(minus.verdict, 'divergence');
});

test('norms of shards add up to the norm of the whole', () => {
  const reference = summaryRun('stats', { tp: 1 }, [{ data: x }]);
  const half = (rank: number, factor = 1): Kept => ({
    rank,
    data: x.subarray(rank * 32, rank * 32 + 32).map((v) => factor * v),
    rows: [rank * 8, rank * 8 + 8],
  });
  const same = checkTrace({ reference, candidate: summaryRun('stats', { tp: 2 }, [half(0), half(1)]) });
  assert.ok(same.findings[0].rel < 1e-12);
  const missing = checkTrace({ reference, candidate: summaryRun('stats', { tp: 2 }, [half(0)]) });
  assert.match(missing.findings[0].note!, /32 of 64 elements are held by no rank/);
});

test('equal hashes prove equality, other hashes do not prove a bug', () => {
  const reference = summaryRun('hash', { tp: 1 }, [{ data: x, hash: 'aa' }]);
  const judged = (hash: string) =>
    checkTrace({ reference, candidate: summaryRun('hash', { tp: 1 }, [{ data: x, hash }]) });
  assert.equal(judged('aa').verdict, 'pass');
  assert.equal(judged('bb').verdict, 'inconclusive');
  const copies = summaryRun('hash', { dp: 2 }, [
    { id: 'it0/main_grad/w', rank: 0, data: x, hash: 'aa' },
    { id: 'it0/main_grad/w', rank: 1, data: x, hash: 'bb' },
  ]);
  assert.deepEqual(
    checkInvariants(copies).violations.map(({ rule }) => rule),
    ['replicas'],
  );
});

/** A trace that keeps sketches of a [16, 4] tensor over tp ranks. */
function sketchRun(data: Float32Array, sketchBuckets: number, tp = 1): TraceRun {
  const numRows = 16 / tp;
  return gatherRun(
    'sketches',
    infoOf({ tp }, { level: 'sketch', sketchBuckets }),
    Array.from({ length: tp }, (_, rank) => ({
      rank,
      entries: [
        {
          id: ID,
          file: 'sketches',
          key: ID,
          dtype: 'F64',
          local: [numRows, 4],
          global: [16, 4],
          boxes: [{ g: [rank * numRows, 0], n: [numRows, 4], l: [0, 0] }],
          seq: 0,
          norm2: 1,
        },
      ],
    })),
    (rank, entry) => {
      const own = data.subarray(rank * numRows * 4, (rank + 1) * numRows * 4);
      const sketch = Float32Array.from(sketchLocal(ID, { ...entry, flat: false }, own, sketchBuckets));
      return {
        numStored: sketchBuckets,
        read: (start, count, target, at) => target.set(sketch.subarray(start, start + count), at),
      };
    },
    () => {},
  );
}

test('stored sketches are folded to the size that is asked for, with the figures of a sketch of that size', () => {
  const y = x.map((v, i) => v + (i % 3 === 0 ? 0.1 : 0));
  const relOf = (reference: TraceRun, candidate: TraceRun, buckets?: number): number =>
    compareRuns(reference, candidate, { buckets }).get(ID)!.rel;
  const whole = (data: Float32Array): TraceRun =>
    traceOf({ axes: { tp: 1 }, held: [{ rank: 0, id: ID, global: [16, 4], data }] });
  const direct = relOf(whole(x), whole(y), 16);
  assert.ok(Math.abs(relOf(sketchRun(x, 64), sketchRun(y, 64, 2), 16) - direct) < 1e-6);
  assert.ok(Math.abs(relOf(sketchRun(x, 64), sketchRun(y, 256), 16) - direct) < 1e-6, 'of two sizes');
  assert.ok(Math.abs(relOf(whole(x), sketchRun(y, 256), 16) - direct) < 1e-6, 'full beside a sketch');
  assert.notEqual(relOf(sketchRun(x, 64), sketchRun(y, 64)), direct);
  assert.throws(
    () => relOf(sketchRun(x, 64), sketchRun(y, 128)),
    /one sketch size, got 64 and 128.*--buckets 64.*TF-TRACE-011/,
  );
  assert.throws(
    () => relOf(sketchRun(x, 64), sketchRun(y, 64), 128),
    /sketches of at least 128 buckets, as --buckets asks, got 64.*--buckets 64 or less.*TF-TRACE-011/,
  );
  assert.throws(
    () => relOf(summaryRun('stats', { tp: 1 }, [{ data: x }]), whole(x), 16),
    /level full or sketch beside --buckets, got stats.*TF-TRACE-021/,
  );
});

test('norms of two parameters are not taken for the norm of their difference', () => {
  const run = (scale: number): TraceRun =>
    summaryRun('stats', { tp: 1 }, [
      { id: 'it0/param/w', data: x },
      { id: 'it0/param_next/w', data: x.map((v) => v * scale) },
    ]);
  const { findings } = checkTrace({ reference: run(1.01), candidate: run(1.01) });
  assert.deepEqual(
    findings.filter(({ kind }) => kind === 'delta'),
    [],
  );
});

test('what the reference changes from run to run is added to the tolerances, and said', () => {
  const of = (data: Float32Array, info: Partial<RunInfo> = {}): TraceRun =>
    traceOf({ axes: { dp: 1 }, held: [{ rank: 0, id: ID, global: [16, 4], data }], info });
  const noisy = (by: number, stream: number): Float32Array =>
    x.map((v, i) => v * (1 + by * Math.sign(normalAt(stream, i))));
  const perturbed = [
    of(noisy(1e-6, 2), {
      role: 'perturbed',
      perturbation: { where: 'embedding', seed: 1, ulps: 1, changedShare: 1 },
    }),
  ];
  const candidate = of(noisy(1e-4, 4));
  assert.equal(checkTrace({ reference: of(x), candidate, perturbed }).verdict, 'divergence');
  const tolerant = checkTrace({ reference: of(x), candidate, perturbed, rerun: of(noisy(1e-4, 3)) });
  assert.equal(tolerant.verdict, 'pass');
  assert.match(tolerant.notes[0], /The reference is not deterministic: 1 tensors change .* by 1\.0e-4/);
  const still = checkTrace({ reference: of(x), candidate: of(x), perturbed, rerun: of(x) });
  assert.ok(still.notes.every((note) => !note.includes('deterministic')));
});

test('the capture list names what failed and what stands beside it, never a difference', () => {
  const module = 'decoder.layers.0.mlp';
  const ids = ['in', 'out', 'dout', 'din'].map((kind) => `it0/mb0/${kind}/${module}`);
  const others = ['it0/param/w', 'it0/param_next/w', 'it0/mb0/out/decoder.layers.1.mlp'];
  const run = (changed: readonly string[]): TraceRun =>
    traceOf({
      axes: { dp: 1 },
      held: [...ids, ...others].map((id) => ({
        rank: 0,
        id,
        global: [16, 4],
        data: x.map((v) => (changed.includes(id) ? 3 * v : id.endsWith('next/w') ? 1.1 * v : v)),
      })),
    });
  const list = captureListOf(checkTrace({ reference: run([]), candidate: run([ids[1]]) }));
  assert.deepEqual(list.toSorted(), ids.toSorted());
  const update = captureListOf(checkTrace({ reference: run([]), candidate: run(['it0/param_next/w']) }));
  assert.deepEqual(update.toSorted(), ['it0/main_grad/w', 'it0/param/w', 'it0/param_next/w']);
});
