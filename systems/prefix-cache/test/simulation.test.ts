import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { readCsv } from '@tenfold/core/data';
import { findDataFolder } from '@tenfold/core/system';
import { renderTerminal } from '@tenfold/core/report';
import { assertManifest, createTestContext, runTour, runVerbInTest } from '@tenfold/core/system/test-kit';
import { profileFromHfConfig, PROFILED_MODEL_TYPES } from '../src/cost/hf-config.ts';
import { policyName } from '../src/cache/eviction.ts';
import { PAPER_7B, profileFromPaperModel } from '../src/cost/paper-costs.ts';
import { manifest } from '../src/manifest.ts';
import { POLICY_FAMILY } from '../src/sim/adaptive.ts';
import { computeBounds } from '../src/sim/bounds.ts';
import { simulateQueue } from '../src/sim/queueing.ts';
import { replayTrace } from '../src/sim/replay.ts';
import type { Trace, TraceRequest } from '../src/types.ts';
import { openNamedTrace, openEncode } from '../src/verbs/trace-source.ts';
import { openTrace } from '../src/trace/open-trace.ts';

const PROFILE = profileFromPaperModel(PAPER_7B);
const EXACT = ['lru', 'leafLru', 'superseded', 'gdsf', 'segLen', 'marconi:0.25', 'marconi:2', 'hitDensity', 'adaptive'];
const dataFolder = findDataFolder();
const folder = mkdtempSync(join(tmpdir(), 'tenfold-simulation-'));
after(() => rmSync(folder, { recursive: true }));

test('the manifest keeps the rules of the house', () => {
  assertManifest(manifest);
});

test('the tour runs on the shipped recording and checks itself', async () => {
  const { result } = await runTour(manifest);
  const { live } = result as { live: { cachedTokens: number; isByteEqual: boolean } };
  assert.equal(live.isByteEqual, true);
  assert.ok(live.cachedTokens >= 600);
});

test('simulate, queue and cost report what they computed', async () => {
  const { result } = await runVerbInTest(manifest, 'simulate', { policies: 'lru,vllm+', capacity: '2GB' });
  assert.equal((result as { rows: unknown[] }).rows.length, 2);
  const queue = await runVerbInTest(manifest, 'queue', { policies: 'lru', capacity: '2GB', speedUp: 20 });
  assert.match(queue.report!.verdict.text, /^With 1.86 GiB and one server lru has a P95 time to first token of /);
  const tied = await runVerbInTest(manifest, 'queue', { policies: 'lru,lru', capacity: '2GB', limit: 3 });
  assert.match(tied.report!.verdict.text, /lru and lru share the least P95/);
  for (const verb of ['queue', 'playback'])
    await assert.rejects(runVerbInTest(manifest, verb, { capacity: '1GB,2GB', limit: 3 }), { code: 'TF-PREFIX-006' });
  const cost = await runVerbInTest(manifest, 'cost', { model: 'hyb-7m' });
  assert.equal((cost.result as { stateBytes: number }).stateBytes, 1_628_160);
});

test('the bounds stand uncut on a terminal of 60 columns, the policies on one of 80 but for the adaptive cache’s word', async () => {
  const { report } = await runVerbInTest(manifest, 'simulate', { policies: 'lru,adaptive', capacity: '500MB,2GB' });
  const at = (width: number, columns: number): string => {
    const table = report!.blocks.find((block) => block.kind === 'table' && block.columns.length === columns)!;
    return renderTerminal({ ...report!, blocks: [table] }, { width });
  };
  assert.match(at(60, 7), /\ncapacity +no limit +admitted +α +rate +future +bound\n/);
  assert.doesNotMatch(at(60, 7), /…/);
  assert.match(at(80, 8), /\ncapacity +policy +tokens +requests +FLOPs +P95 TTFT +peak +evicted\n/);
});

