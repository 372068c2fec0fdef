/** quorum availability: how often reads and writes find a quorum, and the most available pair. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { familiesError } from '../families-errors.ts';
import { availability, mostAvailablePair } from '../quorum/availability.ts';
import type { ZoneModel } from '../quorum/availability.ts';
import { formatExpression } from '../quorum/expression.ts';
import { parseWorkload } from '../quorum/nodes.ts';
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
  const options = { zones, rng: context.rng };
  const reads = availability(system.reads, system.nodes, options);
  const writes = availability(system.writes, system.nodes, options);
  const share = parseWorkload(params.readFraction).reduce(
    (sum, entry) => sum + entry.readFraction * entry.probability,
    0,
  );
  const value = share * reads.probability + (1 - share) * writes.probability;
  const best =
    zones.up.size === 0 && system.nodes.length <= MAX_VOTING_NODES ? mostAvailablePair(system.nodes, share) : undefined;
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
        text: `Reads ${(100 * reads.probability).toPrecision(8)} %, writes ${(100 * writes.probability).toPrecision(8)} % (${reads.method}). ${assumption}`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'reads available', value: reads.probability, format: 'percent', digits: 6 },
            { label: 'writes available', value: writes.probability, format: 'percent', digits: 6 },
            ...(reads.halfWidth > 0
              ? [{ label: '95 % half width', value: reads.halfWidth, format: 'number' as const, digits: 6 }]
              : []),
            ...(best
              ? [
                  {
                    label: 'best possible mix',
                    value: best.value,
                    format: 'percent' as const,
                    digits: 6,
                    tone: 'info' as const,
                  },
                ]
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
          : []),
      ],
    },
  };
}

/** Reads `eu=0.999,us=0.99`. @throws TF-FAMILIES-011 */
function parseZones(text: string): ZoneModel {
  const up = new Map<string, number>();
  for (const part of text
    .split(',')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')) {
    const [zone, probability] = part.split('=');
    const value = Number(probability);
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
