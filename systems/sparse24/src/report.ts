/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report } from '@tenfold/core/report';
import type { Comparison, MethodRow } from './compare.ts';
import type { MatrixAudit } from './io/inspect-folder.ts';

const SIZE_NOTE = 'A masked folder has the size and speed of the dense one until a sparse runtime loads it.';

export function reportComparison(comparison: Comparison, title: string): Report {
  const { rows, densePerplexity } = comparison;
  const maskOnly = rows.filter((row) => row.isMaskOnly);
  const hasMasks = maskOnly.length > 0;
  const judged = hasMasks ? maskOnly : rows;
  const best = judged.reduce((a, b) => (b.perplexity < a.perplexity || Number.isNaN(a.perplexity) ? b : a));
  return {
    title,
    verdict: {
      tone: Number.isFinite(best.perplexity) ? 'good' : 'bad',
      text: `${best.method} has the ${hasMasks ? 'best mask' : 'lowest perplexity (kept weights changed too)'}: perplexity ${best.perplexity.toFixed(2)}, dense ${densePerplexity.toFixed(2)}.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'dense perplexity', value: densePerplexity, digits: 3 },
          { label: `best ${hasMasks ? 'mask' : 'weights'} (${best.method})`, value: best.perplexity, digits: 3 },
        ],
      },
      ...(hasMasks ? [tableOfMethods('Masks over untouched weights', maskOnly)] : []),
      ...(maskOnly.length < rows.length
        ? [
            tableOfMethods(
              'With weight update (kept weights changed: another question)',
              rows.filter((row) => !row.isMaskOnly),
            ),
          ]
        : []),
      {
        kind: 'plot',
        caption: 'Perplexity on held-out text, lower is better',
        mark: 'bar',
        x: { label: 'method', scale: 'band' },
        y: { label: 'perplexity', scale: 'linear' },
        series: [
          {
            name: hasMasks ? 'mask only' : 'weights changed',
            points: judged.map((row) => ({ x: row.method, y: row.perplexity })),
          },
        ],
        rules: [{ axis: 'y', value: densePerplexity, label: 'dense' }],
      },
      ...maskMap(best),
      ...historyBlocks(rows),
      ...rows.flatMap((row) =>
        row.outcome.warnings.map((text): Block => ({ kind: 'callout', tone: 'warn', title: row.method, text })),
      ),
      { kind: 'text', text: SIZE_NOTE },
    ],
  };
}

function tableOfMethods(caption: string, rows: readonly MethodRow[]): Block {
  return {
    kind: 'table',
    caption,
    columns: [
      { key: 'method', label: 'method' },
      { key: 'perplexity', label: 'perplexity', digits: 3 },
      { key: 'differs', label: 'mask differs from magnitude', format: 'percent' },
      { key: 'sparse', label: 'blocks 2:4 before extraction', format: 'percent' },
      { key: 'elapsed', label: 'time', format: 'duration-ms' },
    ],
    rows: rows.map((row) => ({
      method: row.method,
      perplexity: row.perplexity,
      differs: row.differsFromMagnitude,
      sparse: row.outcome.sparseShare ?? null,
      elapsed: row.elapsedMs,
    })),
  };
}

/** Layer by matrix: how much of the mask is not what magnitude alone would keep. */
function maskMap({ method, differsByMatrix }: MethodRow): Block[] {
  const cells = [...differsByMatrix].map(([name, share]) => ({
    x: Number(/\.(\d+)\./.exec(name)?.[1] ?? 0),
    y: /(\w+)\.weight$/.exec(name)?.[1] ?? name,
    value: share,
  }));
  if (cells.every(({ value }) => value === 0)) return [];
  return [
    {
      kind: 'plot',
      caption: `Where the mask of ${method} is not the magnitude mask: share of entries`,
      mark: 'cell',
      x: { label: 'layer', scale: 'band' },
      y: { label: 'matrix', scale: 'band' },
      series: [{ name: method, points: cells }],
    },
  ];
}

function historyBlocks(rows: readonly MethodRow[]): Block[] {
  const learned = rows.filter((row) => (row.outcome.history?.length ?? 0) > 1);
  if (learned.length === 0) return [];
  const blocks: Block[] = [
    {
      kind: 'plot',
      caption: 'Training loss of the learned methods',
      mark: 'line',
      x: { label: 'step' },
      y: { label: 'loss', unit: 'nats' },
      series: learned.map((row) => ({
        name: row.method,
        points: row.outcome.history!.map(({ step, loss }) => ({ x: step, y: loss })),
      })),
    },
  ];
  const prox = learned.find((row) => row.method === 'proxsparse');
  if (prox) {
    blocks.push({
      kind: 'plot',
      caption: 'Share of blocks with at most two non-zeros',
      mark: 'line',
      x: { label: 'step' },
      y: { label: 'share' },
      series: [
        {
          name: 'proxsparse',
          points: prox.outcome.history!.map(({ step, sparseShare }) => ({ x: step, y: sparseShare })),
        },
      ],
      rules: [{ axis: 'y', value: 0.9, label: 'enough' }],
    });
  }
  return blocks;
}

export function reportAudit(audits: readonly MatrixAudit[], path: string): Report {
  const numValid = audits.filter((audit) => audit.isSparse24).length;
  const numEligible = audits.filter((audit) => audit.isEligible).length;
  const isValid = audits.length > 0 && numValid === audits.length;
  return {
    title: `2:4 audit of ${path}`,
    verdict: {
      tone: isValid ? 'good' : 'bad',
      text:
        audits.length === 0
          ? 'No prunable matrices found.'
          : `${numValid} of ${audits.length} matrices are 2:4; ${numEligible} have shapes that sparse tensor cores take.`,
    },
    blocks: [
      {
        kind: 'table',
        caption: 'Blocks of four along the inner axis by number of non-zero weights',
        columns: [
          { key: 'name', label: 'matrix' },
          { key: 'shape', label: 'shape' },
          { key: 'dtype', label: 'dtype' },
          ...[0, 1, 2, 3, 4].map((count) => ({ key: `n${count}`, label: String(count), format: 'count' as const })),
          { key: 'zeros', label: 'zeros', format: 'percent' },
          { key: 'verdict', label: '2:4' },
          { key: 'eligible', label: 'hardware shape' },
          { key: 'tone', label: '' },
        ],
        rows: audits.map((audit) => ({
          name: audit.name,
          shape: audit.shape.join(' × '),
          dtype: audit.dtype,
          ...Object.fromEntries(audit.support.map((count, index) => [`n${index}`, count])),
          zeros: audit.zeroShare,
          verdict: audit.isSparse24 ? 'yes' : 'no',
          eligible: audit.isEligible ? 'yes' : 'no',
          tone: audit.isSparse24 ? 'good' : 'bad',
        })),
        toneKey: 'tone',
      },
      { kind: 'text', text: SIZE_NOTE },
    ],
  };
}

export function reportPruned(options: {
  readonly method: string;
  /** By what the weights were chosen, and what a better choice would need. */
  readonly criterion?: string;
  readonly output: string;
  readonly numMasked: number;
  readonly numWeights: number;
  readonly numDense: number;
  readonly isWritten: boolean;
  readonly warnings: readonly string[];
}): Report {
  const { method, criterion, output, numMasked, numWeights, numDense, isWritten, warnings } = options;
  const matrices = `${numMasked} ${numMasked === 1 ? 'matrix' : 'matrices'}`;
  const weights = numWeights < 1e5 ? `${numWeights}` : `${(numWeights / 1e6).toFixed(1)} M`;
  return {
    title: `Pruned with ${method}`,
    verdict: {
      tone: 'good',
      text: `${isWritten ? 'Wrote' : 'Would write'} ${output}: ${matrices}, ${weights} weights, two of four kept by ${method}.`,
    },
    blocks: [
      {
        kind: 'figures',
        figures: [
          { label: 'matrices', value: numMasked, format: 'count' },
          { label: 'weights in them', value: numWeights, format: 'count' },
          { label: 'kept of them', value: 0.5, format: 'percent' },
          { label: 'weights of other tensors, left as they are', value: numDense, format: 'count' },
        ],
      },
      ...warnings.map((text): Block => ({ kind: 'callout', tone: 'warn', title: method, text })),
      ...(criterion === undefined ? [] : [{ kind: 'text', text: criterion, markdown: true } as const]),
      { kind: 'text', text: SIZE_NOTE },
    ],
  };
}

export interface BlockSolution {
  readonly solver: string;
  readonly block: readonly number[];
  readonly objective: number;
  readonly residual: number;
}

export function reportBlock(block: readonly number[], lambda: number, solutions: readonly BlockSolution[]): Report {
  const best = solutions.reduce((a, b) => (b.objective < a.objective ? b : a));
  // Weights of any size: fixed digits would show small ones as zero.
  const largest = Math.max(...block.map(Math.abs));
  const digitsOf = (digits: number) => (largest > 0.01 && largest < 1e6 ? { digits } : {});
  return {
    title: `Proximal point of [${block.join(', ')}] at λ = ${lambda}`,
    verdict: {
      tone: 'good',
      text: `[${best.block.map((value) => Number(value.toPrecision(6))).join(', ')}], ${best.block.filter((value) => value !== 0).length} non-zero.`,
    },
    blocks: [
      {
        kind: 'table',
        caption: 'f(w) = ½‖w − z‖² + λ e₃(|w|)',
        columns: [
          { key: 'solver', label: 'solver' },
          ...[0, 1, 2, 3].map((i) => ({ key: `w${i}`, label: `w${i + 1}`, ...digitsOf(6) })),
          { key: 'objective', label: 'f(w)', ...digitsOf(8) },
          { key: 'residual', label: 'optimality residual', ...digitsOf(10) },
        ],
        rows: solutions.map((solution) => ({
          solver: solution.solver,
          ...Object.fromEntries(solution.block.map((value, i) => [`w${i}`, value])),
          objective: solution.objective,
          residual: solution.residual,
        })),
      },
    ],
  };
}

export function reportDifference(
  value: {
    readonly difference: number;
    readonly byMatrix: Readonly<Record<string, number>>;
    readonly onlyInA: readonly string[];
    readonly onlyInB: readonly string[];
  },
  a: string,
  b: string,
): Report {
  const only = (names: readonly string[], path: string): Block[] =>
    names.length === 0
      ? []
      : [{ kind: 'callout', tone: 'warn', title: `Only in ${path}`, text: names.slice(0, 8).join(', ') }];
  const numAlone = value.onlyInA.length + value.onlyInB.length;
  const share = (value.difference * 100).toFixed(2);
  const differs =
    value.difference === 0
      ? 'No mask entry differs'
      : `${share === '0.00' ? 'Less than 0.01' : share} % of the mask entries differ`;
  const alone = `${numAlone} ${numAlone === 1 ? 'matrix is' : 'matrices are'} in one mask alone`;
  return {
    title: 'Two masks',
    verdict: {
      tone: numAlone > 0 ? 'warn' : value.difference === 0 ? 'good' : 'info',
      text:
        numAlone > 0
          ? `${differs} in the ${Object.keys(value.byMatrix).length} common matrices; ${alone}.`
          : `${differs}.`,
    },
    blocks: [
      {
        kind: 'table',
        caption: `${a} beside ${b}`,
        columns: [
          { key: 'name', label: 'matrix' },
          { key: 'share', label: 'entries that differ', format: 'percent', digits: 2 },
        ],
        rows: Object.entries(value.byMatrix).map(([name, share]) => ({ name, share })),
      },
      ...only(value.onlyInA, a),
      ...only(value.onlyInB, b),
    ],
  };
}
