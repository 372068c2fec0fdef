/** Data must not steer the terminal: control characters in texts become visible, tabs become spaces. */
import type { Report } from '../types.ts';

const CONTROL = /(?!\n)\p{Cc}/gu;
const REPLACEMENT = '\uFFFD';
const TAB = '    ';

/** Cleans one text; line breaks stay. */
export function cleanText(text: string): string {
  return text.replaceAll('\t', TAB).replace(CONTROL, REPLACEMENT);
}

/** Cleans every text of a report. Mutates: nothing. */
export function cleanReport(report: Report): Report {
  return clean(report) as Report;
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item)]));
}
