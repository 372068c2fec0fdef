/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report } from '@tenfold/core/report';
import { parseId } from './trace/canonical-id.ts';
import type { InvariantResult } from './check/invariants.ts';
import type { CheckResult, Finding } from './types.ts';

const MAX_CURVES_POINTS = 400;

/** @param maxRows  rows of the table of findings */
export function reportCheck(result: CheckResult, title: string, maxRows = 20): Report {
  const { verdict, counts, culprit, notes, baselines, findings } = result;
  const tone = verdict === 'pass' ? 'good' : verdict === 'divergence' ? 'bad' : 'warn';
  const problems = findings.filter(({ status }) => status !== 'PASS' && status !== 'SKIPPED');
  const blocks: Block[] = [
    {
      kind: 'figures',
      figures: [
        { label: 'tensors', value: findings.length, format: 'count' },
        { label: 'pass', value: counts.PASS, format: 'count', tone: 'good' },
        {
          label: 'diverged',
          value: counts.FAIL + counts.REPLICA_DIVERGED,
          format: 'count',
          tone: counts.FAIL + counts.REPLICA_DIVERGED > 0 ? 'bad' : 'neutral',
        },
        { label: 'missing', value: counts.MISSING, format: 'count', tone: counts.MISSING ? 'warn' : 'neutral' },
        { label: 'inconclusive', value: counts.INCONCLUSIVE, format: 'count' },
        { label: 'largest clean error / tolerance', value: result.maxRatio, digits: 2 },
        { label: 'change of the loss', value: baselines.lossChange, format: 'percent', digits: 3 },
      ],
    },
  ];
  if (culprit) {
    const hints = findings.find(({ id }) => id === culprit.id)?.hints ?? [];
    blocks.push({
      kind: 'callout',
      tone: 'bad',
      title: `First wrong module: ${culprit.module} (${culprit.column})`,
      text:
        hints.length > 0
          ? hints.map(({ text }) => text).join('; ')
          : 'No known cause fits; compare the code of this module.',
    });
  }
  if (problems.length > 0) blocks.push(findingsTable(problems.slice(0, maxRows), problems.length));
  blocks.push(errorCurves(findings));
  blocks.push({
    kind: 'table',
    caption: 'What fixed rules say of the same traces',
    columns: [
      { key: 'rule', label: 'rule' },
      { key: 'says', label: 'says' },
    ],
    rows: [
      {
        rule: 'watch the loss',
        says: baselines.lossChange === null ? 'no loss recorded' : `changes by ${percent(baselines.lossChange)}`,
      },
      {
        rule: 'watch the gradient norm',
        says: baselines.gradNormChange === null ? 'not recorded' : `changes by ${percent(baselines.gradNormChange)}`,
      },
      {
        rule: `one bound of ${baselines.staticBound.toPrecision(3)}`,
        says: `${baselines.numStaticFails} tensors fail`,
      },
      { rule: 'cosine above 0.99', says: `${baselines.numCosineFails} tensors fail` },
    ],
  });
  for (const note of notes) blocks.push({ kind: 'text', text: note });
  return { title, verdict: { tone, text: result.text }, blocks };
}

/** Two passes over the same step: float32 for small errors of logic, the recipe's precision for the rest. */
export function reportTwoPasses(logic: CheckResult, recipe: CheckResult, title: string, maxRows = 20): Report {
  const first = reportCheck(logic, title, maxRows);
  const second = reportCheck(recipe, title, maxRows);
  const isGood = logic.verdict === 'pass' && recipe.verdict === 'pass';
  const isBad = logic.verdict === 'divergence' || recipe.verdict === 'divergence';
  const heading = (name: string, what: string, { text }: CheckResult): Block => ({
    kind: 'callout',
    tone: 'info',
    title: `${name}: ${what}`,
    text,
  });
  return {
    title,
    verdict: {
      tone: isGood ? 'good' : isBad ? 'bad' : 'warn',
      text: `Float32: ${logic.text} Recipe: ${recipe.text}`,
    },
    blocks: [
      heading('Logic pass', 'float32, sees errors of logic down to 1e-6', logic),
      ...first.blocks,
      heading('Recipe pass', 'the precision of the run, sees what only it does wrong', recipe),
      ...second.blocks,
    ],
  };
}

