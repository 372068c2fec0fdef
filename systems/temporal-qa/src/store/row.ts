/** Evidence as a flat database row and back, shared by the stores. */
import type { Granularity, TimeSpan } from '../time/index.ts';
import { SOURCES, type Evidence, type Field, type NewEvidence } from './types.ts';

const GRANULARITIES: readonly Granularity[] = ['day', 'month', 'season', 'year', 'decade', 'century', 'mixed'];
const RANKS = ['preferred', 'normal', 'deprecated'] as const;
const NUMBERS_PER_SPAN = 5;

/** Everything but the searchable columns, as compact JSON. */
export function restOfEvidence(evidence: NewEvidence): string {
  const { subject, relation, object, fields, docTime, rank, entities } = evidence;
  return JSON.stringify([
    subject ?? null,
    relation ?? null,
    object ?? null,
    fields?.map((field) => [field.name, field.value]) ?? null,
    docTime ?? null,
    rank ? RANKS.indexOf(rank) : 1,
    entities,
    packSpans(evidence.spans),
  ]);
}

export interface EvidenceRow {
  readonly id: number;
  readonly source: number;
  readonly doc: string;
  readonly locator: string;
  readonly text: string;
  readonly rest: string;
}

export function evidenceFromRow(row: EvidenceRow): Evidence {
  const [subject, relation, object, fields, docTime, rank, entities, spans] = JSON.parse(row.rest) as [
    string | null,
    string | null,
    string | null,
    [string, string][] | null,
    string | null,
    number,
    string[],
    number[],
  ];
  return {
    id: row.id,
    source: SOURCES[row.source]!,
    doc: row.doc,
    locator: row.locator,
    text: row.text,
    ...(subject === null ? {} : { subject }),
    ...(relation === null ? {} : { relation }),
    ...(object === null ? {} : { object }),
    ...(fields === null ? {} : { fields: fields.map(([name, value]): Field => ({ name, value })) }),
    entities,
    spans: unpackSpans(spans),
    ...(docTime === null ? {} : { docTime }),
    rank: RANKS[rank]!,
  };
}

function packSpans(spans: readonly TimeSpan[]): number[] {
  const packed: number[] = [];
  for (const { s0, s1, e0, e1, gran, kind, openStart, openEnd, approx } of spans) {
    const flags = (kind === 'state' ? 1 : 0) | (openStart ? 2 : 0) | (openEnd ? 4 : 0) | (approx ? 8 : 0);
    packed.push(s0, s1, e0, e1, flags * 8 + GRANULARITIES.indexOf(gran));
  }
  return packed;
}

function unpackSpans(packed: readonly number[]): TimeSpan[] {
  const spans: TimeSpan[] = [];
  for (let i = 0; i < packed.length; i += NUMBERS_PER_SPAN) {
    const code = packed[i + 4]!;
    const flags = code >> 3;
    spans.push({
      s0: packed[i]!,
      s1: packed[i + 1]!,
      e0: packed[i + 2]!,
      e1: packed[i + 3]!,
      gran: GRANULARITIES[code & 7]!,
      kind: flags & 1 ? 'state' : 'event',
      ...(flags & 2 ? { openStart: true } : {}),
      ...(flags & 4 ? { openEnd: true } : {}),
      ...(flags & 8 ? { approx: true } : {}),
    });
  }
  return spans;
}

/** 53-bit content hash of a row: evidence that says the same at the same place is one piece. */
export function contentHash(source: number, doc: string, text: string): number {
  let a = 0x9e3779b9 ^ source;
  let b = 0x85ebca6b;
  for (const part of [doc, text]) {
    for (let i = 0; i < part.length; i++) {
      const code = part.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b + code, 0xc2b2ae35) ^ (b >>> 15);
    }
    a ^= 0x1f;
  }
  return (a >>> 0) * 0x200000 + (b >>> 11);
}
