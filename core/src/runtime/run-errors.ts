/** Error codes of core/runtime. */
import { defineErrors } from '../base/index.ts';

export const runError = defineErrors({
  'TF-RUN-001': {
    kind: 'environment',
    title: 'An engine cannot run on this machine',
    fix: 'Follow the hint, or choose another backend.',
  },
  'TF-RUN-002': {
    kind: 'usage',
    title: 'A feed is missing, unknown or has the wrong dtype or shape',
    fix: 'Feed one tensor per graph input.',
  },
  'TF-RUN-003': {
    kind: 'usage',
    title: 'A state is missing, unknown or has the wrong dtype or shape',
    fix: 'Give one tensor per state of the graph.',
  },
  'TF-RUN-004': {
    kind: 'usage',
    title: 'An output that the graph does not have was asked for',
    fix: 'Fetch names of graph outputs.',
  },
  'TF-RUN-005': {
    kind: 'environment',
    title: 'Ops of the graph cannot run on the GPU',
    fix: 'Pass allowCpuFallback, or replace the named ops.',
  },
  'TF-RUN-006': { kind: 'bug', title: 'The engine refused the graph', fix: 'Report it with the printed graph.' },
  'TF-RUN-007': {
    kind: 'bug',
    title: 'The engine failed while it ran the graph',
    fix: 'Report it with the printed graph.',
  },
  'TF-RUN-008': { kind: 'usage', title: 'A closed session was used', fix: 'Create a new session.' },
  'TF-RUN-009': {
    kind: 'usage',
    title: 'A graph with collectives was given to a session of one process',
    fix: 'Cut it at its collectives and run it with core/ranks.',
  },
});
