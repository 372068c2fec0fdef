/** Demonstrations of the shared core, gathered into one room called `lab`. A folder of core brings its verbs as
 *  `labVerbs`; adding one means adding a row here. */
import type { SystemManifest, VerbManifest } from '@tenfold/core/system';

interface LabModule {
  readonly labVerbs: readonly VerbManifest[];
}

const LAB_MODULES: readonly (() => Promise<LabModule>)[] = [() => import('@tenfold/core/nn/lab')];

/** The manifest of the lab. */
export async function loadLab(): Promise<SystemManifest> {
  const modules = await Promise.all(LAB_MODULES.map((load) => load()));
  const verbs = modules.flatMap((module) => module.labVerbs);
  return {
    id: 'lab',
    title: 'Lab',
    question: 'What can the shared core do on its own?',
    paper: { title: '', arxiv: '' },
    tour: verbs[0]!.name,
    verbs,
  };
}
