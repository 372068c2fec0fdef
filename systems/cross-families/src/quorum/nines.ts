/** Availabilities as operators read them: with as many nines as there are, and as time lost in a year. */
import { formatDuration } from '@tenfold/core/base';

const MIN_DIGITS = 4;
/** Sums of doubles near 1 are good to more digits than this. */
const MAX_DIGITS = 8;
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** `99.9999979 %`: two digits of what is missing, never rounded up to 100 %. @param probability in 0..1 */
export function formatAvailability(probability: number): string {
  const missing = 1 - probability;
  const digits = Math.min(MAX_DIGITS, Math.max(MIN_DIGITS, Math.ceil(-Math.log10(100 * missing)) + 1));
  const text = (100 * probability).toFixed(digits);
  return text.startsWith('100') ? `>99.${'9'.repeat(MAX_DIGITS)} %` : `${text} %`;
}

/** Time in a year without a quorum, `38 h 54 min`. */
export function formatYearlyOutage(probability: number): string {
  return probability >= 1 ? 'none' : formatDuration((1 - probability) * YEAR_MS);
}
