/** The simulated runs: real ranks, real round-off, and 14 bugs that are broken calls rather than scaled tensors. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openRankPool, type RankPool } from '@tenfold/core/ranks';
import { checkInvariants, checkTrace } from '../src/index.ts';
import { mergeWhole } from '../src/check/merge.ts';
import { BUGS, type Bug } from '../src/sim/bugs.ts';
import { runMatrix } from '../src/sim/matrix.ts';
import { createSimConfig, type SimConfig } from '../src/sim/sim-config.ts';
import { simulateAndCheck, type ReferenceSet } from '../src/sim/simulate.ts';
import type { CheckResult, Finding } from '../src/types.ts';

const bugOf = (number: number): Bug => BUGS.find((bug) => bug.number === number)!;
const isBad = ({ status }: Finding): boolean =>
  status === 'FAIL' || status === 'REPLICA_DIVERGED' || status === 'MISSING';
const modulesOf = ({ findings }: CheckResult): string[] => {
  const bad = findings.filter((finding) => isBad(finding) && finding.kind !== 'scalar');
  return [...new Set(bad.map(({ module }) => module.replace(/\.weight$/, '')))].sort();
};

describe('simulated runs', () => {
  let pool: RankPool;
  const cache = new Map<string, ReferenceSet>();
  before(() => {
    pool = openRankPool();
  });
  after(() => pool[Symbol.asyncDispose]());
  const check = (config: SimConfig) => simulateAndCheck(pool, config, cache);
  const bf16 = (changes: Parameters<typeof createSimConfig>[0]): SimConfig =>
    createSimConfig({ precision: 'bfloat16', ...changes });

  test('sketches of 1024 buckets lead to the verdicts of full traces', async () => {
    const { bugs, clean } = await runMatrix(pool, {
      meshes: ['tp2 sp'],
      precisions: ['bfloat16'],
      bugs: [12, 14],
      buckets: 1024,
    });
    assert.deepEqual(
      [...bugs, ...clean].map(({ isSketchSame }) => isSketchSame),
      [true, true, true],
    );
  });

  test('all 14 bugs are found first where they are, with their hint', async () => {
    const { bugs } = await runMatrix(pool, { meshes: [] });
    assert.equal(bugs.length, 14);
    for (const row of bugs) {
      assert.equal(row.isRightPlace, true, `${row.bug}: ${row.column} ${row.first}`);
      assert.notEqual(row.isRightHint, false, `${row.bug}: ${row.hint}`);
      if (bugOf(row.number).isSilent) assert.ok(row.lossChange! < 0.01, `${row.bug} moves the loss`);
    }
    const cosineSeesNothing = bugs.filter(({ numCosineFails }) => numCosineFails === 0).map(({ number }) => number);
    assert.deepEqual(cosineSeesNothing, [3, 4], 'pure factors have cosine 1');
  });

  test('clean runs differ from one device by about what one rounding unit does, never by nothing', async () => {
    const { result } = await check(bf16({ mesh: { tp: 2 } }));
    const ratios = result.findings.filter(({ kind }) => kind === 'out').map(({ rel, ePert }) => rel / ePert);
    ratios.sort((a, b) => a - b);
    const median = ratios[ratios.length >> 1];
    assert.ok(median > 0.3 && median < 1.5, `median ${median}`);
    assert.equal(result.verdict, 'pass', result.text);
  });

  test('ring and tree add in another order, and it shows', async () => {
    const ring = (await check(bf16({ mesh: { tp: 4 } }))).result;
    const tree = (await check(bf16({ mesh: { tp: 4 }, algorithm: 'tree' }))).result;
    const relOf = new Map(tree.findings.map(({ id, rel }) => [id, rel]));
    const outs = ring.findings.filter(({ kind }) => kind === 'out');
    assert.ok(outs.filter(({ id, rel }) => rel !== relOf.get(id)).length > outs.length / 2);
    assert.deepEqual([ring.counts.FAIL, tree.counts.FAIL], [0, 0]);
  });

  for (const [name, changes] of [
    ['zigzag context parallelism', { mesh: { cp: 2 } }],
    ['virtual pipeline stages', { mesh: { pp: 2 }, numChunks: 2 }],
    ['experts on two ranks', { mesh: { ep: 2 }, model: { numExperts: 4 } }],
    ['ZeRO-1 with two stages', { mesh: { pp: 2, dp: 2 }, isZero: true }],
  ] as const)
    test(`a clean run with ${name} has no failure`, async () => {
      const { result } = await check(bf16(changes));
      assert.deepEqual(result.findings.filter(isBad), []);
      assert.ok(result.counts.PASS > 300);
    });

  test('bugs of an axis vanish where the axis has one rank', async () => {
    for (const number of [1, 4, 8, 12, 14]) {
      const { config, name } = bugOf(number);
      const single = { ...config, mesh: { tp: 1, cp: 1, ep: 1, dp: 1, pp: 1 }, isSequenceParallel: false, bug: name };
      const { result } = await check(single);
      assert.deepEqual(result.findings.filter(isBad), [], name);
    }
  });

  test('isolated modules fail alone: the set of failing modules is the broken one', async () => {
    const isolated = async (number: number): Promise<string[]> => {
      const bug = bugOf(number);
      return modulesOf((await check({ ...bug.config, isIsolated: true, bug: bug.name })).result);
    };
    assert.deepEqual(await isolated(1), ['embedding.word_embeddings']);
    assert.deepEqual(
      await isolated(12),
      [0, 1, 2, 3].map((layer) => `decoder.layers.${layer}.self_attention.core_attention`),
    );
    const gathered = await isolated(7);
    assert.ok(gathered.length > 0 && gathered.every((module) => /\.linear_(qkv|fc1)$/.test(module)), String(gathered));
    const unused = await isolated(2);
    assert.ok(unused.length > 0 && unused.every((module) => /layers\.[02]\./.test(module)), String(unused));
    const clean = (await check(bf16({ mesh: { tp: 2 }, isIsolated: true }))).result;
    assert.equal(clean.verdict, 'pass', clean.text);
  });

  test('a late flush loses exactly the last micro-batch of the sum', async () => {
    const bug = bugOf(11);
    const { candidate, set } = await check({ ...bug.config, bug: bug.name });
    const whole = (run: typeof candidate, id: string) => mergeWhole(run.trace.tensors.get(id)!).data;
    const got = whole(candidate, 'it0/main_grad/output_layer.weight');
    const parts = [0, 1, 2, 3].map((m) => whole(candidate, `it0/mb${m}/wgrad/output_layer.weight`));
    const without = got.map((_, i) => parts[0][i] + parts[1][i] + parts[2][i]);
    const expected = whole(set.reference, 'it0/main_grad/output_layer.weight');
    assert.ok(distance(got, without) < 1e-5, 'the sum of three of four');
    assert.ok(distance(got, expected) > 0.2);
  });

  test('a recomputation in another precision is broken in itself, a wrong input of it is not', async () => {
    const violations = async (number: number) => {
      const bug = bugOf(number);
      const { candidate } = await check({ ...bug.config, bug: bug.name });
      return checkInvariants(candidate.trace);
    };
    const precision = await violations(10);
    assert.ok(precision.violations.length > 0 && precision.violations.every(({ rule }) => rule === 'recompute'));
    const input = await violations(2);
    assert.ok(input.checked.recompute > 50);
    assert.deepEqual(input.violations, [], 'both passes are equally wrong');
  });

  test('copies really differ between ranks, and tied weights drift apart', async () => {
    const rulesOf = async (number: number) => {
      const bug = bugOf(number);
      const { candidate } = await check({ ...bug.config, bug: bug.name });
      return checkInvariants(candidate.trace).violations.map(({ rule, text }) => `${rule} ${text}`);
    };
    assert.match((await rulesOf(14)).join('\n'), /replicas copies differ by .* axis tp/);
    assert.match((await rulesOf(5)).join('\n'), /replicas copies differ by .* axis pp/);
    assert.match((await rulesOf(9)).join('\n'), /census no rank owns this layer/);
  });

  test('the float32 pass sees what the bfloat16 pass cannot: an epsilon outside of the square root', async () => {
    const rmsWithWrongEpsilon = (data: Float32Array): Float32Array => data.map((value) => value * (1 - 5e-6));
    for (const [precision, verdict] of [
      ['float32', 'divergence'],
      ['bfloat16', 'pass'],
    ] as const) {
      const { set, candidate } = await check(createSimConfig({ precision, mesh: { pp: 2 } }));
      const changed = new Map(candidate.trace.tensors);
      const id = 'it0/mb0/out/decoder.final_layernorm';
      const tensor = changed.get(id)!;
      const moved = rmsWithWrongEpsilon(mergeWhole(tensor).data);
      changed.set(id, {
        ...tensor,
        shards: tensor.shards.map((shard) => ({
          ...shard,
          read: (start, count, target, at) => target.set(moved.subarray(start, start + count), at),
        })),
      });
      const result = checkTrace({
        reference: set.reference.trace,
        candidate: { ...candidate.trace, tensors: changed },
        tolerances: set.tolerances,
      });
      assert.equal(result.verdict, verdict, precision);
    }
  });
});

function distance(a: Float32Array, b: Float32Array): number {
  let [dd, bb] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    dd += (a[i] - b[i]) ** 2;
    bb += b[i] ** 2;
  }
  return Math.sqrt(dd / bb);
}
