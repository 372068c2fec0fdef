/** The verdict: a status per tensor, then the first piece of evidence in causal order.
 *  Order: layer census, parameters before the step (bitwise), forward, backward, weight gradients, main gradients,
 *  clipping, Δθ, and the next iteration. */
import { formatId, KINDS, parseId } from '../trace/canonical-id.ts';
import type { TraceRun } from '../trace/trace-run.ts';
import { traceError } from '../trace-check-errors.ts';
import type {
  Baselines,
  CheckResult,
  Comparison,
  EvidenceColumn,
  Finding,
  Hint,
  Status,
  TensorKind,
  ToleranceEntry,
} from '../types.ts';
import type { Comparisons } from './compare-runs.ts';
import { censusOfLayers } from '../trace/layer-map.ts';
import { checkInvariants, ownedLayers } from './invariants.ts';
import { createPlacer } from './micro-batch-place.ts';
import { SKETCH_GUARD } from './sketch.ts';
import { STATIC_FACTOR, staticTolerance, unitOf, type Tolerances } from './tolerance.ts';

const COLUMN: Readonly<Record<TensorKind, EvidenceColumn>> = {
  in: 'forward',
  out: 'forward',
  route: 'forward',
  amax: 'forward',
  scale: 'forward',
  recompute_out: 'recompute',
  dout: 'backward',
  din: 'backward',
  wgrad: 'wgrad',
  main_grad: 'main_grad',
  scalar: 'scalar',
  param: 'param',
  param_next: 'delta',
  delta: 'delta',
  'opt/m': 'delta',
  'opt/v': 'delta',
};
const COSINE_LIMIT = 0.99;
/** A scale is a matter of exponents: what it does to values is judged by these. */
const SCALE_TAU = 0.125;
/** FP8 scales of gradients are used in the backward pass. */
const GRADIENT_SCALE = /\/(?:scale|amax)\/.*#grad$/;
const DELTA_TAU_CAP = 0.5;
/** Kinds whose copies must be equal bit for bit. */
const BITWISE_COPIES: ReadonlySet<TensorKind> = new Set(['param', 'param_next', 'main_grad']);
/** θ moves so little in a step that Δθ is judged in its place. */
const INFORMATIVE: ReadonlySet<TensorKind> = new Set(['param_next']);

export interface JudgeOptions {
  readonly reference: TraceRun;
  readonly candidate: TraceRun;
  readonly comparisons: Comparisons;
  /** Empty: the fixed bound is used and the result says so. */
  readonly tolerances: Tolerances;
  /** Hints for a finding; called for few. */
  readonly explain?: (id: string, finding: Finding) => Hint[];
}

const MAX_EXPLAINED = 8;

