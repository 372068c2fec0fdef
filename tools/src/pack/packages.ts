/** Which folders of the repository become which packages, and what of them is shipped besides the compiled code. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourcePackage {
  readonly name: string;
  /** Folder in the repository. */
  readonly folder: string;
  /** Folders with TypeScript that is compiled, relative to `folder`. */
  readonly code: readonly string[];
  /** Folders that are copied as they are, relative to `folder`. */
  readonly assets: readonly string[];
  /** Whether the list of rooms (apps/systems.ts) lies one level above the code, as it does in the repository. */
  readonly hasRoomList: boolean;
}

export interface WorkspaceManifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Package with the weights of our own models; it has no code. */
export const MODELS_PACKAGE = '@tenfold/models';

/** Core, the command line, the studio and every room; ui is inside the built pages of the studio. */
export function listPackages(root: string): SourcePackage[] {
  const rooms = globSync('systems/*/package.json', { cwd: root })
    .map((file) => file.split('/')[1]!)
    .filter((room) => !room.startsWith('_'))
    .toSorted();
  return [
    { name: '@tenfold/core', folder: 'core', code: ['src'], assets: [], hasRoomList: false },
    ...rooms.map((room) => ({
      name: `@tenfold/${room}`,
      folder: `systems/${room}`,
      code: ['src'],
      assets: ['fixtures', 'collector', 'runner'],
      hasRoomList: false,
    })),
    { name: '@tenfold/studio', folder: 'apps/studio', code: ['server'], assets: ['web/dist'], hasRoomList: true },
    { name: 'tenfold', folder: 'apps/cli', code: ['src'], assets: ['bin'], hasRoomList: true },
  ];
}

export function readManifest(root: string, folder: string): WorkspaceManifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as WorkspaceManifest;
}
