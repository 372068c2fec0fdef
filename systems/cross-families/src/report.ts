/** Results as report blocks, the same for terminal, HTML and studio. */
import type { Block, Report, Tone } from '@tenfold/core/report';
import { binomial } from './binomial.ts';
import { ballValue, closedForm } from './closed-form.ts';
import type { FamilyTuple, Orbit, Problem, Solution } from './types.ts';

const STATUS_WORDS: Readonly<Record<Solution['status'], { readonly tone: Tone; readonly text: string }>> = {
  'exact-trivial': { tone: 'good', text: 'exact, since no two sets can fail to meet' },
  'exact-closed': { tone: 'good', text: 'exact, by a theorem' },
  'exact-search': { tone: 'good', text: 'exact, by complete search' },
  'exact-mip': { tone: 'good', text: 'exact, by an integer program with gap 0' },
  bounds: { tone: 'warn', text: 'bounds only' },
};

/** Digits up to which a number is written out. */
const MAX_DIGITS = 40;
const MAX_LISTED_SETS = 24;
const MAX_CURVE_POINTS = 200;
/** Of a finite power of two. */
const MAX_EXPONENT = 1023;

/** `50403008…35071097 (141 digits)` for long numbers. */
export function formatBig(value: bigint): string {
  const text = String(value);
  return text.length <= MAX_DIGITS ? text : `${text.slice(0, 8)}…${text.slice(-8)} (${text.length} digits)`;
}

export function describeProblem(problem: Problem): string {
  const sizes = problem.sizes.map((list) => `{${list.join(', ')}}`).join(' | ');
  const extras = [
    problem.t > 1 ? `t = ${problem.t}` : '',
    problem.weights ? 'weighted' : '',
    problem.selfIntersecting.length ? `self-intersecting ${problem.selfIntersecting.map((i) => i + 1).join(', ')}` : '',
    problem.conflicts ? `conflicts ${problem.conflicts.map(([a, b]) => `${a + 1}-${b + 1}`).join(', ')}` : '',
    problem.objective === 'product' ? 'product' : '',
  ].filter((word) => word !== '');
  return `n = ${problem.n}, sizes ${sizes}${extras.length ? `, ${extras.join(', ')}` : ''}`;
}

/** Report of `max` and `extremal`. */
export function reportSolution(solution: Solution, listed: readonly FamilyTuple[] = []): Report {
  const { problem, status, value, upper } = solution;
  const words = STATUS_WORDS[status];
  const answer = status === 'bounds' ? `between ${formatBig(value)} and ${formatBig(upper)}` : formatBig(value);
  const blocks: Block[] = [
    {
      kind: 'figures',
      figures: [
        { label: status === 'bounds' ? 'best found' : 'maximum', value: formatBig(value), tone: words.tone },
        ...(status === 'bounds' ? [{ label: 'upper bound', value: formatBig(upper) }] : []),
        { label: 'status', value: status, tone: words.tone },
        { label: 'regime', value: solution.regime },
        ...(solution.labelled === undefined ? [] : [{ label: 'labelled tuples', value: formatBig(solution.labelled) }]),
        ...(solution.numOrbits === undefined ? [] : [{ label: 'orbits', value: formatBig(solution.numOrbits) }]),
      ],
    },
    ...starAgainstBalls(problem, solution),
    ...orbitTable(solution.orbits),
    ...(listed.length === 0
      ? []
      : [
          {
            kind: 'table' as const,
            caption: `${listed.length} extremal tuples`,
            columns: problem.sizes.map((_, i) => ({ key: `f${i}`, label: `F${i + 1}` })),
            rows: listed.map((tuple) => Object.fromEntries(tuple.map((family, i) => [`f${i}`, formatFamily(family)]))),
          },
        ]),
    ...solution.notes.map((text): Block => ({ kind: 'text', text })),
  ];
  return {
    title: `Cross-intersecting families: ${describeProblem(problem)}`,
    verdict: { tone: words.tone, text: `The maximum is ${answer} (${words.text}).` },
    blocks,
  };
}

