/** Error codes of core/tensor. */
import { defineErrors } from '../base/index.ts';

export const tensorError = defineErrors({
  'TF-TENSOR-001': {
    kind: 'input',
    title: 'The number of elements does not fit the shape',
    fix: 'Check the shape; a scalar has shape [].',
  },
  'TF-TENSOR-002': {
    kind: 'input',
    title: 'Two tensors that must agree in shape or dtype do not',
    fix: 'Reshape or cast one of them; castTensor and reshapeTensor do so.',
  },
  'TF-TENSOR-003': {
    kind: 'input',
    title: 'A slice or box reaches outside its tensor, or an axis does not exist',
    fix: 'Ranges are half-open and 0-based; check them against the shape.',
  },
  'TF-TENSOR-004': {
    kind: 'input',
    title: 'Two tensors differ by more than the tolerance',
    fix: 'Look at the first mismatch; the tolerances per dtype stand in core/src/tensor/tolerances.ts.',
  },
});
