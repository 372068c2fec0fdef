import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runVerbInTest } from '@tenfold/core/system/test-kit';
import { manifest } from '../src/manifest.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moe-overlap-bad-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

const NO_EXCHANGE = {
  version: 1,
  gate: 'switch',
  axes: { batch: 4 },
  tensors: { y: { shape: [4, 2] } },
  ops: [{ id: 'a', kind: 'compute', ins: [], outs: ['y'], time: 0.001 }],
};
const OTHER_SIZE = { device: 'x', comm: { a2a: { 8: [[1, 0.001], [2, 0.002]] } } }; // prettier-ignore
const NOT_A_NUMBER = { device: 'x', comm: { a2a: { 16: [[1, 0.001], [2, null]] } } }; // prettier-ignore

/** verb, params (with FILE for the file's path), content of the file, expected text (FILE as well) */
const CASES: readonly (readonly [title: string, verb: string, params: object, content: string, message: string])[] = [
  [
    'an empty graph file',
    'optimise',
    { graph: 'FILE' },
    '',
    'parseGraphFile: JSON, got an empty file (FILE). TF-OVERLAP-002',
  ],
  [
    'a graph without an exchange',
    'optimise',
    { graph: 'FILE' },
    JSON.stringify(NO_EXCHANGE),
    'moe-overlap: a graph with at least one all-to-all, got 1 operations without one (FILE). Exchanges have kind "a2a" and a "moe" tag; in ONNX files they are tenfold.dist AllToAll nodes. TF-OVERLAP-002',
  ],
  [
    'a profile of another number of devices',
    'optimise',
    { costs: 'FILE' },
    JSON.stringify(OTHER_SIZE),
    'parseCostsFile: times of "a2a" for 16 devices, got times for 8 (FILE). Choose one of these with --devices, or measure that size. TF-OVERLAP-004',
  ],
  [
    'a profile with a time that is no number',
    'optimise',
    { costs: 'FILE' },
    JSON.stringify(NOT_A_NUMBER),
    'parseCostsFile: a file in the documented format, got Invalid input: expected number, received null (FILE, comm.a2a.16.1.1). TF-OVERLAP-002',
  ],
  [
    'a log that was cut off',
    'optimise',
    { costs: 'FILE' },
    '# nThread 1\n 1048576 262144 float',
    'parseNcclLog: a complete nccl-tests log with its "Out of bounds" line (FILE). The log looks cut off; run the test again. TF-OVERLAP-004',
  ],
  [
    'a measured file that is none',
    'replay',
    { measured: 'FILE', plans: 'FILE' },
    '{}',
    'parseMeasuredFile: a file in the documented format, got Invalid input: expected string, received undefined (FILE, device). TF-OVERLAP-002',
  ],
];

for (const [title, verb, params, content, message] of CASES) {
  test(`${title} is refused with its place and the way on`, async () => {
    const file = join(folder, `${title.replaceAll(' ', '-')}.json`);
    await writeFile(file, content);
    const filled = JSON.parse(JSON.stringify(params).replaceAll('FILE', file)) as Record<string, unknown>;
    await assert.rejects(runVerbInTest(manifest, verb, filled), { message: message.replaceAll('FILE', file) });
  });
}

test('a range whose ends are swapped, and parts that no axis divides, are explained', async () => {
  await assert.rejects(
    runVerbInTest(manifest, 'explain', { from: 'layers.1.moe.decode/forward', to: 'layers.1/LayerNormalization_1' }),
    {
      message:
        'moe-overlap explain: a first operation that stands before the last, got positions 63 and 48. Swap --from and --to. TF-OVERLAP-003',
    },
  );
  const { status, result } = await runVerbInTest(manifest, 'explain', { parts: 7 });
  assert.equal(status, 'problems');
  assert.match((result as { text: string }).text, /cannot be cut into 7 parts: .* has no axis that 7 parts divide/);
});
