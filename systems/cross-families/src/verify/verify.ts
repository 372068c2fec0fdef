/** Checks certificates with code of its own: nothing here imports a solver. */
import { familiesError } from '../families-errors.ts';
import type { Certificate, ProblemJson } from '../types.ts';
import { certificateSchema } from './certificate-schema.ts';
import { quorumCertificateSchema, verifyQuorumCertificate } from './quorum-check.ts';
import type { QuorumCertificate } from './quorum-check.ts';
import { tupleFailures } from './tuple-check.ts';
import { checkUpper } from './upper-check.ts';

export interface Verification {
  readonly ok: boolean;
  readonly failures: readonly string[];
  /** How the bound was checked; `failed` if that check found something wrong. */
  readonly upper: 'proved' | 'replayed' | 'trusted' | 'failed';
}

/** Checks that the tuple is legal and reaches the claimed value, and that nothing can exceed the claimed upper bound. */
export function verifyCertificate(certificate: Certificate): Verification {
  const failures: string[] = [];
  const { problem, claim } = certificate;
  for (const [i, list] of problem.sizes.entries())
    if (list.some((k) => k > problem.n) || new Set(list).size < list.length)
      failures.push(`sizes of family ${i} are not distinct sizes up to n`);
  failures.push(...fieldFailures(problem));
  if (failures.length > 0) return { ok: false, failures, upper: 'failed' };
  const value = BigInt(claim.value);
  const upperClaim = BigInt(claim.upper);
  if (claim.kind === 'maximum' && value !== upperClaim) failures.push('a maximum needs equal value and upper bound');
  if (value > upperClaim) failures.push('the value lies above the upper bound');
  failures.push(...tupleFailures(problem, certificate.tuple, value));
  const upper = checkUpper(certificate);
  failures.push(...upper.failures);
  return { ok: failures.length === 0, failures, upper: upper.failures.length > 0 ? 'failed' : upper.level };
}

/** Fields that name families have to name those of the problem: a condition on others would be no condition. */
function fieldFailures({ n, sizes, t = 1, weights, selfIntersecting = [], conflicts = [] }: ProblemJson): string[] {
  const m = sizes.length;
  const isFamily = (i: number): boolean => i >= 0 && i < m;
  const failures: string[] = [];
  if (t > n) failures.push(`no two sets share ${t} of ${n} points`);
  if (weights && (weights.length !== m || weights.some((list, i) => list.length !== sizes[i]!.length)))
    failures.push('the weights are not one a size of every family');
  for (const i of selfIntersecting) if (!isFamily(i)) failures.push(`there is no family ${i} that could meet itself`);
  for (const [i, j] of conflicts)
    if (!isFamily(i) || !isFamily(j) || i === j) failures.push(`${i}-${j} is no pair of different families`);
  return failures;
}

/** Checks either kind of certificate. */
export function verifyAny(certificate: Certificate | QuorumCertificate): Verification {
  return certificate.schema === 'quorums/1' ? verifyQuorumCertificate(certificate) : verifyCertificate(certificate);
}

/** Reads a certificate from JSON text. @throws TF-FAMILIES-004 with the path of the first wrong field */
export function parseCertificate(text: string, location: string): Certificate | QuorumCertificate {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw familiesError('TF-FAMILIES-004', {
      subject: 'parseCertificate',
      expected: 'JSON',
      actual: (cause as Error).message,
      location,
      cause,
    });
  }
  // The whole answer of `max --json` is welcome too: its certificate stands under result.
  const inner = (json as { result?: { certificate?: unknown } } | null)?.result?.certificate ?? json;
  const isQuorum = (inner as { schema?: unknown } | null)?.schema === 'quorums/1';
  const parsed = isQuorum ? quorumCertificateSchema.safeParse(inner) : certificateSchema.safeParse(inner);
  if (parsed.success) return parsed.data as Certificate | QuorumCertificate;
  const issue = parsed.error.issues[0]!;
  throw familiesError('TF-FAMILIES-004', {
    subject: 'parseCertificate',
    expected: 'a certificate of schema families/1 or quorums/1',
    actual: `${issue.message} at ${issue.path.join('.') || 'the top'}`,
    location,
    hints: ['Write one with `tenfold --json cross-families max --n 5 --sets "3|1,2" > certificate.json`.'],
  });
}
