/** Communication tables as Hetu-Galvatron's profiler writes them: bus bandwidth in GB/s by group size. */
import { pipeError } from '../pipe-errors.ts';
import type { Cluster } from '../types.ts';
import { parseJson } from './layout.ts';

const BYTES_PER_GB = 1e9;
const KEY = /^allreduce_size_(\d+)_consec_([01])$/;

export type GalvatronBandwidth = NonNullable<Cluster['allReduceBusBytesPerSec']>;

/** `consec_1` groups are neighbours (inside a node while they fit), `consec_0` are spread over nodes.
 *  @throws TF-PIPE-001 on other keys or speeds that are not above 0 */
export function readGalvatronAllReduce(text: string, devicesPerNode: number, file: string): GalvatronBandwidth {
  const intra: Record<string, number> = {};
  const inter: Record<string, number> = {};
  const json = parseJson(text, { subject: 'readGalvatronAllReduce', file });
  const entries = typeof json === 'object' && json !== null ? Object.entries(json) : [];
  if (entries.length === 0)
    throw pipeError('TF-PIPE-001', {
      subject: 'readGalvatronAllReduce',
      expected: 'entries "allreduce_size_N_consec_C"',
      actual: 'none',
      location: file,
    });
  for (const [key, value] of entries as [string, unknown][]) {
    const match = KEY.exec(key);
    if (!match || typeof value !== 'number' || !(value > 0))
      throw pipeError('TF-PIPE-001', {
        subject: 'readGalvatronAllReduce',
        expected: '"allreduce_size_N_consec_C" with GB/s above 0',
        actual: `"${key}": ${JSON.stringify(value)}`,
        location: file,
      });
    const isInside = match[2] === '1' && Number(match[1]) <= devicesPerNode;
    (isInside ? intra : inter)[match[1]!] = value * BYTES_PER_GB;
  }
  return { intra, inter };
}
