/** What every worker runs: the same step in all modes, again and again, over the emulated link. */
import { createRng, streamFromId, normalAt } from '@tenfold/core/base';
import type { RankContext } from '@tenfold/core/ranks';
import type { Tensor } from '@tenfold/core/tensor';
import { isMoeLayer, numLayers, type BlockSizes } from './block-graph.ts';
import { like, type Floats } from './matrices.ts';
import { runStep, type Exchange, type StepSpan } from './step.ts';
import type { StepOp } from '../step-ops.ts';
import type { Buffer, Value } from './values.ts';

export interface RankParams {
  readonly sizes: BlockSizes;
  readonly seed: number;
  /** Preference for the first experts; 0 is balanced. */
  readonly skew: number;
  readonly modes: readonly { readonly name: string; readonly ops: readonly StepOp[] }[];
  readonly warmUps: number;
  readonly rounds: number;
}

export interface ModeRun {
  readonly mode: string;
  readonly round: number;
  /** On the clock of the launch. */
  readonly startMs: number;
  readonly stepMs: number;
  readonly computeMs: number;
  /** Computations, in order, from the start of the step. */
  readonly spans: readonly StepSpan[];
  /** Per exchange: bytes to or from other ranks, whichever is more. */
  readonly exchangedBytes: Readonly<Record<string, number>>;
}

export interface RankResult {
  readonly runs: readonly ModeRun[];
  /** Modes whose output or any gradient differs in a bit from the first mode's. */
  readonly differing: readonly string[];
  readonly numDropped: number;
  /** Gradients that were compared: of every weight, and of the input. */
  readonly numGradients: number;
  /** Outputs of layers that were compared. */
  readonly numOutputs: number;
}

export function run(context: RankContext, params: RankParams): RankResult {
  const { sizes, modes, warmUps, rounds } = params;
  const weights = createWeights(params, context.rank);
  const inputs = createInputs(params, context.rank);
  const exchangedBytes: Record<string, number> = {};
  const exchange = exchangeOver(context, sizes, exchangedBytes);
  const runs: ModeRun[] = [];
  const differing = new Set<string>();
  let reference: ReadonlyMap<string, Value> | undefined;
  for (let round = -warmUps; round < rounds; round++) {
    for (const { name, ops } of modes) {
      context.barrier().wait();
      const { values, spans, startMs, endMs } = runStep({
        ops,
        sizes,
        weights,
        inputs,
        exchange,
        nowMs: () => context.nowMs(),
      });
      reference ??= values;
      if (!equalResults(reference, values)) differing.add(name);
      if (round < 0) continue;
      const computeMs = spans.reduce((sum, span) => sum + span.endMs - span.startMs, 0);
      const shifted = spans.map(({ op, startMs: from, endMs: to }) => ({
        op,
        startMs: from - startMs,
        endMs: to - startMs,
      }));
      runs.push({
        mode: name,
        round,
        startMs,
        stepMs: endMs - startMs,
        computeMs,
        spans: shifted,
        exchangedBytes: { ...exchangedBytes },
      });
    }
  }
  const places = reference!.get('1.places')!;
  const numDropped = places.kind === 'places' ? places.place.filter((place) => place < 0).length : 0;
  const names = [...reference!.keys()];
  const numGradients = names.filter(isGradient).length;
  const numOutputs = names.filter(isOutput).length;
  return { runs, differing: [...differing], numDropped, numGradients, numOutputs };
}

