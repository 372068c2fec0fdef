/** Wikitext: sections, links, templates removed except infoboxes, tables with spans. */
import { evidenceOfInfobox, evidenceOfTable, type Cell } from './tables.ts';
import { evidenceOfSentence, sentencesOf } from './sentences.ts';
import { problem, type Item } from './types.ts';

const CUT_SECTIONS = /^(references|citations|footnotes|further reading|external links|notes|bibliography|see also)$/i;

export function* readWikitext(
  source: string,
  page: { readonly title: string; readonly doc: string; readonly docTime?: string },
): Generator<Item> {
  const where = { ...page };
  let text = source
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .replaceAll(/<ref[^>]*\/>/gi, '')
    .replaceAll(/<ref[\s\S]*?<\/ref>/gi, '');
  const { rest, templates, unclosed } = cutTemplates(text);
  if (unclosed) yield problem(page.doc, 'closed templates', 'one that never ends');
  text = rest;
  for (const template of templates) {
    if (!/^\s*infobox/i.test(template)) continue;
    for (const part of splitTop(template).slice(1)) {
      const at = part.indexOf('=');
      const name = part.slice(0, at).trim().replaceAll('_', ' ');
      const value = plainWikitext(part.slice(at + 1));
      if (at > 0 && value)
        yield { kind: 'evidence', evidence: evidenceOfInfobox({ ...where, locator: `infobox ${name}` }, name, value) };
    }
  }
  const tables: string[] = [];
  let numTables = 0;
  text = text.replaceAll(/^\{\|[\s\S]*?^\|\}/gm, (table) => {
    tables.push(table);
    return '\n';
  });
  for (const table of tables) {
    numTables++;
    const { rows, caption } = rowsOfWikitable(table);
    for (const evidence of evidenceOfTable(rows, {
      ...where,
      locator: `table ${numTables}`,
      ...(caption ? { caption } : {}),
    }))
      yield { kind: 'evidence', evidence };
  }
  let isCut = false;
  let numParagraphs = 0;
  for (const block of text.split(/\n{2,}|\n(?=[=*#])/)) {
    const heading = /^={2,6}\s*(.*?)\s*={2,6}\s*$/m.exec(block);
    if (heading) isCut = CUT_SECTIONS.test(heading[1]!);
    const body = plainWikitext(block.replace(/^={2,6}.*={2,6}\s*$/m, ''));
    if (isCut || body === '') continue;
    numParagraphs++;
    for (const sentence of sentencesOf(body))
      yield {
        kind: 'evidence',
        evidence: evidenceOfSentence(sentence, { ...where, locator: `paragraph ${numParagraphs}` }),
      };
  }
}

/** Top-level templates, nested ones kept inside them. */
function cutTemplates(text: string): {
  readonly rest: string;
  readonly templates: readonly string[];
  readonly unclosed: boolean;
} {
  const templates: string[] = [];
  let rest = '';
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith('{{', i)) {
      if (depth++ === 0) {
        rest += text.slice(from, i);
        from = i + 2;
      }
      i++;
    } else if (depth > 0 && text.startsWith('}}', i)) {
      if (--depth === 0) {
        templates.push(text.slice(from, i));
        from = i + 2;
      }
      i++;
    }
  }
  return { rest: depth > 0 ? rest : rest + text.slice(from), templates, unclosed: depth > 0 };
}

/** Splits a template at its own bars, not at those of links and inner templates. */
function splitTop(text: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const pair = text.slice(i, i + 2);
    if (pair === '{{' || pair === '[[') depth++;
    if (pair === '}}' || pair === ']]') depth--;
    if (text[i] === '|' && depth === 0) parts.push('');
    else parts[parts.length - 1] += text[i];
  }
  return parts;
}

function rowsOfWikitable(table: string): { readonly rows: Cell[][]; readonly caption: string } {
  const rows: Cell[][] = [];
  let caption = '';
  for (const line of table.split('\n').slice(1)) {
    if (line.startsWith('|}')) break;
    if (line.startsWith('|-')) rows.push([]);
    else if (line.startsWith('|+')) caption = plainWikitext(line.slice(2));
    else if (line.startsWith('|') || line.startsWith('!')) {
      if (rows.length === 0) rows.push([]);
      const isHeader = line.startsWith('!');
      for (const part of line.slice(1).split(isHeader ? /!!|\|\|/ : '||')) {
        const attributes = /^([^[{|]*?=[^|]*?)\|(?!\|)/.exec(part);
        const size = (name: string) =>
          Number(new RegExp(`${name}\\s*=\\s*"?(\\d+)`).exec(attributes?.[1] ?? '')?.[1] ?? 1) || 1;
        rows.at(-1)!.push({
          text: plainWikitext(attributes ? part.slice(attributes[0].length) : part),
          isHeader,
          rowspan: size('rowspan'),
          colspan: size('colspan'),
        });
      }
    } else if (rows.at(-1)?.length) {
      const last = rows.at(-1)!.pop()!;
      rows.at(-1)!.push({ ...last, text: `${last.text} ${plainWikitext(line)}`.trim() });
    }
  }
  return { rows: rows.filter((row) => row.length > 0), caption };
}

function plainWikitext(text: string): string {
  let plain = text;
  // {{start date|1994|3|17}} and {{birth date|…}} are dates
  plain = plain.replaceAll(
    /\{\{(?:start|end|birth|death)[ _-]date[^|}]*\|(?:df=\w+\|)?(\d{4})\|(\d{1,2})\|(\d{1,2})[^}]*\}\}/gi,
    (_, y: string, m: string, d: string) => `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`,
  );
  for (let before = ''; before !== plain;) {
    before = plain;
    plain = plain.replaceAll(/\{\{[^{}]*\}\}/g, '');
  }
  return plain
    .replaceAll(/\[\[(?:File|Image|Category):[^\]]*\]\]/gi, '')
    .replaceAll(/\[\[(?:[^\]|]*\|)?([^\]]*)\]\]/g, '$1')
    .replaceAll(/\[https?:\S+\s?([^\]]*)\]/g, '$1')
    .replaceAll(/'{2,5}/g, '')
    .replaceAll(/<br\s*\/?>/gi, ', ')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&nbsp;', ' ')
    .replace(/^[*#:;]+\s*/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
