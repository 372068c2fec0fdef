/** Candidates for a clause: first the postings of its names, then rare words; scored by the share of the clause's
 *  information (inverse document frequency) that the evidence covers. */
import { sameSpan, stateSpan, type TimeSpan } from '../time/index.ts';
import type { Evidence, EvidenceStore, Source } from '../store/types.ts';
import { nameKey, STOP_WORDS, stemOf, wordsOf } from '../understand/words.ts';
import type { Linker, Mention } from './linker.ts';

export interface Scored {
  readonly evidence: Evidence;
  /** Evidence time, halves of one fact joined. */
  readonly spans: readonly TimeSpan[];
  readonly stems: ReadonlySet<string>;
  /** Share of the clause's information that the evidence holds, 0..1. */
  readonly coverage: number;
  /** Share of the evidence's words that the clause asks for, 0..1. */
  readonly focus: number;
  readonly score: number;
}

export interface Clause {
  readonly text: string;
  readonly stems: readonly string[];
  /** Inverse document frequency of each stem, nats. */
  readonly weights: readonly number[];
  readonly mentions: readonly Mention[];
  /** Capitalised words that occur nowhere. */
  readonly unknown: readonly string[];
}

const MAX_PER_ENTITY = 1500;
const MAX_BY_WORDS = 150;
const MAX_SCORED = 2000;
const NUM_RARE_WORDS = 6;
/** Words in more evidence than this do not pull candidates on their own. */
const COMMON_WORD = 20_000;
const FOCUS_WEIGHT = 0.25;
const PAIR_WEIGHT = 0.3;
/** Evidence about a subject that the clause names in full. */
const SUBJECT_WEIGHT = 0.35;
/** The same where it says nothing else of the clause. */
const NAME_ALONE_WEIGHT = 0.2;

