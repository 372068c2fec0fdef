/** Demonstrations of the shared core. A row whose module is not part of the checkout says so when it is called. */
import type { SystemManifest } from '@tenfold/core/system';

export interface LabDemo {
  readonly name: string;
  readonly summary: string;
  /** Folder of core that brings the demonstration: its `index.ts` in `lab/` exports `labVerbs`. */
  readonly module: string;
}

export interface LabModule {
  readonly labVerbs: SystemManifest['verbs'];
}

export const labDemos: readonly LabDemo[] = [
  {
    name: 'train-digits',
    summary: 'train a small network on handwritten digits and report its test accuracy',
    module: '@tenfold/core/nn/lab',
  },
];
