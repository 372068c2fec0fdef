/** Error codes of core/system. */
import { defineErrors } from '../base/index.ts';

export const systemError = defineErrors({
  'TF-SYSTEM-001': {
    kind: 'input',
    title: 'A file or folder named in the params does not exist',
    fix: 'Check the path; relative paths start at the folder the command was called from.',
  },
  'TF-SYSTEM-002': {
    kind: 'input',
    title: 'A path is a folder where a file is needed, or a file where a folder is needed',
    fix: 'Name the right kind of path.',
  },
  'TF-SYSTEM-003': {
    kind: 'bug',
    title: 'A verb stopped with an error that is not one of ours',
    fix: 'Report it with the command that led here; --debug prints the stack.',
  },
  'TF-SYSTEM-004': {
    kind: 'bug',
    title: 'A verb returned something that is not a verb result',
    fix: 'Return { ok, value, report } from run().',
  },
  'TF-SYSTEM-005': {
    kind: 'bug',
    title: 'A manifest breaks a rule of the room contract',
    fix: 'See core/src/system/types.ts and systems/_skeleton.',
  },
  'TF-SYSTEM-006': {
    kind: 'input',
    title: 'A file cannot be read or written',
    fix: 'Check permissions and free space.',
  },
});
