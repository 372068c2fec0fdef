/** annotators: one consensus label per sample from several votes, and how good each annotator is. */
import { resolve } from 'node:path';
import type { Diagnostic } from '@tenfold/core/base';
import { columnOf, tableFromColumns } from '@tenfold/core/data';
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { reportConsensus } from '../annotator-report.ts';
import { consensusOfVotes } from '../annotators.ts';
import type { Consensus, Vote } from '../annotators.ts';
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
  const { votes, numRepeated } = lastVotes(labels, sampleOf, annotatorOf);
  if (numRepeated > 0) context.warn(repeatedWarning(numRepeated));
  const consensus = consensusOfVotes(votes, {
    numSamples: sampleNames.length,
    numAnnotators: annotatorNames.length,
    numClasses: classNames.length,
  });
  const numSingle = consensus.numVotes.reduce((count, ofSample) => count + Number(ofSample === 1), 0);
  if (numSingle > 0) context.warn(singleWarning(numSingle, sampleNames.length));
  const name = (label: number) => (label < 0 ? null : classNames[label]);
  const columns = tableFromColumns([
    { name: params.sample, kind: 'text', values: sampleNames },
    { name: 'consensus_label', kind: 'text', values: Array.from(consensus.labels, name) },
    { name: 'consensus_quality', kind: 'float64', values: consensus.confidence },
    { name: 'num_annotations', kind: 'int32', values: Int32Array.from(consensus.numVotes) },
    { name: 'annotator_agreement', kind: 'float64', values: consensus.agreement },
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
    .map(({ numVotes, accuracy, accuracyLow, accuracyHigh, agreement }, a) => ({
      name: annotatorNames[a],
      votes: numVotes,
      accuracy,
      accuracyLow,
      accuracyHigh,
      agreement,
    }))
    .sort((a, b) => a.accuracy - b.accuracy);
  const voted = leastSureFirst(consensus);
  const summary = {
    numSamples: sampleNames.length,
    numDifferent: consensus.labels.reduce((count, label, i) => count + Number(label !== consensus.majority[i]), 0),
    meanQuality: voted.reduce((sum, i) => sum + consensus.confidence[i], 0) / voted.length,
    annotators,
    unsure: voted.map((i) => ({
      sample: sampleNames[i],
      label: name(consensus.labels[i]),
      quality: consensus.confidence[i],
      votes: consensus.numVotes[i],
      agreement: consensus.agreement[i],
    })),
  };
  return {
    ok: true,
    value: {
      numSamples: summary.numSamples,
      numDifferentFromMajority: summary.numDifferent,
      numWithOneVote: numSingle,
      meanQuality: summary.meanQuality,
      iterations: consensus.iterations,
      annotators,
      files,
    },
    report: reportConsensus(summary),
  };
}

/** Two votes of one annotator on one sample are not two opinions: the later one counts. */
function lastVotes(
  labels: Int32Array,
  sampleOf: Uint32Array,
  annotatorOf: Uint32Array,
): { readonly votes: readonly Vote[]; readonly numRepeated: number } {
  const votes = new Map<string, Vote>();
  let numGiven = 0;
  labels.forEach((label, row) => {
    if (label === MISSING_LABEL) return;
    numGiven++;
    votes.set(`${sampleOf[row]} ${annotatorOf[row]}`, { sample: sampleOf[row], annotator: annotatorOf[row], label });
  });
  return { votes: [...votes.values()], numRepeated: numGiven - votes.size };
}

function leastSureFirst({ labels, confidence }: Consensus): number[] {
  return [...labels.keys()].filter((i) => labels[i] >= 0).sort((a, b) => confidence[a] - confidence[b] || a - b);
}

function repeatedWarning(count: number): Diagnostic {
  return {
    severity: 'warning',
    code: 'TF-LABEL-010',
    subject: 'label-audit annotators',
    expected: 'one vote of an annotator on a sample',
    actual: `${count} repeated; the last of each counts`,
  };
}

function singleWarning(count: number, numSamples: number): Diagnostic {
  return {
    severity: 'warning',
    code: 'TF-LABEL-010',
    subject: 'label-audit annotators',
    expected: 'two votes or more on a sample',
    actual: `one on ${count} of ${numSamples}; nothing confirms them`,
    hints: ['Their quality is little more than the assumption that two votes in three are right.'],
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
