/** diff: two masks beside each other. */
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { readMaskFile } from '../io/mask-file.ts';
import { differenceByMatrix, maskDifference } from '../mask/mask24.ts';
import { reportDifference } from '../report.ts';
import { sparseError } from '../sparse-errors.ts';

export async function run(
  params: { readonly a: string; readonly b: string },
  context: VerbContext,
): Promise<VerbResult> {
  const [a, b] = await Promise.all(
    [params.a, params.b].map((path) => readMaskFile(resolve(context.workingFolder, path))),
  );
  const byMatrix = differenceByMatrix(a!, b!);
  if (byMatrix.size === 0) {
    throw sparseError('TF-SPARSE-006', {
      subject: 'diff',
      expected: 'matrices of the same names in both masks',
      actual: 'none in common',
      location: `${params.a} and ${params.b}`,
    });
  }
  for (const name of byMatrix.keys()) {
    const [left, right] = [a!.get(name)!.codes.length, b!.get(name)!.codes.length];
    if (left === right) continue;
    throw sparseError('TF-SPARSE-006', {
      subject: 'diff',
      expected: `${left} blocks as in ${params.a}`,
      actual: String(right),
      location: `${params.b}, "${name}"`,
    });
  }
  const onlyIn = (left: typeof a, right: typeof a): string[] => [...left!.keys()].filter((name) => !right!.has(name));
  const value = {
    difference: maskDifference(a!, b!),
    byMatrix: Object.fromEntries(byMatrix),
    onlyInA: onlyIn(a, b),
    onlyInB: onlyIn(b, a),
  };
  return { ok: true, value, report: reportDifference(value, params.a, params.b) };
}
