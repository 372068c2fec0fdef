/** simulate: a real run on worker threads, clean or with a bug, checked against its one-device reference. */
import { resolve } from 'node:path';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Report } from '@tenfold/core/report';
import { plainFindings, reportCheck, withFiles } from '../report.ts';
import { BUGS, findBug, type Bug } from '../sim/bugs.ts';
import { configChangesFromText } from '../sim/mesh-text.ts';
import { createSimConfig, type SimConfig } from '../sim/sim-config.ts';
import { simulateAndCheck, withPool, type SimulatedRun } from '../sim/simulate.ts';
import { writeTrace } from '../trace/write-trace.ts';
import { closeUpsOf } from '../close-up.ts';
import { withOutput } from './output-target.ts';

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

const DEFAULT_MESH = 'tp2';
const TRACES = ['reference', 'candidate', 'perturbed-1', 'perturbed-2', 'perturbed-3'];

export async function run(params: SimulateParams, context: VerbContext): Promise<VerbResult> {
  if (params.listBugs) return listBugs();
  const bug = params.bug === '' ? undefined : findBug(params.bug, 'simulate');
  const config = configOf(params, bug, context.seed);
  const { dryRun, force } = params;
  const traces = params.output === '' ? [] : TRACES.map((name) => `${params.output}/${name}`);
  const target = { subject: 'simulate', context, dryRun, force };
  const runs = traces.map((trace) => `${trace}/run.json`);
  const { result, candidate, set } = await withOutput(runs, target, () => {
    context.progress({ phase: 'reference, three perturbed runs, candidate' });
    return withPool((pool) => simulateAndCheck(pool, config, { signal: context.signal }));
  });
  if (params.output !== '' && !dryRun) {
    const folder = resolve(context.workingFolder, params.output);
    const write = (name: string, run: SimulatedRun): Promise<void> =>
      writeTrace(`${folder}/${name}`, run.info, run.captures);
    await write('reference', set.reference);
    await write('candidate', candidate);
    for (const [i, run] of set.perturbed.entries()) await write(`perturbed-${i + 1}`, run);
  }
  const title = `${bug ? `bug ${bug.label}: ${bug.text}` : 'clean run'} (${params.mesh || (bug ? 'mesh of the bug' : DEFAULT_MESH)}, ${config.precision})`;
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
    report: withFiles(bug && result.verdict === 'pass' ? withoutEffect(report, bug, config) : report, traces, dryRun),
  };
}

/** A bug on a mesh where its axis has one rank changes nothing: a pass that must not be read as a bug missed. */
function withoutEffect(report: Report, bug: Bug, { mesh }: SimConfig): Report {
  const sizesOf = (sizes: SimConfig['mesh']): string =>
    Object.entries(sizes)
      .filter(([, size]) => size > 1)
      .map(([name, size]) => `${name}${size}`)
      .join(' ') || 'one device';
  return {
    ...report,
    verdict: {
      tone: 'warn',
      text: `${report.verdict.text} Bug ${bug.label} does nothing in this run (${sizesOf(mesh)}); without --mesh it runs where it shows (${sizesOf(bug.config.mesh)}).`,
    },
  };
}

function configOf(
  { mesh, precision, layers, steps, isolate }: SimulateParams,
  bug: Bug | undefined,
  seed: number,
): SimConfig {
  const chosen =
    bug && mesh === '' ? bug.config : createSimConfig(configChangesFromText(mesh === '' ? DEFAULT_MESH : mesh));
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
