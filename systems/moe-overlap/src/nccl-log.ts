/** Logs of nccl-tests (alltoall_perf) as the exchanges of a device. */
import { tableFromPoints, type DeviceCosts } from './device-costs.ts';
import { analyticDevice } from './device-library.ts';
import { overlapError } from './overlap-errors.ts';

/** Lines of nccl-tests (13 columns, size first, times in µs) as a table's points.
 *  @throws TF-OVERLAP-004 if the log has no "Out of bounds" line: it was cut off */
export function parseNcclLog(text: string, isInPlace = false): (readonly [bytes: number, ms: number])[] {
  if (!text.includes('Out of bounds')) {
    throw overlapError('TF-OVERLAP-004', {
      subject: 'parseNcclLog',
      expected: 'a complete nccl-tests log with its "Out of bounds" line',
      hints: ['The log looks cut off; run the test again.'],
    });
  }
  const points: (readonly [number, number])[] = [];
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns.length !== 13 || !/^\d+$/.test(columns[0]!)) continue;
    if (columns[3] !== 'none') {
      throw overlapError('TF-OVERLAP-004', {
        subject: 'parseNcclLog',
        expected: 'a log of alltoall_perf',
        actual: `a test that reduces ("${columns[3]}")`,
      });
    }
    const us = Number(columns[isInPlace ? 9 : 5]);
    if (Number(columns[0]) > 0) points.push([Number(columns[0]), us / 1000]);
  }
  return points;
}

/** All-to-alls as measured; the rest stays analytic.
 *  @throws TF-OVERLAP-004 on a cut-off log or fewer than two sizes */
export function deviceFromNcclLog(text: string, numDevices: number): DeviceCosts {
  const base = analyticDevice({ numDevices });
  const numRanks = text.match(/^#\s+Rank\s+\d+\s/gm)?.length ?? 0;
  if (numRanks > 0 && numRanks !== numDevices) {
    throw overlapError('TF-OVERLAP-004', {
      subject: 'deviceFromNcclLog',
      expected: `a log of ${numDevices} ranks`,
      actual: `${numRanks} ranks`,
      hints: [`Plan for them with --devices ${numRanks}, or measure that size.`],
    });
  }
  return {
    ...base,
    name: `${numDevices} devices with all-to-alls of an nccl-tests log`,
    origin: 'All-to-alls: nccl-tests log; computation and all-reduces: analytic rates of an A100',
    allToAll: tableFromPoints(parseNcclLog(text), 'nccl-tests'),
  };
}
