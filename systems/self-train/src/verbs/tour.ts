/** tour: digits drawn from fonts teach a network to read handwriting (MNIST) without one handwritten label. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { adapt, adaptJson } from '../adaptation.ts';
import type { Adaptation, AdaptationInput } from '../adaptation.ts';
import { trainSource } from '../engine/train-source.ts';
import { drawFontDigits } from '../inputs/font-digits.ts';
import { readMnistDigits } from '../inputs/digit-sets.ts';
import { percent, reportAdaptation } from '../report.ts';
import type { Method } from '../types.ts';

interface TourParams {
  readonly source: number;
  readonly target: number;
  readonly rounds: number;
}

const TOUR_METHODS: readonly Method[] = ['em', 'source', 'cbst', 'oracle'];
const CLASS_NAMES = Array.from({ length: 10 }, (_, c) => String(c));

export async function run(params: TourParams, context: VerbContext): Promise<VerbResult> {
  const { seed, signal } = context;
  context.progress({ phase: 'drawing digits from fonts' });
  const drawn = await drawFontDigits(params.source, seed);
  context.progress({ phase: 'reading MNIST' });
  const { labels: truth, ...target } = await readMnistDigits('train', params.target, seed);
  context.progress({ phase: 'training on font digits' });
  const source = await trainSource(drawn.x, drawn.labels, { numClasses: 10, seed, signal });
  const input: AdaptationInput = { source, target, truth, classNames: CLASS_NAMES, signal };
  const adaptations: Adaptation[] = [];
  const numRounds = params.rounds + 1;
  for (const [place, method] of TOUR_METHODS.entries()) {
    const onRound = ({ round, truthAccuracy }: { readonly round: number; readonly truthAccuracy?: number }) => {
      const done = place * numRounds + round;
      context.progress({ phase: `adapting: ${method}`, done, total: numRounds * TOUR_METHODS.length });
      context.metric(`accuracy/${method}`, round, truthAccuracy ?? 0);
    };
    const isOurs = method === 'em';
    adaptations.push(
      await adapt(
        { ...input, onRound },
        { method, seed, rounds: params.rounds, hasGuard: isOurs, numPasses: isOurs ? 10 : 1 },
      ),
    );
  }
  const [ours, ...others] = adaptations;
  const value = adaptJson(ours, { ...input, sourceName: drawn.name, seed }, others);
  const accuracyOf = (method: Method) => value.methods.find((each) => each.method === method)!.accuracy!;
  const [before, after, cbst, oracle] = [
    accuracyOf('source'),
    accuracyOf('em'),
    accuracyOf('cbst'),
    accuracyOf('oracle'),
  ];
  const isMonotone = value.methods[0].rounds.every(({ logLikelihood }) =>
    logLikelihood.every((likelihood, i) => i === 0 || likelihood >= logLikelihood[i - 1] - 1e-9 * Math.abs(likelihood)),
  );
  const ok = after > before && isMonotone;
  return {
    ok,
    value,
    report: reportAdaptation(
      value,
      {
        tone: ok ? 'good' : 'bad',
        text:
          `Reading handwriting after learning from fonts: ${percent(before)} right before, ${percent(after)} after ` +
          `EM self-training without a handwritten label (CBST ${percent(cbst)}, with all labels ${percent(oracle)}).`,
      },
      'Tour: from fonts to handwriting',
    ),
  };
}
