/** Allen's 13 interval relations, their converses and composition, and verdicts on uncertain intervals.
 *  Sets of relations are bit masks, so that composition of sets is a union of table rows.
 *  Source: Allen, Maintaining Knowledge about Temporal Intervals, CACM 1983. */
import type { TimeSpan } from './span.ts';
import type { Verdict } from './verdict.ts';

export const ALLEN_RELATIONS = [
  'before',
  'meets',
  'overlaps',
  'starts',
  'during',
  'finishes',
  'equals',
  'finished-by',
  'contains',
  'started-by',
  'overlapped-by',
  'met-by',
  'after',
] as const;
export type AllenRelation = (typeof ALLEN_RELATIONS)[number];
export type RelationSet = number;

const ALL_RELATIONS: RelationSet = (1 << 13) - 1;
/** Endpoints up to 2·3 intervals suffice to realise every composition. */
const NUM_ENDPOINTS = 6;

/** The one relation of two proper intervals (start < end) on a continuous line. */
export function allenRelation(aStart: number, aEnd: number, bStart: number, bEnd: number): AllenRelation {
  if (aEnd < bStart) return 'before';
  if (bEnd < aStart) return 'after';
  if (aEnd === bStart) return 'meets';
  if (bEnd === aStart) return 'met-by';
  if (aStart === bStart) return aEnd === bEnd ? 'equals' : aEnd < bEnd ? 'starts' : 'started-by';
  if (aEnd === bEnd) return aStart > bStart ? 'finishes' : 'finished-by';
  if (aStart < bStart) return aEnd > bEnd ? 'contains' : 'overlaps';
  return aEnd < bEnd ? 'during' : 'overlapped-by';
}

export function converseOf(relation: AllenRelation): AllenRelation {
  return ALLEN_RELATIONS[12 - ALLEN_RELATIONS.indexOf(relation)]!;
}

export function relationSet(...relations: readonly AllenRelation[]): RelationSet {
  return relations.reduce((set, relation) => set | (1 << ALLEN_RELATIONS.indexOf(relation)), 0);
}

export function relationsOf(set: RelationSet): readonly AllenRelation[] {
  return ALLEN_RELATIONS.filter((_, index) => set & (1 << index));
}

/** All relations that a may have to c, given those of a to b and of b to c. */
export function composeSets(ab: RelationSet, bc: RelationSet): RelationSet {
  const table = compositionTable();
  let result = 0;
  for (let i = 0; i < 13; i++) {
    if (!(ab & (1 << i))) continue;
    for (let j = 0; j < 13; j++) if (bc & (1 << j)) result |= table[i * 13 + j]!;
  }
  return result;
}

/** Tightens a network of relations until no triple can be tightened.
 *  @param network  [n, n] row-major; entry (i, j) holds the relations that i may have to j
 *  @returns false if some pair is left without a relation (the network is contradictory)
 *  Mutates: network. Cost: O(n³) per round. */
export function closePaths(network: RelationSet[], n: number): boolean {
  for (let changed = true; changed;) {
    changed = false;
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          if (i === j || i === k || j === k) continue;
          const tight = network[i * n + j]! & composeSets(network[i * n + k]!, network[k * n + j]!);
          if (tight === network[i * n + j]) continue;
          if (tight === 0) return false;
          network[i * n + j] = tight;
          network[j * n + i] = converseSet(tight);
          changed = true;
        }
      }
    }
  }
  return true;
}

export function converseSet(set: RelationSet): RelationSet {
  let result = 0;
  for (let i = 0; i < 13; i++) if (set & (1 << i)) result |= 1 << (12 - i);
  return result;
}

/** All relations that some choice of the uncertain ends allows. An inclusive day interval [s, e] is the
 *  continuous interval [s, e + 1), so that a year meets the next one.
 *  An event is one day within its bounds, so it holds nothing and overlaps nothing.
 *  Math: a relation is a conjunction of order relations of four pairs of ends; each pair is bounded separately. */
export function possibleRelations(a: TimeSpan, b: TimeSpan): RelationSet {
  const startStart = orders(a.s0, a.s1, b.s0, b.s1);
  const startEnd = orders(a.s0, a.s1, b.e0 + 1, b.e1 + 1);
  const endStart = orders(a.e0 + 1, a.e1 + 1, b.s0, b.s1);
  const endEnd = orders(a.e0 + 1, a.e1 + 1, b.e0 + 1, b.e1 + 1);
  const allowed = (a.kind === 'event' ? MOMENT : ALL_RELATIONS) & (b.kind === 'event' ? TO_MOMENT : ALL_RELATIONS);
  let set = 0;
  for (let i = 0; i < 13; i++) {
    if (!(allowed & (1 << i))) continue;
    const [ss, se, es, ee] = SIGNATURES[i]!;
    if (startStart & ss && startEnd & se && endStart & es && endEnd & ee) set |= 1 << i;
  }
  return set === 0 ? allowed : set;
}

export function allenVerdict(wanted: RelationSet, a: TimeSpan, b: TimeSpan): Verdict {
  const possible = possibleRelations(a, b);
  if (!(possible & wanted)) return 'impossible';
  return (possible & ~wanted) === 0 ? 'certain' : 'possible';
}

const LT = 1;
const EQ = 2;
const GT = 4;
/** Relations that one day may have to an interval, and an interval to one day. */
const MOMENT = relationSet('before', 'meets', 'starts', 'during', 'finishes', 'equals', 'met-by', 'after');
const TO_MOMENT = converseSet(MOMENT);
/** Order of (a.start, b.start), (a.start, b.end), (a.end, b.start), (a.end, b.end) in each relation. */
const SIGNATURES: readonly (readonly [number, number, number, number])[] = [
  [LT, LT, LT, LT],
  [LT, LT, EQ, LT],
  [LT, LT, GT, LT],
  [EQ, LT, GT, LT],
  [GT, LT, GT, LT],
  [GT, LT, GT, EQ],
  [EQ, LT, GT, EQ],
  [LT, LT, GT, EQ],
  [LT, LT, GT, GT],
  [EQ, LT, GT, GT],
  [GT, LT, GT, GT],
  [GT, EQ, GT, GT],
  [GT, GT, GT, GT],
];

function orders(aLo: number, aHi: number, bLo: number, bHi: number): number {
  return (aLo < bHi ? LT : 0) | (aLo <= bHi && aHi >= bLo ? EQ : 0) | (aHi > bLo ? GT : 0);
}

let composition: Uint16Array | undefined;

function compositionTable(): Uint16Array {
  if (composition) return composition;
  const intervals: [number, number][] = [];
  for (let s = 0; s < NUM_ENDPOINTS; s++) for (let e = s + 1; e < NUM_ENDPOINTS; e++) intervals.push([s, e]);
  const indexOf = (x: [number, number], y: [number, number]) =>
    ALLEN_RELATIONS.indexOf(allenRelation(x[0], x[1], y[0], y[1]));
  const table = new Uint16Array(169);
  for (const a of intervals)
    for (const b of intervals)
      for (const c of intervals) table[indexOf(a, b) * 13 + indexOf(b, c)]! |= 1 << indexOf(a, c);
  composition = table;
  return table;
}
