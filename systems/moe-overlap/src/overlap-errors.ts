/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const overlapError = defineErrors({
  'TF-OVERLAP-001': {
    kind: 'input',
    title: 'The operation graph is not a straight line of single-assignment operations',
    fix: 'Put every producer before its readers, give each tensor one producer, and break circles.',
  },
  'TF-OVERLAP-002': {
    kind: 'input',
    title: 'A field of the graph file has an unknown or missing value',
    fix: 'Compare the field with the format in the README.',
  },
  'TF-OVERLAP-003': {
    kind: 'usage',
    title: 'A number is outside what the method allows',
    fix: 'Use a positive capacity and a number of parts that divides the batch.',
  },
  'TF-OVERLAP-004': {
    kind: 'input',
    title: 'A cost table cannot be used',
    fix: 'Give at least two sizes in rising order with finite times.',
  },
  'TF-OVERLAP-005': {
    kind: 'input',
    title: 'A trace has nothing to measure',
    fix: 'Record the trace with GPU activities, and mark ranges of the program with annotations.',
  },
  'TF-OVERLAP-006': {
    kind: 'usage',
    title: 'A pattern of kernel names is no regular expression',
    fix: 'Quote the pattern and escape brackets, for example --communication "nccl,deep_ep".',
  },
});
