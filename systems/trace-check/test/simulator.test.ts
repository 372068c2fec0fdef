/** The simulated runs: real ranks, real round-off, and bugs that are broken calls rather than scaled tensors. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openRankPool, type RankPool } from '@tenfold/core/ranks';
import { checkInvariants, checkTrace } from '../src/index.ts';
import { mergeWhole } from '../src/check/merge.ts';
import { BUGS, findBug, type Bug } from '../src/sim/bugs.ts';
import { runMatrix } from '../src/sim/matrix.ts';
import { microBatchTokens } from '../src/sim/model.ts';
import { createSimConfig, type SimConfig } from '../src/sim/sim-config.ts';
import { simulateAndCheck, type ReferenceSet } from '../src/sim/simulate.ts';
import type { CheckResult, Finding } from '../src/types.ts';

const bugOf = (label: string): Bug => findBug(label, 'test');
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
  const check = (config: SimConfig) => simulateAndCheck(pool, config, { cache });
  const bf16 = (changes: Parameters<typeof createSimConfig>[0]): SimConfig =>
    createSimConfig({ precision: 'bfloat16', ...changes });

  test('sketches of 1024 buckets lead to the verdicts of full traces', async () => {
    const { bugs, clean } = await runMatrix(pool, {
      meshes: ['tp2 sp'],
      precisions: ['bfloat16'],
      bugs: ['4b', '12', '14'],
      buckets: 1024,
      references: cache,
    });
    assert.deepEqual(
      [...bugs, ...clean].map(({ isSketchSame }) => isSketchSame),
      [true, true, true, true],
    );
  });

  test('all 14 bugs and their variants are found first where they are, with their hint', async () => {
    const { bugs } = await runMatrix(pool, { meshes: [], references: cache });
    assert.equal(bugs.length, BUGS.length);
    assert.deepEqual(
      [...new Set(bugs.map(({ number }) => number))],
      Array.from({ length: 14 }, (_, i) => i + 1),
    );
    for (const row of bugs) {
      assert.equal(row.isRightPlace, true, `${row.bug}: ${row.column} ${row.first}`);
      assert.notEqual(row.isRightHint, false, `${row.bug}: ${row.hint}`);
      if (bugOf(row.label).isSilent) assert.ok(row.lossChange! < 0.01, `${row.bug} moves the loss`);
    }
    const cosineSeesNothing = bugs.filter(({ numCosineFails }) => numCosineFails === 0).map(({ label }) => label);
    assert.deepEqual(cosineSeesNothing, ['3', '4'], 'pure factors have cosine 1');
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
    ['tokens that do not count', { mesh: { dp: 2 }, model: { isMasked: true } }],
    [
      'inputs gathered again while products are queued',
      { mesh: { tp: 4 }, isSequenceParallel: true, isOverlapped: true },
    ],
    [
      'FP8 scales of the steps before',
      { precision: 'float8', mesh: { tp: 2, dp: 2 }, isSequenceParallel: true, recompute: 2, fp8Scaling: 'delayed' },
    ],
  ] as const)
    test(`a clean run with ${name} has no failure`, async () => {
      const { result } = await check(bf16(changes));
      assert.deepEqual(result.findings.filter(isBad), []);
      assert.ok(result.counts.PASS > 300);
    });

  test('bugs of an axis vanish where the axis has one rank', async () => {
    for (const label of ['1', '1b', '1c', '4', '4b', '8', '8b', '12', '12b', '12c', '12d', '14']) {
      const { config, name } = bugOf(label);
      const single = { ...config, mesh: { tp: 1, cp: 1, ep: 1, dp: 1, pp: 1 }, isSequenceParallel: false, bug: name };
      const { result } = await check(single);
      assert.deepEqual(result.findings.filter(isBad), [], name);
    }
  });

  test('bugs of order and buffers vanish where the order cannot matter', async () => {
    const without: readonly (readonly [string, Partial<SimConfig>])[] = [
      ['5b', { mesh: { ...bugOf('5b').config.mesh, dp: 1 } }],
      ['10b', { recompute: 0 }],
      ['10c', { recompute: 0 }],
      ['11b', { mesh: { ...bugOf('11b').config.mesh, tp: 2 } }],
    ];
    for (const [label, changes] of without) {
      const { config, name } = bugOf(label);
      const { result } = await check({ ...config, ...changes, bug: name });
      assert.deepEqual(result.findings.filter(isBad), [], name);
    }
  });

  test('isolated modules fail alone: the set of failing modules is the broken one', async () => {
    const isolated = async (label: string): Promise<string[]> => {
      const bug = bugOf(label);
      return modulesOf((await check({ ...bug.config, isIsolated: true, bug: bug.name })).result);
    };
    for (const label of ['1', '1b', '1c'])
      assert.deepEqual(await isolated(label), ['embedding.word_embeddings'], label);
    for (const label of ['12', '12b', '12c', '12d'])
      assert.deepEqual(
        await isolated(label),
        [0, 1, 2, 3].map((layer) => `decoder.layers.${layer}.self_attention.core_attention`),
        label,
      );
    const gathered = await isolated('7');
    assert.ok(gathered.length > 0 && gathered.every((module) => /\.linear_(qkv|fc1)$/.test(module)), String(gathered));
    const unused = await isolated('2');
    assert.ok(unused.length > 0 && unused.every((module) => /layers\.[02]\./.test(module)), String(unused));
    const clean = (await check(bf16({ mesh: { tp: 2 }, isIsolated: true }))).result;
    assert.equal(clean.verdict, 'pass', clean.text);
  });

  test('a late flush loses exactly the last micro-batch of the sum', async () => {
    const bug = bugOf('11');
    const { candidate, set } = await check({ ...bug.config, bug: bug.name });
    const whole = (run: typeof candidate, id: string) => mergeWhole(run.trace.tensors.get(id)!).data;
    const got = whole(candidate, 'it0/main_grad/output_layer.weight');
    const parts = [0, 1, 2, 3].map((m) => whole(candidate, `it0/mb${m}/wgrad/output_layer.weight`));
    const without = got.map((_, i) => parts[0][i] + parts[1][i] + parts[2][i]);
    const expected = whole(set.reference, 'it0/main_grad/output_layer.weight');
    assert.ok(distance(got, without) < 1e-5, 'the sum of three of four');
    assert.ok(distance(got, expected) > 0.2);
  });

  test('a weight that is cast before its gather is waited for is new where the rank owns it and old elsewhere', async () => {
    const bug = bugOf('8b');
    const { candidate, result, set } = await check({ ...bug.config, bug: bug.name });
    const statusOf = (id: string) => result.findings.find((finding) => finding.id === id)!.status;
    for (const id of ['it0/delta/embedding.word_embeddings.weight', 'it1/param/embedding.word_embeddings.weight'])
      assert.equal(statusOf(id), 'PASS', 'the gather itself ends well');
    const { shards } = candidate.trace.tensors.get('it1/mb0/out/embedding.word_embeddings')!;
    const out = new Float32Array(32 * 64);
    shards[0].read(0, out.length, out, 0);
    const tokens = microBatchTokens(bug.config, 0);
    const table = (kind: string): Float32Array =>
      mergeWhole(set.reference.trace.tensors.get(`${kind}/embedding.word_embeddings.weight`)!).data;
    const [before, after] = [table('it0/param'), table('it0/param_next')];
    for (let row = 0; row < 32; row++) {
      const at = tokens[row] * 64;
      const expected = (shards[0].coords['dp'] === 0) === tokens[row] < 64 ? after : before;
      assert.ok(distance(out.subarray(row * 64, row * 64 + 64), expected.subarray(at, at + 64)) < 1e-6, `row ${row}`);
    }
  });

  test('what is wrong in the backward pass of ring attention is told apart by the queries that it spoils', async () => {
    const saidOf = async (label: string): Promise<string> => {
      const bug = bugOf(label);
      const { result } = await check({ ...bug.config, bug: bug.name });
      const { hints } = result.findings.find(({ id }) => id === result.culprit!.id)!;
      return hints.map(({ text }) => text).join('; ');
    };
    const ring = /only queries that see keys of other ranks|that of keys and values is not/;
    assert.doesNotMatch(await saidOf('12'), ring, 'all queries are wrong');
    assert.match(await saidOf('12b'), /keys of other ranks are wrong: look at the keys and values/);
    assert.match(await saidOf('12c'), /gradient of the queries is right, that of keys and values is not/);
    assert.match(
      await saidOf('12d'),
      /each by a factor of its own \(up to [\d.]+\): .* log-sum-exp of a part of the keys/,
    );
  });

  test('a scale that is never updated stays 1 and flushes small gradients to zero', async () => {
    const bug = bugOf('10b');
    const { candidate, result, set } = await check({ ...bug.config, bug: bug.name });
    const value = (run: typeof candidate, id: string): Float32Array => mergeWhole(run.trace.tensors.get(id)!).data;
    const scale = 'it0/scale/decoder.layers.3.mlp.linear_fc2#grad';
    assert.equal(value(candidate, scale)[0], 1);
    assert.ok(value(set.reference, scale)[0] > 2 ** 20);
    assert.equal(candidate.info.fp8!.scaling, 'delayed');
    const failing = result.findings.find(({ id }) => id === 'it0/mb0/wgrad/decoder.layers.3.mlp.linear_fc2.weight')!;
    assert.equal(failing.status, 'FAIL');
    assert.ok(result.findings.some(({ hints }) => hints.some(({ kind }) => kind === 'underflow')));
  });

  test('a recomputation in another precision is broken in itself, a wrong input of it is not', async () => {
    const violations = async (label: string) => {
      const bug = bugOf(label);
      const { candidate } = await check({ ...bug.config, bug: bug.name });
      return checkInvariants(candidate.trace);
    };
    for (const label of ['10', '10c']) {
      const { violations: broken } = await violations(label);
      assert.ok(broken.length > 0 && broken.every(({ rule }) => rule === 'recompute'), label);
    }
    assert.deepEqual((await violations('10b')).violations, [], 'both passes use the same scales');
    const input = await violations('2');
    assert.ok(input.checked.recompute > 50);
    assert.deepEqual(input.violations, [], 'both passes are equally wrong');
  });

  test('copies really differ between ranks, and tied weights drift apart', async () => {
    const rulesOf = async (label: string) => {
      const bug = bugOf(label);
      const { candidate } = await check({ ...bug.config, bug: bug.name });
      return checkInvariants(candidate.trace).violations.map(({ rule, text }) => `${rule} ${text}`);
    };
    assert.match((await rulesOf('14')).join('\n'), /replicas copies differ by .* axis tp/);
    assert.match((await rulesOf('5')).join('\n'), /replicas copies differ by .* axis pp/);
    assert.match((await rulesOf('5b')).join('\n'), /replicas copies differ by .* axis dp\+pp/);
    assert.match((await rulesOf('9')).join('\n'), /census no rank owns this layer/);
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
