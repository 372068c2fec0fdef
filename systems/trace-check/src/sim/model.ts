/** The simulated GPT, one pipeline chunk at a time: embedding, layers, head, with every module's tensors captured. */
import { formatId } from '../trace/canonical-id.ts';
import { generateLocal, generateTokens, roundToBfloat16 } from '../trace/generator.ts';
import { runsOfBox } from '../trace/box-runs.ts';
import { addVars, columnLinear, rmsNorm, rowLinear, splitQkv, swiGlu } from './layers.ts';
import type { AttentionShape } from './kernels.ts';
import { gatesOf, gatherAxis, gatherCopies, localExperts, routerLogits, scatterAxis, topExperts } from './moe.ts';
import type { Parameter, PlacementTexts, RankState } from './rank-state.ts';
import { checkpoint } from './recompute.ts';
import { ringAttention } from './ring-attention.ts';
import { layersOfStage } from './sim-config.ts';
import { addGrad, emit, type Tape, type Var } from './tape.ts';
import { vocabEmbedding } from './vocab-embedding.ts';

/** Routes of the reference by id, [S, B, k], so that rounding cannot choose other experts. */
export type Routes = Readonly<Record<string, Float32Array>>;

export interface Model {
  readonly parameters: readonly Parameter[];
  /** Targets that do not count in the loss are −1. */
  readonly tokens: (microBatch: number) => { readonly inputs: Int32Array; readonly targets: Int32Array };
  embed(tape: Tape): Var;
  layers(tape: Tape, x: Var, chunk: number): Var;
  /** Final norm and logits. `defer` takes the weight gradient of the head. */
  head(tape: Tape, x: Var, defer?: (work: () => Float32Array) => void): Var;
  readonly vocabStart: number;
}

interface LayerWeights {
  readonly inputNorm: Parameter;
  readonly qkv: Parameter;
  readonly proj: Parameter;
  readonly mlpNorm: Parameter;
  readonly fc1?: Parameter;
  readonly fc2?: Parameter;
  readonly router?: Parameter;
  readonly experts: ReadonlyMap<number, { readonly fc1: Parameter; readonly fc2: Parameter }>;
}

const SPIKE = 12;

