/** Every room has the same shape (docs/architecture.md §4): the files, the exports, the README's sections, a tour that exists. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResult } from './check-result.ts';

const REQUIRED_FILES = [
  'package.json',
  'README.md',
  'src/manifest.ts',
  'src/index.ts',
  'src/types.ts',
  'src/report.ts',
  'web/index.tsx',
];
const REQUIRED_EXPORTS = ['.', './manifest', './web'];
/** Headings a room's README must have, as lower-case beginnings. */
const REQUIRED_SECTIONS = ['try it', 'method', 'fidelity', 'limits', 'files'];

/** @param root  repository root. A folder under systems/ counts as a room once it has a manifest. */
export async function checkRoomShape(root: string): Promise<CheckResult> {
  const problems: string[] = [];
  const manifests = globSync('systems/*/src/manifest.ts', { cwd: root });
  for (const manifest of manifests) {
    const room = manifest.split('/').slice(0, 2).join('/');
    const at = (path: string): string => join(root, room, path);
    for (const file of REQUIRED_FILES) if (!existsSync(at(file))) problems.push(`${room}/${file} is missing`);
    if (globSync('src/verbs/*.ts', { cwd: at('.') }).length === 0) problems.push(`${room}/src/verbs/ has no verb`);
    if (globSync('test/**/*.test.ts', { cwd: at('.') }).length === 0) problems.push(`${room}/test/ has no test`);
    if (existsSync(at('package.json'))) checkPackage(room, at('package.json'), problems);
    if (existsSync(at('README.md'))) checkReadme(room, readFileSync(at('README.md'), 'utf8'), problems);
    await checkManifest(room, at('src/manifest.ts'), problems);
    for (const fixture of globSync('fixtures/*', { cwd: at('.') })) {
      if (!fixture.endsWith('README.md') && !existsSync(at('fixtures/README.md'))) {
        problems.push(`${room}/fixtures/README.md is missing: say origin and licence of ${fixture}`);
        break;
      }
    }
  }
  return { name: 'room shape', problems, summary: `${manifests.length} rooms` };
}

function checkPackage(room: string, path: string, problems: string[]): void {
  const exported = Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { exports?: object }).exports ?? {});
  for (const key of REQUIRED_EXPORTS)
    if (!exported.includes(key)) problems.push(`${room}/package.json does not export "${key}"`);
}

function checkReadme(room: string, text: string, problems: string[]): void {
  const headings = [...text.matchAll(/^#{2,3} (.+)$/gm)].map((match) => match[1]!.toLowerCase());
  for (const section of REQUIRED_SECTIONS) {
    if (!headings.some((heading) => heading.startsWith(section)))
      problems.push(`${room}/README.md has no section "${section}"`);
  }
}

interface LooseManifest {
  readonly id: string;
  readonly tour: string;
  readonly question: string;
  readonly verbs: readonly {
    readonly name: string;
    readonly summary: string;
    readonly examples: readonly string[];
    readonly params?: { shape?: Record<string, { description?: string }> };
  }[];
}

async function checkManifest(room: string, path: string, problems: string[]): Promise<void> {
  let manifest: LooseManifest;
  try {
    manifest = ((await import(path)) as { manifest: LooseManifest }).manifest;
  } catch (cause) {
    problems.push(
      `${room}/src/manifest.ts cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
    return;
  }
  if (manifest === undefined) {
    problems.push(`${room}/src/manifest.ts does not export \`manifest\``);
    return;
  }
  const id = room.split('/')[1]!;
  if (!id.startsWith('_') && manifest.id !== id)
    problems.push(`${room}/src/manifest.ts has id "${manifest.id}", the folder is "${id}"`);
  if (!manifest.question.endsWith('?')) problems.push(`${room}/src/manifest.ts: the question must end in "?"`);
  if (!manifest.verbs.some((verb) => verb.name === manifest.tour))
    problems.push(`${room}/src/manifest.ts: tour "${manifest.tour}" is no verb`);
  for (const verb of manifest.verbs) {
    if (verb.examples.length === 0) problems.push(`${room}: verb "${verb.name}" has no example`);
    if (verb.summary.length > 120) problems.push(`${room}: summary of "${verb.name}" is longer than 120 characters`);
    for (const [name, field] of Object.entries(verb.params?.shape ?? {})) {
      if (!field.description) problems.push(`${room}: param "${name}" of "${verb.name}" has no description`);
    }
  }
}
