/** apply: the reviewed decisions of the page, written into a table. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { columnOf, tableFromColumns } from '@tenfold/core/data';
import { writeOutputFiles } from '@tenfold/core/system';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { z } from 'zod';
import { readTable } from '../inputs/tables.ts';
import { labelError } from '../label-errors.ts';
import { tableBytes, tableFormatOf } from '../outputs/table-bytes.ts';

interface ApplyParams {
  readonly data: string;
  readonly decisions: string;
  readonly label: string;
  readonly out: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** What the page exports. `keep` leaves the label, `relabel` replaces it. */
const decisionSchema = z.object({
  row: z.int().min(0),
  action: z.enum(['keep', 'relabel']),
  label: z.string(),
});

export async function run(params: ApplyParams, context: VerbContext): Promise<VerbResult> {
  const format = tableFormatOf(params.out, 'label-audit apply');
  const table = await readTable(resolve(context.workingFolder, params.data));
  const labels = Array.from(columnOf(table, params.label, 'label-audit apply').values as ArrayLike<unknown>, String);
  const decisions = parseDecisions(
    await readFile(resolve(context.workingFolder, params.decisions), 'utf8'),
    params.decisions,
  );
  const outside = decisions.find(({ row }) => row >= table.numRows);
  if (outside) {
    throw labelError('TF-LABEL-002', {
      subject: 'label-audit apply',
      expected: `decisions on the ${table.numRows} rows of the table`,
      actual: `row ${outside.row}`,
      location: params.decisions,
    });
  }
  const isReviewed = new Uint8Array(table.numRows);
  let numChanged = 0;
  for (const { row, action, label } of decisions) {
    isReviewed[row] = 1;
    if (action === 'keep' || labels[row] === label) continue;
    labels[row] = label;
    numChanged++;
  }
  const changed = tableFromColumns([
    ...table.columns.filter(({ name }) => name !== params.label && name !== 'is_reviewed'),
    { name: params.label, kind: 'text', values: labels },
    { name: 'is_reviewed', kind: 'bool', values: isReviewed },
  ]);
  const files = writeOutputFiles([{ path: params.out, bytes: await tableBytes(changed, format) }], {
    subject: 'label-audit apply',
    context,
    ...params,
  });
  return {
    ok: true,
    value: { numDecisions: decisions.length, numChanged, files },
    report: {
      title: `Decisions on ${params.data}`,
      verdict: {
        tone: 'good',
        text: `${numChanged} labels changed, ${decisions.length - numChanged} kept after review.`,
      },
      blocks: [],
    },
  };
}

function parseDecisions(text: string, file: string): z.output<typeof decisionSchema>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw labelError('TF-LABEL-005', { subject: 'label-audit apply', expected: 'JSON', location: file, cause });
  }
  const parsed = z.array(decisionSchema).safeParse((value as { decisions?: unknown } | null)?.decisions);
  if (parsed.success) return parsed.data;
  throw labelError('TF-LABEL-005', {
    subject: 'label-audit apply',
    expected: 'the decisions that the page exports',
    actual: parsed.error.issues[0]?.message ?? 'something else',
    location: file,
    hints: ['Export them on the page with “Decisions as JSON”.'],
  });
}
