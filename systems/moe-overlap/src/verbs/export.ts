/** export: plans for the runner on PyTorch and NCCL. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { loadDevice } from '../device-library.ts';
import type { BlockSizes } from '../exec/block-graph.ts';
import { atRatio, measuredCosts, nativeSetting, type MeasuredCosts } from '../measured-costs.ts';
import { parseMeasuredFile } from '../measured-file.ts';
import { overlapError } from '../overlap-errors.ts';
import { readParsed } from '../read-parsed.ts';
import { planRunner, profilingPlans, type RunnerPlans } from '../runner-plans.ts';
import { tableOfModes } from '../report.ts';

interface ExportParams {
  readonly devices: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly seq: number;
  readonly batch: number;
  readonly gate: 'switch' | 'bpr';
  readonly ratio: number;
  readonly profile: string;
  readonly profiling: boolean;
  readonly overhead: number;
  readonly maxParts: number;
}

const EXPERTS_PER_DEVICE = 2;

export async function run(params: ExportParams, context: VerbContext): Promise<VerbResult> {
  const { ratio, overhead, maxParts, profile } = params;
  const measured = profile === '' ? undefined : await readProfile(profile, params, context);
  const sizes = measured?.sizes ?? sizesOf(params);
  const device = await loadDevice({ dataFolder: context.dataFolder, numDevices: sizes.numRanks });
  if (params.profiling) return profilingResult(profilingPlans(sizes, device));
  const { file, optimised } = await planRunner({
    sizes,
    device,
    ratio,
    partOverheadMs: overhead,
    maxParts,
    ...(measured ? { measured: measured.costs } : {}),
  });
  const { none } = optimised.plans;
  const best = optimised.plans[optimised.accepted];
  const speedUp = none.simulation.makespanMs / best.simulation.makespanMs;
  return {
    ok: true,
    value: {
      accepted: optimised.accepted,
      numPlans: file.plans.length,
      speedUp,
      overheadMs: measured?.costs.overheadMs ?? overhead,
    },
    report: {
      title: 'Plans for the runner',
      verdict: {
        tone: 'good',
        text:
          `Six plans for ${sizes.layers} layers on ${sizes.numRanks} devices, with ${measured ? 'measured' : 'modelled'} times; ` +
          `best is "${best.mode}": ${speedUp.toFixed(2)}× predicted.`,
      },
      blocks: [
        ...(measured ? [] : [{ kind: 'text' as const, text: `Costs: ${device.name}. ${device.origin}.` }]),
        tableOfModes(optimised),
        {
          kind: 'code',
          caption: 'Run them',
          language: 'sh',
          text: `torchrun --nproc-per-node ${sizes.numRanks} run_plan.py --plans runner-plans.json --check --out measured.json`,
        },
      ],
    },
    artifacts: [plansArtifact(file)],
  };
}

const plansArtifact = (file: RunnerPlans) => ({
  name: 'runner-plans.json',
  mediaType: 'application/json',
  bytes: new TextEncoder().encode(JSON.stringify(file)),
});

function profilingResult(file: RunnerPlans): VerbResult {
  const names = file.plans.map(({ mode }) => mode);
  return {
    ok: true,
    value: { accepted: 'none', numPlans: names.length, speedUp: 1 },
    report: {
      title: 'Orders to profile',
      verdict: {
        tone: 'info',
        text: `Run ${names.join(', ')} with the runner, then plan from what it writes: export --profile measured.json.`,
      },
      blocks: [],
    },
    artifacts: [plansArtifact(file)],
  };
}

/** @throws TF-OVERLAP-003 unless the heads divide the width and there is a row per expert */
function sizesOf({ devices, layers, hidden, heads, seq, batch, gate }: ExportParams): BlockSizes {
  const capacity = Math.floor(Math.ceil((batch * seq) / (devices * EXPERTS_PER_DEVICE)));
  if (hidden % heads !== 0) {
    throw overlapError('TF-OVERLAP-003', {
      subject: 'moe-overlap export',
      expected: 'a width that the heads divide',
      actual: `${hidden} and ${heads} heads`,
      location: '--hidden, --heads',
    });
  }
  return {
    layers,
    hidden,
    heads,
    inner: 4 * hidden,
    seq,
    batch,
    gate,
    numRanks: devices,
    expertsPerRank: EXPERTS_PER_DEVICE,
    capacity,
    hasQkv: true,
  };
}

/** Sizes and costs of the run on the link as it is, if there is one. */
async function readProfile(
  file: string,
  { overhead, ratio }: ExportParams,
  context: VerbContext,
): Promise<{ readonly sizes: BlockSizes; readonly costs: MeasuredCosts }> {
  const measured = await readParsed(file, context, parseMeasuredFile);
  const costs = measuredCosts(measured, overhead);
  if (costs) return { sizes: nativeSetting(measured).sizes as BlockSizes, costs: atRatio(costs, ratio, measured) };
  throw overlapError('TF-OVERLAP-004', {
    subject: 'moe-overlap export',
    expected: 'times of the mode "none"',
    actual: 'none in the profile',
    location: file,
    hints: ['Run the runner again; it measures the written order first.'],
  });
}
