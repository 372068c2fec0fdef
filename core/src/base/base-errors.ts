/** Error codes of core/base. */
import { defineErrors } from './errors.ts';

export const baseError = defineErrors({
  'TF-BASE-001': {
    kind: 'cancelled',
    title: 'The work was cancelled',
    fix: 'Run it again; what was finished is kept.',
  },
  'TF-BASE-002': {
    kind: 'bug',
    title: 'An internal invariant does not hold',
    fix: 'Report it with the command that led here.',
  },
  'TF-BASE-003': { kind: 'input', title: 'A number or unit cannot be read', fix: 'Write it like 64MiB, 1.5s or 12ms.' },
  'TF-BASE-004': {
    kind: 'input',
    title: 'A folder cannot be made',
    fix: 'Name another place: no file may be in the way, and the folder above must be yours to write.',
  },
});

/** Throws TF-BASE-002 unless the condition holds; for invariants of ours, never for user input. */
export function assertInvariant(condition: boolean, subject: string, expected: string): asserts condition {
  if (!condition) throw baseError('TF-BASE-002', { subject, expected });
}
