/** Wikidata JSON: one entity a line (a dump's lines, trailing commas allowed). Two passes: labels, then statements.
 *  Ranks, several date qualifiers, unknown and missing values and Julian dates are kept apart. */
import type { SpanBounds } from '../time/index.ts';
import { parseWikidataTime } from '../time/index.ts';
import type { Field } from '../store/types.ts';
import { linesOfFile, type Line } from './lines.ts';
import { problem, type Item } from './types.ts';
import { evidenceOfFact } from './verbalise.ts';

/** Labels of properties that a subset may lack. */
const PROPERTY_LABELS: Readonly<Record<string, string>> = {
  P31: 'instance of',
  P569: 'date of birth',
  P570: 'date of death',
  P571: 'inception',
  P576: 'dissolved',
  P577: 'publication date',
  P580: 'start time',
  P582: 'end time',
  P585: 'point in time',
  P39: 'position held',
  P26: 'spouse',
  P54: 'member of sports team',
  P166: 'award received',
  P69: 'educated at',
  P108: 'employer',
  P27: 'country of citizenship',
  P6: 'head of government',
  P35: 'head of state',
  P286: 'head coach',
  P36: 'capital',
  P463: 'member of',
  P1308: 'officeholder',
};

/** Stands for a date outside the calendar. */
const BAD_DATE = '\u0000bad date';

interface Snak {
  readonly snaktype?: string;
  readonly datavalue?: { readonly type: string; readonly value: unknown };
}
interface Statement {
  readonly mainsnak?: Snak;
  readonly rank?: 'preferred' | 'normal' | 'deprecated';
  readonly qualifiers?: Readonly<Record<string, readonly Snak[]>>;
}
interface WikidataEntity {
  readonly id?: string;
  readonly labels?: Readonly<Record<string, { readonly value: string }>>;
  readonly aliases?: Readonly<Record<string, readonly { readonly value: string }[]>>;
  readonly claims?: Readonly<Record<string, readonly Statement[]>>;
}

/** @param linesOf  opens the lines anew for each of the two passes */
export function* readWikidataJson(
  file: string,
  {
    language = 'en',
    linesOf = () => linesOfFile(file),
  }: { readonly language?: string; readonly linesOf?: () => Iterable<Line> } = {},
): Generator<Item> {
  const labels = new Map<string, string>(Object.entries(PROPERTY_LABELS));
  for (const { number, text, fault, remark } of linesOf()) {
    if (fault ?? remark) yield problem(`${file}:${number}`, 'a line of JSON in UTF-8', fault ?? remark);
    if (fault) continue;
    const entity = parseLine(text);
    if (entity === 'none') continue;
    if (!entity?.id) {
      yield problem(`${file}:${number}`, 'a Wikidata entity', 'broken JSON');
      continue;
    }
    const label = labelOf(entity, language);
    if (label) labels.set(entity.id, label);
  }
  for (const { number, text } of linesOf()) {
    const entity = parseLine(text);
    if (entity === 'none' || !entity?.id) continue;
    const subject = labels.get(entity.id) ?? entity.id;
    const typeId = valueOfSnak(entity.claims?.['P31']?.[0]?.mainsnak, labels);
    const aliases = (entity.aliases?.[language] ?? []).map((alias) => alias.value);
    yield {
      kind: 'entity',
      entity: { label: subject, sourceId: entity.id, aliases, ...(typeof typeId === 'string' ? { type: typeId } : {}) },
    };
    for (const [property, statements] of Object.entries(entity.claims ?? {}))
      for (const [index, statement] of statements.entries())
        yield* itemsOfStatement({
          subject,
          property,
          statement,
          labels,
          doc: file,
          locator: `line ${number} ${entity.id} ${property} ${index + 1}`,
        });
  }
}

function parseLine(line: string): WikidataEntity | 'none' | undefined {
  const text = line.trim().replace(/,$/, '');
  if (text === '' || text === '[' || text === ']') return 'none';
  try {
    return JSON.parse(text) as WikidataEntity;
  } catch {
    return undefined;
  }
}

function labelOf(entity: WikidataEntity, language: string): string | undefined {
  return entity.labels?.[language]?.value ?? Object.values(entity.labels ?? {})[0]?.value;
}

function* itemsOfStatement(given: {
  readonly subject: string;
  readonly property: string;
  readonly statement: Statement;
  readonly labels: ReadonlyMap<string, string>;
  readonly doc: string;
  readonly locator: string;
}): Generator<Item> {
  const { subject, property, statement, labels, doc, locator } = given;
  const value = valueOfSnak(statement.mainsnak, labels);
  if (value === undefined) return;
  if (value === BAD_DATE) {
    yield problem(`${doc} ${locator}`, 'a date of the calendar', 'an impossible one');
    return;
  }
  const relation = labels.get(property) ?? property;
  const qualifiers: Field[] = [];
  const times: { start: SpanBounds[]; end: SpanBounds[]; point: SpanBounds[] } = { start: [], end: [], point: [] };
  if (typeof value !== 'string') times.point.push(value);
  let endIsUnknown = false;
  for (const [qualifier, snaks] of Object.entries(statement.qualifiers ?? {})) {
    for (const snak of snaks) {
      if (qualifier === 'P582' && snak.snaktype === 'somevalue') endIsUnknown = true;
      const part = valueOfSnak(snak, labels);
      if (part === undefined) continue;
      if (part === BAD_DATE)
        yield problem(`${doc} ${locator} ${qualifier}`, 'a date of the calendar', 'an impossible one');
      else if (typeof part === 'string') qualifiers.push({ name: labels.get(qualifier) ?? qualifier, value: part });
      else if (qualifier === 'P580') times.start.push(part);
      else if (qualifier === 'P582') times.end.push(part);
      else times.point.push(part);
    }
  }
  const base = {
    subject,
    relation,
    object: typeof value === 'string' ? value : subject,
    qualifiers,
    doc,
    locator,
    ...(statement.rank ? { rank: statement.rank } : {}),
  };
  const pairs = Math.max(1, times.start.length, times.end.length, times.point.length);
  for (let i = 0; i < pairs; i++) {
    const { start, end, point } = { start: times.start[i], end: times.end[i], point: times.point[i] };
    yield {
      kind: 'evidence',
      evidence: evidenceOfFact({
        ...base,
        ...(start ? { start } : {}),
        ...(end ? { end } : {}),
        ...(point ? { point } : {}),
        ongoing: false,
        ...(endIsUnknown && !end ? { qualifiers: [...qualifiers, { name: 'end', value: 'unknown' }] } : {}),
      }),
    };
  }
}

function valueOfSnak(snak: Snak | undefined, labels: ReadonlyMap<string, string>): string | SpanBounds | undefined {
  if (!snak || (snak.snaktype !== undefined && snak.snaktype !== 'value') || !snak.datavalue) return undefined;
  const { type, value } = snak.datavalue;
  if (type === 'wikibase-entityid') {
    const id = (value as { id?: string }).id;
    return id === undefined ? undefined : (labels.get(id) ?? id);
  }
  if (type === 'time') {
    const { time, precision, calendarmodel } = value as { time: string; precision: number; calendarmodel?: string };
    return parseWikidataTime(time, precision, calendarmodel)?.bounds ?? BAD_DATE;
  }
  if (type === 'quantity') return (value as { amount: string }).amount.replace(/^\+/, '');
  if (type === 'monolingualtext') return (value as { text: string }).text;
  return typeof value === 'string' ? value : undefined;
}