/** @throws TF-TRACE-009 if the reference holds values that are not finite */
export function judge({ reference, candidate, comparisons, tolerances, explain }: JudgeOptions): CheckResult {
  const { precision } = candidate.info;
  const fallback = staticTolerance(precision);
  const notes: string[] = [];
  if (tolerances.size === 0)
    notes.push(`No perturbed runs: one fixed bound of ${fallback.tau.toPrecision(3)} for all tensors.`);
  const unmeasured = [...comparisons.values()].filter(
    ({ id, missingIn }) => missingIn === undefined && needsTolerance(id) && !tolerances.has(id),
  );
  if (tolerances.size > 0 && unmeasured.length > 0)
    notes.push(
      `${unmeasured.length} tensors have no measured tolerance, ${unmeasured[0].id} first: they are judged by the fixed bound of ${fallback.tau.toPrecision(3)}.`,
    );
  if (reference.info.precision !== precision)
    notes.push(
      `The reference is ${reference.info.precision}, the candidate ${precision}: rounding alone sets them apart. Tolerances hold between runs of one precision.`,
    );
  const isSketch = [...comparisons.values()].some((comparison) => comparison.isSketch);
  const rmsOfKind = typicalRms(comparisons);
  const hasExpertRanks = candidate.info.mesh.axes.some(({ name, size }) => name === 'ep' && size > 1);
  const findings = [...comparisons.values()].map((comparison) => {
    const tolerance = tolerances.get(comparison.id) ?? fallback;
    const seq = reference.tensors.get(comparison.id)?.seq ?? candidate.tensors.get(comparison.id)?.seq ?? Infinity;
    const seqOfNext = reference.tensors.get(comparison.id.replace('/delta/', '/param_next/'))?.seq;
    return findingOf(comparison, tolerance, {
      seq: seqOfNext ?? seq,
      isSketch,
      rmsOfKind,
      unit: unitOf(precision),
      leastTau: leastTau(
        comparison,
        comparisons,
        tolerances.get(comparison.id.replace('/delta/', '/main_grad/'))?.tau ?? 0,
      ),
      hasDelta: comparisons.has(comparison.id.replace('/param_next/', '/delta/')),
      isMixed: hasExpertRanks && /\/wgrad\/.*\.experts\./.test(comparison.id),
    });
  });
  for (const { id, rule, text } of checkInvariants(candidate).violations) {
    if (rule !== 'recompute') continue;
    const at = findings.findIndex((finding) => finding.id === id);
    const own = findings[at] ?? emptyFinding(id, candidate.tensors.get(id)?.seq ?? 0);
    findings[at < 0 ? findings.length : at] = { ...own, status: 'FAIL', note: text };
  }
  findings.sort(byCause);

  const census = censusFinding(reference, candidate);
  const failing = findings.filter(({ status }) => isProblem(status));
  const firsts: Partial<Record<EvidenceColumn, string>> = {};
  if (census) firsts.census = census.id;
  for (const finding of failing) firsts[columnOf(finding)] ??= finding.id;

  const differentStart = failing.find(({ kind, iteration }) => kind === 'param' && iteration === 0);
  const culpritFinding = census ?? differentStart ?? failing.find(({ status }) => status !== 'MISSING') ?? failing[0];
  const explained = new Map<string, Hint[]>();
  if (explain) {
    const chosen = new Set([...Object.values(firsts), ...failing.slice(0, MAX_EXPLAINED).map(({ id }) => id)]);
    for (const finding of failing) if (chosen.has(finding.id)) explained.set(finding.id, explain(finding.id, finding));
  }
  const placeOf = createPlacer(findings, candidate);
  const all = [...(census ? [census] : []), ...findings].map((finding) => {
    const hints = [...finding.hints, ...(explained.get(finding.id) ?? [])];
    const place = explained.has(finding.id) ? placeOf(finding) : undefined;
    return { ...finding, hints: place === undefined ? hints : [...hints, { kind: 'ranks' as const, text: place }] };
  });
  const counts = countStatuses(all);
  const culprit = culpritFinding && {
    id: culpritFinding.id,
    module: culpritFinding.module,
    column: census ? ('census' as const) : columnOf(culpritFinding),
  };
  const hasDiverged = counts.FAIL + counts.REPLICA_DIVERGED > 0 || census !== undefined;
  const numUnsure = all.filter(({ status, id }) => status === 'INCONCLUSIVE' && !isBackedByGradient(id, all)).length;
  const isEmpty = counts.PASS === 0;
  const verdict = hasDiverged ? 'divergence' : isEmpty || counts.MISSING + numUnsure > 0 ? 'inconclusive' : 'pass';
  const isRelied = numUnsure < counts.INCONCLUSIVE;
  if (candidate.info.unrecordedKinds?.includes('wgrad'))
    notes.push(
      'The candidate’s framework reduces weight gradients inside the backward pass: none of single micro-batches are compared, the reduced ones are.',
    );
  if (counts.MISSING > 0) notes.push(`${counts.MISSING} tensors are missing in one of the runs or not fully covered.`);
  if (numUnsure > 0) notes.push(`${numUnsure} tensors cannot be certified (see the table).`);
  if (isRelied)
    notes.push(
      `${counts.INCONCLUSIVE - numUnsure} weight updates are too ill-conditioned to certify (Adam’s first step is ±lr, whatever the gradient’s size); their gradients pass. Use SGD for the step that is checked to certify updates too.`,
    );
  if (precision !== 'float32')
    notes.push('A pass in low precision leaves small logic errors unseen; check a float32 pass of the same step too.');
  const hints = culprit && all.find(({ id }) => id === culprit.id)?.hints;
  return {
    verdict,
    text: verdictText(verdict, counts, culprit, culpritFinding, hints ?? []),
    ...(culprit && verdict !== 'pass' ? { culprit } : {}),
    firsts,
    counts,
    findings: all,
    notes,
    maxRatio: largestRatio(all),
    isSketch,
    baselines: baselinesOf(comparisons, precision === 'float32' ? 2 ** -23 : 2 ** -7),
  };
}

