/** Helpers that keep the types of a manifest; they return their argument. */
import type { z } from 'zod';
import type { SystemManifest, VerbManifest } from './types.ts';

/** Checks that params and `load` of a verb fit together and returns the verb as it is. */
export function defineVerb<Schema extends z.ZodObject>(verb: VerbManifest<Schema>): VerbManifest {
  return verb as unknown as VerbManifest;
}

/** Checks the type of a room's manifest and returns the manifest as it is. */
export function defineSystem(manifest: SystemManifest): SystemManifest {
  return manifest;
}
