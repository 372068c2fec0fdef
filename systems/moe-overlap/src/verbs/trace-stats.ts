/** trace-stats: what a GPU trace hides and exposes, and a better order for its marked ranges. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TenfoldError } from '@tenfold/core/base';
import { readChromeTrace } from '@tenfold/core/schedule';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { graphFromTrace, overlapOfTrace, proposeOrder, type OrderProposal } from '../trace-import.ts';

interface TraceParams {
  readonly file: string;
  readonly communication: string;
}

export async function run({ file, communication }: TraceParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'reading' });
  const bytes = await readFile(resolve(context.workingFolder, file));
  const { trace, diagnostics } = await readChromeTrace(bytes, context.signal);
  const patterns = communication === '' ? undefined : communication.split(',').map((text) => new RegExp(text, 'i'));
  const rows = [...overlapOfTrace(trace, patterns)].map(([device, metrics]) => ({
    device,
    ...metrics,
    hidden: metrics.communicationMs === 0 ? 0 : metrics.overlapMs / metrics.communicationMs,
  }));
  context.progress({ phase: 'proposing' });
  let proposal: OrderProposal | undefined;
  let why = '';
  try {
    proposal = await proposeOrder(graphFromTrace(trace, patterns));
  } catch (error) {
    if (!(error instanceof TenfoldError)) throw error;
    why = error.message;
  }
  const exposedMs = rows.reduce((sum, row) => sum + row.exposedMs, 0);
  return {
    ok: true,
    value: { devices: rows, proposal: proposal ?? null },
    diagnostics,
    report: {
      title: `Overlap in ${file}`,
      verdict: {
        tone: 'info',
        text: `${rows.length} device(s): ${exposedMs.toFixed(2)} ms of communication have no computation beside them.`,
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
            { key: 'hidden', label: 'communication hidden', format: 'percent' },
          ],
          rows,
        },
        proposal
          ? {
              kind: 'table',
              caption:
                `Proposed order: ${proposal.beforeMs.toFixed(2)} → ${proposal.afterMs.toFixed(2)} ms on two lanes, if ranges named dW or wgrad ` +
                'need only the range before them',
              columns: [
                { key: 'op', label: 'move' },
                { key: 'behind', label: 'right behind' },
              ],
              rows: proposal.moves.map((move) => ({ ...move })),
            }
          : { kind: 'callout', tone: 'info', title: 'No better order proposed', text: why },
      ],
    },
  };
}
