/** prox: one block of four through both solvers. */
import type { VerbResult } from '@tenfold/core/system';
import { kktResidual, proxObjective } from '../prox/block.ts';
import { proxBlock } from '../prox/prox.ts';
import { reportBlock, type BlockSolution } from '../report.ts';
import { sparseError } from '../sparse-errors.ts';

export function run({
  block,
  lambda,
}: {
  readonly block: readonly number[];
  readonly lambda: number;
}): Promise<VerbResult> {
  if (block.length !== 4)
    throw sparseError('TF-SPARSE-005', { subject: 'prox', expected: 'four numbers', actual: String(block.length) });
  const solutions = (['enum-alm', 'exact'] as const).map((solver): BlockSolution => {
    const w = new Float64Array(4);
    proxBlock(block, lambda, w, solver);
    return {
      solver,
      block: [...w],
      objective: proxObjective(w, block, lambda),
      residual: kktResidual(w, block, lambda),
    };
  });
  // Where squares leave the range of f64, neither f nor the comparison of the solvers means anything.
  if (solutions.some(({ objective, residual, block: w }) => ![objective, residual, ...w].every(Number.isFinite))) {
    throw sparseError('TF-SPARSE-005', {
      subject: 'prox',
      expected: 'weights and λ whose objective is a finite number',
      actual: `[${block.join(', ')}] at λ = ${lambda}`,
      hints: ['The operator scales: divide the weights by s and multiply λ by s.'],
    });
  }
  return Promise.resolve({ ok: true, value: solutions, report: reportBlock(block, lambda, solutions) });
}
