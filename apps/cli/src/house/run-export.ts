/** `tenfold runs export`: the report of a kept run as a file; the ending of its name decides the form. */
import type { RunRecord } from '@tenfold/core/store';
import {
  chromeTraceFromTimeline,
  renderHtml,
  renderMarkdown,
  renderTerminal,
  type Block,
  type Report,
  type TimelineBlock,
} from '@tenfold/core/report';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { cliError } from '../cli-errors.ts';
import type { Host } from './host.ts';
import { reportOf, requireRun, withStore } from './runs.ts';

interface ExportParams {
  readonly id: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly force: boolean;
}

type Exporter = (report: Report, run: RunRecord) => string | Promise<string>;

/** Longest endings first: `.trace.json` is also `.json`. */
const EXPORTERS: readonly (readonly [ending: string, exporter: Exporter])[] = [
  ['.trace.json', traceText],
  ['.json', (_report, run) => `${JSON.stringify(run, null, 2)}\n`],
  [
    '.html',
    (report, run) => renderHtml(report, { footer: `${run.system} ${run.verb} · seed ${run.seed} · run ${run.id}` }),
  ],
  ['.md', (report) => renderMarkdown(report)],
  ['.txt', (report) => renderTerminal(report)],
];

export function createRunExport({ terminal }: Host) {
  return async ({ id, to, dryRun, force }: ExportParams, context: VerbContext): Promise<VerbResult> => {
    const run = await withStore(terminal, (store) => requireRun(store, id, 'runs export'));
    const exporter = EXPORTERS.find(([ending]) => to.endsWith(ending))?.[1];
    if (!exporter) {
      throw cliError('TF-CLI-005', {
        subject: 'runs export',
        expected: `a file that ends in ${EXPORTERS.map(([ending]) => ending).join(', ')}`,
        actual: JSON.stringify(to),
      });
    }
    const bytes = await exporter(reportOf(run), run);
    const [file] = writeOutputFiles([{ path: to, bytes }], { subject: 'runs export', context, dryRun, force });
    const verb = dryRun ? 'Would write' : 'Wrote';
    return {
      ok: true,
      value: file,
      report: {
        title: 'Export',
        verdict: { tone: 'good', text: `${verb} ${file!.byteLength} bytes to ${file!.path}.` },
        blocks: [],
      },
    };
  };
}

/** The first timeline of the report. @throws TF-CLI-005 if it has none */
function traceText(report: Report, run: RunRecord): string {
  const timeline = findTimeline(report.blocks);
  if (timeline) return `${JSON.stringify(chromeTraceFromTimeline(timeline))}\n`;
  throw cliError('TF-CLI-005', {
    subject: 'runs export',
    expected: 'a report with a timeline',
    actual: `that of ${run.system} ${run.verb}, which has none`,
    hints: ['Write it as .html or .json instead.'],
  });
}

function findTimeline(blocks: readonly Block[]): TimelineBlock | undefined {
  for (const block of blocks) {
    if (block.kind === 'timeline') return block;
    const inner = block.kind === 'group' ? findTimeline(block.blocks) : undefined;
    if (inner) return inner;
  }
  return undefined;
}