test('simulate writes its table as CSV, a line a policy and capacity, and warns of a trace out of order', async () => {
  const line = (ts: number) =>
    JSON.stringify({ session_id: 0, turn_id: ts, ts, input_tokens: [ts + 1], output_tokens: [] });
  const trace = join(folder, 'mixed, up.jsonl');
  writeFileSync(trace, [0, 2, 1, 3].map(line).join('\n'));
  const csv = join(folder, 'table.csv');
  const params = { trace, policies: 'lru,adaptive', capacity: '1GB,2GB', csv };
  const { diagnostics } = await runVerbInTest(manifest, 'simulate', params);
  assert.equal(diagnostics[0]!.actual, '1 of 4 with a time before that of a line above them; they were sorted');
  const { columns, numRows } = await readCsv(csv);
  assert.equal(numRows, 4);
  const valuesOf = (name: string) => [...columns.find((column) => column.name === name)!.values];
  assert.deepEqual(valuesOf('capacity_bytes'), [1e9, 1e9, 2e9, 2e9]);
  assert.deepEqual(valuesOf('trace'), Array(4).fill('mixed, up'));
  assert.deepEqual(valuesOf('policy').slice(0, 1), ['lru']);
  await assert.rejects(runVerbInTest(manifest, 'simulate', params), { code: 'TF-USAGE-007' });
});

