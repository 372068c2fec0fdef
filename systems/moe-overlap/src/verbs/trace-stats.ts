/** trace-stats: what a GPU trace hides and exposes, and a better order for its marked ranges. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TenfoldError } from '@tenfold/core/base';
import type { Block } from '@tenfold/core/report';
import { readChromeTrace, type Trace } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { overlapError } from '../overlap-errors.ts';
import { graphFromTrace, overlapOfTrace, proposeOrder, type OrderProposal } from '../trace-import.ts';
import { timelineOfOrder } from '../trace-report.ts';

interface TraceParams {
  readonly file: string;
  readonly communication: string;
}

export async function run({ file, communication }: TraceParams, context: VerbContext): Promise<VerbResult> {
  const patterns = patternsOf(communication);
  context.progress({ phase: 'reading' });
  const bytes = await readFile(resolve(context.workingFolder, file));
  const { trace, diagnostics } = await readChromeTrace(bytes, context.signal);
  const rows = [...overlapOfTrace(trace, patterns)].map(([device, metrics]) => ({
    device,
    ...metrics,
    hidden: metrics.communicationMs === 0 ? null : metrics.overlapMs / metrics.communicationMs,
  }));
  context.progress({ phase: 'proposing' });
  const { proposal, why } = await proposalOf(trace, patterns);
  const exposedMs = rows.reduce((sum, row) => sum + row.exposedMs, 0);
  const totalMs = rows.reduce((sum, row) => sum + row.communicationMs, 0);
  const numDevices = `${rows.length} device${rows.length === 1 ? '' : 's'}`;
  const found =
    totalMs === 0
      ? `no communication kernels${communication === '' ? '; name them with --communication' : ' match'}.`
      : `computation hides ${(100 * (1 - exposedMs / totalMs)).toFixed(1)} % of ${totalMs.toFixed(2)} ms of communication; ` +
        `${exposedMs.toFixed(2)} ms are exposed.`;
  return {
    ok: true,
    value: {
      devices: rows,
      proposal: proposal
        ? {
            beforeMs: proposal.beforeMs,
            afterMs: proposal.afterMs,
            moves: proposal.moves,
            order: proposal.order,
          }
        : null,
    },
    diagnostics,
    report: {
      title: `Overlap in ${file}`,
      verdict: {
        tone: 'info',
        text: `${numDevices}: ${found}${proposal ? ` ${adviceOf(proposal)}` : ''}`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'device', label: 'device' },
            ...(['spanMs', 'computeMs', 'communicationMs', 'overlapMs', 'exposedMs', 'idleMs'] as const).map((key) => ({
              key,
              label: key.slice(0, -2),
              unit: 'ms',
              format: 'number' as const,
              digits: 3,
            })),
            { key: 'hidden', label: 'communication hidden', format: 'percent', digits: 1 },
          ],
          rows,
        },
        ...(proposal
          ? blocksOf(proposal)
          : [{ kind: 'callout', tone: 'info', title: 'No better order proposed', text: why } as const]),
      ],
    },
  };
}

async function proposalOf(
  trace: Trace,
  patterns: readonly RegExp[] | undefined,
): Promise<{ readonly proposal?: OrderProposal; readonly why: string }> {
  try {
    return { proposal: await proposeOrder(graphFromTrace(trace, patterns)), why: '' };
  } catch (error) {
    if (error instanceof TenfoldError) return { why: error.message };
    throw error;
  }
}

function adviceOf({ beforeMs, afterMs, moves }: OrderProposal): string {
  if (moves.length === 0) return 'No faster order of the marked ranges was found.';
  return (
    `Simulated under assumed dependencies, ${moves.length} weight gradient${moves.length === 1 ? '' : 's'} moved behind exchanges ` +
    `would take the marked ranges from ${beforeMs.toFixed(2)} to ${afterMs.toFixed(2)} ms.`
  );
}

function blocksOf({ moves, before, after }: OrderProposal): Block[] {
  const assumptions: Block = {
    kind: 'text',
    text:
      'Both orders are simulated from the measured times, as a trace holds no dependencies: ranges named dW or wgrad need ' +
      'only the range before them, are needed by the next reduction or optimiser step, and an exchange waits for all ' +
      'computation issued before it.',
  };
  const first = timelineOfOrder(before, 'Marked ranges as issued');
  if (moves.length === 0) return [assumptions, first];
  return [
    assumptions,
    first,
    timelineOfOrder(after, 'Marked ranges in the proposed order'),
    {
      kind: 'table',
      caption: 'What moves',
      columns: [
        { key: 'op', label: 'move' },
        { key: 'behind', label: 'right behind' },
      ],
      rows: moves.map((move) => ({ ...move })),
    },
  ];
}

/** @throws TF-OVERLAP-006 on a pattern that is no regular expression */
function patternsOf(communication: string): RegExp[] | undefined {
  if (communication === '') return undefined;
  return communication.split(',').map((text) => {
    try {
      return new RegExp(text.trim(), 'i');
    } catch (cause) {
      throw overlapError('TF-OVERLAP-006', {
        subject: 'moe-overlap trace-stats',
        expected: 'patterns of kernel names, separated by commas',
        actual: (cause as Error).message,
        location: '--communication',
        cause,
      });
    }
  });
}
