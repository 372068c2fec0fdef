/** The shipped latency table of public cloud regions (fixtures/ibm-cloud-region-latency.tsv). */
import { readFile } from 'node:fs/promises';
import { parseLatencyMatrix } from './latency-import.ts';
import type { LatencyMatrix } from './latency-import.ts';

export const REGION_LATENCY_SOURCE =
  'IBM Cloud VPC documentation, "Network latency", inter-region averages of 10 Jan to 8 Feb 2026, read as round-trip times';

export async function loadRegionLatency(): Promise<LatencyMatrix> {
  const file = new URL('../../fixtures/ibm-cloud-region-latency.tsv', import.meta.url);
  return parseLatencyMatrix(await readFile(file, 'utf8'), 'ibm-cloud-region-latency.tsv');
}
