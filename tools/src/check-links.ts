/** Relative links in Markdown must lead to files (and headings) that exist. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CheckResult } from './check-result.ts';

const PAGES = [
  '*.md',
  'docs/**/*.md',
  'core/**/*.md',
  'ui/**/*.md',
  'systems/**/*.md',
  'apps/**/*.md',
  'gallery/**/*.md',
  'tools/**/*.md',
];

export function checkLinks(root: string): CheckResult {
  const pages = PAGES.flatMap((pattern) => globSync(pattern, { cwd: root })).filter(
    (page) => !page.includes('node_modules'),
  );
  const problems: string[] = [];
  let count = 0;
  for (const page of pages) {
    const text = withoutCode(readFileSync(join(root, page), 'utf8'));
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
      if (/^[a-z][a-z+.-]*:/i.test(target!)) continue;
      count++;
      const [path, anchor] = target!.split('#') as [string, string?];
      const file = path === '' ? join(root, page) : resolve(root, dirname(page), decodeURIComponent(path));
      if (!existsSync(file)) problems.push(`${page}: link to ${target} leads nowhere`);
      else if (anchor && statSync(file).isFile() && file.endsWith('.md') && !anchorsOf(file).has(anchor)) {
        problems.push(`${page}: ${target} names a heading that does not exist`);
      }
    }
  }
  return { name: 'links', problems, summary: `${pages.length} pages, ${count} links` };
}

function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');
}

function anchorsOf(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map((match) =>
      match[1]!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}
