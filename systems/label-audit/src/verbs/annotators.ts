/** annotators: one consensus label per sample from several votes, and how good each annotator is. */
import { resolve } from 'node:path';
import { columnOf, tableFromColumns } from '@tenfold/core/data';
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { consensusOfVotes } from '../annotators.ts';
import { encodeLabels, MISSING_LABEL } from '../class-names.ts';
import { readTable } from '../inputs/tables.ts';
import { tableBytes, tableFormatOf } from '../outputs/table-bytes.ts';

interface AnnotatorParams {
  readonly votes: string;
  readonly sample: string;
  readonly annotator: string;
  readonly label: string;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

const NUM_ROWS = 30;

export async function run(params: AnnotatorParams, context: VerbContext): Promise<VerbResult> {
  const format = params.out === '' ? 'csv' : tableFormatOf(params.out, 'label-audit annotators');
  const table = await readTable(resolve(context.workingFolder, params.votes));
  const cells = (name: string) =>
    Array.from(columnOf(table, name, 'label-audit annotators').values as ArrayLike<unknown>, String);
  const { labels, classNames, warnings } = encodeLabels(
    columnOf(table, params.label, 'label-audit annotators').values as ArrayLike<unknown>,
  );
  for (const warning of warnings) context.warn(warning);
  const [sampleNames, sampleOf] = distinct(cells(params.sample));
  const [annotatorNames, annotatorOf] = distinct(cells(params.annotator));
  const votes = Array.from(labels, (label, row) => ({
    sample: sampleOf[row],
    annotator: annotatorOf[row],
    label,
  })).filter(({ label }) => label !== MISSING_LABEL);
  const consensus = consensusOfVotes(votes, {
    numSamples: sampleNames.length,
    numAnnotators: annotatorNames.length,
    numClasses: classNames.length,
  });
  const name = (label: number) => (label < 0 ? null : classNames[label]);
  const numDifferent = consensus.labels.reduce((count, label, i) => count + Number(label !== consensus.majority[i]), 0);
  const columns = tableFromColumns([
    { name: params.sample, kind: 'text', values: sampleNames },
    { name: 'consensus_label', kind: 'text', values: Array.from(consensus.labels, name) },
    { name: 'consensus_quality', kind: 'float64', values: consensus.confidence },
    { name: 'majority_label', kind: 'text', values: Array.from(consensus.majority, name) },
  ]);
  const files =
    params.out === ''
      ? []
      : writeOutputFiles([{ path: params.out, bytes: await tableBytes(columns, format) }], {
          subject: 'label-audit annotators',
          context,
          ...params,
        });
  const annotators = consensus.annotators
    .map((quality, a) => ({
      name: annotatorNames[a],
      votes: quality.numVotes,
      accuracy: quality.accuracy,
      agreement: quality.agreement,
    }))
    .sort((a, b) => a.accuracy - b.accuracy);
  return {
    ok: true,
    value: {
      numSamples: sampleNames.length,
      numDifferentFromMajority: numDifferent,
      iterations: consensus.iterations,
      annotators,
      files,
    },
    report: {
      title: `Votes of ${annotatorNames.length} annotators`,
      verdict: {
        tone: 'info',
        text: `${sampleNames.length} consensus labels; ${numDifferent} differ from the plain majority. Least accurate annotator: ${annotators[0].name}.`,
      },
      blocks: [
        {
          kind: 'table',
          caption: 'Annotators, least accurate first',
          columns: [
            { key: 'name', label: 'annotator' },
            { key: 'votes', label: 'votes', format: 'count' },
            { key: 'accuracy', label: 'estimated accuracy', format: 'percent', digits: 1 },
            { key: 'agreement', label: 'agreement with consensus', format: 'percent', digits: 1 },
          ],
          rows: annotators.slice(0, NUM_ROWS),
        },
      ],
    },
  };
}

function distinct(cells: readonly string[]): [names: string[], indexOf: Uint32Array] {
  const known = new Map<string, number>();
  const indices = Uint32Array.from(cells, (cell) => {
    const index = known.get(cell) ?? known.size;
    known.set(cell, index);
    return index;
  });
  return [[...known.keys()], indices];
}
