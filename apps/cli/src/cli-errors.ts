/** Error codes of the command line. */
import { defineErrors } from '@tenfold/core/base';

export const cliError = defineErrors({
  'TF-CLI-001': {
    kind: 'environment',
    title: 'Node is too old and the pinned one is not installed',
    fix: 'Run npm install in the repository; beside an installed package npm install node@24.',
  },
  'TF-CLI-002': {
    kind: 'usage',
    title: 'The room is planned but not built yet',
    fix: 'List the rooms with `tenfold`; the built ones come first.',
  },
  'TF-CLI-003': {
    kind: 'usage',
    title: 'A room of that name exists already',
    fix: 'Choose another name; nothing was written.',
  },
  'TF-CLI-004': {
    kind: 'usage',
    title: 'The name cannot be the name of a room',
    fix: 'Use lower-case words with dashes, such as my-room.',
  },
  'TF-CLI-005': {
    kind: 'usage',
    title: 'A report cannot be written in that form',
    fix: 'Name a file that ends in .html, .md, .txt, .json or .trace.json.',
  },
  'TF-CLI-006': {
    kind: 'usage',
    title: 'A new room needs the repository',
    fix: 'Clone the repository and run the command there; an installed package has no skeleton to copy.',
  },
});
