/** q-analogue: the same question for subspaces of F_q^n. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { gaussianBinomial } from '../binomial.ts';
import { familiesError } from '../families-errors.ts';
import { normaliseProblem, parseSizes, regimeOf } from '../problem.ts';
import { primeOfFieldOrder, qClosedForm, qSearch } from '../q-analogue.ts';
import { describeProblem, formatBig } from '../report.ts';

interface QParams {
  readonly n: number;
  readonly sets: string;
  readonly q: number;
}

const MAX_VERTICES = 256n;
const MAX_VECTORS = 81;

export async function run(params: QParams, context: VerbContext): Promise<VerbResult> {
  const { problem } = normaliseProblem({ n: params.n, sizes: parseSizes(params.sets) });
  if (primeOfFieldOrder(params.q) === undefined)
    throw familiesError('TF-FAMILIES-001', {
      subject: 'q-analogue',
      expected: 'q to be a power of a prime, as the orders of all fields are',
      actual: String(params.q),
      location: 'q',
    });
  const q = BigInt(params.q);
  const isInRange = problem.sizes.length > 1 && regimeOf(problem) === 'theorem';
  const numVertices = problem.sizes.reduce(
    (sum, list) => sum + list.reduce((part, k) => part + gaussianBinomial(problem.n, k, q), 0n),
    0n,
  );
  const isPrime = primeOfFieldOrder(params.q) === params.q;
  const canSearch = numVertices <= MAX_VERTICES && params.q ** params.n <= MAX_VECTORS && isPrime;
  if (!isInRange && !canSearch)
    throw familiesError('TF-FAMILIES-003', {
      subject: 'q-analogue',
      expected: 'n ≥ K1 + K2, or few subspaces over a prime field',
      actual: `${numVertices} subspaces`,
    });
  context.progress({ phase: 'subspaces' });
  const formula = isInRange ? qClosedForm(problem, q) : undefined;
  const search = canSearch ? qSearch(problem, params.q) : undefined;
  const agrees = formula === undefined || search === undefined || formula === search.value;
  const value = search?.value ?? formula!;
  return {
    ok: agrees,
    value: {
      value: String(value),
      status: search ? 'exact-search' : 'derived-formula',
      formula: formula === undefined ? undefined : String(formula),
      labelled: search?.labelled === undefined ? undefined : String(search.labelled),
    },
    report: {
      title: `Subspaces of F_${params.q}^${params.n}: ${describeProblem(problem)}`,
      verdict: agrees
        ? {
            tone: search ? 'good' : 'warn',
            text: `The maximum is ${formatBig(value)} (${search ? `complete search${formula === undefined ? '' : ', formula agrees'}` : 'formula derived here, not searched'}).`,
          }
        : { tone: 'bad', text: `The search finds ${search!.value}, the formula gives ${formula}.` },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'maximum', value: formatBig(value) },
            ...(search?.labelled === undefined ? [] : [{ label: 'optimal tuples', value: formatBig(search.labelled) }]),
          ],
        },
      ],
    },
  };
}
