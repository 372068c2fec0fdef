/** What each worker runs: its stage's instructions, with frozen work of the next iteration between them.
 *  Instruction words: `F3` forward of micro-batch 3, `B3` backward, `Z7` item 7 of the stage's frozen list, `P3` the extra
 *  forward pass of self-conditioning, whose prediction goes back to the first stage. */
import { openRankSession, type Handle, type RankContext, type RankSession } from '@tenfold/core/ranks';
import { createTensor, type Tensor } from '@tenfold/core/tensor';
import { LATENT_CHANNELS, LATENT_SIZE, type MiniConfig } from './mini-model.ts';
import { openFrozen, type FrozenItem } from './rank-frozen.ts';
import { microBatches } from './rank-inputs.ts';
import { buildStageGraphs, type StageRange } from './stage-graphs.ts';

/** One way to run an iteration. */
export interface RankMode {
  readonly numMicroBatches: number;
  /** Per stage. */
  readonly instructions: readonly (readonly string[])[];
  readonly frozen: readonly (readonly FrozenItem[])[];
  /** Frozen items run in the pipeline for the next iteration; otherwise before it, for this one. */
  readonly isFilled: boolean;
}

export interface RankParams {
  readonly config: MiniConfig;
  readonly microBatch: number;
  readonly stages: readonly StageRange[];
  /** They take turns, every round in the opposite order, so that a machine that becomes slower slows all alike. */
  readonly modes: readonly RankMode[];
  readonly numRounds: number;
  readonly learningRate: number;
  readonly returnsGradients: boolean;
}

export interface RankIteration {
  readonly mode: number;
  /** On the launch's clock. */
  readonly startMs: number;
  readonly endMs: number;
  /** Time inside the engine, and processor time of the worker's own thread. */
  readonly busyMs: number;
  readonly threadMs: number;
  readonly loss: number;
}

