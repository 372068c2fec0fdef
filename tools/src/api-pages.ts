/** docs/api/: one page an entry, made from the source, and an index over all names. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { markdownFromText, parseDocstring } from './api-docstring.ts';
import { compareTexts, createApiReader, type ApiExport } from './api-exports.ts';

export const API_FOLDER = 'docs/api';

export interface ApiPage {
  /** Name of the page without ending, such as `tensor` or `pipe-plan`. */
  readonly name: string;
  /** What to import, such as `@tenfold/core/tensor`. */
  readonly module: string;
  readonly entry: string;
  readonly exports: readonly ApiExport[];
}

export interface Api {
  readonly pages: readonly ApiPage[];
  /** The comment at the top of a file. */
  readonly headerOf: (file: string) => string | undefined;
}

/** Every public entry of the packages, as their package.json names them; apps, manifests and pages are none. */
export function readApi(root: string): Api {
  const entries = new Map<string, string>();
  const names = new Map<string, string>();
  for (const folder of ['core', 'ui', ...globSync('systems/*', { cwd: root }).toSorted(compareTexts)]) {
    const path = join(root, folder, 'package.json');
    if (folder.endsWith('/_skeleton') || !existsSync(path)) continue;
    const { name, exports } = JSON.parse(readFileSync(path, 'utf8')) as PackageFile;
    for (const [key, target] of Object.entries(exports ?? {})) {
      if (!target.endsWith('.ts') || /\/(?:manifest|web)$/.test(key)) continue;
      const module = posix.join(name, key);
      entries.set(module, posix.join(folder, target));
      names.set(module, folder === 'core' ? key.slice(2).replaceAll('/', '-') : posix.basename(folder));
    }
  }
  const reader = createApiReader(root, entries);
  const pages = [...entries].map(([module, entry]) => ({
    name: names.get(module)!,
    module,
    entry,
    exports: reader.exportsOf(entry),
  }));
  return { pages, headerOf: reader.headerOf };
}

interface PackageFile {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string>>;
}

/** @returns path from the root → text; the same text for the same source on every machine */
export function createApiTexts(root: string, { pages, headerOf }: Api): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const page of pages) texts.set(pathOf(page), renderPage(root, page, pages, headerOf));
  texts.set(`${API_FOLDER}/README.md`, renderIndex(pages));
  return texts;
}

function pathOf(page: ApiPage): string {
  return `${API_FOLDER}/${page.name}.md`;
}

function renderPage(
  root: string,
  page: ApiPage,
  pages: readonly ApiPage[],
  headerOf: (file: string) => string | undefined,
): string {
  const own = page.exports.filter((item) => isOwn(page, item));
  const readme = ['README.md', '../README.md'].map((name) => posix.join(dirname(page.entry), name));
  const readmeLink = readme.filter((file) => existsSync(join(root, file))).slice(0, 1);
  const lines = [
    `# ${page.module}`,
    '',
    'Made by `npm run api-docs` from the source; do not edit. ' +
      [...readmeLink.map((file) => link('README', file)), link('all names', `${API_FOLDER}/README.md`)].join(' · '),
    '',
  ];
  const files = [...Map.groupBy(own, (item) => item.file)].toSorted(([a], [b]) => compareTexts(a, b));
  for (const [file, items] of files) {
    lines.push(`## ${headingOf(page, file)}`, '');
    const header = headerOf(file);
    const { paragraphs, notes } = parseDocstring(header ?? '');
    lines.push([link(file, file), ...[...paragraphs, ...notes].map(markdownFromText)].join('<br>'), '');
    for (const item of items) lines.push(...renderExport(item));
  }
  const passedOn = page.exports.filter((item) => !isOwn(page, item));
  if (passedOn.length > 0) {
    lines.push('## From other folders', '');
    for (const item of passedOn) {
      const home = homeOf(item, pages);
      const target = home ? `${pathOf(home)}#${anchorOf(headingOf(home, item.file))}` : item.file;
      lines.push(`- \`${item.name}\` (${item.kind}): ${link(home?.module ?? item.file, target)}`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

function renderExport(item: ApiExport): string[] {
  const doc = parseDocstring(item.docstring ?? '');
  const [first, ...others] = doc.paragraphs.map(markdownFromText);
  const renamed = item.localName === item.name ? '' : `, \`${item.localName}\` in its file`;
  const bullets = [
    ...doc.params.map(({ name, text }) => `- \`${name}\`: ${markdownFromText(text)}`),
    ...doc.returns.map((text) => `- returns ${markdownFromText(text)}`),
    ...doc.throws.map((text) => `- throws ${markdownFromText(text)}`),
    ...doc.notes.map((text) => `- ${markdownFromText(text)}`),
  ];
  return [
    `**${markdownFromText(item.name)}** (${item.kind}${renamed})${first === undefined ? '' : ` ${first}`}`,
    ...others.flatMap((text) => (/^[-*] |^\\\* /.test(text) ? [text] : ['', text])),
    '',
    '```ts',
    ...item.signatures,
    '```',
    ...(bullets.length > 0 ? ['', ...bullets] : []),
    '',
  ];
}

function renderIndex(pages: readonly ApiPage[]): string {
  const rows = pages.map((page) => {
    const numOwn = page.exports.filter((item) => isOwn(page, item)).length;
    return `| ${link(page.name, pathOf(page))} | \`${page.module}\` | ${numOwn} |`;
  });
  const names = pages.flatMap((page) =>
    page.exports
      .filter((item) => isOwn(page, item))
      .map((item) => ({ name: item.name, page, target: `${pathOf(page)}#${anchorOf(headingOf(page, item.file))}` })),
  );
  const byName = [...Map.groupBy(names, ({ name }) => name)].toSorted(
    ([a], [b]) => compareTexts(a.toLowerCase(), b.toLowerCase()) || compareTexts(a, b),
  );
  const letters = Map.groupBy(byName, ([name]) => name[0]!.toUpperCase());
  const lines = ['# API', '', 'Made by `npm run api-docs` from the source; do not edit.', ''];
  lines.push('| page | import from | exports |', '|---|---|---|', ...rows, '');
  for (const [letter, group] of letters) {
    const links = group.map(([name, places]) => {
      const targets = new Map(places.map((place) => [place.target, place.page.name]));
      if (targets.size === 1) return link(name, places[0]!.target);
      return `${markdownFromText(name)} (${[...targets].map(([target, page]) => link(page, target)).join(', ')})`;
    });
    lines.push(`## ${letter}`, '', links.join(' ·\n'), '');
  }
  return lines.join('\n');
}

/** Whether a page describes the export itself; what it passes on is described where it is declared. */
function isOwn(page: ApiPage, item: ApiExport): boolean {
  return item.file.startsWith(`${dirname(page.entry)}/`);
}

/** The page that describes an export of another folder. */
function homeOf(item: ApiExport, pages: readonly ApiPage[]): ApiPage | undefined {
  return pages.find(
    (page) =>
      isOwn(page, item) && page.exports.some((other) => other.file === item.file && other.localName === item.localName),
  );
}

function headingOf(page: ApiPage, file: string): string {
  return posix.relative(dirname(page.entry), file);
}

/** As GitHub makes it from a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

function link(text: string, path: string): string {
  return `[${markdownFromText(text)}](${posix.relative(API_FOLDER, path)})`;
}
