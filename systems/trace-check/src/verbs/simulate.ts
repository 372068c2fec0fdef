/** simulate: a real run on worker threads, clean or with a bug, checked against its one-device reference. */
import { resolve } from 'node:path';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { plainFindings, reportCheck } from '../report.ts';
import { BUGS, findBug, type Bug } from '../sim/bugs.ts';
import { configChangesFromText } from '../sim/mesh-text.ts';
import { createSimConfig, type SimConfig } from '../sim/sim-config.ts';
import { simulateAndCheck, withPool, type SimulatedRun } from '../sim/simulate.ts';
import { writeTrace } from '../trace/write-trace.ts';
import { closeUpsOf } from '../close-up.ts';

interface SimulateParams {
  readonly mesh: string;
  readonly precision: SimConfig['precision'] | 'default';
  readonly bug: string;
  readonly layers?: number;
  readonly steps?: number;
  readonly isolate: boolean;
  readonly listBugs: boolean;
  readonly output: string;
  readonly maxRows: number;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export async function run(params: SimulateParams, context: VerbContext): Promise<VerbResult> {
  if (params.listBugs) return listBugs();
  const bug = params.bug === '' ? undefined : findBug(params.bug, 'simulate');
  const config = configOf(params, bug, context.seed);
  if (params.output !== '')
    writeOutputFiles(
      ['reference', 'candidate'].map((name) => ({ path: `${params.output}/${name}/run.json`, bytes: '' })),
      { subject: 'simulate', context, dryRun: true, force: params.force },
    );
  context.progress({ phase: 'reference, three perturbed runs, candidate' });
  const { result, candidate, set } = await withPool((pool) => simulateAndCheck(pool, config));
  if (params.output !== '' && !params.dryRun) {
    const folder = resolve(context.workingFolder, params.output);
    const write = (name: string, run: SimulatedRun): Promise<void> =>
      writeTrace(`${folder}/${name}`, run.info, run.captures);
    await write('reference', set.reference);
    await write('candidate', candidate);
    for (const [i, run] of set.perturbed.entries()) await write(`perturbed-${i + 1}`, run);
  }
  const title = `${bug ? `bug ${bug.label}: ${bug.text}` : 'clean run'} (${params.mesh || 'mesh of the bug'}, ${config.precision})`;
  const report = reportCheck(result, title, params.maxRows);
  return {
    ok: result.verdict === 'pass',
    value: {
      ...plainFindings(result),
      mesh: config.mesh,
      numLayers: config.model.numLayers,
      precision: config.precision,
      bug: bug?.name ?? null,
      bugText: bug?.text ?? null,
      losses: { reference: set.reference.losses, candidate: candidate.losses },
      closeUps: closeUpsOf(result, set.reference.trace, candidate.trace),
    },
    report,
  };
}

function configOf(
  { mesh, precision, layers, steps, isolate }: SimulateParams,
  bug: Bug | undefined,
  seed: number,
): SimConfig {
  const chosen = bug && mesh === '' ? bug.config : createSimConfig(configChangesFromText(mesh === '' ? 'tp2' : mesh));
  const model = layers === undefined ? chosen.model : { ...chosen.model, numLayers: layers };
  const base = createSimConfig({ ...chosen, model });
  return {
    ...base,
    ...(precision === 'default' ? (bug ? { precision: bug.config.precision } : {}) : { precision }),
    ...(steps === undefined ? {} : { numSteps: steps }),
    ...(bug ? { bug: bug.name } : {}),
    isIsolated: isolate,
    planSeed: seed + 1,
  };
}

function listBugs(): VerbResult {
  const rows = BUGS.map(({ number, label, name, text, column }) => ({ number, label, name, text, column }));
  return {
    ok: true,
    value: rows,
    report: {
      title: 'Bugs',
      verdict: { tone: 'info', text: `${rows.length} bugs can be put into a run.` },
      blocks: [
        {
          kind: 'table',
          columns: [
            { key: 'label', label: 'no.' },
            { key: 'name', label: 'name' },
            { key: 'text', label: 'what is wrong' },
            { key: 'column', label: 'shows first in' },
          ],
          rows,
        },
      ],
    },
  };
}