/** Weights alike on all ranks, but experts are each rank's own. */
export function createWeights({ sizes, seed }: RankParams, rank: number): Map<string, Floats> {
  const { hidden, inner, numRanks, expertsPerRank } = sizes;
  const weights = new Map<string, Floats>();
  const add = (name: string, length: number, fanIn: number, isOwn = false): void => {
    const stream = streamFromId(isOwn ? `${name}/${rank}` : name, seed);
    weights.set(
      name,
      Float32Array.from({ length }, (_, index) => normalAt(stream, index, 1 / Math.sqrt(fanIn))),
    );
  };
  for (let l = 0; l < numLayers(sizes); l++) {
    const isMoe = isMoeLayer(l);
    const copies = isMoe ? expertsPerRank : 1;
    add(`w.${l}.o`, hidden * hidden, hidden);
    add(`w.${l}.fc1`, copies * hidden * inner, hidden, isMoe);
    add(`w.${l}.fc2`, copies * inner * hidden, inner, isMoe);
    if (isMoe) add(`w.${l}.gate`, hidden * numRanks * expertsPerRank, hidden);
  }
  return weights;
}

export function createInputs({ sizes, seed, skew }: RankParams, rank: number): Map<string, Value> {
  const { batch, seq, hidden } = sizes;
  const rng = createRng(seed, `rank ${rank}`);
  const random = (shift: number): Value => ({
    kind: 'rows',
    width: hidden,
    data: Float32Array.from({ length: batch * seq * hidden }, () => rng.normal() + shift),
  });
  // A common direction in all tokens makes some experts popular.
  return new Map([
    ['x0', random(skew)],
    ['dy', random(0)],
  ]);
}

/** Rows by expert → rows by (source, local expert), and back with the same counts. Counts travel first. */
export function exchangeOver(
  context: RankContext,
  { numRanks, expertsPerRank }: BlockSizes,
  exchangedBytes: Record<string, number>,
): Exchange {
  const foreignRows = (counts: Int32Array): number =>
    counts.reduce((sum, count, slot) => (Math.floor(slot / expertsPerRank) === context.rank ? sum : sum + count), 0);
  return {
    issue(buffer, label) {
      const { counts, width, data } = buffer;
      const perRank = Array.from({ length: numRanks }, (_, rank) =>
        counts.subarray(rank * expertsPerRank, (rank + 1) * expertsPerRank).reduce((sum, count) => sum + count, 0),
      );
      const sizes = context.allToAll(int32(counts), { label: `${label}.counts` });
      const dtype = data instanceof Float64Array ? 'float64' : 'float32';
      const rows = context.allToAll({ dtype, shape: [data.length / width, width], data } as Tensor, {
        sendSplits: perRank,
        label,
      });
      return {
        wait(): Buffer {
          const received = sizes.wait().data as Int32Array;
          const most = Math.max(foreignRows(counts), foreignRows(received));
          exchangedBytes[label] = most * width * data.BYTES_PER_ELEMENT;
          return { kind: 'buffer', width, counts: received, data: rows.wait().data as Floats };
        },
      };
    },
  };
}

function int32(data: Int32Array): Tensor {
  return { dtype: 'int32', shape: [data.length], data } as Tensor;
}

const isGradient = (name: string): boolean => name.startsWith('g.') || name === 'd.x0';
const isOutput = (name: string): boolean => /^x[1-9]\d*$/.test(name);

function equalResults(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): boolean {
  for (const [name, value] of a) {
    if (!isGradient(name) && !isOutput(name)) continue;
    const [expected, actual] = [wholeRows(a, name), wholeRows(b, name)];
    if (value.kind !== 'rows' || expected?.length !== actual?.length) return false;
    for (let index = 0; index < expected!.length; index++) {
      if (!Object.is(expected![index], actual![index])) return false;
    }
  }
  return true;
}

/** A result that nobody reads may be left in parts. */
function wholeRows(values: ReadonlyMap<string, Value>, name: string): Floats | undefined {
  const whole = values.get(name);
  if (whole) return whole.kind === 'rows' ? whole.data : undefined;
  const parts: Floats[] = [];
  for (let part = values.get(`${name}#0`); part?.kind === 'rows'; part = values.get(`${name}#${parts.length}`)) {
    parts.push(part.data);
  }
  if (parts.length === 0) return undefined;
  const joined = like(
    parts[0]!,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