/** Star and ball values side by side, and BALL(j, s) over s for the family with the best ball. */
function starAgainstBalls(problem: Problem, solution: Solution): Block[] {
  if (solution.regime !== 'theorem' || problem.sizes.length < 2 || problem.objective === 'product') return [];
  const form = closedForm(problem);
  const rows = [
    { name: 'star', s: 1, value: formatBig(form.star), wins: form.starWins ? 'maximum' : '' },
    ...form.balls.map((ball) => ({
      name: `ball of F${ball.j + 1}`,
      s: ball.s,
      value: formatBig(ball.value),
      wins: ball.value === form.value ? 'maximum' : '',
    })),
  ];
  const best = form.balls.reduce((a, b) => (b.value > a.value ? b : a));
  const curve = curvePoints(problem, best.j, best.s);
  return [
    {
      kind: 'table',
      caption: 'Star and balls',
      columns: [
        { key: 'name', label: 'construction' },
        { key: 's', label: 'centre size', format: 'count' },
        { key: 'value', label: 'total size' },
        { key: 'wins', label: '' },
      ],
      rows,
    },
    ...(curve.length < 2
      ? []
      : [
          {
            kind: 'plot' as const,
            caption: `Total size of the ball of F${best.j + 1} by the size s of its centre (s = 1 is the star); only the ends can be highest`,
            mark: 'line' as const,
            x: { label: 'centre size s' },
            y: { label: 'share of all sets' },
            series: [{ name: `BALL(${best.j + 1}, s)`, points: curve }],
          },
        ]),
  ];
}

/** BALL(j, s) over all allowed sets, as a ratio so that large n can be drawn. */
export function curvePoints(problem: Problem, j: number, last: number): { x: number; y: number }[] {
  const all = problem.sizes.reduce(
    (sum, list) => sum + list.reduce((part, k) => part + binomial(problem.n, k), 0n),
    0n,
  );
  const step = Math.max(1, Math.ceil(last / MAX_CURVE_POINTS));
  const points: { x: number; y: number }[] = [];
  for (let s = 1; s <= last; s += step) points.push({ x: s, y: ratio(ballValue(problem, j, s), all) });
  if (points.at(-1)?.x !== last) points.push({ x: last, y: ratio(ballValue(problem, j, last), all) });
  return points;
}

function ratio(part: bigint, whole: bigint): number {
  // As many bits as a float holds, however small the share is.
  const shift = Math.max(0, whole.toString(2).length - part.toString(2).length) + 60;
  return shift > MAX_EXPONENT ? 0 : Number((part << BigInt(shift)) / whole) / 2 ** shift;
}

function orbitTable(orbits: readonly Orbit[] | undefined): Block[] {
  if (!orbits || orbits.length === 0) return [];
  const shown = orbits.slice(0, 40);
  return [
    {
      kind: 'table',
      caption: orbits.length > shown.length ? `First ${shown.length} of ${orbits.length} orbits` : 'Orbits',
      columns: [
        { key: 'kind', label: 'kind' },
        { key: 'size', label: 'labelled tuples' },
        { key: 'sample', label: 'one member' },
      ],
      rows: shown.map((orbit) => ({
        kind: describeOrbit(orbit),
        size: formatBig(orbit.size),
        sample: isSmall(orbit) ? orbit.representative().map(formatFamily).join(' | ') : 'too long to list',
      })),
    },
  ];
}

function describeOrbit(orbit: Orbit): string {
  if (orbit.kind === 'ball') return `ball of F${orbit.j! + 1}, centre of ${orbit.s}`;
  if (orbit.kind === 'mixed') return `mixed, centre of ${orbit.s}`;
  return orbit.kind;
}

/** Worlds and closed-form orbits of large n are named, not listed. */
function isSmall(orbit: Orbit): boolean {
  return orbit.size < 100_000n;
}

export function formatFamily(family: readonly (readonly number[])[]): string {
  const separator = family.some((set) => set.some((e) => e > 9)) ? '.' : '';
  const shown = family
    .slice(0, MAX_LISTED_SETS)
    .map((set) => (set.length === 1 && set[0]! > 9 ? `${set[0]}.` : set.join(separator) || '∅'));
  return family.length > shown.length ? `${shown.join(' ')} … (${family.length})` : shown.join(' ');
}
