/** Helpers that keep the types of a manifest; they return their argument. */
import type { z } from 'zod';
import type { SystemManifest, VerbManifest } from './types.ts';

export function defineVerb<Schema extends z.ZodObject>(verb: VerbManifest<Schema>): VerbManifest {
  return verb as unknown as VerbManifest;
}

export function defineSystem(manifest: SystemManifest): SystemManifest {
  return manifest;
}
