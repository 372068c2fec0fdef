/** compare: several methods from one source network with the same number of updates, measured on labels they never see. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { adapt, adaptJson } from '../adaptation.ts';
import type { Adaptation, AdaptationInput } from '../adaptation.ts';
import { trainSource } from '../engine/train-source.ts';
import { readSamplePair } from '../inputs/sample-pair.ts';
import { METHOD_NAMES, percent, reportAdaptation } from '../report.ts';
import { selfTrainError } from '../self-train-errors.ts';
import type { Method } from '../types.ts';
import { heldOutWarnings } from './held-out-warning.ts';
import { optionsFrom, pairParamsOf } from './run-params.ts';
import type { RunParams } from './run-params.ts';

interface CompareParams extends Omit<RunParams, 'method'> {
  readonly methods: readonly Method[];
}

export async function run(params: CompareParams, context: VerbContext): Promise<VerbResult> {
  const { seed, signal } = context;
  const pair = await readSamplePair(pairParamsOf(params), context);
  for (const warning of pair.warnings) context.warn(warning);
  const { truth } = pair;
  if (truth === undefined) {
    throw selfTrainError('TF-SELF-004', {
      subject: 'self-train compare',
      expected: 'true labels of the target, to measure the methods with',
      actual: 'none',
      hints: ['Name the column or file with --truth. Only the method "oracle" is trained on them.'],
    });
  }
  const source = await trainSource(pair.source.x, pair.source.labels, {
    numClasses: pair.classNames.length,
    seed,
    epochs: params.epochs,
    backbone: { kind: 'mlp', width: pair.source.x.width, hidden: params.hidden, dropout: 0.3 },
    hasBases: params.bases === 'attention',
    numMembers: params.ensemble,
    signal,
    onProgress: (done, total) => context.progress({ phase: 'training on labelled samples', done, total }),
  });
  for (const warning of heldOutWarnings(source)) context.warn(warning);
  const input: AdaptationInput = { source, target: pair.target, truth, classNames: pair.classNames, signal };
  const methods = [...new Set(params.methods)];
  const adaptations: Adaptation[] = [];
  for (const [place, method] of methods.entries()) {
    const options = optionsFrom({ ...params, method }, seed);
    const isOurs = method === 'em';
    adaptations.push(
      await adapt(
        {
          ...input,
          onRound({ round, truthAccuracy }) {
            const total = methods.length * (params.rounds + 1);
            context.progress({
              phase: `adapting: ${METHOD_NAMES[method]}`,
              done: place * (params.rounds + 1) + round,
              total,
            });
            context.metric(`accuracy/${method}`, round, truthAccuracy ?? 0);
          },
        },
        // Passes with dropout change nothing in the other methods; the guard is part of ours.
        { ...options, hasGuard: isOurs && params.guard, numPasses: isOurs ? options.numPasses : 1 },
      ),
    );
  }
  const [shown, ...others] = adaptations;
  const value = adaptJson(shown, { ...input, sourceName: pair.source.name, seed }, others);
  const ranked = value.methods
    .filter(({ method }) => method !== 'oracle')
    .toSorted((a, b) => (b.accuracy ?? 0) - (a.accuracy ?? 0));
  const [best] = ranked;
  return {
    ok: true,
    value,
    report: reportAdaptation(value, {
      tone: 'info',
      text: `${METHOD_NAMES[best.method]} is best with ${percent(best.accuracy!, 2)} of the target right (seed ${seed}; one seed decides nothing).`,
    }),
  };
}
