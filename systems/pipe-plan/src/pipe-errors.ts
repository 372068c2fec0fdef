/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const pipeError = defineErrors({
  'TF-PIPE-001': {
    kind: 'input',
    title: 'A model profile is not usable',
    fix: 'Correct the field that the text names; `pipe-plan profile` shows the layout.',
  },
  'TF-PIPE-002': {
    kind: 'input',
    title: 'The batch cannot be divided as asked',
    fix: 'Choose a batch that is a multiple of pipeline groups times micro-batches, or allow uneven shares.',
  },
  'TF-PIPE-003': {
    kind: 'input',
    title: 'No plan fits the memory cap',
    fix: 'Raise the cap to the value the text names, turn recomputation on, or use more devices.',
  },
  'TF-PIPE-004': {
    kind: 'input',
    title: 'Frozen components depend on each other in a circle or on an unknown component',
    fix: 'Correct the `preds` of the components.',
  },
  'TF-PIPE-005': {
    kind: 'usage',
    title: 'A pipeline is asked for that the model or the cluster cannot form',
    fix: 'Use at most as many stages as layers and as devices of a group.',
  },
  'TF-PIPE-006': {
    kind: 'input',
    title: 'A schedule file cannot be used',
    fix: 'Check the named row and column, and whether the dialect is right.',
  },
  'TF-PIPE-007': {
    kind: 'input',
    title: 'A plan fails its static check',
    fix: 'Make the plan again for this model and cluster.',
  },
  'TF-PIPE-008': {
    kind: 'input',
    title: 'A file cannot be read',
    fix: 'Check the path; names of ready models are listed in the text.',
  },
});
