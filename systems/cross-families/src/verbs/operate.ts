/** operate: shifts, compression, shadows, duals, transversals, lexicographic families. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Block } from '@tenfold/core/report';
import { binomial } from '../binomial.ts';
import { elementsFromMask, maskFromElements } from '../exact/graph.ts';
import { familiesError } from '../families-errors.ts';
import { parseFamilies } from '../family-text.ts';
import * as operators from '../operators.ts';
import { cascade, lexPrefix, shadowBound } from '../order.ts';
import { formatFamily } from '../report.ts';
import { minimalTransversals } from '../transversals.ts';

interface OperateParams {
  readonly operator: Operator;
  readonly n: number;
  readonly families: string;
  readonly i: number;
  readonly j: number;
  readonly k: number;
  readonly count: number;
  readonly t: number;
}

export type Operator =
  | 'shift'
  | 'compress'
  | 'shadow'
  | 'upper-shadow'
  | 'up-closure'
  | 'minimal'
  | 'complement'
  | 'link'
  | 'deletion'
  | 'dual'
  | 'transversals'
  | 'lex'
  | 'colex';

type Families = readonly operators.MaskFamily[];

/** What each operator makes of the families. */
const OPERATORS: Readonly<Record<Operator, (families: Families, params: OperateParams) => Families>> = {
  shift: (families, { i, j }) => families.map((family) => operators.shift(family, i, j)),
  compress: (families, { n }) => operators.compress(families, n).at(-1)?.families ?? families,
  shadow: (families) => families.map((family) => operators.shadow(family)),
  'upper-shadow': (families, { n }) => families.map((family) => operators.upperShadow(family, n)),
  'up-closure': (families, { n }) => families.map((family) => operators.upClosure(family, n)),
  minimal: (families) => families.map(operators.minimalMembers),
  complement: (families, { n }) => families.map((family) => operators.complementFamily(family, n)),
  link: (families, { i }) => families.map((family) => operators.link(family, i)),
  deletion: (families, { i }) => families.map((family) => operators.deletion(family, i)),
  dual: (families, { n, t }) => families.map((family) => operators.dualFamily(family, n, t)),
  transversals: (families) => families.map((family) => [...minimalTransversals(family.map(BigInt))].map(Number)),
  lex: (_, { n, k, count }) => [[...lexPrefix(n, k, BigInt(count))].map(maskFromElements)],
  colex: (_, { n, k, count }) => [operators.colexPrefix(n, k, count)],
};

/** The numbers that an operator reads. */
const READS: Readonly<Partial<Record<Operator, readonly ('i' | 'j' | 'k')[]>>> = {
  shift: ['i', 'j'],
  link: ['i'],
  deletion: ['i'],
  lex: ['k'],
  colex: ['k'],
};

/** @throws TF-FAMILIES-001 for a point or size beyond n */
function assertPoints(params: OperateParams): void {
  for (const name of READS[params.operator] ?? [])
    if (params[name] > params.n)
      throw familiesError('TF-FAMILIES-001', {
        subject: params.operator,
        expected: `${name} of at most n = ${params.n}`,
        actual: String(params[name]),
        location: name,
      });
}

const MAX_SETS = 200_000;
const MAX_STEPS_SHOWN = 60;
const MAX_STEPS_KEPT = 500;

export async function run(params: OperateParams, context: VerbContext): Promise<VerbResult> {
  context.progress({ phase: params.operator });
  assertPoints(params);
  const before = parseFamilies(params.families, params.n);
  const after = OPERATORS[params.operator](before, params);
  const numSets = after.reduce((sum, family) => sum + family.length, 0);
  if (numSets > MAX_SETS)
    throw familiesError('TF-FAMILIES-003', {
      subject: params.operator,
      expected: `at most ${MAX_SETS} sets to list`,
      actual: String(numSets),
    });
  const steps = params.operator === 'compress' ? operators.compress(before, params.n) : [];
  const text = (family: operators.MaskFamily): string => formatFamily(family.map(elementsFromMask));
  const blocks: Block[] = [
    {
      kind: 'table',
      columns: [
        { key: 'family', label: 'family' },
        { key: 'size', label: 'sets', format: 'count' },
        { key: 'sets', label: 'members' },
      ],
      rows: after.map((family, f) => ({ family: `F${f + 1}`, size: family.length, sets: text(family) })),
    },
  ];
  if (steps.length > 0)
    blocks.push({
      kind: 'table',
      caption:
        steps.length > MAX_STEPS_SHOWN
          ? `First ${MAX_STEPS_SHOWN} of ${steps.length} shifts`
          : 'Shifts that moved something',
      columns: [
        { key: 'shift', label: 'shift' },
        { key: 'moved', label: 'sets moved', format: 'count' },
        { key: 'families', label: 'families' },
      ],
      rows: steps.slice(0, MAX_STEPS_SHOWN).map(({ i, j, families, numMoved }) => ({
        shift: `${j} → ${i}`,
        moved: numMoved,
        families: families.map(text).join(' | '),
      })),
    });
  if (params.operator === 'lex' || params.operator === 'colex') {
    const x = BigInt(Math.min(params.count, Number(binomial(params.n, params.k))));
    blocks.push({
      kind: 'text',
      text: `${params.k}-cascade of ${x}: ${
        cascade(x, params.k)
          .map(([a, i]) => `C(${a},${i})`)
          .join(' + ') || '0'
      }; its shadow has at least ${shadowBound(x, params.k)} sets.`,
    });
  }
  return {
    ok: true,
    value: {
      families: after.map((family) => family.map(elementsFromMask)),
      masks: after.map((family) => family.map((mask) => mask.toString(16))),
      steps: steps.slice(0, MAX_STEPS_KEPT).map(({ i, j, numMoved, families }) => ({
        i,
        j,
        numMoved,
        families: families.map((family) => family.map(elementsFromMask)),
      })),
      before: before.map((family) => family.map(elementsFromMask)),
    },
    report: {
      title: `${params.operator} on n = ${params.n}`,
      verdict: {
        tone: 'good',
        text: `${after.map((family) => family.length).join(' + ')} sets${steps.length > 0 ? ` after ${steps.length} shifts` : ''}.`,
      },
      blocks,
    },
  };
}
