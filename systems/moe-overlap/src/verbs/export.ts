/** export: plans for the runner on PyTorch and NCCL. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { loadDevice } from '../device-library.ts';
import { planRunner } from '../runner-plans.ts';
import { tableOfModes } from '../report.ts';
import type { GateName } from '../types.ts';

interface ExportParams {
  readonly devices: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly seq: number;
  readonly batch: number;
  readonly gate: GateName;
  readonly ratio: number;
}

const EXPERTS_PER_DEVICE = 2;

export async function run(params: ExportParams, context: VerbContext): Promise<VerbResult> {
  const { devices, layers, hidden, seq, batch, gate, ratio } = params;
  const device = await loadDevice({ dataFolder: context.dataFolder, numDevices: devices });
  const sizes = {
    layers,
    hidden,
    heads: params.heads,
    inner: 4 * hidden,
    seq,
    batch,
    gate,
    numRanks: devices,
    expertsPerRank: EXPERTS_PER_DEVICE,
    capacity: Math.floor(Math.ceil((batch * seq) / (devices * EXPERTS_PER_DEVICE))),
    hasQkv: true,
  };
  const { file, optimised } = await planRunner(sizes, device, ratio);
  const { none } = optimised.plans;
  const best = optimised.plans[optimised.accepted];
  return {
    ok: true,
    value: { accepted: optimised.accepted, numPlans: file.plans.length },
    report: {
      title: 'Plans for the runner',
      verdict: {
        tone: 'good',
        text: `Six plans for ${layers} layers; best is ${best.mode}: ${(none.simulation.makespanMs / best.simulation.makespanMs).toFixed(2)}× predicted.`,
      },
      blocks: [tableOfModes(optimised)],
    },
    artifacts: [
      {
        name: 'runner-plans.json',
        mediaType: 'application/json',
        bytes: new TextEncoder().encode(JSON.stringify(file)),
      },
    ],
  };
}
