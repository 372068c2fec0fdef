/** quorum availability: how often reads and writes find a quorum, and the most available pair. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { nearestNameHints } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';
import { availability, mostAvailablePair } from '../quorum/availability.ts';
import type { Availability, ZoneModel } from '../quorum/availability.ts';
import { formatExpression } from '../quorum/expression.ts';
import { formatAvailability, formatYearlyOutage } from '../quorum/nines.ts';
import { parseWorkload } from '../quorum/nodes.ts';
import type { QuorumNode } from '../quorum/types.ts';
import { systemFromParams } from './system-params.ts';
import type { SystemParams } from './system-params.ts';

interface AvailabilityParams extends SystemParams {
  readonly zonesUp: string;
  readonly readFraction: string;
}

const MAX_VOTING_NODES = 12;

export async function run(params: AvailabilityParams, context: VerbContext): Promise<VerbResult> {
  const system = await systemFromParams(params, context);
  const zones = parseZones(params.zonesUp);
  const known = new Set(system.nodes.flatMap(({ zone }) => zone ?? []));
  for (const zone of zones.up.keys())
    if (!known.has(zone))
      throw familiesError('TF-FAMILIES-011', {
        subject: 'quorum availability',
        expected: 'zones of the node table',
        actual: JSON.stringify(zone),
        hints: nearestNameHints(zone, known),
      });
  const options = { zones, rng: context.rng };
  const reads = availability(system.reads, system.nodes, options);
  const writes = availability(system.writes, system.nodes, options);
  const share = parseWorkload(params.readFraction).reduce(
    (sum, entry) => sum + entry.readFraction * entry.probability,
    0,
  );
  const value = share * reads.probability + (1 - share) * writes.probability;
  const whyNoBest = reasonAgainstBest(system.nodes, zones, share);
  const best = whyNoBest === undefined ? mostAvailablePair(system.nodes, share) : undefined;
  const assumption =
    zones.up.size === 0
      ? 'Nodes are taken to fail independently.'
      : 'Nodes fail independently inside zones that fail as a whole.';
  return {
    ok: true,
    value: { reads, writes, value, assumption, best: best && { ...best, reads: formatExpression(best.reads) } },
    report: {
      title: `Availability of ${formatExpression(system.reads)}`,
      verdict: {
        tone: 'good',
        text: `Reads ${percentOf(reads)}, writes ${percentOf(writes)}. ${assumption}`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'reads available', value: formatAvailability(reads.probability) },
            { label: 'writes available', value: formatAvailability(writes.probability) },
            { label: 'no read quorum in a year', value: formatYearlyOutage(reads.probability) },
            { label: 'no write quorum in a year', value: formatYearlyOutage(writes.probability) },
            { label: `mix at a read share of ${share}`, value: formatAvailability(value) },
            ...(best
              ? [{ label: 'best possible mix', value: formatAvailability(best.value), tone: 'info' as const }]
              : []),
          ],
        },
        ...(best
          ? [
              {
                kind: 'text' as const,
                text: `Most available pair for a read share of ${share}: reads ${formatExpression(best.reads)}, writes its dual.`,
              },
            ]
          : [{ kind: 'text' as const, text: `The most available pair is not given: ${whyNoBest}.` }]),
      ],
    },
  };
}

/** `99.9 % (recursion)`, or `99.9 % ± 0.01 % (sampling, 95 %)`. */
function percentOf({ probability, method, halfWidth }: Availability): string {
  if (method !== 'sampling') return `${formatAvailability(probability)} (${method})`;
  return `${(100 * probability).toFixed(3)} % ± ${(100 * halfWidth).toFixed(3)} % (sampling, 95 %)`;
}

/** Why the most available pair is not known, or undefined. */
function reasonAgainstBest(nodes: readonly QuorumNode[], zones: ZoneModel, share: number): string | undefined {
  if (zones.up.size > 0) return 'its rule is for nodes that fail independently';
  if (nodes.length > MAX_VOTING_NODES) return `its search takes at most ${MAX_VOTING_NODES} nodes`;
  const unknown = nodes.find(({ up }) => up === undefined);
  if (unknown) return `node "${unknown.id}" has no up-probability`;
  if (share === 0 || share === 1) return 'with reads or writes alone the other side needs no quorum';
  const weak = nodes.find(({ up }) => up! < 0.5);
  if (weak && (share !== 0.5 || nodes.every(({ up }) => up! < 0.5)))
    return `node "${weak.id}" is up less than half of the time, for which its rule holds at a read share of 0.5 only`;
  return undefined;
}

/** Reads `eu=0.999,us=0.99`. @throws TF-FAMILIES-011 */
function parseZones(text: string): ZoneModel {
  const up = new Map<string, number>();
  for (const part of text
    .split(',')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')) {
    const [zone, probability = ''] = part.split('=').map((piece) => piece.trim());
    const value = probability === '' ? NaN : Number(probability);
    if (!zone || !(value >= 0 && value <= 1))
      throw familiesError('TF-FAMILIES-011', {
        subject: 'parseZones',
        expected: 'zone=probability in 0..1',
        actual: part,
      });
    up.set(zone, value);
  }
  return { up };
}
