/** tour: the shipped model pruned with four methods, judged on text that none of them saw. */
import { fileURLToPath } from 'node:url';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { compareMethods, scaledSettings } from '../compare.ts';
import { openModel } from '../model/open-model.ts';
import { reportComparison } from '../report.ts';
import { rowsFor } from '../texts.ts';
import { plainComparison } from './compare.ts';

const MODEL = new URL('../../../../models/scrimshaw-11m/', import.meta.url);
const CONTEXT = 128;
const STEPS = 24;

export async function run(_params: unknown, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'loading the model' });
  const model = await openModel(fileURLToPath(MODEL));
  const calibration = await rowsFor(model, { numRows: 16, context: CONTEXT, purpose: 'calibration' }, context);
  const held = await rowsFor(model, { numRows: 8, context: CONTEXT, purpose: 'held out' }, context);
  const comparison = await compareMethods(
    ['magnitude', 'wanda', 'ria', 'proxsparse'],
    {
      model,
      calibration,
      // Few steps: a smaller rate keeps the model whole, a larger κ still reaches 2:4.
      settings: { ...scaledSettings(model, STEPS), learningRate: 3e-4, kappa: 0.05 },
      rng: context.rng,
      clock: context.clock,
      signal: context.signal,
      onProgress: (phase, done, total) => context.progress({ phase, done, total }),
      onMetric: context.metric,
    },
    held,
  );
  // Every mask must keep two of four, and pruning must cost something: a perplexity at or below the dense one is a fault.
  const isSound = comparison.rows.every(
    (row) => row.perplexity > comparison.densePerplexity && row.outcome.masks.size === 42,
  );
  const report = reportComparison(comparison, 'Four masks for the shipped 11 M model');
  return {
    ok: isSound,
    value: plainComparison(comparison),
    report: {
      ...report,
      blocks: [
        ...report.blocks,
        {
          kind: 'text',
          text: `Calibration and held-out text were written by the model itself (${CONTEXT} tokens a row); ProxSparse ran only ${STEPS} steps here, where 400 are usual.`,
        },
      ],
    },
  };
}
