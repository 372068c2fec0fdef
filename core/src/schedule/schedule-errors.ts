/** Error codes of core/schedule. */
import { defineErrors } from '../base/index.ts';

export const scheduleError = defineErrors({
  'TF-SCHEDULE-001': {
    kind: 'input',
    title: 'A program has an operation that cannot be: bad time, unknown resource or unknown dependency',
    fix: 'Correct the operation that the text names.',
  },
  'TF-SCHEDULE-002': {
    kind: 'input',
    title: 'Operations wait for each other in a circle',
    fix: 'Change the dependencies or the order on one of the resources that the text names.',
  },
  'TF-SCHEDULE-003': {
    kind: 'input',
    title: 'A cost table cannot be read as a function of size',
    fix: 'Give at least two points with different sizes and finite, non-negative times.',
  },
  'TF-SCHEDULE-004': {
    kind: 'input',
    title: 'A file is not a Chrome trace',
    fix: 'Give a JSON array of events or an object with "traceEvents", plain or gzipped.',
  },
  'TF-SCHEDULE-005': {
    kind: 'input',
    title: 'An integer program is malformed',
    fix: 'Check the bounds and coefficients that the text names.',
  },
  'TF-SCHEDULE-006': {
    kind: 'environment',
    title: 'The integer-program solver failed',
    fix: 'Try a smaller model or a lower time limit; the text carries what the solver said.',
  },
  'TF-SCHEDULE-007': {
    kind: 'input',
    title: 'A memory buffer is used by an operation that does not exist',
    fix: 'Name operations of the same program.',
  },
});
