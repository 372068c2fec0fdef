/** quorum compare: well-known systems side by side on the same nodes and workload. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { availability } from '../quorum/availability.ts';
import { dual, formatExpression, resilience } from '../quorum/expression.ts';
import { knownSystems } from '../quorum/gallery.ts';
import { loadLowerBound } from '../quorum/load-bound.ts';
import { formatAvailability } from '../quorum/nines.ts';
import { createQuorumSystem, parseWorkload, plainNodes } from '../quorum/nodes.ts';
import { parseExpression } from '../quorum/parse.ts';
import { nodesInWords, showRational } from '../quorum/report.ts';
import { optimalStrategy } from '../quorum/strategy.ts';
import { nodesFromParams } from './system-params.ts';

interface CompareParams {
  readonly nodes: string;
  readonly size: number;
  readonly reads: string;
  readonly readFraction: string;
  readonly failures: number;
}

export async function run(params: CompareParams, context: VerbContext): Promise<VerbResult> {
  const nodes =
    (await nodesFromParams(params.nodes, context)) ??
    plainNodes(Array.from({ length: params.size }, (_, index) => `n${index + 1}`));
  const workload = parseWorkload(params.readFraction);
  const own = params.reads === '' ? [] : [{ name: 'yours', reads: parseExpression(params.reads) }];
  const named = [...own, ...knownSystems(nodes.map((node) => node.id))];
  const rows = [];
  for (const [done, { name, reads }] of named.entries()) {
    context.progress({ phase: 'systems', done, total: named.length, note: name });
    const system = createQuorumSystem(nodes, reads);
    const survived = Math.min(resilience(reads), resilience(dual(reads)));
    if (survived < params.failures) continue;
    const strategy = await optimalStrategy(system, workload, { failures: params.failures, signal: context.signal });
    const hasUp = nodes.every((node) => node.up !== undefined);
    rows.push({
      name,
      reads: formatExpression(reads),
      load: showRational(strategy.value),
      capacity: strategy.metrics.capacity,
      meanCapacity: strategy.metrics.meanCapacity,
      network: strategy.metrics.network,
      resilience: survived,
      readAvailability: hasUp ? availability(reads, nodes, { rng: context.rng }).probability : null,
      writeAvailability: hasUp ? availability(dual(reads), nodes, { rng: context.rng }).probability : null,
    });
  }
  rows.sort((a, b) => b.capacity - a.capacity);
  const bound = loadLowerBound(nodes, workload, params.failures);
  return {
    ok: true,
    value: { rows, loadLowerBound: bound },
    report: {
      title: `Quorum systems on ${nodesInWords(nodes.length)}`,
      verdict: {
        tone: 'good',
        text: `${rows[0]?.name ?? 'None'} has the most capacity, ${rows[0]?.capacity.toPrecision(6) ?? '-'}; no system on these nodes exceeds ${(1 / bound).toPrecision(6)}.`,
      },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'name', label: 'system' },
            { key: 'load', label: 'load' },
            { key: 'capacity', label: 'capacity', format: 'number', digits: 4 },
            { key: 'meanCapacity', label: 'E[1/load]', format: 'number', digits: 4 },
            { key: 'network', label: 'messages', format: 'number', digits: 3 },
            { key: 'resilience', label: 'survives', format: 'count' },
            { key: 'readAvailability', label: 'reads up' },
            { key: 'writeAvailability', label: 'writes up' },
          ],
          rows: rows.map(({ reads: _, readAvailability, writeAvailability, ...row }) => ({
            ...row,
            readAvailability: readAvailability === null ? null : formatAvailability(readAvailability),
            writeAvailability: writeAvailability === null ? null : formatAvailability(writeAvailability),
          })),
        },
      ],
    },
  };
}
