/** Facts and plain tables from CSV, TSV and JSONL. A table with subject, relation and object columns holds facts;
 *  any other is a table whose rows are evidence. Rows with an end before the start are set apart with their line. */
import { annotateDates, findSpan, parseDate, type SpanBounds } from '../time/index.ts';
import type { Field } from '../store/types.ts';
import { linesOfFile, type Line } from './lines.ts';
import { evidenceOfRow } from './tables.ts';
import { problem, type Item } from './types.ts';
import { evidenceOfFact } from './verbalise.ts';

/** Column names that are understood without a mapping. */
const COLUMN_ALIASES: Readonly<Record<string, readonly string[]>> = {
  subject: ['subject', 'entity', 'item', 'who', 's'],
  relation: ['relation', 'predicate', 'property', 'what', 'p'],
  object: ['object', 'value', 'target', 'o'],
  start: ['start', 'start_time', 'start time', 'from', 'begin', 'valid_from', 'start_date'],
  end: ['end', 'end_time', 'end time', 'to', 'until', 'valid_to', 'end_date'],
  date: ['date', 'point', 'point in time', 'point_in_time', 'time', 'when', 'year'],
  subjectType: ['subject_type', 'subject type'],
  objectType: ['object_type', 'object type'],
  docTime: ['doc_time', 'document date'],
};
const ONGOING = /^(present|now|today|\.\.|ongoing)$/i;

export interface TableOptions {
  /** Name of our column → name in the file. */
  readonly columns?: Readonly<Record<string, string>>;
  readonly title?: string;
}

export function* readDelimited(file: string, delimiter: ',' | '\t', options: TableOptions = {}): Generator<Item> {
  let header: string[] | undefined;
  for (const record of recordsOf(linesOfFile(file), delimiter)) {
    const location = `${file}:${record.number}`;
    if (record.fault) {
      yield problem(location, 'a row of text in UTF-8', record.fault);
      continue;
    }
    if (record.remark) yield problem(location, 'a row of text in UTF-8', record.remark);
    if (!header) {
      header = record.cells.map((cell) => cell.trim());
      continue;
    }
    if (record.cells.length === 1 && record.cells[0]!.trim() === '') continue;
    if (record.cells.length !== header.length)
      yield problem(location, `${header.length} cells as in the header`, `${record.cells.length}`);
    const row: Record<string, string> = {};
    header.forEach((name, index) => (row[name] = (record.cells[index] ?? '').trim()));
    yield* itemsOfRow(row, header, file, record.number, options);
  }
  if (!header) yield problem(file, 'a header line and rows', 'an empty file');
}

export function* readJsonLines(file: string, options: TableOptions = {}): Generator<Item> {
  for (const { number, text, fault, remark } of linesOfFile(file)) {
    const location = `${file}:${number}`;
    if (fault ?? remark) yield problem(location, 'a line of JSON in UTF-8', fault ?? remark);
    if (fault) continue;
    if (text.trim() === '') continue;
    let row: Record<string, unknown>;
    try {
      row = JSON.parse(text) as Record<string, unknown>;
      if (typeof row !== 'object' || row === null) throw new TypeError('no object');
    } catch (error) {
      yield problem(location, 'a JSON object', error instanceof Error ? error.message : 'broken JSON');
      continue;
    }
    yield* itemsOfRecord(row, { file, number, options });
  }
}

/** Evidence of a JSON object: its plain values are the cells of a row. */
export function* itemsOfRecord(
  record: Readonly<Record<string, unknown>>,
  { file, number, options }: { readonly file: string; readonly number: number; readonly options: TableOptions },
): Generator<Item> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(record))
    if (value !== null && typeof value !== 'object') flat[name] = String(value);
  yield* itemsOfRow(flat, Object.keys(flat), file, number, options);
}

