/** Error codes of core/ranks. */
import { defineErrors } from '../base/index.ts';

export const ranksError = defineErrors({
  'TF-RANKS-001': {
    kind: 'input',
    title: 'A mesh or a process group is malformed',
    fix: 'Give every axis a name once and a size of at least 1; groups name ranks of the mesh once each.',
  },
  'TF-RANKS-002': {
    kind: 'input',
    title: 'Ranks of one group called different collectives at the same place',
    fix: 'Every rank of a group must issue the same calls in the same order with fitting shapes.',
  },
  'TF-RANKS-003': {
    kind: 'input',
    title: 'Ranks wait for each other and none can go on',
    fix: 'Change the order of the calls that the text names, or add the missing ones.',
  },
  'TF-RANKS-004': {
    kind: 'input',
    title: 'A rank returned with a collective that it issued and never waited for',
    fix: 'Call wait() on every handle, or abandon() if the result is not wanted.',
  },
  'TF-RANKS-005': {
    kind: 'input',
    title: 'A rank failed',
    fix: 'Read the cause; the other ranks were stopped.',
  },
  'TF-RANKS-006': {
    kind: 'environment',
    title: 'The shared memory of a rank is full',
    fix: 'Raise heapBytes, or wait for handles earlier.',
  },
  'TF-RANKS-007': {
    kind: 'input',
    title: 'A collective was called with arguments that cannot be',
    fix: 'Correct the argument that the text names.',
  },
  'TF-RANKS-008': {
    kind: 'environment',
    title: 'A launch took longer than its time limit',
    fix: 'Raise timeoutMs, or see in the text what each rank was doing.',
  },
});
