/** Error codes of the label-audit room. */
import { defineErrors } from '@tenfold/core/base';

export const labelError = defineErrors({
  'TF-LABEL-001': {
    kind: 'input',
    title: 'Predicted probabilities are not rows of probabilities',
    fix: 'Give an N × K array without NaN or negative numbers whose rows sum to 1, such as softmax outputs.',
  },
  'TF-LABEL-002': {
    kind: 'input',
    title: 'Labels and probabilities, features or groups are not of one length',
    fix: 'Give files with one row for each sample, in the same order.',
  },
  'TF-LABEL-003': {
    kind: 'input',
    title: 'A label is not one of the known classes',
    fix: 'Use whole numbers 0 … K−1, or pass the class names in the order of the probability columns with --classes.',
  },
  'TF-LABEL-004': {
    kind: 'input',
    title: 'There are too few classes or samples',
    fix: 'Give at least two classes, and at least two samples of every class that is to be cross-validated.',
  },
  'TF-LABEL-005': {
    kind: 'usage',
    title: 'The data cannot be found in the inputs',
    fix: 'Name the label column with --label and either --probs, --features or feature columns.',
  },
  'TF-LABEL-006': {
    kind: 'input',
    title: 'Class centres or features have the wrong shape or contain NaN',
    fix: 'Give finite features [N, d] and centres [K, d].',
  },
  'TF-LABEL-007': {
    kind: 'usage',
    title: 'A noise specification is not possible',
    fix: 'Use a rate in 0..1 and, for a matrix, rows that sum to 1.',
  },
  'TF-LABEL-008': {
    kind: 'usage',
    title: 'Options of the classifier exclude each other',
    fix: 'See the message; the defaults always work.',
  },
  'TF-LABEL-009': {
    kind: 'input',
    title: 'A column numbers the rows or repeats the labels and is no feature',
    fix: 'Name it with --id or --truth, or name the feature columns with --columns to use it all the same.',
  },
  'TF-LABEL-010': {
    kind: 'input',
    title: 'Votes are too few, or one annotator voted twice',
    fix: 'Give one row for each sample and annotator, and at least two annotators a sample.',
  },
  'TF-LABEL-011': {
    kind: 'input',
    title: 'Cells of a feature are empty',
    fix: 'Fill them, or leave the column out by naming the others with --columns; an empty cell counts as the mean.',
  },
});
