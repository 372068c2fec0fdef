/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const skeletonError = defineErrors({
  'TF-SKELETON-001': {
    kind: 'input',
    title: 'The text has no words',
    fix: 'Give a text file in UTF-8 with at least one letter.',
  },
});