/** Whether a tensor is judged by a tolerance: parameters at the start, copies and recomputation are judged bit for bit. */
function needsTolerance(id: string): boolean {
  const { kind } = parseId(id);
  return kind !== 'param' && kind !== 'param_next' && kind !== 'recompute_out';
}

/** A weight update that one rounding unit moves too much (Adam’s first step is sign-like) rests on its gradient. */
function isBackedByGradient(id: string, findings: readonly Finding[]): boolean {
  if (!id.includes('/delta/')) return false;
  const gradientId = id.replace('/delta/', '/main_grad/');
  return findings.some((finding) => finding.id === gradientId && finding.status === 'PASS');
}

interface FindingContext {
  readonly seq: number;
  readonly isSketch: boolean;
  readonly rmsOfKind: ReadonlyMap<TensorKind, number>;
  readonly unit: number;
  readonly leastTau: number;
  /** The update of this parameter is compared too. */
  readonly hasDelta: boolean;
  /** An expert's gradient under EP adds the micro-batches of several ranks. */
  readonly isMixed: boolean;
}

/** θ is stored in f32: the difference of two neighbours cannot be known better than that. And Adam’s first step is
 *  ±lr: where the gradient is within its error of zero (a share of about τ of the elements) the sign may flip.
 *  @param gradientTau  tolerance of the reduced gradient of the same parameter */
