/** Error codes of the cross-families room. */
import { defineErrors } from '@tenfold/core/base';

export const familiesError = defineErrors({
  'TF-FAMILIES-001': {
    kind: 'usage',
    title: 'The problem of cross-intersecting families is not well formed',
    fix: 'Give n ≥ 1 and one non-empty list of sizes in 1..n for each family, like --n 5 --sets "3|1,2".',
  },
  'TF-FAMILIES-002': {
    kind: 'usage',
    title: 'No tuple of families fulfils the conditions',
    fix: 'Relax the sizes, lower t, or allow empty families.',
  },
  'TF-FAMILIES-003': {
    kind: 'usage',
    title: 'The question is too large for the method it needs',
    fix: 'Ask for the value or the count alone, or lower n.',
  },
  'TF-FAMILIES-004': {
    kind: 'input',
    title: 'A certificate file cannot be read',
    fix: 'Write one with `tenfold --json cross-families max … > certificate.json`.',
  },
  'TF-FAMILIES-005': {
    kind: 'usage',
    title: 'A formula of the conjecture explorer cannot be read',
    fix: 'Use integers, n, m, k(i), t, + - * ^, binom(a,b), max, min, star, ball(j,s), layers(...), if(c,a,b).',
  },
  'TF-FAMILIES-006': {
    kind: 'usage',
    title: 'A theorem is unknown or its hypotheses do not hold',
    fix: 'List the theorems with `tenfold cross-families theorem`.',
  },
  'TF-FAMILIES-010': {
    kind: 'usage',
    title: 'A quorum expression cannot be read',
    fix: "Write it like 'a*b + c*d', 'choose 2 (a, b, c)' or 'majority(a, b, c)'.",
  },
  'TF-FAMILIES-011': {
    kind: 'input',
    title: 'A node table or workload is not valid',
    fix: 'Use [{"id": "a", "readCapacity": 4000, "writeCapacity": 2000, "latencyMs": 12, "up": 0.999, "zone": "eu"}].',
  },
  'TF-FAMILIES-012': {
    kind: 'usage',
    title: 'Some read quorum and some write quorum do not meet',
    fix: 'Leave the writes out to get the dual of the reads, or enlarge one side.',
  },
  'TF-FAMILIES-013': {
    kind: 'usage',
    title: 'No strategy fulfils the limits',
    fix: 'Relax the load, network or latency limit, or ask for a smaller resilience.',
  },
  'TF-FAMILIES-014': {
    kind: 'input',
    title: 'A latency matrix cannot be read',
    fix: 'Use a square table of non-negative numbers, tab or comma separated, optionally with a header.',
  },
  'TF-FAMILIES-015': {
    kind: 'usage',
    title: 'The quorum system cannot be written in the wanted format',
    fix: 'Export JSON or TLA+ instead; both hold every system.',
  },
  'TF-FAMILIES-016': {
    kind: 'input',
    title: 'A federated configuration cannot be read',
    fix: 'Use the stellarbeat node list: [{"publicKey": "…", "quorumSet": {"threshold": 2, "validators": ["…"]}}].',
  },
  'TF-FAMILIES-017': {
    kind: 'bug',
    title: 'The linear solver stopped without an optimum',
    fix: 'Report it with the command that led here.',
  },
});
