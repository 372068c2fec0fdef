/** Markdown and plain text: headings, paragraphs as sentences, GFM tables, `Key: value` lines as infobox lines. */
import { evidenceOfInfobox, evidenceOfTable, type Cell } from './tables.ts';
import { evidenceOfSentence, sentencesOf } from './sentences.ts';
import type { Item } from './types.ts';

const INFOBOX_LINE = /^[-*]?\s*\*{0,2}([\p{Lu}][\p{L} '’/-]{1,40}?)\*{0,2}\s*:\*{0,2}\s+(\S.{0,200})$/u;

/** @param options.title  used until the first heading */
export function* readMarkdown(
  text: string,
  page: { readonly title: string; readonly doc: string; readonly docTime?: string },
): Generator<Item> {
  let title = page.title;
  let section = '';
  let paragraph: string[] = [];
  let paragraphLine = 0;
  let numTables = 0;
  const lines = text.split(/\r?\n/);
  const flush = function* (): Generator<Item> {
    const body = plainText(paragraph.join(' '));
    paragraph = [];
    if (body.trim() === '') return;
    for (const sentence of sentencesOf(body))
      yield {
        kind: 'evidence',
        evidence: evidenceOfSentence(sentence, { ...page, title, locator: `line ${paragraphLine}` }),
      };
  };
  let index = 0;
  if (lines[0]?.trim() === '---') {
    const close = lines.indexOf('---', 1);
    for (const line of lines.slice(1, Math.max(1, close))) {
      const [, key, value] = /^(\w+):\s*"?(.*?)"?$/.exec(line) ?? [];
      if (key === 'title' && value) title = value;
    }
    index = close + 1;
  }
  for (; index < lines.length; index++) {
    const line = lines[index]!;
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (heading) {
      yield* flush();
      if (heading[1]!.length === 1) {
        title = plainText(heading[2]!);
        section = '';
        yield { kind: 'entity', entity: { label: title } };
      } else section = plainText(heading[2]!);
      continue;
    }
    if (/^\s*\|?.*\|/.test(line) && /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/.test(lines[index + 1] ?? '')) {
      yield* flush();
      const rows: Cell[][] = [cellsOf(line, true)];
      const first = index + 1;
      index += 2;
      while (index < lines.length && lines[index]!.includes('|')) rows.push(cellsOf(lines[index++]!, false));
      index--;
      numTables++;
      for (const evidence of evidenceOfTable(rows, {
        title,
        doc: page.doc,
        locator: `line ${first} table ${numTables}`,
        ...(section ? { caption: section } : {}),
      }))
        yield { kind: 'evidence', evidence };
      continue;
    }
    const info = INFOBOX_LINE.exec(line);
    if (info && paragraph.length === 0) {
      yield {
        kind: 'evidence',
        evidence: evidenceOfInfobox(
          { title, doc: page.doc, locator: `line ${index + 1}` },
          info[1]!,
          plainText(info[2]!),
        ),
      };
      continue;
    }
    if (line.trim() === '') yield* flush();
    else {
      const item = /^\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)$/.exec(line);
      if (item) yield* flush();
      if (paragraph.length === 0) paragraphLine = index + 1;
      paragraph.push(item ? item[1]! : line.replace(/^>\s?/, ''));
    }
  }
  yield* flush();
}

function cellsOf(line: string, isHeader: boolean): Cell[] {
  return line
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split(/(?<!\\)\|/)
    .map((text) => ({ text: plainText(text.trim()), isHeader, rowspan: 1, colspan: 1 }));
}

/** Markdown without its marks. */
export function plainText(text: string): string {
  return text
    .replaceAll(/!\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*_]{1,3}(\S(?:[^*_]*\S)?)[*_]{1,3}/g, '$1')
    .replaceAll('`', '')
    .trim();
}
