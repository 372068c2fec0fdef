/** The gallery: Markdown pages in which every ```sh block of one `tenfold …` line is followed by a ```text block, its output. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const EXAMPLE = /```sh\ntenfold ([^\n]+)\n```\n(?:```text\n([\s\S]*?)\n?```)?/g;
/** The closing line: elapsed time, seed, run. */
const VARIABLE_LINE = / · seed \d+ · run /;

export interface GalleryExample {
  readonly command: string;
  readonly stored: string;
}

export function examplesOf(page: string): GalleryExample[] {
  return [...page.matchAll(EXAMPLE)].map((match) => ({ command: match[1]!, stored: match[2] ?? '' }));
}

/** Runs one example in a store of its own. @returns standard output without the variable line */
export function runExample(root: string, { command }: GalleryExample): string {
  const home = mkdtempSync(join(tmpdir(), 'tenfold-gallery-'));
  try {
    const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
    const outcome = spawnSync(process.execPath, [join(root, 'apps/cli/bin/tenfold.mjs'), ...words], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, TENFOLD_HOME: home, NO_COLOR: '1', COLUMNS: '100' },
    });
    if (outcome.status !== 0 && outcome.status !== 1) return `exit ${outcome.status}: ${outcome.stderr}`;
    return outcome.stdout
      .split('\n')
      .filter((line) => !VARIABLE_LINE.test(line))
      .map((line) => line.trimEnd())
      .join('\n')
      .trim();
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** The page with every output as it is now. */
export function renewPage(root: string, page: string): string {
  return page.replace(EXAMPLE, (_, command: string, stored: string | undefined) => {
    const output = runExample(root, { command, stored: '' });
    return `\`\`\`sh\ntenfold ${command}\n\`\`\`\n\`\`\`text\n${output}\n\`\`\`${stored === undefined ? '\n' : ''}`;
  });
}
