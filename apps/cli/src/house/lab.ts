/** `tenfold lab [demo]`. */
import { nearestNameHints } from '@tenfold/core/base';
import { runVerb, usageError, type SystemManifest, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { cliError } from '../cli-errors.ts';
import { verbFolders } from '../kept-run.ts';
import { labDemos, type LabDemo, type LabModule } from '../lab.ts';
import type { Host } from './house-manifest.ts';

export function createLab({ terminal }: Host) {
  return async ({ demo }: { readonly demo?: string | undefined }, context: VerbContext): Promise<VerbResult> => {
    if (demo === undefined) return listDemos();
    const found = labDemos.find((candidate) => candidate.name === demo);
    if (!found) {
      const names = labDemos.map((candidate) => candidate.name);
      throw usageError('TF-USAGE-005', {
        subject: 'lab',
        expected: 'a demonstration',
        actual: `"${demo}"`,
        hints: [...nearestNameHints(demo, names), 'Demonstrations: tenfold lab.'],
      });
    }
    const manifest = await loadDemo(found);
    const outcome = await runVerb(
      manifest,
      found.name,
      {},
      {
        ...verbFolders(terminal),
        seed: context.seed,
        signal: context.signal,
        onProgress: (update) => context.progress(update),
        onWarning: (diagnostic) => context.warn(diagnostic),
      },
    );
    if (outcome.error) throw outcome.error;
    return { ok: outcome.status === 'done', value: outcome.result, report: outcome.report! };
  };
}

async function loadDemo(demo: LabDemo): Promise<SystemManifest> {
  let verbs: LabModule['labVerbs'];
  try {
    ({ labVerbs: verbs } = (await import(demo.module)) as LabModule);
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw cause;
    throw cliError('TF-CLI-006', {
      subject: `lab ${demo.name}`,
      expected: 'the demonstration to be part of this checkout',
      actual: `no ${demo.module}`,
      hints: ['Update the checkout.'],
      cause,
    });
  }
  return { id: 'lab', title: 'Lab', question: '?', paper: { title: '', arxiv: '' }, tour: demo.name, verbs };
}

function listDemos(): VerbResult {
  const rows = labDemos.map(({ name, summary }) => ({ name, summary }));
  return {
    ok: true,
    value: rows,
    report: {
      title: 'Demonstrations of the shared core',
      verdict: { tone: 'neutral', text: 'Run one with: tenfold lab <name>.' },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'name', label: 'name' },
            { key: 'summary', label: 'what it does' },
          ],
          rows,
        },
      ],
    },
  };
}