export function createModel(state: RankState, routes: Routes): Model {
  const { config, coords } = state;
  const { model, mesh, isSequenceParallel } = config;
  const { hidden, numHeads, numGroups, ffn, numVocab, sequence, batch } = model;
  const width = hidden / numHeads;
  const parameters: Parameter[] = [];
  const isBf16 = config.precision !== 'float32';
  const usesSp = isSequenceParallel && mesh.tp > 1;

  const parameter = (
    name: string,
    global: readonly number[],
    placements: PlacementTexts,
    values: { sigma: number; mean?: number },
    options: { needsTpSum?: boolean; isExpert?: boolean } = {},
  ): Parameter => {
    const lowered = state.lower(global, placements);
    const master = generateLocal(`param/${name}`, config.planSeed, global, lowered.local, lowered.boxes, values);
    if (model.isImbalanced && name.startsWith('embedding.')) addSpikes(master, lowered.boxes[0].g[0], hidden, numVocab);
    const compute = computeVar(master, lowered.local, isBf16);
    const made: Parameter = {
      name,
      lowered,
      global,
      master,
      compute,
      placements,
      mainGrad: new Float32Array(master.length),
      needsTpSum: options.needsTpSum === true && usesSp,
      isExpert: options.isExpert === true,
      momentum: new Float32Array(master.length),
      variance: new Float32Array(master.length),
    };
    parameters.push(made);
    return made;
  };
  const norm = (name: string): Parameter =>
    parameter(`${name}.weight`, [hidden], {}, { sigma: 0.1, mean: 1 }, { needsTpSum: true });
  const weight = (
    name: string,
    rows: number,
    columns: number,
    placements: PlacementTexts,
    isExpert = false,
  ): Parameter =>
    parameter(`${name}.weight`, [rows, columns], placements, { sigma: 1 / Math.sqrt(columns) }, { isExpert });

  const isFirst = coords.pp === 0;
  const isLast = coords.pp === mesh.pp - 1;
  const embedding =
    isFirst || (isLast && model.isTied)
      ? parameter('embedding.word_embeddings.weight', [numVocab, hidden], { tp: 'S(0)' }, { sigma: 1 })
      : undefined;
  const chunks = Array.from({ length: config.numChunks }, (_, chunk) => layersOfStage(config, coords.pp, chunk));
  const weightsOf = new Map<number, LayerWeights>();
  for (const layer of chunks.flat()) {
    const name = (module: string): string => `decoder.layers.${layer}.${module}`;
    const experts = new Map<number, { fc1: Parameter; fc2: Parameter }>();
    const perRank = model.numExperts / mesh.ep;
    const inputNorm = norm(name('input_layernorm'));
    const qkv = weight(name('self_attention.linear_qkv'), numGroups * (numHeads / numGroups + 2) * width, hidden, {
      tp: 'S(0)',
    });
    const proj = weight(name('self_attention.linear_proj'), hidden, hidden, { tp: 'S(1)' });
    const mlpNorm = norm(name('pre_mlp_layernorm'));
    const mlp = (module: string, isExpert: boolean) => ({
      fc1: weight(
        name(`${module}.linear_fc1`),
        2 * ffn,
        hidden,
        { ...(isExpert ? { ep: 'O' } : {}), tp: 'G(0,2)' },
        isExpert,
      ),
      fc2: weight(
        name(`${module}.linear_fc2`),
        hidden,
        ffn,
        { ...(isExpert ? { ep: 'O' } : {}), tp: 'S(1)' },
        isExpert,
      ),
    });
    if (model.numExperts === 0) {
      weightsOf.set(layer, { inputNorm, qkv, proj, mlpNorm, ...mlp('mlp', false), experts });
      continue;
    }
    const router = parameter(
      name('mlp.router.weight'),
      [model.numExperts, hidden],
      {},
      { sigma: 1 / Math.sqrt(hidden) },
      { needsTpSum: true },
    );
    for (let e = coords.ep * perRank; e < (coords.ep + 1) * perRank; e++) experts.set(e, mlp(`mlp.experts.${e}`, true));
    weightsOf.set(layer, { inputNorm, qkv, proj, mlpNorm, router, experts });
  }
  const finalNorm = isLast ? norm('decoder.final_layernorm') : undefined;
  const headWeight = isLast
    ? model.isTied
      ? embedding!
      : weight('output_layer', numVocab, hidden, { tp: 'S(0)' })
    : undefined;

  // Placements of activations [S, B, C].
  const whole: PlacementTexts = { cp: 'Z(0)' };
  const rows: PlacementTexts = usesSp ? { cp: 'Z(0)', tp: 'S(0)' } : whole;
  const columns: PlacementTexts = { cp: 'Z(0)', tp: 'S(2)' };
  const gated: PlacementTexts = { cp: 'Z(0)', tp: 'G(2,2)' };

  const watchIn = (
    tape: Tape,
    module: string,
    x: Var,
    width: number,
    placements: PlacementTexts,
    slot?: string,
  ): Var => {
    const global = [sequence, batch, width];
    const lowered = state.lower(global, placements);
    const { microBatch } = state;
    let { data } = x;
    if (config.isIsolated) {
      const id = formatId({ iteration: state.iteration, microBatch, kind: 'in', module, slot });
      data = state.generated(id, global, lowered, 1);
      if (isBf16) roundToBfloat16(data);
      state.perturb(id, data);
    }
    if (!state.isRecomputing) state.capture('in', module, data, global, lowered, { microBatch, slot });
    const watched = emit(tape, data, x.rows, x.columns, (grad) => addGrad(tape, x, grad));
    watched.onGrad = (grad) => state.capture('din', module, grad, global, lowered, { microBatch, slot });
    return watched;
  };
  const watchOut = (tape: Tape, module: string, y: Var, width: number, placements: PlacementTexts): Var => {
    const global = [sequence, batch, width];
    const lowered = state.lower(global, placements);
    const { microBatch } = state;
    state.capture(state.isRecomputing ? 'recompute_out' : 'out', module, y.data, global, lowered, { microBatch });
    y.onGrad = (grad) => {
      if (!config.isIsolated) return state.capture('dout', module, grad, global, lowered, { microBatch });
      const id = formatId({ iteration: state.iteration, microBatch, kind: 'dout', module });
      const made = state.generated(id, global, lowered, 1);
      const factor = lossFactorOf(config);
      for (let i = 0; i < made.length; i++) made[i] *= factor;
      tape.round(made);
      state.capture('dout', module, made, global, lowered, { microBatch });
      return made;
    };
    return y;
  };

  const positionsOf = (cpRank: number): Int32Array => zigzagPositions(sequence, mesh.cp, cpRank);
  const localShape: AttentionShape = { batch, heads: numHeads / mesh.tp, groups: numGroups / mesh.tp, width };

  function layer(tape: Tape, x: Var, index: number): Var {
    const weights = weightsOf.get(index)!;
    const at = (module: string): string => `decoder.layers.${index}.${module}`;
    const normed = normModule(tape, x, at('input_layernorm'), weights.inputNorm, true);
    const qkvWidth = qkvWidthOf();
    const qkvIn = watchIn(tape, at('self_attention.linear_qkv'), normed, hidden, rows);
    const qkv = watchOut(
      tape,
      at('self_attention.linear_qkv'),
      columnLinear(state, tape, qkvIn, weights.qkv, { isFp8: true }),
      qkvWidth,
      columns,
    );
    const heads = splitQkv(tape, qkv, localShape, positionsOf(coords.cp));
    const core = at('self_attention.core_attention');
    const watched = {
      q: watchIn(tape, core, heads.q, hidden, columns, 'q'),
      k: watchIn(tape, core, heads.k, numGroups * width, columns, 'k'),
      v: watchIn(tape, core, heads.v, numGroups * width, columns, 'v'),
    };
    const attended = watchOut(
      tape,
      core,
      ringAttention(state, tape, watched, localShape, positionsOf),
      hidden,
      columns,
    );
    const projIn = watchIn(tape, at('self_attention.linear_proj'), attended, hidden, columns);
    const projected = watchOut(
      tape,
      at('self_attention.linear_proj'),
      rowLinear(state, tape, projIn, weights.proj),
      hidden,
      rows,
    );
    const h = addVars(tape, x, projected);
    const mlpIn = normModule(tape, h, at('pre_mlp_layernorm'), weights.mlpNorm, true);
    return addVars(
      tape,
      h,
      weights.router ? moe(tape, mlpIn, at('mlp'), weights) : denseMlp(tape, mlpIn, at('mlp'), weights),
    );
  }

  function normModule(tape: Tape, x: Var, module: string, normWeight: Parameter, isFused: boolean): Var {
    const watched = watchIn(tape, module, x, hidden, rows);
    return watchOut(tape, module, rmsNorm(state, tape, watched, normWeight, isFused), hidden, rows);
  }

  function denseMlp(tape: Tape, x: Var, module: string, { fc1, fc2 }: LayerWeights): Var {
    const fc1In = watchIn(tape, `${module}.linear_fc1`, x, hidden, rows);
    const up = columnLinear(state, tape, fc1In, fc1!, { isFp8: true });
    const activated = swiGlu(tape, watchOut(tape, `${module}.linear_fc1`, up, 2 * ffn, gated));
    const fc2In = watchIn(tape, `${module}.linear_fc2`, activated, ffn, columns);
    return watchOut(tape, `${module}.linear_fc2`, rowLinear(state, tape, fc2In, fc2!), hidden, rows);
  }

  function moe(tape: Tape, x: Var, module: string, { router, experts }: LayerWeights): Var {
    const k = model.topK;
    const routerIn = watchIn(tape, `${module}.router`, x, hidden, rows);
    const logits = watchOut(tape, `${module}.router`, routerLogits(tape, routerIn, router!), model.numExperts, rows);
    const routeGlobal = [sequence, batch, k];
    const lowered = state.lower(routeGlobal, rows);
    const { microBatch } = state;
    const routeModule = `${module}.router`;
    const known = routes[formatId({ iteration: state.iteration, microBatch, kind: 'route', module: routeModule })];
    const chosen = known ? sliceBoxes(known, routeGlobal, lowered) : topExperts(logits, k);
    if (!state.isRecomputing) state.capture('route', routeModule, chosen, routeGlobal, lowered, { microBatch });
    const gates = gatesOf(tape, logits, chosen, k);
    const mlpIn = watchIn(tape, module, x, hidden, rows);
    let [tokensVar, gatesVar] = [mlpIn, gates];
    if (usesSp) [tokensVar, gatesVar] = [gatherCopies(state, tape, tokensVar), gatherCopies(state, tape, gatesVar)];
    tokensVar = gatherAxis(state, tape, tokensVar, 'ep');
    gatesVar = gatherAxis(state, tape, gatesVar, 'ep');
    // Rows gathered over tp are whole on every tp rank; the experts' own sums over tp make their output whole too.
    let y = localExperts(state, tape, tokensVar, gatesVar, experts);
    y = scatterAxis(state, tape, y, 'ep');
    if (usesSp) y = ownRows(tape, y);
    return watchOut(tape, module, y, hidden, rows);
  }

  /** This TP rank's rows of a result that all TP ranks hold alike. */
  function ownRows(tape: Tape, x: Var): Var {
    const count = x.rows / mesh.tp;
    const from = coords.tp * count * x.columns;
    const data = x.data.slice(from, from + count * x.columns);
    return emit(tape, data, count, x.columns, (grad) =>
      addGrad(tape, x, state.gatherRows(grad, x.columns, 'tp').slice()),
    );
  }

  function qkvWidthOf(): number {
    return numGroups * (numHeads / numGroups + 2) * width;
  }

  return {
    parameters,
    vocabStart: headWeight?.lowered.boxes[0].g[0] ?? 0,
    tokens(microBatch) {
      const ids = microBatchTokens(config, microBatch);
      const positions = positionsOf(coords.cp);
      const at = (shift: number): Int32Array =>
        Int32Array.from({ length: positions.length * batch }, (_, r) => {
          const position = positions[Math.floor(r / batch)];
          return ids[(position + shift) * batch + (r % batch)];
        });
      const numValid = numValidPositions(config, microBatch);
      const targets = at(1).map((id, r) => (positions[Math.floor(r / batch)] < numValid ? id : -1));
      return { inputs: at(0), targets };
    },
    embed(tape) {
      const module = 'embedding.word_embeddings';
      const y = vocabEmbedding(state, tape, this.tokens(state.microBatch).inputs, embedding!);
      if (!config.isIsolated) state.perturb(`it${state.iteration}/mb${state.microBatch}`, y.data);
      return watchOut(tape, module, y, hidden, rows);
    },
    layers(tape, x, chunk) {
      const own = chunks[chunk];
      if (config.recompute === 0) return own.reduce((h, index) => layer(tape, h, index), x);
      let h = x;
      for (let start = 0; start < own.length; start += config.recompute) {
        const part = own.slice(start, start + config.recompute);
        // Bug `recompute-input`: every layer is given the input of the chunk.
        const isWrong = config.bug === 'recompute-input';
        h = checkpoint(state, tape, h, (inner, input) =>
          part.reduce((value, index) => layer(inner, isWrong ? input : value, index), input),
        );
      }
      return h;
    },
    head(tape, x, defer) {
      const normed = normModule(tape, x, 'decoder.final_layernorm', finalNorm!, false);
      const input = watchIn(tape, 'output_layer', normed, hidden, rows);
      const logits = columnLinear(state, tape, input, headWeight!, defer ? { defer } : {});
      return watchOut(tape, 'output_layer', logits, numVocab, columns);
    },
  };
}

