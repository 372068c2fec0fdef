/** tour: a tensor-parallel GPT trained on two worker threads agrees with one device; then a bug is put in, found and
 *  named, while the loss hides it. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { closeUpsOf } from '../close-up.ts';
import { plainFindings, reportCheck } from '../report.ts';
import { BUGS } from '../sim/bugs.ts';
import { createSimConfig, type SimConfig } from '../sim/sim-config.ts';
import { simulateAndCheck, withPool, type ReferenceSet } from '../sim/simulate.ts';

const BUG_NAME = 'sp-final-norm';

export async function run(_params: unknown, context: VerbContext): Promise<VerbResult> {
  const bug = BUGS.find(({ name }) => name === BUG_NAME)!;
  const clean: SimConfig = createSimConfig({
    mesh: { tp: 2 },
    isSequenceParallel: true,
    precision: 'bfloat16',
    numMicroBatches: 2,
  });
  const options = { cache: new Map<string, ReferenceSet>(), signal: context.signal };
  const { good, bad } = await withPool(async (pool) => {
    context.progress({ phase: 'one device, three perturbed runs, two devices', done: 0, total: 2 });
    const first = await simulateAndCheck(pool, clean, options);
    context.progress({ phase: 'the same with a bug', done: 1, total: 2 });
    return { good: first, bad: await simulateAndCheck(pool, { ...clean, bug: bug.name }, options) };
  });
  const { culprit } = bad.result;
  const isFound = culprit !== undefined && bug.firstId.test(culprit.id);
  const hint = bad.result.findings.find(({ id }) => id === culprit?.id)?.hints[0]?.text ?? '';
  const isSound = good.result.verdict !== 'divergence' && good.result.counts.MISSING === 0 && isFound;
  const lossChange = bad.result.baselines.lossChange ?? NaN;
  const report = reportCheck(bad.result, 'A bug that the loss hides', 10);
  return {
    ok: isSound,
    value: {
      clean: plainFindings(good.result),
      bug: bug.name,
      found: {
        ...plainFindings(bad.result),
        closeUps: closeUpsOf(bad.result, bad.set.reference.trace, bad.candidate.trace),
        losses: { reference: bad.set.reference.losses, candidate: bad.candidate.losses },
      },
    },
    report: {
      title: 'Two devices against one',
      verdict: {
        tone: isSound ? 'good' : 'bad',
        text: isSound
          ? `The clean run agrees in ${good.result.counts.PASS} tensors; the bug is found in ${culprit.module}: ${hint}.`
          : `Expected a clean run and the bug in the final norm; got ${good.result.text} ${bad.result.text}`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'clean: error / tolerance', value: good.result.maxRatio, digits: 2, tone: 'good' },
            { label: 'bug: change of the loss', value: lossChange, format: 'percent', digits: 3 },
            {
              label: 'bug: tensors that diverge',
              value: bad.result.counts.FAIL + bad.result.counts.REPLICA_DIVERGED,
              format: 'count',
              tone: 'bad',
            },
          ],
        },
        { kind: 'text', text: `The bug: ${bug.text}.` },
        ...report.blocks,
      ],
    },
  };
}
