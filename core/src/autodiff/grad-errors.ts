/** Error codes of core/autodiff. */
import { defineErrors } from '../base/index.ts';

export const gradError = defineErrors({
  'TF-GRAD-001': {
    kind: 'usage',
    title: 'The loss is not one floating-point number',
    fix: 'Reduce it to one element, or give seed gradients.',
  },
  'TF-GRAD-002': {
    kind: 'usage',
    title: 'An op without a gradient lies between the loss and a value to differentiate by',
    fix: 'Mark it stopGradient, or give it a custom gradient.',
  },
  'TF-GRAD-003': {
    kind: 'usage',
    title: 'A value cannot be differentiated by',
    fix: 'Ask for gradients of floating-point values of the same graph.',
  },
  'TF-GRAD-004': {
    kind: 'usage',
    title: 'A gradient rule or seed gives a gradient of the wrong dtype or shape',
    fix: 'Return one gradient per input, of the dtype and shape of that input.',
  },
  'TF-GRAD-005': {
    kind: 'bug',
    title: 'A gradient differs from finite differences',
    fix: 'Check the gradient rule of the named op.',
  },
});
