/** Error codes of the studio's server. */
import { defineErrors } from '@tenfold/core/base';

export const studioError = defineErrors({
  'TF-STUDIO-001': {
    kind: 'usage',
    title: 'A request came from another site or under another host name',
    fix: 'Open the studio at the address it printed.',
  },
  'TF-STUDIO-002': {
    kind: 'usage',
    title: 'The studio listens beyond this machine and the request carries no valid token',
    fix: 'Open the address with the token that the studio printed.',
  },
  'TF-STUDIO-003': {
    kind: 'input',
    title: 'There is no such room, run, file or page',
    fix: 'Go back to the run list.',
  },
  'TF-STUDIO-004': {
    kind: 'input',
    title: 'An upload is larger than the limit',
    fix: 'Name a file on this machine instead, or start the studio with a higher limit.',
  },
  'TF-STUDIO-005': {
    kind: 'usage',
    title: 'The body of a request cannot be read',
    fix: 'Send JSON with the fields that the message names.',
  },
  'TF-STUDIO-006': {
    kind: 'bug',
    title: 'The process that worked on a run ended before it reported a result',
    fix: 'Run it again; if the machine was short of memory, with smaller input.',
  },
  'TF-STUDIO-007': {
    kind: 'environment',
    title: 'The pages of the studio cannot be built',
    fix: 'Read the message of the build; `npm ci` restores missing packages.',
  },
  'TF-STUDIO-008': {
    kind: 'usage',
    title: 'A path param leaves the folders that a shared studio may read',
    fix: 'Upload the file, or put it into the data folder.',
  },
  'TF-STUDIO-009': {
    kind: 'environment',
    title: 'The studio cannot listen on its port',
    fix: 'Choose another with --port, or 0 for any free one.',
  },
  'TF-STUDIO-010': {
    kind: 'bug',
    title: 'Something unexpected happened in the studio',
    fix: 'Report it with the text shown.',
  },
  'TF-STUDIO-011': {
    kind: 'environment',
    title: 'A page of the studio gets no answer from its server',
    fix: 'Start it again with `npm start` and reload the page.',
  },
  'TF-STUDIO-012': {
    kind: 'usage',
    title: 'A worker needs a store that machines can share',
    fix: 'Set TENFOLD_STORE to the address of a PostgreSQL database, the same for the studio and all workers.',
  },
});