export function leastTau({ id, normRef }: Comparison, comparisons: Comparisons, gradientTau: number): number {
  if (/\/(?:scale|amax)\//.test(id)) return SCALE_TAU;
  if (!id.includes('/delta/')) return 0;
  const parameter = comparisons.get(id.replace('/delta/', '/param/'));
  const stored = parameter && normRef > 0 ? (3 * 2 ** -24 * parameter.normRef) / normRef : 0;
  return Math.max(stored, Math.min(DELTA_TAU_CAP, 2 * Math.sqrt(gradientTau)));
}

function findingOf(comparison: Comparison, tolerance: ToleranceEntry, context: FindingContext): Finding {
  const { id, rel, alpha, cosine, maxAbs } = comparison;
  const { kind, module, iteration } = parseId(id);
  const tau = Math.max(tolerance.tau, context.leastTau) * (context.isSketch ? SKETCH_GUARD : 1);
  const base = {
    id,
    kind,
    module,
    iteration,
    seq: context.seq,
    rel,
    tau,
    ePert: tolerance.ePert,
    alpha,
    cosine,
    maxAbs,
  };
  const [status, note] = statusOf(comparison, kind, iteration, tau, tolerance, context);
  return { ...base, status, ...(note === undefined ? {} : { note }), hints: [] };
}

function statusOf(
  comparison: Comparison,
  kind: TensorKind,
  iteration: number,
  tau: number,
  tolerance: ToleranceEntry,
  { rmsOfKind, unit, isMixed, hasDelta }: FindingContext,
): [Status, string?] {
  const { missingIn, numUncovered, numel, replica, rel, id } = comparison;
  if (missingIn === 'candidate' && kind === 'recompute_out')
    return ['SKIPPED', 'the candidate does not recompute here'];
  if (missingIn === 'reference' && kind === 'recompute_out') return ['SKIPPED', 'judged by the recompute invariant'];
  if (missingIn === 'candidate' && isMixed) return ['SKIPPED', 'EP ranks mix micro-batches; judged by main_grad'];
  if (missingIn !== undefined)
    return ['MISSING', `only in the ${missingIn === 'candidate' ? 'reference' : 'candidate'}`];
  if (comparison.numRefNonFinite > 0)
    throw traceError('TF-TRACE-009', {
      subject: 'judge',
      expected: 'a finite reference',
      actual: `${comparison.numRefNonFinite} values that are not`,
      location: id,
    });
  if (numUncovered > 0) return ['MISSING', `${numUncovered} of ${numel} elements are held by no rank`];
  if (comparison.numNonFinite > 0) return ['FAIL', `${comparison.numNonFinite} values are not finite`];
  if (replica && (replica.rel > tau || (BITWISE_COPIES.has(kind) && replica.rel > unit)))
    return [
      'REPLICA_DIVERGED',
      `copies differ by ${replica.rel.toPrecision(3)} along ${replica.axes.join(', ')} (ranks ${replica.ranks.join(', ')})`,
    ];
  if (kind === 'param' && iteration === 0)
    return comparison.isBitwise ? ['PASS'] : ['FAIL', 'the runs start from different parameters'];
  if (INFORMATIVE.has(kind) && hasDelta) return ['PASS', 'judged by Δθ'];
  const limit = 3 * unit * (rmsOfKind.get(kind) ?? 0) * Math.sqrt(numel);
  if (comparison.normCand === 0 && comparison.normRef > limit) return ['FAIL', 'zero in the candidate only'];
  if (comparison.normRef === 0) {
    return comparison.normCand <= limit ? ['PASS', 'zero in the reference'] : ['FAIL', 'zero in the reference only'];
  }
  if (tolerance.status === 'inconclusive' && Math.max(comparison.normRef, comparison.normCand) <= limit)
    return ['PASS', 'no more than round-off in both runs'];
  if (tolerance.status === 'inconclusive')
    return ['INCONCLUSIVE', `moves by ${tolerance.ePert.toPrecision(2)} under one rounding unit`];
  if (!(rel <= tau)) return comparison.isLowerBound ? ['FAIL', 'norm or sum alone differ by this much'] : ['FAIL'];
  return comparison.isLowerBound
    ? ['INCONCLUSIVE', 'norm and sum agree; values were not recorded, level sketch or full can certify']
    : ['PASS'];
}

function columnOf({ id, status, kind, iteration }: Finding): EvidenceColumn {
  if (status === 'REPLICA_DIVERGED') return 'replica';
  if (iteration > 0) return 'step2';
  return GRADIENT_SCALE.test(id) ? 'backward' : COLUMN[kind];
}

function isProblem(status: Status): boolean {
  return status === 'FAIL' || status === 'REPLICA_DIVERGED' || status === 'MISSING';
}

function byCause(a: Finding, b: Finding): number {
  return a.iteration - b.iteration || phaseOf(a) - phaseOf(b) || a.seq - b.seq;
}

function phaseOf({ id, kind }: Finding): number {
  return KINDS[GRADIENT_SCALE.test(id) ? 'dout' : kind].phase;
}

function censusFinding(reference: TraceRun, candidate: TraceRun): Finding | undefined {
  const present = ownedLayers(candidate);
  const held = new Set(present);
  const missing = [...new Set(ownedLayers(reference))].filter((layer) => !held.has(layer));
  const { doubled } = censusOfLayers(present, (present.at(-1) ?? -1) + 1);
  const wrong = missing.length > 0 ? missing : doubled;
  if (wrong.length === 0) return undefined;
  const id = formatId({ iteration: 0, kind: 'param', module: `decoder.layers.${wrong[0]}` });
  const runs = wrong.length === 1 ? 'runs' : 'run';
  const layers = `${wrong.length === 1 ? 'layer' : 'layers'} ${wrong.join(', ')}`;
  const text =
    missing.length > 0 ? `${layers} of the reference ${runs} on no rank` : `${layers} ${runs} on two pipeline stages`;
  return {
    ...emptyFinding(id, -1),
    status: missing.length > 0 ? 'MISSING' : 'FAIL',
    note: text,
    hints: [{ kind: 'missing-layer', text: `${text}: look at the division of layers among pipeline stages` }],
  };
}

function emptyFinding(id: string, seq: number): Finding {
  const { kind, module, iteration } = parseId(id);
  return {
    id,
    kind,
    module,
    iteration,
    seq,
    status: 'FAIL',
    rel: NaN,
    tau: NaN,
    ePert: NaN,
    alpha: NaN,
    cosine: NaN,
    maxAbs: NaN,
    hints: [],
  };
}

/** Largest error over tolerance among the tensors that were judged by it. */
function largestRatio(findings: readonly Finding[]): number {
  let largest = 0;
  for (const { status, kind, rel, tau, note } of findings)
    if (status === 'PASS' && tau > 0 && note === undefined && !INFORMATIVE.has(kind))
      largest = Math.max(largest, rel / tau);
  return largest;
}

function countStatuses(findings: readonly Finding[]): Record<Status, number> {
  const counts = { PASS: 0, FAIL: 0, REPLICA_DIVERGED: 0, MISSING: 0, INCONCLUSIVE: 0, SKIPPED: 0 };
  for (const { status } of findings) counts[status]++;
  return counts;
}

/** Largest root mean square per kind in the reference: the scale that zeros are judged by. */
function typicalRms(comparisons: Comparisons): Map<TensorKind, number> {
  const rms = new Map<TensorKind, number>();
  for (const { id, normRef, numel } of comparisons.values()) {
    const { kind } = parseId(id);
    if (normRef > 0) rms.set(kind, Math.max(rms.get(kind) ?? 0, normRef / Math.sqrt(numel)));
  }
  return rms;
}

function baselinesOf(comparisons: Comparisons, epsilon: number): Baselines {
  const staticBound = STATIC_FACTOR * epsilon;
  const scalar = (name: string): number | null => {
    const found = comparisons.get(`it0/scalar/${name}`);
    return found && found.missingIn === undefined ? found.rel : null;
  };
  const judged = [...comparisons.values()].filter(({ missingIn, id }) => {
    const { kind } = parseId(id);
    return missingIn === undefined && kind !== 'param' && kind !== 'param_next';
  });
  return {
    lossChange: scalar('loss'),
    gradNormChange: scalar('grad_norm'),
    staticBound,
    numStaticFails: judged.filter(({ rel }) => !(rel <= staticBound)).length,
    numCosineFails: judged.filter(({ cosine, normRef }) => normRef > 0 && !(cosine > COSINE_LIMIT)).length,
  };
}

function verdictText(
  verdict: CheckResult['verdict'],
  counts: CheckResult['counts'],
  culprit: CheckResult['culprit'],
  finding: Finding | undefined,
  hints: readonly Hint[],
): string {
  if (verdict === 'pass') {
    const others = counts.SKIPPED + counts.INCONCLUSIVE;
    return `${others > 0 ? '' : 'All '}${counts.PASS} tensors agree within their tolerances${others > 0 ? `; ${others} more rest on these` : ''}.`;
  }
  if (counts.PASS + counts.INCONCLUSIVE + counts.MISSING === 0 && !culprit)
    return 'No tensor was compared: the traces hold nothing to judge.';
  if (!culprit || !finding) return 'Some tensors cannot be certified; nothing diverged.';
  if (culprit.column === 'census') return `${finding.note!.replace(/^l/, 'L')}.`;
  const size = Number.isFinite(finding.rel)
    ? ` (error ${finding.rel.toPrecision(3)}, tolerance ${finding.tau.toPrecision(2)})`
    : '';
  const what = finding.note && finding.status !== 'FAIL' ? `: ${finding.note}` : '';
  const place = hints.find(({ kind }) => kind === 'ranks')?.text;
  const hint = hints.find(({ kind }) => kind !== 'ranks')?.text;
  return `${finding.id} is the first tensor that ${finding.status === 'MISSING' ? 'is missing' : 'diverges'}${size}${place ? `, ${place}` : ''}${what}.${hint ? ` Likely: ${hint}.` : ''}`;
}
