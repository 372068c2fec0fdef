/** Error codes of wrong use: what the caller of a verb asked for cannot be understood. Exit code 2. */
import { defineErrors } from '../base/index.ts';

export const usageError = defineErrors({
  'TF-USAGE-001': {
    kind: 'usage',
    title: 'A verb was given an option that it does not have',
    fix: 'See the options of the verb with --help.',
  },
  'TF-USAGE-002': {
    kind: 'usage',
    title: 'The value of an option has the wrong type or lies outside its range',
    fix: 'Give a value as the message describes; --help lists type, range and default of every option.',
  },
  'TF-USAGE-003': {
    kind: 'usage',
    title: 'A required option or argument is missing',
    fix: 'Add it; the first example of --help shows a complete command.',
  },
  'TF-USAGE-004': {
    kind: 'usage',
    title: 'The room has no verb of that name',
    fix: 'List its verbs with `tenfold <room>`.',
  },
  'TF-USAGE-005': {
    kind: 'usage',
    title: 'There is no room or command of that name',
    fix: 'List them with `tenfold`.',
  },
  'TF-USAGE-006': {
    kind: 'usage',
    title: 'There are more positional arguments than the verb takes, or one is given twice',
    fix: 'Quote values that contain spaces; name the others with their option.',
  },
  'TF-USAGE-007': {
    kind: 'usage',
    title: 'A file that would be written exists already',
    fix: 'Choose another name or pass --force.',
  },
});
