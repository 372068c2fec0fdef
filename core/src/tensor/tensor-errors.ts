/** Error codes of core/tensor. */
import { defineErrors } from '../base/index.ts';

export const tensorError = defineErrors({
  'TF-TENSOR-001': {
    kind: 'input',
    title: 'The number of elements does not fit the shape',
    fix: 'Check the shape; a scalar has shape [].',
  },
});
