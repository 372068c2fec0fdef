/** Every op of the table against finite differences in float64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRADIENT_RULES, checkGradients } from '../../src/autodiff/index.ts';
import { createRng } from '../../src/base/index.ts';
import type { Rng } from '../../src/base/index.ts';
import { OP_NAMES } from '../../src/graph/index.ts';
import { numel } from '../../src/tensor/index.ts';
import type { GradCheckInput } from '../../src/autodiff/index.ts';
import { OP_CASES } from './op-cases.table.ts';
import { spreadValues } from './spread-values.ts';
import { run64, seed } from './test-runner.ts';

function withValues(inputs: Readonly<Record<string, GradCheckInput>>, rng: Rng): Record<string, GradCheckInput> {
  const values = spreadValues(rng);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      input.values
        ? input
        : { ...input, values: Array.from({ length: numel(input.shape) }, () => values.next().value!) },
    ]),
  );
}

for (const op of OP_NAMES) {
  const cases = OP_CASES[op];
  const rule = GRADIENT_RULES[op];
  if ('exempt' in cases) {
    test(`${op} is without a case because it has ${cases.exempt}`, () => {
      if (cases.exempt === 'collective') assert.equal(typeof rule, 'function');
      else assert.ok(typeof rule === 'object' && (cases.exempt === 'no gradient' ? 'none' in rule : 'zero' in rule));
    });
    continue;
  }
  for (const { title, inputs, build } of cases) {
    test(`the gradient of ${op} equals finite differences: ${title}`, () => {
      const rng = createRng(seed, `${op}/${title}`);
      const result = checkGradients(
        withValues(inputs, rng),
        (b, values) => {
          const built = build(b, values);
          return Array.isArray(built) ? built : [built as never];
        },
        { run: run64, rng, tolerance: 1e-7 },
      );
      assert.ok(result.numCompared > 0);
    });
  }
}
