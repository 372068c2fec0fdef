/** What an audit verb returns: issues with previews and thumbnails, report, JSON, artifacts. */
import type { Report } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import { issueAt } from '../issue-list.ts';
import type { Issue } from '../issue-list.ts';
import { auditJson } from '../outputs/audit-files.ts';
import { thumbnailSheets } from '../outputs/thumbnail-sheets.ts';
import type { SheetIndex } from '../outputs/thumbnail-sheets.ts';
import { thumbnailOf } from '../outputs/thumbnails.ts';
import type { Audit } from '../pipeline.ts';
import { rankingText } from '../ranking-text.ts';
import { reportAudit } from '../report.ts';

/** Issues whose thumbnail is part of the JSON file and the report; the page has sheets for all. */
const NUM_THUMBNAILS = 1000;
/** Issues that the page shows before it has read the others. */
const NUM_FIRST_ISSUES = 500;
/** Of each further file: read without a pause that one sees. */
const NUM_MORE_ISSUES = 5000;

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
  const numIssues = audit.issueProbabilities.length / audit.classNames.length;
  for (let place = 0; place < numIssues; place++) {
    const row = audit.rows[audit.result.ranked[place]];
    const preview = shown.previewOf(row);
    const hasThumbnail = shown.images !== undefined && place < NUM_THUMBNAILS;
    const thumbnail = hasThumbnail ? await thumbnailOf(shown.images!, row) : undefined;
    issues.push({
      ...issueAt(audit, place, shown.idOf(row)),
      ...(preview !== '' && { preview }),
      ...(thumbnail !== undefined && { thumbnail }),
    });
  }
  return issues;
}

/** The list of the page: its head in one file, so that it shows at once, the rest in others, pictures on sheets. */
export interface IssueFile {
  readonly classNames: readonly string[];
  readonly numSamples: number;
  readonly numIssues: number;
  /** What they are ranked by, in words. */
  readonly rankedBy: string;
  /** The first ones. */
  readonly issues: readonly Issue[];
  /** Artifacts with the others, in order. */
  readonly more: readonly string[];
  readonly sheets?: SheetIndex;
}

/** @param options.images  [N, C, H, W] where samples are images */
export async function auditOutcome(
  audit: Audit,
  issues: readonly Issue[],
  context: VerbContext,
  {
    images,
    change = (report) => report,
  }: { readonly images?: Tensor<'float32'>; readonly change?: (report: Report) => Report } = {},
): Promise<VerbResult> {
  for (const warning of audit.warnings) context.warn(warning);
  const rows = issues.map(({ row }) => row);
  const sheets = images && (await thumbnailSheets(images, rows));
  const listed = sheets ? issues.map(({ thumbnail: _, ...issue }) => issue) : issues;
  const more = [];
  for (let first = NUM_FIRST_ISSUES; first < listed.length; first += NUM_MORE_ISSUES) {
    more.push(jsonArtifact(`issues-from-${first}.json`, listed.slice(first, first + NUM_MORE_ISSUES)));
  }
  const list: IssueFile = {
    classNames: audit.classNames,
    numSamples: audit.labels.length,
    numIssues: issues.length,
    rankedBy: rankingText(audit.result.ranking),
    issues: listed.slice(0, NUM_FIRST_ISSUES),
    more: more.map(({ name }) => name),
    ...(sheets && { sheets: sheets.index }),
  };
  return {
    ok: true,
    value: auditJson(audit),
    report: change(reportAudit(audit, issues)),
    artifacts: [
      jsonArtifact('issues.json', list),
      ...more,
      ...(sheets?.files ?? []).map((file) => ({ ...file, mediaType: 'image/png' })),
    ],
  };
}

function jsonArtifact(name: string, value: unknown) {
  return { name, mediaType: 'application/json', bytes: new TextEncoder().encode(JSON.stringify(value)) };
}