test('a trace is described and written as Marconi JSONL that gives the same replay', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-trace-verb-'));
  try {
    const out = join(folder, 'copy.jsonl');
    const { result } = await runVerbInTest(manifest, 'trace', { out });
    assert.deepEqual(
      { requests: (result as { requests: number }).requests, sessions: (result as { sessions: number }).sessions },
      { requests: 280, sessions: 48 },
    );
    await assert.rejects(runVerbInTest(manifest, 'trace', { out }), { code: 'TF-USAGE-007' });
    const original = await openNamedTrace('', undefined, createTestContext());
    const options = { profile: PROFILE, paperModel: PAPER_7B, capacityBytes: 1e9, policy: 'compat:1' };
    const { reused } = replayTrace(original, options);
    const theirs = join(folder, 'theirs.json');
    writeFileSync(theirs, JSON.stringify({ reused }));
    const compare = (policy: string) =>
      runVerbInTest(manifest, 'compare', { official: theirs, trace: out, policy, capacity: '1GB' });
    assert.equal(((await compare('compat:1')).result as { differing: number }).differing, 0);
    const other = await compare('compat:0');
    assert.ok((other.result as { differing: number }).differing > 0);
    writeFileSync(theirs, '[1,2]');
    await assert.rejects(compare('compat:1'), {
      message: 'openTrace: reused tokens of 280 requests, got 2 (theirs.json). TF-PREFIX-003',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a trace of lengths says that its sharing is assumed, and engines of a router have names of their own', async () => {
  const path = join(folder, 'azure.csv');
  writeFileSync(path, 'TIMESTAMP,ContextTokens,GeneratedTokens\n0,100,5\n1,100,5\n');
  const { report, diagnostics } = await runVerbInTest(manifest, 'trace', { trace: path });
  assert.match(report!.verdict.text, /are taken to repeat an earlier prefix, which a file of lengths does not say/);
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['TF-PREFIX-013'],
  );
  const workers = 'a=http://127.0.0.1:1|tcp://127.0.0.1:2,a=http://127.0.0.1:3|tcp://127.0.0.1:4';
  await assert.rejects(runVerbInTest(manifest, 'route', { workers }), { actual: '"a" twice' });
});

test('on the recording the adaptive policy is within a point of the best fixed policy, on the mean of four capacities', async () => {
  const trace = await openNamedTrace('', undefined, createTestContext());
  const capacities = [0.7, 1, 1.4, 2].map((gb) => gb * 1e9);
  const mean = (policy: string): number =>
    capacities.reduce(
      (sum, capacityBytes) => sum + replayTrace(trace, { profile: PROFILE, capacityBytes, policy }).tokenHitRate,
      0,
    ) / capacities.length;
  const best = Math.max(...EXACT.filter((policy) => policy !== 'adaptive').map(mean));
  assert.ok(mean('adaptive') > best - 0.01, `${mean('adaptive')} beside ${best}`);
});

for (const [name, file, capacitiesGb] of [
  ['SWE-agent', 'swe-agent', [2, 4, 8]],
  ['Mooncake synthetic', 'mooncake-synthetic.jsonl', [100, 200, 400, 800]],
] as const) {
  const path = join(dataFolder ?? '', 'prefix-cache', file);
  const skip = existsSync(path) ? false : 'no real data: set TENFOLD_DATA';
  test(
    `on ${name} the adaptive policy is within a point of the best of its family at every capacity`,
    { skip },
    async () => {
      const trace = await openTrace(path, { encode: () => openEncode() });
      for (const gb of capacitiesGb) {
        const rateOf = (policy: string): number =>
          replayTrace(trace, { profile: PROFILE, capacityBytes: gb * 1e9, policy }).tokenHitRate;
        const best = Math.max(...POLICY_FAMILY.map((policy) => rateOf(policyName(policy))));
        assert.ok(rateOf('adaptive') > best - 0.01, `${gb} GB: ${rateOf('adaptive')} beside ${best}`);
      }
    },
  );
}

for (const [name, file, capacitiesGb] of [
  ['the shipped recording', '', [1, 2]],
  ['SWE-agent', 'swe-agent', [2, 4, 8]],
  ['Mooncake conversations', 'mooncake-conversation.jsonl', [100, 400]],
  ['AIBrix', 'aibrix-8min.jsonl', [1, 2]],
] as const) {
  const path = file === '' ? '' : join(dataFolder ?? '', 'prefix-cache', file);
  const skip = file !== '' && !existsSync(path) ? 'no real data: set TENFOLD_DATA' : false;
  test(
    `on ${name} the upper bound is above the clairvoyant replay, which is above every online policy`,
    { skip },
    async () => {
      const trace =
        file === ''
          ? await openNamedTrace('', undefined, createTestContext())
          : await openTrace(path, { encode: () => openEncode(), limit: 3000 });
      for (const gb of capacitiesGb) {
        const options = { profile: PROFILE, capacityBytes: gb * 1e9 };
        const { upperBound, clairvoyant, unlimitedTokens } = computeBounds(trace, options);
        assert.ok(upperBound <= unlimitedTokens + 1e-12);
        assert.ok(clairvoyant.tokenHitRate <= upperBound + 1e-12);
        for (const policy of EXACT) {
          const { tokenHitRate, peakBytes } = replayTrace(trace, { ...options, policy });
          assert.ok(
            tokenHitRate <= clairvoyant.tokenHitRate + 1e-12,
            `${policy} at ${gb} GB: ${tokenHitRate} > ${clairvoyant.tokenHitRate}`,
          );
          assert.ok(peakBytes <= options.capacityBytes);
        }
      }
    },
  );
}

test('no policy of a toy trace beats the upper bound, whatever it keeps', () => {
  // Exhaustive: every choice of which checkpoints to keep after each request, as many as the capacity allows.
  const rng = createRng(8, 'toy');
  for (let run = 0; run < 40; run++) {
    const trace = toyTrace(7, rng);
    const profile = { name: 'toy', stateBytes: 1, kvBytesPerToken: 0, linearFlops: 1, quadraticFlops: 0 };
    const inputTokens = trace.requests.reduce((sum, request) => sum + request.inputTokens, 0);
    for (const capacityBytes of [1, 2]) {
      const { upperBound } = computeBounds(trace, { profile, capacityBytes, minCheckpointTokens: 1 });
      const best = bestReuse(trace.requests, capacityBytes);
      assert.ok(best <= upperBound * inputTokens + 1e-9, `${best} > ${upperBound * inputTokens}`);
    }
  }
});

test('the adaptive policy uses the past alone: a longer trace begins with the same reuse', async () => {
  const trace = await openNamedTrace('', undefined, createTestContext());
  const options = { profile: PROFILE, capacityBytes: 1e9, policy: 'adaptive' };
  const whole = replayTrace(trace, options).reused;
  const part = replayTrace({ ...trace, requests: trace.requests.slice(0, 40) }, options).reused;
  assert.deepEqual(part, whole.slice(0, 40));
});

test('with one server that never waits the event simulation reuses what the sequential replay reuses', async () => {
  const trace = await openNamedTrace('', undefined, createTestContext());
  const spread = { ...trace, requests: trace.requests.map((request, index) => ({ ...request, timeSec: index * 1e6 })) };
  const hardware = { flopsPerSec: 1e15, bytesPerSec: 1e12, overheadSec: 0, decodeSecPerToken: 0.01 };
  const options = { profile: PROFILE, capacityBytes: 2e9, policy: 'lru' };
  const served = simulateQueue(spread, { ...options, hardware, servers: 1 });
  assert.deepEqual(
    served.map(({ reusedTokens }) => reusedTokens),
    replayTrace(spread, options).reused,
  );
  const crowded = simulateQueue(trace, {
    ...options,
    hardware: { ...hardware, flopsPerSec: 1e13 },
    servers: 2,
    speedUp: 10,
  });
  assert.equal(crowded.length, trace.requests.length);
  for (const { arrivalSec, startSec, firstTokenSec, endSec } of crowded)
    assert.ok(arrivalSec <= startSec && startSec < firstTokenSec && firstTokenSec <= endSec);
});

test('profiles come from the shapes of each model type, and unknown ones are named', () => {
  const base = {
    hidden_size: 64,
    num_hidden_layers: 8,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 128,
  };
  const mamba = {
    mamba_n_heads: 8,
    mamba_num_heads: 8,
    num_heads: 8,
    n_mamba_heads: 8,
    mamba_d_state: 16,
    ssm_state_size: 16,
    state_size: 16,
    mamba_d_head: 16,
  };
  const own: Record<string, object> = {
    nemotron_h: { hybrid_override_pattern: 'M-M*' },
    granitemoehybrid: { layer_types: ['mamba', 'attention'] },
    zamba2: { layers_block_type: ['mamba', 'hybrid'] },
    bamba: { attn_layer_indices: [1] },
    qwen3_next: linear(),
    qwen3_5: linear(),
  };
  for (const type of PROFILED_MODEL_TYPES) {
    const profile = profileFromHfConfig({ ...base, ...mamba, ...own[type], model_type: type }, type);
    assert.ok(profile.linearFlops > 0);
    assert.equal(profile.stateBytes > 0, !['llama', 'mistral', 'qwen2', 'qwen3'].includes(type), type);
    assert.equal(profile.kvBytesPerToken > 0, type !== 'mamba2', type);
  }
  // Two attention layers of two key-value heads of width 16, two bytes: 2 · 2 · 2 · 16 · 2.
  assert.equal(profileFromHfConfig({ ...base, ...linear(), model_type: 'qwen3_next' }, 'q').kvBytesPerToken, 256);
  assert.throws(() => profileFromHfConfig({ model_type: 'nemotron_h', ...base, hybrid_override_pattern: 'MX' }, 'n'), {
    message: 'profileFromHfConfig: layers M, *, - or E, got "X" (hybrid_override_pattern[1]). TF-PREFIX-002',
  });
});

function linear(): object {
  return {
    full_attention_interval: 4,
    linear_num_key_heads: 2,
    linear_num_value_heads: 4,
    linear_key_head_dim: 16,
    linear_value_head_dim: 16,
  };
}

function toyTrace(numRequests: number, rng: ReturnType<typeof createRng>): Trace {
  const requests = Array.from({ length: numRequests }, (_, index): TraceRequest => {
    const input = Int32Array.from({ length: 2 + rng.integer(3) }, () => rng.integer(2));
    return {
      session: index,
      turn: 0,
      timeSec: index,
      input,
      output: new Int32Array(0),
      inputTokens: input.length,
      outputTokens: 0,
    };
  });
  return { name: 'toy', symbolTokens: 1, hasOpaqueOutputs: false, requests };
}

/** Most tokens reused over all ways to keep up to `slots` prefixes between requests. */
function bestReuse(requests: readonly TraceRequest[], slots: number): number {
  let states = new Map<string, number>([['', 0]]);
  for (const { input } of requests) {
    const text = input.join('');
    const next = new Map<string, number>();
    for (const [kept, value] of states) {
      const prefixes = kept === '' ? [] : kept.split(' ');
      const reused = Math.max(0, ...prefixes.filter((prefix) => text.startsWith(prefix)).map(({ length }) => length));
      const choices = [...new Set([...prefixes, ...Array.from(text, (_, i) => text.slice(0, i + 1))])];
      for (const subset of subsets(choices, slots)) {
        const key = subset.sort().join(' ');
        if ((next.get(key) ?? -1) < value + reused) next.set(key, value + reused);
      }
    }
    states = next;
  }
  return Math.max(...states.values());
}

function subsets(items: readonly string[], most: number): string[][] {
  let all: string[][] = [[]];
  for (const item of items)
    all = [...all, ...all.filter((subset) => subset.length < most).map((subset) => [...subset, item])];
  return all;
}

test('a hundred columns show the names of all policies in full', async () => {
  const policies = ['superseded', 'marconi:0.25', 'marconi:1', 'hitDensity', 'compat-tuned'];
  const { report } = await runVerbInTest(manifest, 'simulate', {
    policies: policies.join(','),
    capacity: '2GB',
    limit: 20,
  });
  const text = renderTerminal(report!, { width: 100 });
  for (const name of policies) assert.match(text, new RegExp(`iB  ${name} `));
});
