/** Lays packages out as they lie when installed: `<stage>/@tenfold/<name>/dist` holds the tree of the workspace.
 *
 *  One level (`dist`) deeper than in the repository, `../../` of a room or of core is the folder `@tenfold` itself. So a
 *  relative URL that reaches `models/` in the repository reaches `@tenfold/models` when installed. */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createShippedManifest } from './package-manifest.ts';
import { MODELS_PACKAGE, readManifest, type SourcePackage } from './packages.ts';
import { relativeReferences, rewriteDeclaredImports, rewriteLaunchedImports, rewriteModuleUrls } from './specifiers.ts';

export interface StageInput {
  readonly root: string;
  /** Where the compiler wrote to, under the paths of the repository. */
  readonly compiled: string;
  readonly stage: string;
  readonly packages: readonly SourcePackage[];
  /** One sentence a package; by name. */
  readonly descriptions: Readonly<Record<string, string>>;
}

/** Writes all packages. @returns their folders */
export function stagePackages(input: StageInput): string[] {
  const { root, stage, packages } = input;
  const siblings = packages.map(({ name }) => name);
  // What core or the command line calls optional is so in every package: no install fails for want of a native library.
  const optional = new Set(
    ['core', 'apps/cli'].flatMap((folder) => Object.keys(readManifest(root, folder).optionalDependencies ?? {})),
  );
  const pinnedNode = readManifest(root, '.').devDependencies!['node']!;
  const folders = packages.map((source) => {
    const target = join(stage, source.name);
    copyCompiled(input, source, target);
    copyAssets(root, source, target);
    const workspace = readManifest(root, source.folder);
    const description = input.descriptions[source.name]!;
    const text = readTexts(target);
    const manifest = createShippedManifest({
      source,
      workspace,
      description,
      siblings,
      optional,
      text,
      pinnedNode,
    });
    writeJson(join(target, 'package.json'), manifest);
    // Code that reads its own version looks one level up, where the workspace had its package.json.
    if (existsSync(join(target, 'dist/package.json')))
      writeJson(join(target, 'dist/package.json'), { name: source.name, version: workspace.version, type: 'module' });
    addTexts(root, join(root, source.folder, 'README.md'), target, `# ${source.name}\n${description}\n`);
    return target;
  });
  return [...folders, stageModels(root, stage, readManifest(root, 'core').version)];
}

/** Relative imports and file URLs of the staged code that lead nowhere. */
export function findBrokenReferences(stage: string): string[] {
  return globSync('{tenfold,@tenfold/*}/**/*.{js,mjs,d.ts}', { cwd: stage })
    .filter((file) => !file.includes('/web/dist/'))
    .flatMap((file) => {
      const path = join(stage, file);
      return relativeReferences(readFileSync(path, 'utf8'))
        .filter((reference) => !existsSync(join(dirname(path), reference)))
        .map((reference) => `${file}: ${reference}`);
    });
}

function copyCompiled(input: StageInput, source: SourcePackage, target: string): void {
  const from = join(input.compiled, source.folder);
  for (const file of globSync('**/*.{js,ts,json}', { cwd: from })) {
    writeCompiled(join(from, file), join(target, 'dist', file));
  }
  if (!source.hasRoomList) return;
  for (const end of ['js', 'd.ts'])
    writeCompiled(join(input.compiled, `apps/systems.${end}`), join(target, `systems.${end}`));
}

function writeCompiled(from: string, to: string): void {
  const text = readFileSync(from, 'utf8');
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, to.endsWith('.d.ts') ? rewriteDeclaredImports(text) : rewriteModuleUrls(text));
}

/** What is no TypeScript: weights and texts beside the code, fixtures, built pages, the launcher. */
function copyAssets(root: string, source: SourcePackage, target: string): void {
  const from = join(root, source.folder);
  for (const part of [...source.code, ...source.assets]) {
    if (!existsSync(join(from, part))) continue;
    cpSync(join(from, part), join(target, 'dist', part), {
      recursive: true,
      filter: (path) => !/\.tsx?$|__pycache__|\.pyc$/.test(path),
    });
  }
  for (const file of globSync('bin/*.mjs', { cwd: join(target, 'dist') })) {
    const path = join(target, 'dist', file);
    writeFileSync(path, rewriteLaunchedImports(readFileSync(path, 'utf8')));
  }
}

function readTexts(target: string): string {
  return globSync('**/*.{js,mjs,d.ts}', { cwd: target, exclude: (path) => path.endsWith('web/dist') })
    .map((file) => readFileSync(join(target, file), 'utf8'))
    .join('\n');
}

function stageModels(root: string, stage: string, version: string): string {
  const target = join(stage, MODELS_PACKAGE);
  for (const file of globSync('models/*/config.json', { cwd: root })) {
    const folder = dirname(file);
    cpSync(join(root, folder), join(target, folder.slice('models/'.length)), { recursive: true });
  }
  writeJson(join(target, 'package.json'), {
    name: MODELS_PACKAGE,
    version,
    description: 'Weights of the small language models that the rooms of Tenfold show their methods on.',
    license: 'Apache-2.0',
    exports: { './*': './*' },
  });
  addTexts(root, join(root, 'models/README.md'), target, '');
  return target;
}

function addTexts(root: string, readme: string, target: string, otherwise: string): void {
  if (existsSync(readme)) cpSync(readme, join(target, 'README.md'));
  else writeFileSync(join(target, 'README.md'), otherwise);
  cpSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