/** Says which files a verb wrote, or with a dry run would have. */
export function withFiles(report: Report, paths: readonly string[], dryRun: boolean): Report {
  if (paths.length === 0) return report;
  const text = `${dryRun ? 'Would write' : 'Wrote'} ${paths.join(', ')}.`;
  return { ...report, blocks: [...report.blocks, { kind: 'text', text }] };
}

/** Errors below this are drawn at it. */
const LEAST_SHOWN = 1e-12;

function findingsTable(rows: readonly Finding[], total: number): Block {
  return {
    kind: 'table',
    caption: `Problems in causal order (${rows.length} of ${total})`,
    columns: [
      { key: 'id', label: 'tensor' },
      { key: 'status', label: 'status' },
      { key: 'rel', label: 'error' },
      { key: 'tau', label: 'tolerance' },
      { key: 'hint', label: 'likely cause' },
    ],
    rows: rows.map(({ id, status, rel, tau, note, hints }) => ({
      id,
      status,
      rel: Number.isNaN(rel) ? null : rel.toExponential(2),
      tau: Number.isNaN(tau) ? null : tau.toExponential(2),
      hint: hints[0]?.text ?? note ?? null,
    })),
  };
}

/** Error and tolerance over the order of execution. */
function errorCurves(findings: readonly Finding[]): Block {
  const shown = findings.filter(
    ({ rel, tau, iteration }) => rel > 0 && tau > 0 && Number.isFinite(rel) && iteration === 0,
  );
  const stride = Math.max(1, Math.ceil(shown.length / MAX_CURVES_POINTS));
  const picked = shown.filter((_, i) => i % stride === 0);
  return {
    kind: 'plot',
    caption: 'Error of the candidate and tolerance, in the order of the step',
    mark: 'line',
    x: { label: 'tensor', scale: 'linear' },
    y: { label: 'relative error', scale: 'log' },
    series: [
      { name: 'tolerance', points: picked.map(({ tau }, x) => ({ x, y: tau })) },
      // Denormal differences would leave the curves a sliver at the top.
      { name: 'candidate', points: picked.map(({ rel, id }, x) => ({ x, y: Math.max(rel, LEAST_SHOWN), label: id })) },
    ],
  };
}

export function reportInvariants({ violations, checked }: InvariantResult, name: string): Report {
  const isGood = violations.length === 0;
  const total = Object.values(checked).reduce((sum, count) => sum + count, 0);
  return {
    title: `Invariants of ${name}`,
    verdict: {
      tone: !isGood ? 'bad' : total === 0 ? 'warn' : 'good',
      text: isGood
        ? total === 0
          ? 'Nothing was checked: the trace holds no copies, recomputation, updates, layers or tied weights.'
          : `All ${total} invariants hold.`
        : `${violations.length} of ${total} invariants are broken, first ${violations[0].id}: ${violations[0].text}.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: Object.entries(checked).map(([label, value]) => ({ label, value, format: 'count' as const })),
      },
      {
        kind: 'table',
        caption: 'Broken',
        columns: [
          { key: 'rule', label: 'rule' },
          { key: 'id', label: 'tensor' },
          { key: 'text', label: 'what' },
        ],
        rows: violations.map(({ rule, id, text }) => ({ rule, id, text })),
      },
    ],
  };
}

/** Numbers a page draws: per tensor, without hints. */
export function plainFindings(result: CheckResult) {
  return {
    verdict: result.verdict,
    text: result.text,
    culprit: result.culprit ?? null,
    firsts: result.firsts,
    counts: result.counts,
    maxRatio: result.maxRatio,
    isSketch: result.isSketch,
    baselines: result.baselines,
    notes: result.notes,
    findings: result.findings.map((finding) => ({
      id: finding.id,
      kind: finding.kind,
      module: finding.module,
      iteration: finding.iteration,
      microBatch: parseId(finding.id).microBatch ?? null,
      status: finding.status,
      rel: finiteOrNull(finding.rel),
      tau: finiteOrNull(finding.tau),
      ePert: finiteOrNull(finding.ePert),
      alpha: finiteOrNull(finding.alpha),
      cosine: finiteOrNull(finding.cosine),
      maxAbs: finiteOrNull(finding.maxAbs),
      note: finding.note ?? null,
      hints: finding.hints,
    })),
  };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function percent(ratio: number): string {
  const value = 100 * ratio;
  if (value === 0) return '0 %';
  return `${Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}
