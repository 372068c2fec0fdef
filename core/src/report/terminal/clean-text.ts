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

/** Names in drawings stand on one line each. */
const DRAWINGS: ReadonlySet<unknown> = new Set(['plot', 'timeline']);

function clean(value: unknown, isDrawn = false): unknown {
  if (typeof value === 'string') return isDrawn ? cleanText(value).replace(/\s*\n\s*/g, ' ') : cleanText(value);
  if (Array.isArray(value)) return value.map((item) => clean(item, isDrawn));
  if (value === null || typeof value !== 'object') return value;
  const isInside = isDrawn || ('kind' in value && DRAWINGS.has(value.kind));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item, isInside)]));
}
