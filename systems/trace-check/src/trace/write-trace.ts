/** Writing a trace that is in memory as a folder, in the collector's format. */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@tenfold/core/base';
import { writeSafetensors } from '@tenfold/core/data';
import { encodeFloats, tensorFromArray, type Tensor } from '@tenfold/core/tensor';
import type { RunInfo, TensorEntry } from '../types.ts';
import { parseId } from './canonical-id.ts';

/** A captured local tensor; values are already rounded to `dtype`. */
export interface CapturedTensor extends TensorEntry {
  readonly data: Float32Array;
}

const TRACE_FILE = /^(rank\d+\..*\.(jsonl|safetensors)|run\.json)$/;

export interface RankCapture {
  readonly rank: number;
  readonly entries: readonly CapturedTensor[];
}

/** One safetensors file and one index per rank and iteration. A trace that is in the folder is replaced. */
export async function writeTrace(folder: string, info: RunInfo, ranks: readonly RankCapture[]): Promise<void> {
  makeFolder(folder);
  for (const name of readdirSync(folder)) if (TRACE_FILE.test(name)) rmSync(join(folder, name));
  for (const { rank, entries } of ranks) {
    for (const [iteration, part] of byIteration(entries)) {
      const stem = `rank${String(rank).padStart(5, '0')}.it${String(iteration).padStart(4, '0')}`;
      const file = `${stem}.safetensors`;
      const tensors = part.map((entry): [string, Tensor] => [entry.id, storedTensor(entry)]);
      await writeSafetensors(join(folder, file), tensors, { force: true });
      const lines = part.map(({ data: _data, ...entry }) => JSON.stringify({ ...entry, file, key: entry.id }));
      replace(join(folder, `${stem}.jsonl`), `${lines.join('\n')}\n`);
    }
  }
  replace(join(folder, 'run.json'), `${JSON.stringify(info, null, 2)}\n`);
}

function storedTensor({ dtype, local, data }: CapturedTensor): Tensor {
  const shape = data.length === local.reduce((total, size) => total * size, 1) ? local : [data.length];
  if (dtype === 'BF16') return tensorFromArray('bfloat16', shape, encodeFloats('bfloat16', data));
  return tensorFromArray('float32', shape, data);
}

function byIteration(entries: readonly CapturedTensor[]): Map<number, CapturedTensor[]> {
  const parts = new Map<number, CapturedTensor[]>();
  for (const entry of entries) {
    const { iteration } = parseId(entry.id);
    const part = parts.get(iteration);
    if (part) part.push(entry);
    else parts.set(iteration, [entry]);
  }
  return parts;
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}
