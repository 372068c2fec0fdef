/** equiv: cut batches keep the same tokens, outputs and gradients as whole ones; naive micro-batches do not. */
import { throwIfCancelled } from '@tenfold/core/base';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { randomTrial } from '../token-trial.ts';
import { GATE_NAMES, type GateName } from '../types.ts';

interface EquivParams {
  readonly rounds: number;
  readonly gate: GateName | 'all';
}

export async function run({ rounds, gate }: EquivParams, context: VerbContext): Promise<VerbResult> {
  const gates = gate === 'all' ? GATE_NAMES : [gate];
  const rows = gates.map((name) => {
    const rng = context.rng.fork(name);
    const row = { gate: name, rounds, same: 0, withDrops: 0, naiveDifferent: 0, naiveSameCount: 0 };
    for (let round = 0; round < rounds; round++) {
      throwIfCancelled(context.signal, 'moe-overlap equiv');
      const trial = randomTrial({ gate: name }, rng);
      const { isSameSet, isSameOutput, isSameGradient, isSameUsed, isSameBuffer } = trial;
      if (isSameSet && isSameOutput && isSameGradient && isSameUsed && isSameBuffer) row.same++;
      if (trial.numDropped > 0) row.withDrops++;
      if (trial.isNaiveDifferent) row.naiveDifferent++;
      if (trial.isNaiveDifferent && trial.isNaiveCountEqual) row.naiveSameCount++;
    }
    context.progress({ phase: name });
    return row;
  });
  const isSame = rows.every(({ same }) => same === rounds);
  const total = rows.length * rounds;
  return {
    ok: isSame,
    value: { rows },
    report: {
      title: 'Whole batches and batches in parts',
      verdict: {
        tone: isSame ? 'good' : 'bad',
        text: isSame
          ? `In ${total} random layers the parts keep exactly the tokens of the whole batch; outputs and gradients are equal bit for bit.`
          : `In ${total - rows.reduce((sum, { same }) => sum + same, 0)} of ${total} random layers the parts differ from the whole.`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'gate', label: 'gate' },
            { key: 'rounds', label: 'layers', format: 'count' },
            { key: 'same', label: 'equal bit for bit', format: 'count' },
            { key: 'withDrops', label: 'with dropped tokens', format: 'count' },
            { key: 'naiveDifferent', label: 'naive parts keep other tokens', format: 'count' },
            { key: 'naiveSameCount', label: 'of these with equal counts', format: 'count' },
          ],
          rows,
        },
      ],
    },
  };
}
