/** One training step of the block: the operations of a plan in order. This thread is the compute lane; exchanges are
 *  issued as soon as their input is there, in the plan's order, and waited for by their first reader. */
import type { BlockSizes } from './block-graph.ts';
import { runKernel } from './block-kernels.ts';
import type { Floats } from './matrices.ts';
import { mergeValues, sliceValue, type Buffer, type Places, type Rows, type Value } from './values.ts';
import { NEEDS_WHOLE_BATCH } from '../gates.ts';
import type { StepOp } from '../step-ops.ts';

export interface StepSpan {
  readonly op: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface StepResult {
  readonly values: ReadonlyMap<string, Value>;
  /** Computations, in order. */
  readonly spans: readonly StepSpan[];
  readonly startMs: number;
  readonly endMs: number;
}

/** Sends every slot's rows to the rank that holds its expert; back: the other way. */
export interface Exchange {
  issue(buffer: Buffer, label: string): { wait(): Buffer };
}

export interface StepInput {
  readonly ops: readonly StepOp[];
  readonly sizes: BlockSizes;
  readonly weights: ReadonlyMap<string, Floats>;
  readonly inputs: ReadonlyMap<string, Value>;
  readonly exchange: Exchange;
  readonly nowMs: () => number;
}

export function runStep({ ops, sizes, weights, inputs, exchange, nowMs }: StepInput): StepResult {
  const values = new Map<string, Value>(inputs);
  const pending = new Map<string, { wait(): Buffer }>();
  const comms = ops.filter(({ isComm }) => isComm);
  const usedOf = new Map<number, Int32Array>();
  const spans: StepSpan[] = [];
  let nextComm = 0;

  const issueReady = (): void => {
    for (; nextComm < comms.length; nextComm++) {
      const op = comms[nextComm]!;
      const buffer = lookUp(op.ins[0]!, op);
      if (!buffer) return;
      pending.set(op.outs[0]!, exchange.issue(buffer as Buffer, op.id));
    }
  };
  /** The value an operation reads: its own part, else its share of the whole. Undefined while it is not there. */
  const lookUp = (name: string, { source, part, of }: StepOp): Value | undefined => {
    const direct = values.get(name);
    if (!direct || of === 1 || name.endsWith(`#${part}`)) return direct;
    const isWholeRead = source.endsWith('.encode') && NEEDS_WHOLE_BATCH[sizes.gate];
    return isWholeRead ? direct : sliceValue(direct, part, of);
  };
  const read = (name: string, op: StepOp): Value => {
    const handle = pending.get(name);
    if (handle) {
      values.set(name, handle.wait());
      pending.delete(name);
      issueReady();
    }
    const value = lookUp(name, op);
    if (!value) throw new Error(`runStep: "${op.id}" reads "${name}" before it is made`);
    return value;
  };

  const startMs = nowMs();
  for (const op of ops) {
    if (op.isComm) {
      issueReady();
      continue;
    }
    // All waiting comes first, so that a span is computation alone.
    const named = op.ins.filter((name) => !name.startsWith('w.') && !name.includes('.used#'));
    const ready = new Map(named.map((name) => [bare(name), read(name, op)] as const));
    const spanStartMs = nowMs();
    if (op.isMerge) {
      values.set(op.outs[0]!, mergeValues(op.ins.map((name) => read(name, op))));
    } else {
      const layer = Number(op.source.slice(0, op.source.indexOf('.')));
      const used = usedOf.get(layer) ?? new Int32Array(sizes.numRanks * sizes.expertsPerRank);
      usedOf.set(layer, used);
      const take = (name: string): Value => ready.get(name)!;
      const made = runKernel(op.source, {
        sizes,
        layer,
        part: op.part,
        of: op.of,
        rows: (name) => take(name) as Rows,
        buffer: (name) => take(name) as Buffer,
        places: (name) => take(name) as Places,
        weight: (name) => weights.get(name)!,
        used,
      });
      for (const [name, value] of Object.entries(made)) {
        values.set(op.outs.includes(name) ? name : `${name}#${op.part}`, value);
      }
    }
    spans.push({ op: op.id, startMs: spanStartMs, endMs: nowMs() });
    issueReady();
  }
  for (const [name, handle] of pending) values.set(name, handle.wait());
  return { values, spans, startMs, endMs: nowMs() };
}

function bare(name: string): string {
  const at = name.indexOf('#');
  return at < 0 ? name : name.slice(0, at);
}
