/** The list of rooms as pages need it. Manifests are loaded once; algorithms never. */
import { nearestNameHints, TenfoldError, type Diagnostic } from '@tenfold/core/base';
import { describeSystem, type SystemManifest } from '@tenfold/core/system';
import { paramsFromExample } from './example-params.ts';
import { studioError } from './studio-errors.ts';

/** A row of the list of systems; `load` is absent while a room is not built. */
export interface StudioSystem {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly load?: () => Promise<{ readonly manifest: SystemManifest }>;
}

export interface Rooms {
  /** Descriptions as JSON, in the order of the list. */
  describe(): Promise<readonly object[]>;
  /** @throws TF-STUDIO-003 for an unknown room or one that is not built */
  manifest(id: string): Promise<SystemManifest>;
}

export function createRooms(systems: readonly StudioSystem[]): Rooms {
  const loaded = new Map<string, Promise<SystemManifest>>();
  const load = (system: StudioSystem): Promise<SystemManifest> => {
    let manifest = loaded.get(system.id);
    if (!manifest) {
      manifest = system.load!().then((module) => module.manifest);
      loaded.set(system.id, manifest);
      manifest.catch(() => loaded.delete(system.id)); // a manifest that is repaired can be loaded again
    }
    return manifest;
  };
  return {
    describe: () => Promise.all(systems.map((system) => describeRoom(system, load))),
    async manifest(id) {
      const system = systems.find((candidate) => candidate.id === id);
      if (system?.load) return load(system);
      const built = systems.filter((candidate) => candidate.load).map((candidate) => candidate.id);
      throw studioError('TF-STUDIO-003', {
        subject: 'studio',
        expected: system ? `the room "${id}" to be built` : 'the name of a room',
        actual: system ? 'a room without a manifest' : `"${id}"`,
        hints: nearestNameHints(id, built),
      });
    },
  };
}

async function describeRoom(
  system: StudioSystem,
  load: (system: StudioSystem) => Promise<SystemManifest>,
): Promise<object> {
  const { id, title, question, paper } = system;
  const plain = { id, title, question, paper, tour: '', verbs: [], built: false };
  if (!system.load) return plain;
  try {
    const manifest = await load(system);
    const description = describeSystem(manifest);
    return {
      ...description,
      page: description.page ?? undefined,
      built: true,
      verbs: description.verbs.map((verb, index) => ({
        name: verb.name,
        summary: verb.summary,
        examples: verb.examples,
        exampleParams: verb.examples.map((line) => paramsFromExample(manifest.verbs[index]!, line) ?? null),
        params: verb.paramsSchema,
        writesFiles: verb.writesFiles,
      })),
    };
  } catch (error) {
    return { ...plain, problem: problemOf(error, id) };
  }
}

function problemOf(error: unknown, id: string): Diagnostic {
  if (error instanceof TenfoldError) return error.toJSON();
  return studioError('TF-STUDIO-010', {
    subject: id,
    expected: 'its manifest to load',
    actual: error instanceof Error ? error.message : String(error),
  }).toJSON();
}
