/** What readers yield: evidence, entities with types and aliases, and problems with their place. Nothing is dropped
 *  without a problem that names file and line. */
import type { Diagnostic } from '@tenfold/core/base';
import type { EntityRecord, NewEvidence } from '../store/types.ts';

export type Item =
  | { readonly kind: 'evidence'; readonly evidence: NewEvidence }
  | { readonly kind: 'entity'; readonly entity: EntityRecord }
  | { readonly kind: 'problem'; readonly problem: Diagnostic };

/** Code of dates that are no day of the calendar. */
export const IMPOSSIBLE_DATE = 'TF-TEMPORAL-014';

export function problem(location: string, expected: string, actual?: string, code = 'TF-TEMPORAL-003'): Item {
  return {
    kind: 'problem',
    problem: {
      severity: 'warning',
      code,
      subject: 'ingest',
      expected,
      location,
      ...(actual === undefined ? {} : { actual }),
    },
  };
}
