/** Every bad input has its error. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkTrace, compareFolders, compareRuns, openTrace, writeTrace, type RunInfo } from '../src/index.ts';
import { capturesOf, infoOf, traceOf, type HeldTensor } from './made-traces.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

const id = 'it0/mb0/out/decoder.layers.0.mlp';
const held = (rank = 0, data = Float32Array.from({ length: 32 }, (_, i) => i - 7.5)): HeldTensor => ({
  rank,
  id,
  global: [8, 4],
  data,
});

async function folderOf(axes: Record<string, number> = { tp: 2 }, changes: Partial<RunInfo> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-check-bad-'));
  folders.push(folder);
  const info = infoOf(axes, changes);
  await writeTrace(
    folder,
    info,
    capturesOf(
      Array.from({ length: info.world }, (_, rank) => held(rank)),
      info.world,
    ),
  );
  return folder;
}
const edit = (folder: string, name: string, change: (text: string) => string): void =>
  writeFileSync(join(folder, name), change(readFileSync(join(folder, name), 'utf8')));
const fails = async (folder: string, pattern: RegExp): Promise<void> => {
  await assert.rejects(openTrace(folder), (error: Error & { exitCode: number }) => {
    assert.match(error.message, pattern);
    assert.equal(error.exitCode, 3);
    return true;
  });
};
const INDEX = 'rank00000.it0000.jsonl';
const FILE = 'rank00000.it0000.safetensors';

test('a written trace reads back, and is the same as itself', async () => {
  const folder = await folderOf();
  const run = await openTrace(folder);
  assert.deepEqual([...run.tensors.keys()], [id]);
  run.close();
  assert.equal((await compareFolders(folder, folder)).get(id)!.isBitwise, true);
});

test('no run.json', async () => fails(tmpdir(), /openTrace: a trace folder, got no run\.json .* TF-TRACE-001/));

test('a run.json that is no run', async () => {
  const folder = await folderOf();
  edit(folder, 'run.json', (text) => text.replace('"float32"', '"float7"'));
  await fails(folder, /precision: Invalid option.* TF-TRACE-001/);
});

test('a truncated safetensors file', async () => {
  const folder = await folderOf();
  truncateSync(join(folder, FILE), 150);
  await fails(folder, /TF-DATA-00[2-5]/);
});

test('tensors whose bytes overlap', async () => {
  const folder = await folderOf();
  const bytes = readFileSync(join(folder, FILE));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, object>;
  const [begin, end] = (header[id] as { data_offsets: [number, number] }).data_offsets;
  header.twin = { dtype: 'F32', shape: [(end - begin) / 8], data_offsets: [begin + (end - begin) / 2, end] };
  const text = Buffer.from(JSON.stringify(header).padEnd(Math.ceil((length + 100) / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(join(folder, FILE), Buffer.concat([size, text, bytes.subarray(8 + length)]));
  await fails(folder, /Two tensors overlap.* TF-DATA-00\d/s);
});

test('a line without bytes', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text.replace(`"key":"${id}"`, '"key":"gone"'));
  await fails(
    folder,
    /bytes of "it0\/mb0\/out\/decoder\.layers\.0\.mlp" in rank00000\.it0000\.safetensors, got none of that name .*:1\)\. TF-TRACE-002/,
  );
});

test('a line that is no line; a cut last line is left out', async () => {
  const folder = await folderOf();
  appendFileSync(join(folder, INDEX), '{"id": "it0/mb0/out/x", "fi');
  const run = await openTrace(folder);
  assert.equal(run.tensors.size, 1);
  run.close();
  edit(folder, INDEX, (text) => `{"id": 3}\n${text}`);
  await fails(folder, /an index line, got id: .* TF-TRACE-002/);
});

test('ranks without files are listed', async () => {
  const folder = await folderOf({ tp: 4 });
  for (const name of readdirSync(folder)) if (/^rank0000[13]/.test(name)) rmSync(join(folder, name));
  await fails(folder, /index files of 4 ranks, got none of rank 1, 3 .* TF-TRACE-003/);
});

test('a mesh that does not fit the world', async () => {
  const folder = await folderOf();
  edit(folder, 'run.json', (text) => text.replace('"size": 2', '"size": 3'));
  await fails(folder, /a mesh of 2 ranks, got tp 3 = 3 .* TF-TRACE-004/);
});

test('an id twice in a rank', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text + text);
  await fails(
    folder,
    /every id once in a rank, got "it0\/mb0\/out\/decoder\.layers\.0\.mlp" again in rank 0 .* TF-TRACE-008/,
  );
});

test('an unknown dtype', async () => {
  const folder = await folderOf();
  const path = join(folder, FILE);
  writeFileSync(path, Buffer.from(readFileSync(path).toString('latin1').replace('"F32"', '"C64"'), 'latin1'));
  await fails(folder, /a dtype of F32, .* got C64 .* TF-TRACE-013|TF-DATA/);
});

test('an FP8 run without its recipe', async () => {
  await fails(
    await folderOf({ tp: 1 }, { precision: 'float8' }),
    /an entry "fp8" with the scaling recipe, got none .* TF-TRACE-014/,
  );
});

test('a box outside of its tensor', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text.replace('"g":[0,0]', '"g":[1,0]'));
  const run = await openTrace(folder);
  assert.throws(
    () => compareRuns(run, run),
    /a box inside the logical \[8, 4\] and local \[8, 4\] tensor, got start \[1, 0\].* TF-TRACE-007/,
  );
  run.close();
});

test('an id that is no id', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text.replace(`"id":"${id}"`, '"id":"layer 3"'));
  await fails(folder, /an id like it0\/mb0\/out\/decoder\.layers\.0\.mlp, got "layer 3"\. TF-TRACE-012/);
});

test('runs of another plan, other tokens, parameters or micro-batches', () => {
  const facts: Partial<RunInfo> = { planHash: 'a', tokenHash: 'b', parameterHash: 'c', numMicroBatches: 4 };
  const reference = traceOf({ axes: { dp: 1 }, held: [held()], info: facts });
  for (const [change, pattern] of [
    [{ planHash: 'x' }, /the reference’s plan \(a\), got x .* TF-TRACE-005/],
    [{ tokenHash: 'x' }, /the reference’s tokens \(b\), got x/],
    [{ parameterHash: 'x' }, /the reference’s parameters \(c\), got x/],
    [{ numMicroBatches: 2 }, /the reference’s micro-batches \(4\), got 2/],
  ] as const) {
    const candidate = traceOf({ axes: { dp: 1 }, held: [held()], info: { ...facts, ...change } });
    assert.throws(() => compareRuns(reference, candidate), pattern);
  }
});

test('other logical shapes', () => {
  const reference = traceOf({ axes: { dp: 1 }, held: [held()] });
  const candidate = traceOf({ axes: { dp: 1 }, held: [{ ...held(), global: [4, 8] }] });
  assert.throws(
    () => compareRuns(reference, candidate),
    /the reference’s shape \[8, 4\], got \[4, 8\] .* TF-TRACE-006/,
  );
});

test('sketches of other sizes', () => {
  const sketch = (sketchBuckets: number) =>
    traceOf({ axes: { dp: 1 }, held: [held()], info: { level: 'sketch', sketchBuckets } });
  assert.throws(
    () => compareRuns(sketch(64), sketch(128)),
    /one sketch size, got 64 and 128\. .*--buckets 64.*TF-TRACE-011/,
  );
});

test('a rank that died in mid-step leaves MISSING tensors, no exception', () => {
  const reference = traceOf({ axes: { dp: 1 }, held: [held(), { ...held(), id: 'it0/mb0/out/decoder.layers.1.mlp' }] });
  const result = checkTrace({ reference, candidate: traceOf({ axes: { tp: 2 }, held: [held(0)] }) });
  assert.equal(result.counts.MISSING >= 1, true);
});

/** Rewrites the JSON header of a safetensors file, keeping its length. */
function editHeader(folder: string, change: (header: string) => string): void {
  const path = join(folder, FILE);
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = change(bytes.subarray(8, 8 + length).toString('latin1')).padEnd(length, ' ');
  assert.equal(header.length, length);
  bytes.write(header, 8, 'latin1');
  writeFileSync(path, bytes);
}

