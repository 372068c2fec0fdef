/** Demonstrations of the shared core, gathered into one room called `lab`. Folders of core bring their verbs in
 *  `lab/index.ts` as `labVerbs`; a demonstration whose folder is not part of the checkout says so when it is called. */
import { z } from 'zod';
import { defineVerb, type SystemManifest, type VerbManifest } from '@tenfold/core/system';
import { cliError } from './cli-errors.ts';

interface LabDemo {
  readonly name: string;
  readonly summary: string;
  /** Export of @tenfold/core with the demonstration's verb. */
  readonly module: string;
}

interface LabModule {
  readonly labVerbs: readonly VerbManifest[];
}

const LAB_DEMOS: readonly LabDemo[] = [
  {
    name: 'train-digits',
    summary: 'train a small network on handwritten digits and report its test accuracy',
    module: '@tenfold/core/nn/lab',
  },
];

/** The manifest of the lab: verbs of the core folders that are there, placeholders for the others. */
export async function loadLab(): Promise<SystemManifest> {
  return {
    id: 'lab',
    title: 'Lab',
    question: 'What can the shared core do on its own?',
    paper: { title: '', arxiv: '' },
    tour: LAB_DEMOS[0]!.name,
    verbs: await Promise.all(LAB_DEMOS.map(loadDemo)),
  };
}

async function loadDemo(demo: LabDemo): Promise<VerbManifest> {
  let missing: unknown;
  try {
    const { labVerbs } = (await import(demo.module)) as LabModule;
    const verb = labVerbs.find((candidate) => candidate.name === demo.name);
    if (verb) return verb;
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw cause;
    missing = cause;
  }
  return defineVerb({
    name: demo.name,
    summary: `${demo.summary} (not part of this checkout)`,
    examples: [demo.name],
    params: z.object({}),
    load: async () => {
      throw cliError('TF-CLI-006', {
        subject: `lab ${demo.name}`,
        expected: 'the demonstration to be part of this checkout',
        actual: `no ${demo.module}`,
        hints: ['Update the checkout.'],
        cause: missing,
      });
    },
  });
}
