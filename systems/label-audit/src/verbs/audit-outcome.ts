/** What an audit verb returns: issues with previews and thumbnails, report, JSON, artifacts. */
import type { Report } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import { issueAt } from '../issue-list.ts';
import type { Issue } from '../issue-list.ts';
import { auditJson } from '../outputs/audit-files.ts';
import { thumbnailOf } from '../outputs/thumbnails.ts';
import type { Audit } from '../pipeline.ts';
import { reportAudit } from '../report.ts';

/** Characters of all thumbnails together: later issues of the list go without. */
const MAX_THUMBNAIL_CHARS = 24e6;

export interface Shown {
  readonly idOf: (row: number) => string;
  /** '' if there is nothing to read. */
  readonly previewOf: (row: number) => string;
  /** [N, C, H, W] in 0..1 where samples are images. */
  readonly images?: Tensor<'float32'>;
}

/** The most suspicious labels: as many as the audit kept probabilities of. */
export async function listIssues(audit: Audit, shown: Shown): Promise<Issue[]> {
  const issues: Issue[] = [];
  let numChars = 0;
  const numIssues = audit.issueProbabilities.length / audit.classNames.length;
  for (let place = 0; place < numIssues; place++) {
    const row = audit.rows[audit.result.ranked[place]];
    const preview = shown.previewOf(row);
    const hasThumbnail = shown.images !== undefined && numChars < MAX_THUMBNAIL_CHARS;
    const thumbnail = hasThumbnail ? await thumbnailOf(shown.images!, row) : undefined;
    numChars += thumbnail?.length ?? 0;
    issues.push({
      ...issueAt(audit, place, shown.idOf(row)),
      ...(preview !== '' && { preview }),
      ...(thumbnail !== undefined && { thumbnail }),
    });
  }
  return issues;
}

export function auditOutcome(
  audit: Audit,
  issues: readonly Issue[],
  context: VerbContext,
  change: (report: Report) => Report = (report) => report,
): VerbResult {
  for (const warning of audit.warnings) context.warn(warning);
  const list = { classNames: audit.classNames, numSamples: audit.labels.length, issues };
  return {
    ok: true,
    value: auditJson(audit),
    report: change(reportAudit(audit, issues)),
    artifacts: [
      { name: 'issues.json', mediaType: 'application/json', bytes: new TextEncoder().encode(JSON.stringify(list)) },
    ],
  };
}