export interface RankResult {
  readonly iterations: readonly RankIteration[];
  /** Gradients of the last iteration. */
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

type Values = Record<string, Tensor>;

const US_PER_MS = 1000;

export async function run(context: RankContext, params: RankParams): Promise<RankResult> {
  const { config, microBatch, stages, modes, numRounds, learningRate } = params;
  const stage = context.rank;
  const numStages = stages.length;
  // Losses count as in the last mode; times do not depend on it.
  const graphs = buildStageGraphs(config, stages[stage]!, microBatch, 1 / modes.at(-1)!.numMicroBatches);
  const forward = await openRankSession(context, graphs.forward, {
    states: pick(graphs.states, graphs.forward.states),
  });
  const backward = await openRankSession(context, graphs.backward, {
    states: pick(graphs.states, graphs.backward.states),
  });
  const frozen = await openFrozen(
    context,
    config,
    modes.flatMap((mode) => mode.frozen[stage]!),
  );
  const isLast = stage === numStages - 1;
  let busyMs = 0;
  const inEngine = async <T>(action: () => Promise<T>): Promise<T> => {
    const startMs = context.nowMs();
    const result = await action();
    busyMs += context.nowMs() - startMs;
    return result;
  };
  /** Work of the stage from `startMs` to now: what the thread does around the engine is part of it, waiting is not. */
  const note = (name: string, category: string, startMs: number): void =>
    context.addSpan({ name, startMs, endMs: context.nowMs(), category, lane: `stage ${stage}` });
  /** What an iteration takes besides: `begin`, `exchange`, `end`. */
  const noteRest = (name: string, startMs: number): void =>
    context.addSpan({ name, startMs, endMs: context.nowMs(), category: 'rest', lane: `rest ${stage}` });
  const runFrozen = (iteration: number, items: readonly FrozenItem[]): Promise<void> =>
    items.reduce(
      (before, item) =>
        before.then(async () => {
          const startMs = context.nowMs();
          await inEngine(() => frozen.run(iteration, item));
          note(`${item.component}.${item.layer} × ${item.count}`, `frozen ${item.component}`, startMs);
        }),
      Promise.resolve(),
    );
  const exchangeFrozen = (): Tensor => {
    const startMs = context.nowMs();
    const all = frozen.exchange(context);
    noteRest('exchange', startMs);
    return all;
  };
  const iterations: RankIteration[] = [];
  let totals: Record<string, Float32Array> = {};
  /** Frozen outputs of each filled mode's next iteration; made before any clock runs at first. */
  const conditionedOf: (Tensor | undefined)[] = [];
  for (const [index, { isFilled, frozen: items, numMicroBatches }] of modes.entries()) {
    if (!isFilled) continue;
    frozen.begin(numMicroBatches * microBatch);
    for (const item of items[stage]!) await frozen.run(0, item);
    conditionedOf[index] = frozen.exchange(context);
  }
  const iterate = async (modeIndex: number, iteration: number): Promise<void> => {
    const mode = modes[modeIndex]!;
    const { numMicroBatches, isFilled } = mode;
    const items = mode.frozen[stage]!;
    const words = mode.instructions[stage]!;
    const shape = { config, microBatch, numMicroBatches };
    let conditioned = conditionedOf[modeIndex];
    frozen.begin(numMicroBatches * microBatch);
    context.barrier().wait();
    const startMs = context.nowMs();
    const startCpu = process.threadCpuUsage();
    busyMs = 0;
    if (!isFilled) {
      await runFrozen(iteration, items);
      conditioned = exchangeFrozen();
    }
    const begunMs = context.nowMs();
    const feeds = microBatches(shape, iteration, conditioned!);
    const sends: Handle<void>[] = [];
    // A run without instructions (profiling of frozen layers) exchanges nothing.
    const numExpected = words.length > 0 ? numMicroBatches : 0;
    const arriving = expect(context, stage > 0 ? stage - 1 : -1, graphs.arrives, numExpected, 0);
    const returning = expect(context, isLast ? -1 : stage + 1, graphs.leaves, numExpected, 1);
    const isExtra = numExpected > 0 && config.isSelfConditioned === true;
    const extra = expect(context, stage > 0 ? stage - 1 : -1, graphs.arrives, isExtra ? numMicroBatches : 0, EXTRA);
    const estimates = isExtra && stage === 0 ? expectEstimates(context, shape, numStages - 1) : undefined;
    const kept: Values[] = [];
    totals = {};
    let loss = 0;
    noteRest('begin', begunMs);
    for (const word of words) {
      const micro = Number(word.slice(1));
      if (word[0] === 'Z') {
        if (isFilled) await runFrozen(iteration + 1, [items[micro]!]);
        continue;
      }
      const sendOn = (outputs: Values, got: Values, kind: 'F' | 'P'): void =>
        Object.keys(graphs.leaves).forEach((name, index) => {
          const tensor = graphs.relays[name] === undefined ? outputs[`out.${name}`]! : got[graphs.relays[name]]!;
          const tag = tagOf(micro, kind === 'F' ? 0 : EXTRA, index);
          sends.push(context.send(tensor, stage + 1, { tag, label: `send ${kind}${stage}.${micro}` }));
        });
      if (word[0] === 'P') {
        const got = { ...take(extra, micro), ...(stage === 0 ? { estimate: emptyEstimate(microBatch) } : {}) };
        const workMs = context.nowMs();
        const outputs = await inEngine(() => forward.run(inputsOf(forward, { ...got, ...feeds[micro]! })));
        if (!isLast) sendOn(outputs, got, 'P');
        else if (estimates) estimates.own[micro] = outputs['out.prediction']!;
        else {
          const options = { tag: tagOf(micro, FEEDBACK, 0), label: `send feedback ${micro}` };
          sends.push(context.send(outputs['out.prediction']!, 0, options));
        }
        note(`P${stage}.${micro}`, 'self-conditioning', workMs);
        continue;
      }
      if (word[0] === 'F') {
        const got = { ...take(arriving, micro), ...(estimates ? { estimate: estimates.take(micro) } : {}) };
        kept[micro] = got;
        const workMs = context.nowMs();
        const outputs = await inEngine(() => forward.run(inputsOf(forward, { ...got, ...feeds[micro]! })));
        if (isLast) loss += outputs['out.loss']!.data[0] as number;
        else sendOn(outputs, got, 'F');
        note(`F${stage}.${micro}`, 'forward', workMs);
        continue;
      }
      const back = take(returning, micro);
      const workMs = context.nowMs();
      const given = Object.fromEntries(Object.entries(back).map(([name, tensor]) => [`grad.${name}`, tensor]));
      const outputs = await inEngine(() =>
        backward.run(inputsOf(backward, { ...kept[micro]!, ...feeds[micro]!, ...given })),
      );
      kept[micro] = {};
      Object.keys(graphs.arrives).forEach((name, index) => {
        const gradient = returned(name, outputs[`d.${name}`], back, graphs);
        sends.push(
          context.send(gradient, stage - 1, { tag: tagOf(micro, 1, index), label: `send B${stage}.${micro}` }),
        );
      });
      // The stage before can go on while this one adds up.
      for (const name of graphs.parameters) accumulate(totals, name, outputs[`p.${name}`]!);
      note(`B${stage}.${micro}`, 'backward', workMs);
    }
    for (const handle of sends) handle.wait();
    if (learningRate > 0) update(totals, learningRate, [forward, backward]);
    if (isFilled) conditionedOf[modeIndex] = exchangeFrozen();
    const endedMs = context.nowMs();
    context.barrier().wait();
    noteRest('end', endedMs);
    const { user, system } = process.threadCpuUsage(startCpu);
    const threadMs = (user + system) / US_PER_MS;
    iterations.push({ mode: modeIndex, startMs, endMs: context.nowMs(), busyMs, threadMs, loss });
  };
  const order = [...modes.keys()];
  for (let round = 0; round < numRounds; round++)
    for (const mode of round % 2 === 0 ? order : order.toReversed()) await iterate(mode, round);
  await forward.dispose();
  await backward.dispose();
  await frozen.dispose();
  return { iterations, gradients: params.returnsGradients ? totals : {} };
}

/** 0 forward, 1 backward. */
const EXTRA = 2;
const FEEDBACK = 3;
const DIRECTIONS = 4;
type Direction = 0 | 1 | typeof EXTRA | typeof FEEDBACK;
const TENSORS_PER_CUT = 8;
const tagOf = (micro: number, direction: Direction, index: number): number =>
  (micro * DIRECTIONS + direction) * TENSORS_PER_CUT + index;

type Arriving = Record<string, Handle<Tensor>>[];

/** Asks for everything at once, so that links carry it while the stage computes. */
function expect(
  context: RankContext,
  from: number,
  shapes: Readonly<Record<string, readonly number[]>>,
  numMicroBatches: number,
  direction: Direction,
): Arriving {
  return Array.from({ length: numMicroBatches }, (_, micro) =>
    Object.fromEntries(
      from < 0
        ? []
        : Object.entries(shapes).map(([name, shape], index) => [
            name,
            context.recv(from, { dtype: 'float32', shape }, { tag: tagOf(micro, direction, index) }),
          ]),
    ),
  );
}

function take(arriving: Arriving, micro: number): Values {
  return Object.fromEntries(Object.entries(arriving[micro]!).map(([name, handle]) => [name, handle.wait()]));
}

function estimateShape(microBatch: number): number[] {
  return [microBatch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE];
}

/** What the extra pass itself is conditioned on. */
function emptyEstimate(microBatch: number): Tensor {
  return createTensor('float32', estimateShape(microBatch));
}

/** Predictions of the extra passes on their way to the first stage; `own` holds them where it is also the last. */
function expectEstimates(
  context: RankContext,
  { microBatch, numMicroBatches }: { readonly microBatch: number; readonly numMicroBatches: number },
  last: number,
): { own: Tensor[]; take(micro: number): Tensor } {
  const own: Tensor[] = [];
  const arriving = Array.from({ length: last > 0 ? numMicroBatches : 0 }, (_, micro) =>
    context.recv(last, { dtype: 'float32', shape: estimateShape(microBatch) }, { tag: tagOf(micro, FEEDBACK, 0) }),
  );
  return { own, take: (micro) => own[micro] ?? arriving[micro]!.wait() };
}

/** Gradient of an arriving tensor: what the stage used of it plus what came back for relayed copies. */
function returned(
  name: string,
  own: Tensor | undefined,
  back: Values,
  {
    relays,
    arrives,
  }: {
    readonly relays: Readonly<Record<string, string>>;
    readonly arrives: Readonly<Record<string, readonly number[]>>;
  },
): Tensor {
  const sum = createTensor('float32', arrives[name]!);
  const data = sum.data as Float32Array;
  if (own) data.set(own.data as Float32Array);
  for (const [leaving, source] of Object.entries(relays)) {
    if (source !== name) continue;
    const more = back[leaving]!.data as Float32Array;
    for (let i = 0; i < data.length; i++) data[i]! += more[i]!;
  }
  return sum;
}

function accumulate(totals: Record<string, Float32Array>, name: string, { data }: Tensor): void {
  const total = totals[name];
  if (!total) {
    totals[name] = Float32Array.from(data as Float32Array);
    return;
  }
  for (let i = 0; i < total.length; i++) total[i]! += data[i] as number;
}

function update(
  totals: Readonly<Record<string, Float32Array>>,
  learningRate: number,
  sessions: readonly RankSession[],
): void {
  for (const [name, gradient] of Object.entries(totals)) {
    const old = sessions[1]!.readState(name);
    const next = createTensor('float32', old.shape);
    for (let i = 0; i < gradient.length; i++)
      (next.data as Float32Array)[i] = (old.data[i] as number) - learningRate * gradient[i]!;
    for (const session of sessions)
      if (session.graph.states.some((state) => state.name === name)) session.writeState(name, next);
  }
}

function pick(states: Readonly<Values>, wanted: readonly { readonly name: string }[]): Values {
  return Object.fromEntries(wanted.map(({ name }) => [name, states[name]!]));
}

function inputsOf({ graph }: RankSession, values: Values): Values {
  return Object.fromEntries(graph.inputs.map((id) => [graph.values[id]!.name, values[graph.values[id]!.name]!]));
}