/** Positions a CP rank holds: chunks i and 2·CP−1−i. */
function zigzagPositions(sequence: number, cp: number, rank: number): Int32Array {
  if (cp === 1) return Int32Array.from({ length: sequence }, (_, i) => i);
  const chunk = sequence / (2 * cp);
  const starts = [rank * chunk, (2 * cp - 1 - rank) * chunk];
  return Int32Array.from({ length: 2 * chunk }, (_, i) => starts[Math.floor(i / chunk)] + (i % chunk));
}

/** [S + 1, B]: inputs are the first S positions, targets the last S. */
export function microBatchTokens(config: RankState['config'], microBatch: number): Int32Array {
  const { sequence, batch, numVocab, isImbalanced } = config.model;
  const ids = generateTokens(`tokens/mb${microBatch}`, config.planSeed, (sequence + 1) * batch, numVocab, 8);
  if (!isImbalanced) return ids;
  const half = numVocab / 2;
  return ids.map((id, i) => (Math.floor(i / batch) < sequence / 2 ? id % half : half + (id % half)));
}

/** What the mean loss of a micro-batch is multiplied by on each rank. */
export function lossFactorOf({ mesh, numMicroBatches, lossScale }: RankState['config']): number {
  return (lossScale * mesh.cp) / (numMicroBatches / (mesh.dp * mesh.ep));
}

