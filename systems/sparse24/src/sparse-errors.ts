/** Error codes of the 2:4 room. */
import { defineErrors } from '@tenfold/core/base';

export const sparseError = defineErrors({
  'TF-SPARSE-001': {
    kind: 'input',
    title: 'A weight matrix cannot be masked 2:4',
    fix: 'The inner size must be a multiple of 4; leave the matrix out by its name, or transpose Conv1D weights.',
  },
  'TF-SPARSE-002': {
    kind: 'input',
    title: 'A weight is not finite',
    fix: 'Repair the checkpoint; NaN and infinities would decide the mask of their block.',
  },
  'TF-SPARSE-003': {
    kind: 'input',
    title: 'The calibration or evaluation text is too short or empty',
    fix: 'Give at least one window of context; empty documents are skipped and counted.',
  },
  'TF-SPARSE-004': {
    kind: 'input',
    title: 'Model, tokenizer and text do not belong together',
    fix: 'Use the tokenizer.json that came with the weights.',
  },
  'TF-SPARSE-005': {
    kind: 'usage',
    title: 'A parameter of the method is out of range',
    fix: 'See `tenfold sparse24 prune --help`.',
  },
  'TF-SPARSE-006': {
    kind: 'input',
    title: 'A mask does not fit the model',
    fix: 'Take the mask of this base model; every block must keep exactly two weights.',
  },
  'TF-SPARSE-007': {
    kind: 'input',
    title: 'The checkpoint is quantised or of a kind that cannot be masked in place',
    fix: 'Use the float checkpoint it was made from.',
  },
  'TF-SPARSE-008': {
    kind: 'input',
    title: 'A llama2.c file cannot be read',
    fix: 'Copy the .bin and its tokenizer again.',
  },
  'TF-SPARSE-009': {
    kind: 'input',
    title: 'Training left the finite numbers',
    fix: 'Lower lr or lambda2; the last good mask is kept.',
  },
});
