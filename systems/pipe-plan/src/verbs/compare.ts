/** compare: our plan beside every rival on the same tables. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { comparisonBlocks, planTimelines, planTitle } from '../report.ts';
import { comparePlans } from '../rivals/compare.ts';
import { readInputs, type PlanParams } from './inputs.ts';

export async function run(params: PlanParams, context: VerbContext): Promise<VerbResult> {
  const { model, cluster, options } = await readInputs(params, context);
  const comparison = comparePlans(model, cluster, options, (phase) => context.progress({ phase }));
  const { best, rows, cache } = comparison;
  const rivals = rows.filter(({ method }) => !method.startsWith('ours') && !method.startsWith('cached'));
  const rival = rivals.reduce((a, b) => (b.iterationMs < a.iterationMs ? b : a));
  const isFaster = rival.iterationMs > best.iterationMs;
  return {
    ok: true,
    value: { rows, cache: { ...cache, epochs: Number.isFinite(cache.epochs) ? cache.epochs : null } },
    report: {
      title: `${planTitle({ model, cluster })}: methods compared`,
      verdict: {
        tone: isFaster ? 'good' : 'info',
        text: `Ours takes ${best.iterationMs.toFixed(1)} ms; the best rival, ${rival.method}, ${rival.iterationMs.toFixed(1)} ms (${rival.speedup.toFixed(3)} times as long).`,
      },
      blocks: [...comparisonBlocks(comparison), ...planTimelines(best)],
    },
  };
}
