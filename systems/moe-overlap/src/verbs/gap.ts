/** gap: how far the greedy rules stay behind the optimum, on random problems. */
import { throwIfCancelled } from '@tenfold/core/base';
import { openMipSolver } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { assignOfficial, assignPaper } from '../dw-assign.ts';
import { assignExactly } from '../dw-exact.ts';
import { randomDwProblem } from '../random-problems.ts';

interface GapParams {
  readonly rounds: number;
}

export async function run({ rounds }: GapParams, context: VerbContext): Promise<VerbResult> {
  const ratios: Record<'paper' | 'official', number[]> = { paper: [], official: [] };
  let numAbove = 0;
  let numUnproved = 0;
  await using solver = openMipSolver();
  for (let round = 0; round < rounds; round++) {
    throwIfCancelled(context.signal, 'moe-overlap gap');
    if (round % 25 === 0) context.progress({ phase: 'solving', done: round, total: rounds });
    const problem = randomDwProblem(context.rng);
    const exact = await assignExactly(problem, { solver });
    if (exact.status !== 'optimal') numUnproved++;
    for (const [rule, { hiddenMs }] of [
      ['paper', assignPaper(problem)],
      ['official', assignOfficial(problem)],
    ] as const) {
      ratios[rule].push(hiddenMs / exact.hiddenMs);
      if (hiddenMs > exact.hiddenMs + 1e-9) numAbove++;
    }
  }
  const rows = (['paper', 'official'] as const).map((rule) => {
    const list = ratios[rule];
    return {
      rule,
      mean: list.reduce((sum, ratio) => sum + ratio, 0) / list.length,
      worst: Math.min(...list),
      optimal: list.filter((ratio) => ratio > 1 - 1e-9).length,
    };
  });
  return {
    ok: numAbove === 0,
    value: { rounds, numAbove, numUnproved, rows },
    report: {
      title: 'Greedy rules against the optimum',
      verdict: {
        tone: numAbove === 0 ? 'good' : 'bad',
        text:
          `In ${rounds} random problems the paper's rule reaches the optimum ${rows[0]!.optimal} times, the public code's ${rows[1]!.optimal} times; ` +
          (numAbove === 0 ? 'neither is ever above it.' : `${numAbove} answers are above it, so it is no optimum.`) +
          (numUnproved === 0 ? '' : ` ${numUnproved} optima are not proved.`),
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'rule', label: 'rule' },
            { key: 'mean', label: 'mean share of the optimum', format: 'percent', digits: 1 },
            { key: 'worst', label: 'worst', format: 'percent', digits: 1 },
            { key: 'optimal', label: 'optimal', format: 'count' },
          ],
          rows,
        },
        {
          kind: 'plot',
          caption: 'Share of the optimum',
          mark: 'histogram',
          x: { label: 'share of the optimum' },
          y: { label: 'problems' },
          series: (['paper', 'official'] as const).map((name) => ({
            name,
            points: ratios[name].map((x) => ({ x, y: 1 })),
          })),
        },
      ],
    },
  };
}