test('a header that is longer than its file, and offsets beyond the end', async () => {
  const long = await folderOf();
  const bytes = readFileSync(join(long, FILE));
  bytes.writeBigUInt64LE(1n << 40n, 0);
  writeFileSync(join(long, FILE), bytes);
  await fails(long, /TF-DATA-0\d\d/);
  const beyond = await folderOf();
  editHeader(beyond, (header) => header.replace('[0,128]', '[0,999]'));
  await fails(beyond, /TF-DATA-0\d\d/);
});

test('bytes of a tensor that do not fit its local shape', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text.replace('"local":[8,4]', '"local":[8,5]'));
  await fails(
    folder,
    /40 elements of local \[8, 5\], got 32 of "it0\/mb0\/out\/decoder\.layers\.0\.mlp" .*TF-TRACE-002/,
  );
});

test('files of ranks that the run does not have', async () => {
  const folder = await folderOf({ tp: 2 });
  writeFileSync(join(folder, 'rank00005.it0000.jsonl'), '');
  await fails(folder, /files of ranks 0-1, got also of rank 5 .*an earlier run.* TF-TRACE-004/);
});

test('an empty folder, an empty index, and a file in place of a folder', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'trace-check-bad-'));
  folders.push(empty);
  await fails(empty, /got no run\.json/);
  const folder = await folderOf({ tp: 1 });
  writeFileSync(join(folder, INDEX), '');
  const run = await openTrace(folder);
  assert.equal(run.tensors.size, 0);
  const whole = await openTrace(await folderOf({ tp: 1 }));
  const { counts, verdict } = checkTrace({ reference: whole, candidate: run });
  assert.deepEqual([counts.MISSING, verdict], [2, 'divergence'], 'the tensor and its layer');
  whole.close();
  run.close();
  await fails(join(folder, 'run.json'), /got no run\.json/);
});

test('an index that points out of its folder', async () => {
  const folder = await folderOf();
  edit(folder, INDEX, (text) => text.replace(`"file":"${FILE}"`, '"file":"../secret"'));
  await fails(folder, /bytes of .* in "\.\.\/secret", got no such file/);
});
