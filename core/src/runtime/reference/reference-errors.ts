/** Error codes of the reference interpreter. */
import { defineErrors } from '../../base/index.ts';

export const referenceError = defineErrors({
  'TF-REFERENCE-001': {
    kind: 'input',
    title: 'A node lacks an input that its op needs',
    fix: 'Check the graph with verifyGraph.',
  },
  'TF-REFERENCE-002': {
    kind: 'usage',
    title: 'A collective was run without its peers',
    fix: 'Run the graphs of all ranks together with runReferenceRanks.',
  },
  'TF-REFERENCE-003': {
    kind: 'input',
    title: 'The ranks of a collective do not agree',
    fix: 'Every member of a group must reach the same collectives in the same order.',
  },
  'TF-REFERENCE-004': {
    kind: 'input',
    title: 'An index lies outside its axis',
    fix: 'Check the indices and the size of the axis.',
  },
});
