/** HTML pages: a tolerant scanner (unclosed tags do no harm), headings, paragraphs, tables with spans, infoboxes. */
import { evidenceOfInfobox, evidenceOfTable, type Cell } from './tables.ts';
import { evidenceOfSentence, sentencesOf } from './sentences.ts';
import { problem, type Item } from './types.ts';

const SKIPPED_ELEMENTS = new Set(['script', 'style', 'noscript', 'template', 'svg', 'nav', 'footer', 'sup']);
const BLOCKS = new Set([
  'p',
  'li',
  'div',
  'section',
  'article',
  'blockquote',
  'dd',
  'dt',
  'br',
  'h1',
  'h2',
  'h3',
  'h4',
  'title',
  'ul',
  'ol',
  'body',
  'main',
]);
/** Sections that hold no evidence; every one of them is cut. */
const CUT_SECTIONS = /^(references|citations|footnotes|further reading|external links|notes|bibliography|see also)$/i;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  minus: '−',
};

interface OpenTable {
  rows: Cell[][];
  isInfobox: boolean;
  caption: string;
  cell: { text: string; isHeader: boolean; rowspan: number; colspan: number } | undefined;
  inCaption: boolean;
}

export function* readHtml(
  html: string,
  page: { readonly title: string; readonly doc: string; readonly docTime?: string },
): Generator<Item> {
  let title = page.title;
  let text = '';
  let heading: { level: number; text: string } | undefined;
  let isCut = false;
  let skipUntil: string | undefined;
  let numParagraphs = 0;
  let numTables = 0;
  const tables: OpenTable[] = [];
  const flush = function* (): Generator<Item> {
    const body = text.trim();
    text = '';
    if (body === '' || isCut) return;
    numParagraphs++;
    for (const sentence of sentencesOf(body))
      yield {
        kind: 'evidence',
        evidence: evidenceOfSentence(sentence, { ...page, title, locator: `paragraph ${numParagraphs}` }),
      };
  };
  const closeTable = function* (table: OpenTable): Generator<Item> {
    numTables++;
    const where = { title, doc: page.doc, locator: `table ${numTables}` };
    if (!table.isInfobox) {
      for (const evidence of evidenceOfTable(table.rows, {
        ...where,
        ...(table.caption ? { caption: table.caption } : {}),
      }))
        yield { kind: 'evidence', evidence };
      return;
    }
    let group = '';
    for (const [index, row] of table.rows.entries()) {
      const [name, ...values] = row.map((cell) => cell.text).filter(Boolean);
      if (row.length === 1 && row[0]!.isHeader) group = row[0]!.text;
      else if (name && values.length > 0)
        yield {
          kind: 'evidence',
          evidence: evidenceOfInfobox(
            { ...where, locator: `infobox ${numTables} row ${index + 1}` },
            [group, name].filter(Boolean).join(', '),
            values.join(', '),
          ),
        };
    }
  };
  const closeHeading = function* (): Generator<Item> {
    if (!heading) return;
    const words = heading.text.trim();
    if (heading.level === 1 && words) {
      title = words;
      yield { kind: 'entity', entity: { label: title } };
    }
    isCut = CUT_SECTIONS.test(words);
    heading = undefined;
  };
  for (const token of html.matchAll(/<!--[\s\S]*?(?:-->|$)|<(\/?)([a-zA-Z][a-zA-Z0-9]*)([^>]*)>?|[^<]+|</g)) {
    const name = token[2]?.toLowerCase();
    if (name === undefined) {
      if (token[0].startsWith('<!--') || skipUntil) continue;
      const words = decodeEntities(token[0]).replaceAll(/\s+/g, ' ');
      const table = tables.at(-1);
      if (heading) heading.text += words;
      else if (table) {
        if (table.inCaption) table.caption += words;
        else if (table.cell) table.cell.text += words;
      } else text += words;
      continue;
    }
    const isClosing = token[1] === '/';
    if (skipUntil) {
      if (isClosing && name === skipUntil) skipUntil = undefined;
      continue;
    }
    if (!isClosing && SKIPPED_ELEMENTS.has(name)) {
      if (!token[3]!.endsWith('/')) skipUntil = name;
      continue;
    }
    // a heading that is not closed ends where the next block begins
    if (heading && !isClosing && (name === 'table' || (BLOCKS.has(name) && name !== 'br'))) yield* closeHeading();
    const table = tables.at(-1);
    if (name === 'table') {
      if (isClosing) {
        const done = tables.pop();
        if (done) {
          pushCell(done);
          if (!isCut) yield* closeTable(done);
        }
      } else {
        yield* flush();
        tables.push({
          rows: [],
          isInfobox: /class\s*=\s*["'][^"']*infobox/i.test(token[3]!),
          caption: '',
          cell: undefined,
          inCaption: false,
        });
      }
    } else if (table && (name === 'tr' || name === 'td' || name === 'th' || name === 'caption')) {
      pushCell(table);
      table.inCaption = name === 'caption' && !isClosing;
      if (name === 'tr' && !isClosing) table.rows.push([]);
      if ((name === 'td' || name === 'th') && !isClosing) {
        if (table.rows.length === 0) table.rows.push([]);
        table.cell = {
          text: '',
          isHeader: name === 'th',
          rowspan: spanOf(token[3]!, 'rowspan'),
          colspan: spanOf(token[3]!, 'colspan'),
        };
      }
    } else if (/^h[1-6]$/.test(name)) {
      yield* closeHeading();
      if (!isClosing) {
        yield* flush();
        heading = { level: Number(name[1]), text: '' };
      }
    } else if (BLOCKS.has(name)) {
      if (table) {
        if (table.cell) table.cell.text += ' ';
      } else if (name !== 'title' || isClosing) {
        if (name === 'title') {
          if (text.trim()) title = text.trim();
          text = '';
        } else yield* flush();
      }
    }
  }
  yield* flush();
  if (tables.length > 0) {
    yield problem(page.doc, 'closed tables', `${tables.length} left open`);
    for (const table of tables.toReversed()) {
      pushCell(table);
      yield* closeTable(table);
    }
  }
}

function pushCell(table: OpenTable): void {
  if (!table.cell) return;
  table.rows.at(-1)!.push({
    ...table.cell,
    text: table.cell.text
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/\[\d+\]/g, '')
      .trim(),
  });
  table.cell = undefined;
}

function spanOf(attributes: string, name: string): number {
  const value = Number(new RegExp(`${name}\\s*=\\s*["']?(\\d+)`, 'i').exec(attributes)?.[1] ?? 1);
  return value >= 1 ? value : 1;
}

export function decodeEntities(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}
