/** A factor that is another one in every micro-batch: ranks that average over their own tokens. */
import { formatId, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import type { Finding, Hint } from '../types.ts';
import type { VectorOf } from './hint-reductions.ts';

/** Factors closer than this are one. */
const SAME_FACTOR = 0.02;
/** More are not looked at. */
const MAX_MICRO_BATCHES = 16;
/** A pure factor leaves less than this. */
const PURE = 0.05;

interface Factor {
  readonly microBatch: number;
  readonly alpha: number;
  readonly dataRank: string;
}

/** Looks at the same tensor of every micro-batch; of a reduced gradient at the gradients it was made of. */
export function explainVaryingScale(
  { id, kind, tau }: Finding,
  candidate: TraceRun,
  reference: TraceRun,
  vectorOf: VectorOf,
): Hint | undefined {
  if (kind !== 'dout' && kind !== 'din' && kind !== 'wgrad' && kind !== 'main_grad') return undefined;
  const fields = { ...parseId(id), ...(kind === 'main_grad' ? { kind: 'wgrad' as const } : {}) };
  const lossFactor = reference.info.lossFactor / candidate.info.lossFactor;
  const factors: Factor[] = [];
  for (let microBatch = 0; microBatch < MAX_MICRO_BATCHES; microBatch++) {
    const own = formatId({ ...fields, microBatch });
    const [cand, ref] = [candidate.tensors.get(own), reference.tensors.get(own)];
    if (!cand || !ref) break;
    const [a, b] = [vectorOf(cand).data, vectorOf(ref).data];
    let [aa, ab, bb] = [0, 0, 0];
    for (let i = 0; i < b.length; i++) {
      const x = a[i] * lossFactor;
      aa += x * x;
      ab += x * b[i];
      bb += b[i] ** 2;
    }
    const alpha = ab / bb;
    const residual = Math.sqrt(Math.max(0, aa - alpha * ab) / aa);
    if (!(residual <= Math.max(PURE, 2 * tau)) || !(alpha > 0)) return undefined;
    const { coords } = cand.shards[0];
    factors.push({ microBatch, alpha, dataRank: `${coords['dp'] ?? 0}/${coords['ep'] ?? 0}` });
  }
  const groups = groupsOf(factors);
  if (groups.length < 2) return undefined;
  const listed = groups
    .map(
      ([first, ...rest]) =>
        `×${first.alpha.toPrecision(3)} on ${[first, ...rest].map(({ microBatch }) => microBatch).join(', ')}`,
    )
    .join(' and ');
  return {
    kind: 'varying-scale',
    text: `the factor varies with the micro-batch: ${listed}${textOfMeans(factors)}`,
  };
}

function groupsOf(factors: readonly Factor[]): Factor[][] {
  const groups: Factor[][] = [];
  for (const factor of factors) {
    const group = groups.find(([first]) => Math.abs(factor.alpha / first.alpha - 1) <= SAME_FACTOR);
    if (group) group.push(factor);
    else groups.push([factor]);
  }
  return groups;
}

/** A rank that holds the share s of R ranks' tokens and divides by its own count has the factor 1/(R·s): then the
 *  reciprocals add up to R. */
function textOfMeans(factors: readonly Factor[]): string {
  const ofRank = new Map(factors.map(({ dataRank, alpha }) => [dataRank, alpha]));
  if (factors.some(({ dataRank, alpha }) => Math.abs(ofRank.get(dataRank)! / alpha - 1) > SAME_FACTOR)) return '';
  const shares = [...ofRank.values()].map((alpha) => 1 / (alpha * ofRank.size));
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (ofRank.size < 2 || Math.abs(total - 1) > SAME_FACTOR) return '';
  const percents = shares.map((share) => `${(100 * share).toFixed(0)} %`).join(' and ');
  return `, N_total/(${ofRank.size}·N_r) of data ranks with ${percents} of the valid tokens: each divides by its own count`;
}
