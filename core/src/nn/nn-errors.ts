/** Error codes of core/nn. */
import { defineErrors } from '../base/index.ts';

export const nnError = defineErrors({
  'TF-NN-001': {
    kind: 'usage',
    title: 'A layer got sizes that do not fit',
    fix: 'Check the named layer and its input.',
  },
  'TF-NN-002': { kind: 'usage', title: 'A parameter is declared twice', fix: 'Give each layer a name of its own.' },
  'TF-NN-003': {
    kind: 'input',
    title: 'A checkpoint does not fit the model',
    fix: 'Load it with the configuration it was saved with.',
  },
  'TF-NN-004': {
    kind: 'input',
    title: 'The loss is not a number',
    fix: 'Lower the learning rate, clip gradients, or look for bad inputs.',
  },
  'TF-NN-005': {
    kind: 'usage',
    title: 'A model lacks an output or input of that name',
    fix: 'Use one of the named ones.',
  },
  'TF-NN-006': { kind: 'input', title: 'A model configuration is damaged or not supported', fix: 'See the message.' },
  'TF-NN-007': {
    kind: 'usage',
    title: 'A file that would be written exists',
    fix: 'Pass --force, or choose another folder.',
  },
});