export async function clauseOf(
  text: string,
  store: EvidenceStore,
  linker: Linker,
  numEvidence: number,
): Promise<Clause> {
  const words = [...new Set(wordsOf(text).filter((word) => !STOP_WORDS.has(word)))];
  const frequencies = await store.frequencies(words);
  const stems: string[] = [];
  const weights: number[] = [];
  const capitals = new Set((text.slice(1).match(/(?<=\s|^|["“(])\p{Lu}[\p{L}\p{M}'’-]*/gu) ?? []).flatMap(wordsOf));
  const unknown: string[] = [];
  words.forEach((word, index) => {
    const stem = stemOf(word);
    if (frequencies[index] === 0 && capitals.has(word) && word.length > 1) unknown.push(word);
    const weight = Math.log(1 + numEvidence / (1 + frequencies[index]!));
    const at = stems.indexOf(stem);
    if (at >= 0) weights[at] = Math.max(weights[at]!, weight);
    else {
      stems.push(stem);
      weights.push(weight);
    }
  });
  return { text, stems, weights, mentions: linker.mentionsIn(text), unknown };
}

/** Evidence for a clause, best first. */
export async function candidatesFor(
  clause: Clause,
  store: EvidenceStore,
  options: { readonly sources?: readonly Source[] | undefined; readonly extraEntities?: readonly string[] } = {},
): Promise<Scored[]> {
  const ids = new Set<number>();
  const labels = new Set([...clause.mentions.flatMap((mention) => mention.labels), ...(options.extraEntities ?? [])]);
  for (const label of labels) for (const id of await store.withEntity(label, MAX_PER_ENTITY)) ids.add(id);
  const words = [...new Set(wordsOf(clause.text).filter((word) => !STOP_WORDS.has(word)))];
  const frequencies = await store.frequencies(words);
  const rare = words
    .map((word, index) => ({ word, frequency: frequencies[index]! }))
    .filter(({ frequency }) => frequency > 0 && frequency < COMMON_WORD)
    .toSorted((a, b) => a.frequency - b.frequency)
    .slice(0, NUM_RARE_WORDS)
    .map(({ word }) => word);
  for (const id of await store.withWords(rare, MAX_BY_WORDS)) ids.add(id);
  const all = await store.get([...ids].slice(0, MAX_SCORED));
  const kept = options.sources ? all.filter((evidence) => options.sources!.includes(evidence.source)) : all;
  return scoreAll(
    kept.filter((evidence) => evidence.rank !== 'deprecated'),
    clause,
  );
}

export function scoreAll(evidence: readonly Evidence[], clause: Clause): Scored[] {
  const joined = joinHalves(evidence);
  const total = clause.weights.reduce((a, b) => a + b, 0) || 1;
  const clausePairs = pairsOf(
    wordsOf(clause.text)
      .filter((word) => !STOP_WORDS.has(word))
      .map(stemOf),
  );
  const clauseWords = ` ${nameKey(clause.text)} `;
  const scored: Scored[] = evidence.map((item) => {
    const list = wordsOf(item.text)
      .filter((word) => !STOP_WORDS.has(word))
      .map(stemOf);
    const stems = new Set(list);
    let covered = 0;
    let matched = 0;
    for (let i = 0; i < clause.stems.length; i++) {
      if (!stems.has(clause.stems[i]!)) continue;
      covered += clause.weights[i]!;
      matched++;
    }
    const coverage = covered / total;
    const focus = matched / Math.max(1, stems.size);
    let pairs = 0;
    if (clausePairs.size > 0) for (const pair of pairsOf(list)) if (clausePairs.has(pair)) pairs++;
    const pairShare = clausePairs.size > 0 ? Math.min(1, pairs / clausePairs.size) : 0;
    const subject = item.subject === undefined ? '' : nameKey(item.subject.replace(/\s*\([^)]*\)$/, ''));
    const isNamed = subject !== '' && clauseWords.includes(` ${subject} `);
    const aboutSubject = !isNamed ? 0 : saysMore(subject, stems, clause) ? SUBJECT_WEIGHT : NAME_ALONE_WEIGHT;
    return {
      evidence: item,
      spans: joined.get(item.id) ?? item.spans,
      stems,
      coverage,
      focus,
      score: coverage + FOCUS_WEIGHT * focus + PAIR_WEIGHT * pairShare + aboutSubject,
    };
  });
  return scored.toSorted((a, b) => b.score - a.score || a.evidence.id - b.evidence.id);
}

/** Whether the evidence holds anything of the clause beside the subject's name; true if the clause says nothing else. */
function saysMore(subject: string, stems: ReadonlySet<string>, clause: Clause): boolean {
  const own = new Set(subject.split(' ').map(stemOf));
  const others = clause.stems.filter((stem) => !own.has(stem));
  return others.length === 0 || others.some((stem) => stems.has(stem));
}

function pairsOf(list: readonly string[]): Set<string> {
  const pairs = new Set<string>();
  for (let i = 1; i < list.length; i++) pairs.add(`${list[i - 1]} ${list[i]}`);
  return pairs;
}

/** A fact whose start and end stand in two pieces of evidence has both. */
function joinHalves(evidence: readonly Evidence[]): Map<number, readonly TimeSpan[]> {
  const groups = new Map<string, Evidence[]>();
  for (const item of evidence) {
    if (item.source !== 'kb' || item.spans.length !== 1) continue;
    const [span] = item.spans;
    if (!span!.openStart && !span!.openEnd) continue;
    const key = item.text.replace(/, (?:start|end) time, .*$/, '');
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  const joined = new Map<number, readonly TimeSpan[]>();
  for (const group of groups.values()) {
    if (group.length !== 2) continue;
    const start = group.find((item) => item.spans[0]!.openEnd)?.spans[0];
    const end = group.find((item) => item.spans[0]!.openStart)?.spans[0];
    if (!start || !end || sameSpan(start, end)) continue;
    const span = stateSpan(
      { lo: start.s0, hi: start.s1, gran: start.gran },
      { lo: end.e0, hi: end.e1, gran: end.gran },
    );
    if (span) for (const item of group) joined.set(item.id, [span]);
  }
  return joined;
}
