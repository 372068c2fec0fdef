/** How long an iteration of given instructions takes, from the costs of `mini-profile.ts`: passes wait for those before
 *  them, and a worker is faster while the others wait. */
import { costAt, createCostTable, createProgramBuilder, simulate, type Simulation } from '@tenfold/core/schedule';
import type { FrozenItem } from './rank-program.ts';
import type { MiniCosts } from './mini-profile.ts';

export interface MiniRunPlan {
  /** Per stage, words as in rank-program.ts. */
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly (readonly FrozenItem[])[];
  readonly isFilled: boolean;
}

export interface MiniPrediction {
  readonly iterationMs: number;
  /** From the first operation on; without what an iteration takes around it. */
  readonly simulation: Simulation;
}

const MACHINE = 'machine';

export function predictMini({ instructions, frozen, isFilled }: MiniRunPlan, costs: MiniCosts): MiniPrediction {
  const { sharing, cutForwardMs, cutBackwardMs, beginMs, exchangeMs, endMs } = costs;
  const numStages = instructions.length;
  const builder = createProgramBuilder();
  const computeOf = instructions.map((_, stage) => builder.addResource({ name: `stage ${stage}`, device: MACHINE }));
  const frozenMs = (item: FrozenItem): number => {
    const { forward } = costs.frozen.find(({ id }) => id === item.component)!.layers[item.layer]!;
    return costAt(createCostTable(forward.sizes.map((size, k) => [size, forward.timesMs[k]!] as const)), item.count);
  };
  // Times were taken while all workers computed; alone each operation is that much faster.
  const add = (name: string, stage: number, ms: number, after: readonly number[]): number =>
    builder.addOp({ name, on: computeOf[stage]!, durationMs: ms / sharing, after });
  const frozenOp = (stage: number, item: FrozenItem): number =>
    add(`${item.component}.${item.layer} × ${item.count}`, stage, frozenMs(item), []);
  let start: number[] = [];
  if (!isFilled) {
    const ends = frozen.flatMap((items, stage) => items.map((item) => frozenOp(stage, item)));
    start = ends;
  }
  const ops = new Map<string, number>();
  const links = new Map<string, number>();
  /** The transfer behind a pass; delays of different micro-batches do not add up. */
  const arrival = (from: string, stage: number, ms: number): number => {
    const known = links.get(from);
    if (known !== undefined) return known;
    const wire = builder.addResource({ name: `link ${from}`, device: `link ${stage}`, kind: 'communication' });
    const op = builder.addOp({ name: `send ${from}`, on: wire, durationMs: ms, after: [ops.get(from)!] });
    links.set(from, op);
    return op;
  };
  /** What a word waits for on other workers, or undefined if that is not there yet. */
  const needs = (word: string, stage: number): number[] | undefined => {
    const micro = word.slice(1);
    const kind = word[0]!;
    const needed: [from: string, ms: number][] = [];
    if ((kind === 'F' || kind === 'P') && stage > 0)
      needed.push([`${kind}${stage - 1}.${micro}`, cutForwardMs[stage - 1]!]);
    if (kind === 'B' && stage < numStages - 1) needed.push([`B${stage + 1}.${micro}`, cutBackwardMs[stage]!]);
    if (kind === 'F' && stage === 0 && instructions.some((words) => words.includes(`P${micro}`)))
      needed.push([`P${numStages - 1}.${micro}`, numStages > 1 ? cutForwardMs[0]! : 0]);
    if (!needed.every(([from]) => ops.has(from))) return undefined;
    return needed.map(([from, ms]) => arrival(from, stage, ms));
  };
  const next = instructions.map(() => 0);
  for (let isGoing = true; isGoing;) {
    isGoing = false;
    instructions.forEach((words, stage) => {
      while (next[stage]! < words.length) {
        const word = words[next[stage]!]!;
        const after = word[0] === 'Z' ? [] : needs(word, stage);
        if (!after) return;
        next[stage]!++;
        isGoing = true;
        if (word[0] === 'Z') {
          frozenOp(stage, frozen[stage]![Number(word.slice(1))]!);
          continue;
        }
        const ms = word[0] === 'B' ? costs.backwardMs[stage]! : costs.forwardMs[stage]!;
        ops.set(
          `${word[0]}${stage}.${word.slice(1)}`,
          add(`${word[0]}${stage}.${word.slice(1)}`, stage, ms, [...after, ...start]),
        );
      }
    });
  }
  const simulation = simulate(builder.build(), {
    interference: sharing > 1 ? [{ victim: 'compute', aggressor: 'compute', factor: sharing }] : [],
  });
  return { iterationMs: beginMs + exchangeMs + simulation.makespanMs + endMs, simulation };
}
