/** Markdown and plain text: headings, paragraphs as sentences, GFM tables, `Key: value` lines as infobox lines. */
import { annotateDates } from '../time/index.ts';
import { evidenceOfInfobox, evidenceOfTable, type Cell } from './tables.ts';
import { evidenceOfSentence, sentencesOf } from './sentences.ts';
import type { Item } from './types.ts';

const INFOBOX_LINE = /^[-*]?\s*\*{0,2}([\p{Lu}][\p{L} '’/-]{1,40}?)\*{0,2}\s*:\*{0,2}\s+(\S.{0,200})$/u;

/** A line no longer than this did not end for want of room. */
const SHORT_LINE = 60;
/** A line that begins with a date and says what was then: a CV, a chronicle. */
const DATED_LINE = /^(?:\S+ ){0,7}?\S*\d{4}\S*(?: (?:[–—-]|to|until) (?:\S+ ){0,3}?\S+?)?\s*(?::|[–—-]|\t)\s+\S/u;

function isDated(line: string): boolean {
  return DATED_LINE.test(line) && annotateDates(line)[0]?.start === 0;
}

/** Whether a line begins anew although no empty line parts it from the one before. */
function beginsAnew(line: string, before: string): boolean {
  if (isDated(line)) return true;
  const isOpen = before.trim().length > SHORT_LINE && !/[.:;!?]\s*$/.test(before);
  return !isOpen && INFOBOX_LINE.test(line);
}

/** @param options.title  used until the first heading */
export function* readMarkdown(
  text: string,
  page: { readonly title: string; readonly doc: string; readonly docTime?: string },
): Generator<Item> {
  let title = page.title;
  let section = '';
  let paragraph: string[] = [];
  let paragraphLine = 0;
  /** Heading of the section, for lines that say too little alone. */
  let context = '';
  let numTables = 0;
  const lines = text.split(/\r?\n/);
  const flush = function* (): Generator<Item> {
    const body = plainText(paragraph.join(' '));
    paragraph = [];
    if (body.trim() === '') return;
    const heading = context;
    context = '';
    for (const sentence of sentencesOf(body))
      yield {
        kind: 'evidence',
        evidence: evidenceOfSentence(heading === '' ? sentence : `${heading}, ${sentence}`, {
          ...page,
          title,
          locator: `line ${paragraphLine}`,
        }),
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
    if (paragraph.length > 0 && beginsAnew(line, lines[index - 1]!)) yield* flush();
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
      if (paragraph.length === 0) {
        paragraphLine = index + 1;
        const text = item ? item[1]! : line;
        context =
          section !== '' && annotateDates(text).length > 0 && !isSentence(text, lines[index + 1]) ? section : '';
      }
      paragraph.push(item ? item[1]! : line.replace(/^>\s?/, ''));
    }
  }
  yield* flush();
}

/** Running text ends its sentences, or goes on in the next line. */
function isSentence(line: string, next = ''): boolean {
  if (isDated(line)) return false;
  return /[.!?]["”’)]?\s*$/.test(line) || line.length > (next.trim() === '' ? SHORT_LINE * 2 : SHORT_LINE);
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
