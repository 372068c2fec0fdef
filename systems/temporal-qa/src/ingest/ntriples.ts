/** N-Triples of Wikidata: labels, truthy statements (wdt:) and full ones (p: → ps:, pq:). Years are astronomical. */
import { parseXsdDateTime, type SpanBounds } from '../time/index.ts';
import { linesOfFile } from './lines.ts';
import { problem, type Item } from './types.ts';
import { evidenceOfFact } from './verbalise.ts';

const TRIPLE = /^<([^>]*)>\s+<([^>]*)>\s+(?:<([^>]*)>|"((?:[^"\\]|\\.)*)"(?:@([\w-]+)|\^\^<([^>]*)>)?)\s*\.\s*$/;

export function* readNTriples(file: string): Generator<Item> {
  const labels = new Map<string, string>();
  const statements = new Map<
    string,
    {
      subject: string;
      property: string;
      value?: string | SpanBounds;
      start?: SpanBounds;
      end?: SpanBounds;
      point?: SpanBounds;
      line: number;
    }
  >();
  const truthy: { subject: string; property: string; value: string | SpanBounds; line: number }[] = [];
  for (const { number, text, fault, remark } of linesOfFile(file)) {
    if (remark) yield problem(`${file}:${number}`, 'a triple in UTF-8', remark);
    if (text.trim() === '' && !fault) continue;
    if (text.startsWith('#')) continue;
    const match = fault ? undefined : TRIPLE.exec(text);
    if (!match) {
      yield problem(`${file}:${number}`, 'a triple', fault ?? 'broken syntax');
      continue;
    }
    const [, subjectIri, predicateIri, objectIri, literal, language, datatype] = match;
    const subject = tail(subjectIri!);
    const property = tail(predicateIri!);
    if (/label$|prefLabel$|#label$/.test(predicateIri!)) {
      if (!language || language === 'en') labels.set(subject, unescape(literal ?? ''));
      continue;
    }
    let value: string | SpanBounds;
    if (objectIri !== undefined) value = tail(objectIri);
    else if (/dateTime$|#date$|gYear$/.test(datatype ?? '')) {
      const bounds = parseXsdDateTime(literal!);
      if (!bounds) {
        yield problem(`${file}:${number}`, 'a date of the calendar', `"${literal}"`);
        continue;
      }
      value = bounds;
    } else value = unescape(literal ?? '');
    if (predicateIri!.includes('/prop/direct/')) truthy.push({ subject, property, value, line: number });
    else if (predicateIri!.includes('/prop/statement/'))
      Object.assign(statementOf(subject), { property, value, line: number });
    else if (predicateIri!.includes('/prop/qualifier/')) {
      if (typeof value === 'string') continue;
      const key = property === 'P580' ? 'start' : property === 'P582' ? 'end' : 'point';
      statementOf(subject)[key] = value;
    } else if (/\/prop\/P\d+$/.test(predicateIri!) && typeof value === 'string')
      Object.assign(statementOf(value), { subject, property });
    else truthy.push({ subject, property, value, line: number });
  }
  const name = (id: string) => labels.get(id) ?? id.replaceAll('_', ' ');
  const full = new Set<string>();
  for (const { subject, property, value, line, ...times } of statements.values()) {
    if (value === undefined || subject === '') continue;
    full.add(`${subject} ${property} ${typeof value === 'string' ? value : value.lo}`);
    const isDate = typeof value !== 'string';
    yield {
      kind: 'evidence',
      evidence: evidenceOfFact({
        subject: name(subject),
        relation: name(property),
        object: isDate ? name(subject) : name(value),
        ...times,
        ...(isDate ? { point: value } : {}),
        doc: file,
        locator: `line ${line}`,
      }),
    };
  }
  for (const { subject, property, value, line } of truthy) {
    if (full.has(`${subject} ${property} ${typeof value === 'string' ? value : value.lo}`)) continue;
    const isDate = typeof value !== 'string';
    yield {
      kind: 'evidence',
      evidence: evidenceOfFact({
        subject: name(subject),
        relation: name(property),
        object: isDate ? name(subject) : name(value),
        ...(isDate ? { point: value } : {}),
        doc: file,
        locator: `line ${line}`,
      }),
    };
  }
  for (const [id, label] of labels) yield { kind: 'entity', entity: { label, sourceId: id } };

  function statementOf(id: string) {
    let statement = statements.get(id);
    if (!statement) statements.set(id, (statement = { subject: '', property: '', line: 0 }));
    return statement;
  }
}

function tail(iri: string): string {
  return decodeURIComponent(iri.replace(/^.*[/#]/, '').replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
}

function unescape(literal: string): string {
  return literal.replaceAll(
    /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g,
    (_, u4?: string, u8?: string, c?: string) =>
      (u4 ?? u8) ? String.fromCodePoint(Number.parseInt((u4 ?? u8)!, 16)) : c === 'n' ? '\n' : c === 't' ? '\t' : c!,
  );
}
