/** export: the exact model for other solvers, or one extremal tuple as a literal. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { exportModel, exportTuple } from '../model-export.ts';
import type { ModelFormat } from '../model-export.ts';
import { extremalTuples } from '../solve.ts';
import { familiesError } from '../families-errors.ts';
import { problemFromParams } from './problem-params.ts';
import type { ProblemParams } from './problem-params.ts';

interface ExportParams extends ProblemParams {
  readonly format: ModelFormat;
}

const FILE_NAMES: Readonly<Record<ModelFormat, string>> = {
  dimacs: 'families.col',
  lp: 'families.lp',
  wcnf: 'families.wcnf',
  gap: 'tuple.g',
  sage: 'tuple.sage',
  latex: 'tuple.tex',
};

export async function run(params: ExportParams, context: VerbContext): Promise<VerbResult> {
  const { problem } = problemFromParams(params);
  const { format } = params;
  const text =
    format === 'dimacs' || format === 'lp' || format === 'wcnf'
      ? exportModel(problem, format)
      : exportTuple(firstTuple(), format);
  function firstTuple() {
    const first = extremalTuples(problem, context.signal)?.next();
    if (!first || first.done)
      throw familiesError('TF-FAMILIES-003', {
        subject: 'export',
        expected: 'a problem whose extremal tuples can be listed',
      });
    return first.value;
  }
  return {
    ok: true,
    value: { format, text },
    report: {
      title: `Export as ${format}`,
      verdict: { tone: 'good', text: `Written as ${FILE_NAMES[format]}.` },
      blocks: [{ kind: 'code', text, language: format }],
    },
    artifacts: [{ name: FILE_NAMES[format], mediaType: 'text/plain', bytes: new TextEncoder().encode(text) }],
  };
}
