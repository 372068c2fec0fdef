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

/** Samples with an image of their own in the list. */
const MAX_THUMBNAILS = 400;

export interface Shown {
  readonly ids: readonly string[];
  readonly previews: readonly string[];
  /** [N, C, H, W] in 0..1 where samples are images. */
  readonly images?: Tensor<'float32'>;
}

export async function listIssues(audit: Audit, shown: Shown, maxIssues: number): Promise<Issue[]> {
  const issues: Issue[] = [];
  for (const [place, i] of audit.result.ranked.subarray(0, maxIssues).entries()) {
    const row = audit.rows[i];
    const issue = issueAt(audit, i, shown.ids[row]);
    const hasThumbnail = shown.images !== undefined && place < MAX_THUMBNAILS;
    issues.push({
      ...issue,
      ...(shown.previews[row] && { preview: shown.previews[row] }),
      ...(hasThumbnail && { thumbnail: await thumbnailOf(shown.images!, row) }),
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
    diagnostics: audit.warnings,
    artifacts: [
      { name: 'issues.json', mediaType: 'application/json', bytes: new TextEncoder().encode(JSON.stringify(list)) },
    ],
  };
}