/** Positions of a micro-batch that count in the loss: the first ones. */
export function numValidPositions({ model }: RankState['config'], microBatch: number): number {
  if (!model.isMasked) return model.sequence;
  return Math.floor((model.sequence * (microBatch % 2 === 0 ? 15 : 3)) / 16);
}

export function computeVar(master: Float32Array, local: readonly number[], isBf16: boolean): Var {
  const data = isBf16 ? roundToBfloat16(master.slice()) : master.slice();
  return { data, rows: local.length === 1 ? 1 : local[0], columns: local.at(-1)!, isParameter: true };
}

function addSpikes(table: Float32Array, firstRow: number, width: number, numVocab: number): void {
  for (let r = 0; r < table.length / width; r++) {
    const row = firstRow + r;
    if (row >= numVocab / 2) table[r * width + (row % width)] += SPIKE;
  }
}

function sliceBoxes(
  whole: Float32Array,
  global: readonly number[],
  { boxes, local }: { readonly boxes: readonly Parameters<typeof runsOfBox>[0][]; readonly local: readonly number[] },
): Float32Array {
  const own = new Float32Array(local.reduce((total, size) => total * size, 1));
  for (const box of boxes) {
    const { starts, locals, length } = runsOfBox(box, global, local);
    for (let r = 0; r < starts.length; r++) own.set(whole.subarray(starts[r], starts[r] + length), locals[r]);
  }
  return own;
}
