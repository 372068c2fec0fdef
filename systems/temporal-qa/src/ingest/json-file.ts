/** A JSON file: lines of a Wikidata dump, the answer of Wikidata's Special:EntityData, or a list of records. */
import { readFileSync, statSync } from 'node:fs';
import { itemsOfRecord, type TableOptions } from './facts-table.ts';
import { headOfFile } from './lines.ts';
import { problem, type Item } from './types.ts';
import { readWikidataJson } from './wikidata-json.ts';

/** Whole files are parsed in memory up to here; dumps are read by line. */
const MAX_WHOLE_BYTES = 256 * 2 ** 20;

export function* readJson(file: string, options: TableOptions = {}): Generator<Item> {
  const head = headOfFile(file);
  const isLineDump = /^\s*(?:\[\s*)?\{[^\n]*"(?:claims|labels)"\s*:[^\n]*\},?\s*(?:\n|$)/.test(head);
  const numBytes = statSync(file).size;
  if (isLineDump || numBytes > MAX_WHOLE_BYTES) {
    yield* readWikidataJson(file);
    return;
  }
  if (numBytes === 0) {
    yield problem(file, 'JSON', 'an empty file');
    return;
  }
  const text = readFileSync(file, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // a dump with a broken line is still worth reading by line
    if (/"(?:claims|labels)"\s*:/.test(text)) yield* readWikidataJson(file);
    else yield problem(placeOf(file, text, error), 'JSON', error instanceof Error ? error.message : 'broken JSON');
    return;
  }
  const entities = entitiesOf(json);
  if (entities) {
    const lines = entities.map((entity, index) => ({ number: index + 1, text: JSON.stringify(entity) }));
    yield* readWikidataJson(file, { linesOf: () => lines });
    return;
  }
  const records = Array.isArray(json) ? json : [json];
  for (const [index, record] of records.entries()) {
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      yield problem(`${file}:[${index}]`, 'an object with plain values', JSON.stringify(record).slice(0, 60));
    else yield* itemsOfRecord(record as Record<string, unknown>, { file, number: index + 1, options });
  }
}

function entitiesOf(json: unknown): readonly unknown[] | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  if ('entities' in json && typeof json.entities === 'object') return Object.values(json.entities ?? {});
  const list = Array.isArray(json) ? (json as unknown[]) : [json];
  const isEntity = (one: unknown) =>
    typeof one === 'object' && one !== null && 'id' in one && ('claims' in one || 'labels' in one);
  return list.length > 0 && list.every(isEntity) ? list : undefined;
}

/** The line of a syntax error, from the offset or the snippet that the parser quotes. */
function placeOf(file: string, text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const offset = /position (\d+)/.exec(message)?.[1];
  const snippet = /"([\s\S]+?)"(?:\.\.\.)? is not valid JSON$/.exec(message.replace(/^[^,]*, (?:\.\.\.)?/, ''))?.[1];
  const at = offset !== undefined ? Number(offset) : snippet === undefined ? -1 : text.indexOf(snippet);
  return at < 0 ? file : `${file}:${text.slice(0, at + 1).split('\n').length}`;
}
