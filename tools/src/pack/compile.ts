/** TypeScript to plain JavaScript with declarations: Node strips no types below node_modules. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourcePackage } from './packages.ts';

const MAX_LINES_SHOWN = 12;

/** Compiles the code of all packages and the list of rooms into `outFolder`, under the paths of the repository.
 *  @throws Error with the compiler's first lines if the tree has type errors */
export function compilePackages(root: string, packages: readonly SourcePackage[], outFolder: string): void {
  const config = `${outFolder}.tsconfig.json`;
  const include = packages.flatMap(({ folder, code }) => code.map((part) => join(root, folder, part)));
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        rewriteRelativeImportExtensions: true,
        rootDir: root,
        outDir: outFolder,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [...include, join(root, 'apps/systems.ts')],
      exclude: [],
    }),
  );
  const outcome = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config, '--pretty', 'false'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (outcome.status === 0) return;
  const lines = `${outcome.stdout}${outcome.stderr}`.split('\n').slice(0, MAX_LINES_SHOWN).join('\n');
  throw new Error(`pack: expected the tree to compile, got status ${outcome.status}. Run npm run check.\n${lines}`);
}
