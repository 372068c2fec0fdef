/** Small traces made by hand. */
import { memoryRun, type RunInfo, type TraceRun } from '../src/index.ts';
import type { Lowered } from '../src/trace/placement.ts';
import type { CapturedTensor, RankCapture } from '../src/trace/write-trace.ts';

export interface HeldTensor {
  readonly rank: number;
  readonly id: string;
  readonly global: readonly number[];
  readonly data: Float32Array;
  /** Default: the whole tensor. */
  readonly lowered?: Pick<Lowered, 'boxes' | 'local'> & Partial<Lowered>;
  readonly partial?: readonly string[];
}

export function infoOf(axes: Readonly<Record<string, number>>, changes: Partial<RunInfo> = {}): RunInfo {
  return {
    format: 'tenfold-trace/1',
    role: 'candidate',
    world: Object.values(axes).reduce((a, b) => a * b, 1),
    mesh: { axes: Object.entries(axes).map(([name, size]) => ({ name, size })) },
    precision: 'float32',
    lossFactor: 1,
    level: 'full',
    ...changes,
  };
}

export function capturesOf(held: readonly HeldTensor[], world: number): RankCapture[] {
  return Array.from({ length: world }, (_, rank) => ({
    rank,
    entries: held.filter((tensor) => tensor.rank === rank).map((tensor, seq) => entryOf(tensor, seq)),
  }));
}

export function traceOf({
  axes,
  held,
  info = {},
}: {
  readonly axes: Readonly<Record<string, number>>;
  readonly held: readonly HeldTensor[];
  readonly info?: Partial<RunInfo>;
}): TraceRun {
  const full = infoOf(axes, info);
  return memoryRun('made', full, capturesOf(held, full.world));
}

function entryOf({ id, global, data, lowered, partial }: HeldTensor, seq: number): CapturedTensor {
  const zeros = global.map(() => 0);
  const { boxes, local, flat } = lowered ?? { boxes: [{ g: zeros, n: global, l: zeros }], local: global, flat: false };
  return {
    id,
    file: '',
    key: id,
    dtype: 'F32',
    local,
    global,
    boxes,
    ...(flat ? { flat } : {}),
    ...(partial ? { partial } : {}),
    seq,
    data,
  };
}
