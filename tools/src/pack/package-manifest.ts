/** The package.json of a shipped package, made from that of its workspace and from what its compiled code names. */
import { mentionsPackage } from './specifiers.ts';
import { MODELS_PACKAGE, type SourcePackage, type WorkspaceManifest } from './packages.ts';

export interface ShippedManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: 'module';
  readonly engines: { readonly node: string };
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface ManifestInput {
  readonly source: SourcePackage;
  readonly workspace: WorkspaceManifest;
  readonly description: string;
  readonly siblings: readonly string[];
  /** Packages that the product does without, in every package that asks for them. */
  readonly optional: ReadonlySet<string>;
  /** All compiled text of the package: code and declarations. */
  readonly text: string;
  /** The Node that the command line brings for machines whose own is too old. */
  readonly pinnedNode: string;
}

/** Node that reads our compiled code: `node:sqlite` and `Float16Array` without a flag. */
const NODE_RANGE = '>=24';
/** A path as it stands in the repository, from a room to the weights that it shows its method on. */
const MODELS_PATH = /['"`](?:\.\.\/)+models\/[\w-]+\/?['"`]/;

export function createShippedManifest(input: ManifestInput): ShippedManifest {
  const { source, workspace, text } = input;
  const isCommand = workspace.bin !== undefined;
  const asked = { ...workspace.dependencies, ...workspace.optionalDependencies };
  const used = Object.entries(asked).filter(([name]) => !name.startsWith('@tenfold/') && mentionsPackage(text, name));
  const isOptional = (name: string): boolean => input.optional.has(name);
  const siblings = input.siblings.filter(
    (name) => name.startsWith('@tenfold/') && name !== source.name && mentionsPackage(text, name),
  );
  if (MODELS_PATH.test(text)) siblings.push(MODELS_PACKAGE);
  const dependencies = [
    ...siblings.map((name) => [name, workspace.version] as const),
    ...used.filter(([name]) => !isOptional(name)),
    ...typesNeeded(workspace, text),
  ];
  const optional = used.filter(([name]) => isOptional(name));
  if (isCommand) optional.push(['node', input.pinnedNode]);
  return {
    name: source.name,
    version: workspace.version,
    description: input.description,
    license: 'Apache-2.0',
    type: 'module',
    // The command line starts itself again under the Node it brings; libraries cannot.
    engines: { node: isCommand ? '>=20.19' : NODE_RANGE },
    ...(workspace.exports ? { exports: shippedExports(workspace.exports, source.code) } : {}),
    ...(workspace.bin
      ? { bin: Object.fromEntries(Object.entries(workspace.bin).map(([name, path]) => [name, inDist(path)])) }
      : {}),
    ...(dependencies.length > 0 ? { dependencies: sorted(dependencies) } : {}),
    ...(optional.length > 0 ? { optionalDependencies: sorted(optional) } : {}),
  };
}

/** Entries whose code is shipped, each with its declarations; pages of rooms are inside the studio's built pages. */
function shippedExports(exports: Readonly<Record<string, string>>, code: readonly string[]): Record<string, unknown> {
  const rows = Object.entries(exports)
    .filter(([, path]) => code.some((folder) => path.startsWith(`./${folder}/`)))
    .map(([entry, path]) => {
      const stem = inDist(path).replace(/\.ts$/, '');
      return [entry, { types: `${stem}.d.ts`, default: `${stem}.js` }];
    });
  return { ...Object.fromEntries(rows), './package.json': './package.json' };
}

/** Declarations that name a package without types of its own need those types too. */
function typesNeeded(workspace: WorkspaceManifest, text: string): [string, string][] {
  return Object.entries(workspace.devDependencies ?? {}).filter(
    ([name]) => name.startsWith('@types/') && mentionsPackage(text, name.slice('@types/'.length)),
  );
}

function inDist(path: string): string {
  return path.replace(/^\.\//, './dist/');
}

function sorted(rows: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
