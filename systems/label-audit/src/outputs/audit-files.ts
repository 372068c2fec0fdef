/** The files of an audit: corrected table, mask, JSON and HTML report, issue list. */
import { createMemorySink, writeNpy } from '@tenfold/core/data';
import type { Table } from '@tenfold/core/data';
import { renderHtml } from '@tenfold/core/report';
import type { Report } from '@tenfold/core/report';
import type { OutputFile } from '@tenfold/core/system';
import { geometryJson } from '../geometry-report.ts';
import type { Issue } from '../issue-list.ts';
import type { Audit } from '../pipeline.ts';
import { correctedTable } from './corrected-table.ts';
import { tableBytes } from './table-bytes.ts';
import type { TableFormat } from './table-bytes.ts';

/** Names of the files of an audit, in the order of `auditFiles`. */
export function auditFileNames(folder: string, format: TableFormat): string[] {
  return [`corrected.${format}`, 'mask.npy', 'audit.json', 'report.html'].map((name) => `${folder}/${name}`);
}

/** @returns files named below a folder */
export async function auditFiles(options: {
  readonly audit: Audit;
  readonly issues: readonly Issue[];
  readonly report: Report;
  readonly table: Table | undefined;
  readonly numRows: number;
  readonly format: TableFormat;
  readonly folder: string;
}): Promise<OutputFile[]> {
  const { audit, issues, report, numRows, format, folder } = options;
  const mask = new Uint8Array(numRows);
  audit.rows.forEach((row, i) => (mask[row] = audit.result.flags[i]));
  const sink = createMemorySink();
  await writeNpy(sink, { dtype: 'bool', shape: [numRows], data: mask });
  const table = correctedTable(audit, options.table, numRows);
  const contents = [
    await tableBytes(table, format),
    sink.bytes(),
    `${JSON.stringify({ ...auditJson(audit), issues }, null, 1)}\n`,
    await renderHtml(report),
  ];
  return auditFileNames(folder, format).map((path, i) => ({ path, bytes: contents[i] }));
}

export type AuditJson = ReturnType<typeof auditJson>;

/** The machine-readable answer, without the samples. `geometry` is that of the first fold. */
export function auditJson(audit: Audit) {
  const { result, classNames, labels } = audit;
  const numClasses = classNames.length;
  const square = (values: ArrayLike<number>) =>
    Array.from({ length: numClasses }, (_, r) =>
      Array.from({ length: numClasses }, (__, c) => values[r * numClasses + c]),
    );
  return {
    numSamples: labels.length,
    numUnlabelled: audit.unlabelled.length,
    classNames,
    numFlagged: result.ranked.length,
    expectedWrong: result.expectedWrong,
    ranking: result.ranking,
    noise: result.noise,
    repairRule: result.repairRule,
    temperature: result.temperature,
    thresholds: [...result.learned.thresholds],
    joint: square(result.learned.joint),
    prior: [...result.latent.prior],
    noiseMatrix: square(result.latent.noiseMatrix),
    classHealth: result.classHealth.map((health) => ({ ...health, name: classNames[health.classIndex] })),
    ...(audit.truth && { truth: audit.truth }),
    ...(audit.evidence && {
      numDuplicateSets: audit.evidence.numDuplicateSets,
      numConflictingSets: audit.evidence.numConflictingSets,
      numNeighbourReferences: audit.evidence.numReferences,
    }),
    training: audit.logs.map((log) => log.map(({ epoch, loss, terms }) => ({ epoch, loss, terms }))),
    ...(audit.logs.length > 0 && { geometry: geometryJson(audit.logs[0]) }),
  };
}
