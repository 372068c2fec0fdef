/** Error codes of the 2:4 room. */
import { defineErrors } from '@tenfold/core/base';

export const sparseError = defineErrors({
  'TF-SPARSE-001': {
    kind: 'input',
    title: 'A weight matrix cannot be masked 2:4',
    fix: 'The inner size must be a multiple of 4; pad it, or take a model whose sizes are.',
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
    fix: 'Lower lr or lambda2; with --checkpoint, --resume goes on from the last good step.',
  },
  'TF-SPARSE-010': {
    kind: 'input',
    title: 'Weights are stored on the wrong axis',
    fix: 'Save the model with Linear layers; blocks of four must run along the inputs.',
  },
  'TF-SPARSE-011': {
    kind: 'input',
    title: 'A weight file changed while it was read',
    fix: 'Wait until the download or copy is done, then run the verb again.',
  },
  'TF-SPARSE-013': {
    kind: 'usage',
    title: 'Calibration and held-out text are the same file',
    fix: 'Give text for --held-out that no method has seen, or leave it out: the model writes its own.',
  },
  'TF-SPARSE-012': {
    kind: 'input',
    title: 'A checkpoint belongs to another run',
    fix: 'Resume with the model, settings, text and seed it was begun with, or leave --resume out.',
  },
});
