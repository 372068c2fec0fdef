/** Error codes of core/store. */
import { defineErrors } from '../base/index.ts';

export const storeError = defineErrors({
  'TF-STORE-001': {
    kind: 'environment',
    title: 'The store folder cannot be created, read or written',
    fix: 'Check its permissions, or name another folder with TENFOLD_HOME.',
  },
  'TF-STORE-002': {
    kind: 'input',
    title: 'The store file is damaged or is not a store',
    fix: 'Move the file away; a new store is made. Artifacts on disk are kept.',
  },
  'TF-STORE-003': {
    kind: 'environment',
    title: 'The store was written by a newer version',
    fix: 'Update Tenfold, or name another folder with TENFOLD_HOME.',
  },
  'TF-STORE-004': { kind: 'input', title: 'There is no run of that id', fix: 'List the runs with `tenfold runs`.' },
  'TF-STORE-005': {
    kind: 'input',
    title: 'The run is not in a state that allows this',
    fix: 'Rerun it with `tenfold runs rerun <id>`.',
  },
  'TF-STORE-006': {
    kind: 'input',
    title: 'The name of an artifact is not a plain relative path',
    fix: 'Use letters, digits, dot, dash and underscore, with / between folders.',
  },
  'TF-STORE-007': {
    kind: 'environment',
    title: 'The database of the store cannot be reached or refuses',
    fix: 'Check TENFOLD_STORE and the server; without it runs are kept in a file, with nothing to start.',
  },
});
