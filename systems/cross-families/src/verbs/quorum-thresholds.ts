/** quorum thresholds: read and write quorums that share t nodes, for Byzantine stores and erasure codes. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { familiesError } from '../families-errors.ts';
import { parseWorkload } from '../quorum/nodes.ts';
import { thresholdPairs } from '../quorum/t-intersection.ts';

interface ThresholdParams {
  readonly size: number;
  readonly shared: number;
  readonly faults: number;
  readonly model: 'plain' | 'dissemination' | 'masking';
  readonly readFraction: string;
}

export async function run(params: ThresholdParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: 'thresholds' });
  const t =
    params.model === 'plain'
      ? params.shared
      : params.model === 'dissemination'
        ? params.faults + 1
        : 2 * params.faults + 1;
  if (t > params.size)
    throw familiesError('TF-FAMILIES-011', {
      subject: 'quorum thresholds',
      expected: `at least ${t} nodes, so that a read and a write can share ${t}`,
      actual: String(params.size),
      hints: ['Raise --size, or lower --faults or --shared.'],
    });
  const share = parseWorkload(params.readFraction).reduce(
    (sum, entry) => sum + entry.readFraction * entry.probability,
    0,
  );
  const rows = thresholdPairs(params.size, t)
    .map((pair) => ({
      ...pair,
      load: (share * pair.readQuorum + (1 - share) * pair.writeQuorum) / params.size,
      isLive: pair.resilience >= params.faults ? 'yes' : 'no',
    }))
    .sort((a, b) => a.load - b.load);
  const faults = params.faults === 1 ? '1 fault' : `${params.faults} faults`;
  const best = rows.find((row) => row.isLive === 'yes');
  return {
    ok: best !== undefined,
    value: { t, pairs: rows },
    report: {
      title: `Thresholds on ${params.size} nodes that share ${t}`,
      verdict: best
        ? {
            tone: 'good',
            text: `Read ${best.readQuorum}, write ${best.writeQuorum}: least load ${best.load.toPrecision(4)} that survives ${faults}.`,
          }
        : {
            tone: 'bad',
            text: `No pair of thresholds shares ${t} ${t === 1 ? 'node' : 'nodes'} and survives ${faults}; add nodes.`,
          },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'readQuorum', label: 'read', format: 'count' },
            { key: 'writeQuorum', label: 'write', format: 'count' },
            { key: 'resilience', label: 'survives', format: 'count' },
            { key: 'load', label: 'load', format: 'number', digits: 4 },
            { key: 'isLive', label: 'survives the faults' },
          ],
          rows,
        },
      ],
    },
  };
}
