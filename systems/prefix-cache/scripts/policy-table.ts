/** Prints the README's table of policies on real traces (token hit rates in percent, model paper-7b).
 *  Run: TENFOLD_DATA=<folder> node systems/prefix-cache/scripts/policy-table.ts */
import { join } from 'node:path';
import { findDataFolder } from '@tenfold/core/system';
import { PAPER_7B, profileFromPaperModel } from '../src/cost/paper-costs.ts';
import { computeBounds } from '../src/sim/bounds.ts';
import { replayTrace } from '../src/sim/replay.ts';
import { openTrace } from '../src/trace/open-trace.ts';
import { DEMO_TRACE, openEncode } from '../src/verbs/trace-source.ts';

const POLICIES = [
  'lru',
  'leafLru',
  'superseded',
  'segLen',
  'marconi:0.25',
  'marconi:1',
  'marconi:2',
  'gdsf',
  'hitDensity',
  'adaptive',
];
const PARITY = ['vllm+', 'sglang+', 'compat:0', 'compat:1', 'compat-tuned'];
const TRACES: readonly (readonly [string, readonly number[]])[] = [
  ['', [0.7, 1, 1.4, 2, 4]],
  ['swe-agent', [2, 4, 8]],
  ['mooncake-conversation.jsonl', [100, 200, 400, 800]],
  ['mooncake-synthetic.jsonl', [100, 200, 400, 800]],
  ['aibrix-8min.jsonl', [1, 2]],
];

const folder = findDataFolder();
const profile = profileFromPaperModel(PAPER_7B);
const percent = (ratio: number): string => (ratio * 100).toFixed(2);
const sums = new Map<string, number>();
let rows = 0;
console.log(
  `| trace | GB | ${[...PARITY, ...POLICIES].join(' | ')} | adaptive − best fixed | knows the future | upper bound |`,
);
console.log(`|---|---|${[...PARITY, ...POLICIES].map(() => '---|').join('')}---|---|---|`);
for (const [file, capacitiesGb] of TRACES) {
  if (file !== '' && folder === undefined) continue;
  const trace = await openTrace(file === '' ? DEMO_TRACE : join(folder!, 'prefix-cache', file), {
    encode: () => openEncode(),
  });
  for (const gb of capacitiesGb) {
    const options = { profile, paperModel: PAPER_7B, capacityBytes: gb * 1e9 };
    const rates = new Map(
      [...PARITY, ...POLICIES].map((policy) => [policy, replayTrace(trace, { ...options, policy }).tokenHitRate]),
    );
    const fixed = POLICIES.slice(0, -1).map((policy) => rates.get(policy)!);
    const { clairvoyant, upperBound } = computeBounds(trace, options);
    for (const [policy, rate] of rates) sums.set(policy, (sums.get(policy) ?? 0) + rate);
    rows++;
    const lead = rates.get('adaptive')! - Math.max(...fixed);
    console.log(
      `| ${trace.name} | ${gb} | ${[...rates.values()].map(percent).join(' | ')} | ${percent(lead)} | ${percent(clairvoyant.tokenHitRate)} | ${percent(upperBound)} |`,
    );
  }
}
console.log(`| mean | | ${[...sums.values()].map((sum) => percent(sum / rows)).join(' | ')} | | | |`);