function* itemsOfRow(
  row: Readonly<Record<string, string>>,
  header: readonly string[],
  file: string,
  line: number,
  options: TableOptions,
): Generator<Item> {
  const location = `${file}:${line}`;
  const columns = columnsOf(header, options);
  const nameOf = (column: string): string | undefined => columns.get(column);
  const cell = (column: string): string => {
    const name = nameOf(column);
    return name === undefined ? '' : (row[name] ?? '');
  };
  const [subject, relation, object] = [cell('subject'), cell('relation'), cell('object')];
  if (!nameOf('subject') || !nameOf('relation') || !nameOf('object')) {
    const fields = header
      .map((name): Field => ({ name, value: row[name] ?? '' }))
      .filter((field) => field.value !== '');
    const title =
      options.title ??
      file
        .replace(/^.*\//, '')
        .replace(/\.\w+$/, '')
        .replaceAll(/[-_]+/g, ' ');
    if (fields.length > 0)
      yield { kind: 'evidence', evidence: evidenceOfRow({ title, doc: file, locator: `line ${line}`, fields }) };
    return;
  }
  if (!subject || !relation || !object) {
    yield problem(location, 'a subject, a relation and an object', 'an empty cell');
    return;
  }
  const dates: { start?: SpanBounds; end?: SpanBounds; point?: SpanBounds } = {};
  for (const [column, key] of [
    ['start', 'start'],
    ['end', 'end'],
    ['date', 'point'],
  ] as const) {
    const value = cell(column);
    if (value === '' || ONGOING.test(value)) continue;
    const bounds = boundsOfCell(value);
    if (bounds) dates[key] = bounds;
    else yield problem(location, `a date in column "${nameOf(column)}"`, `"${value}"; the row is kept without it`);
  }
  if (dates.start && dates.end && dates.end.hi < dates.start.lo) {
    yield problem(
      location,
      'an end that is not before the start',
      `${cell('start')} to ${cell('end')}; the row is left out`,
    );
    return;
  }
  const qualifiers = othersOf(header, columns)
    .filter((name) => row[name])
    .map((name): Field => ({ name, value: row[name]! }));
  yield {
    kind: 'evidence',
    evidence: evidenceOfFact({
      subject,
      relation,
      object,
      ...dates,
      ongoing: ONGOING.test(cell('end')),
      qualifiers,
      doc: file,
      locator: `line ${line}`,
      ...(cell('docTime') ? { docTime: cell('docTime') } : {}),
    }),
  };
  for (const [label, type] of [
    [subject, cell('subjectType')],
    [object, cell('objectType')],
  ] as const)
    if (!/^[\d.,+-]+$/.test(label)) yield { kind: 'entity', entity: { label, ...(type ? { type } : {}) } };
}

const columnsOfHeader = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

/** Our columns → names in the file; kept for each header. */
function columnsOf(header: readonly string[], options: TableOptions): ReadonlyMap<string, string> {
  const known = columnsOfHeader.get(header);
  if (known) return known;
  const columns = new Map<string, string>();
  for (const [column, aliases] of Object.entries(COLUMN_ALIASES)) {
    const name = options.columns?.[column] ?? header.find((candidate) => aliases.includes(candidate.toLowerCase()));
    if (name !== undefined) columns.set(column, name);
  }
  columnsOfHeader.set(header, columns);
  return columns;
}

function othersOf(header: readonly string[], columns: ReadonlyMap<string, string>): readonly string[] {
  const taken = new Set(columns.values());
  return taken.size === header.length ? [] : header.filter((name) => !taken.has(name));
}

/** Bounds of a cell: ISO and EDTF first, then free text. Impossible dates give nothing. */
export function boundsOfCell(value: string): SpanBounds | undefined {
  const strict = parseDate(value);
  if (strict) return strict;
  if (/^[\d-]+$/.test(value) && value.length > 7) return undefined;
  let impossible = false;
  const [first] = annotateDates(value, { readsSides: true, onImpossible: () => (impossible = true) });
  // "before 1990" bounds a date and is none
  const isBound = first?.span.kind === 'event' && (first.span.openStart || first.span.openEnd);
  if (!first || impossible || isBound) return undefined;
  const span = findSpan(value);
  return first.parts.length === 1 ? first.parts[0] : span && { lo: span.s0, hi: span.e1, gran: span.gran };
}

interface Record_ {
  readonly number: number;
  readonly cells: readonly string[];
  readonly fault?: string;
  readonly remark?: string;
}

/** Records of delimited text: quoted cells may hold delimiters, doubled quotes and line ends (RFC 4180). */
function* recordsOf(lines: Iterable<Line>, delimiter: string): Generator<Record_> {
  let cells: string[] = [];
  let open: string | undefined;
  let number = 0;
  let remark: string | undefined;
  const noted = () => {
    const kept = remark === undefined ? {} : { remark };
    remark = undefined;
    return kept;
  };
  for (const line of lines) {
    if (line.fault) {
      yield { number: line.number, cells: [], fault: line.fault };
      continue;
    }
    if (open === undefined) number = line.number;
    remark ??= line.remark;
    const text = line.text;
    if (open === undefined && !text.includes('"')) {
      yield { number, cells: text.split(delimiter), ...noted() };
      continue;
    }
    let i = 0;
    if (open !== undefined) open += '\n';
    while (i <= text.length) {
      if (open === undefined && text[i] === '"') {
        open = '';
        i++;
        continue;
      }
      if (open !== undefined) {
        const at = text.indexOf('"', i);
        if (at < 0) {
          open += text.slice(i);
          break;
        }
        open += text.slice(i, at);
        if (text[at + 1] === '"') {
          open += '"';
          i = at + 2;
          continue;
        }
        const end = text.indexOf(delimiter, at + 1);
        cells.push(open + text.slice(at + 1, end < 0 ? text.length : end));
        open = undefined;
        if (end < 0) break;
        i = end + 1;
        continue;
      }
      const end = text.indexOf(delimiter, i);
      cells.push(text.slice(i, end < 0 ? text.length : end));
      if (end < 0) break;
      i = end + 1;
    }
    if (open === undefined) {
      yield { number, cells, ...noted() };
      cells = [];
    }
  }
  if (open !== undefined) yield { number, cells: [], fault: 'a quoted cell that never ends' };
}
