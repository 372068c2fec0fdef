/** Graph and device of a verb: a file of the user's, or one of the paper's models built here. */
import { extname, resolve } from 'node:path';
import { readOnnxFile, type Graph } from '@tenfold/core/graph';
import type { Diagnostic } from '@tenfold/core/base';
import type { VerbContext } from '@tenfold/core/system';
import { overlapGraphFromCore } from './core-graph-import.ts';
import { checkTableRange, withTimes, type DeviceCosts } from './device-costs.ts';
import { DEVICES_PER_NODE, loadDevice } from './device-library.ts';
import { gptMoe, GPT2_L_MOE, GPT2_S_MOE } from './gpt-moe.ts';
import { parseCostsFile, parseGraphFile } from './graph-file.ts';
import { deviceFromNcclLog } from './nccl-log.ts';
import { isAllToAll } from './op-graph.ts';
import { overlapError } from './overlap-errors.ts';
import { readParsed } from './read-parsed.ts';
import { stepFromForward } from './training-step.ts';
import type { GateName, OverlapGraph } from './types.ts';

/** As in the manifest. */
const DEFAULT_BATCH = 24;

export interface InputParams {
  /** JSON graph or ONNX file; empty: the model. */
  readonly graph: string;
  readonly costs: string;
  readonly model: 's' | 'l';
  readonly devices: number;
  readonly batch: number;
  readonly gate: GateName;
  readonly bandwidth: number;
}

export interface OverlapInput {
  readonly graph: OverlapGraph;
  readonly device: DeviceCosts;
}

export async function loadInput(params: InputParams, context: VerbContext): Promise<OverlapInput> {
  const { devices, batch, gate, bandwidth } = params;
  refuseIdleBandwidth(params);
  const profile =
    params.costs === '' ? undefined : await readParsed(params.costs, context, (text) => profileFrom(text, devices));
  const device =
    profile?.device ??
    (await loadDevice({ dataFolder: context.dataFolder, numDevices: devices, bandwidthFactor: bandwidth }));
  const graph = await (async () => {
    if (params.graph === '') {
      const size = params.model === 's' ? GPT2_S_MOE : GPT2_L_MOE;
      return withTimes(gptMoe({ ...size, batch, numDevices: devices, gate }), device);
    }
    if (extname(params.graph) === '.onnx') {
      const { graph: core } = await readOnnxFile(resolve(context.workingFolder, params.graph));
      const step = stepFromForward(core, devices);
      if (step || !hasBackward(core)) context.warn(forwardNote(params.graph, step !== undefined));
      return withTimes(overlapGraphFromCore(step ?? core, { gate, batch }), device);
    }
    return readParsed(params.graph, context, (text) => parseGraphFile(text, { ...profile, device }));
  })();
  if (!graph.ops.some(isAllToAll)) {
    throw overlapError('TF-OVERLAP-002', {
      subject: `moe-overlap`,
      expected: 'a graph with at least one all-to-all',
      actual: `${graph.ops.length} operations without one`,
      ...(params.graph === '' ? {} : { location: params.graph }),
      hints: ['Exchanges have kind "a2a" and a "moe" tag; in ONNX files they are tenfold.dist AllToAll nodes.'],
    });
  }
  for (const warning of [...checkTableRange(graph, device), ...idleOptions(params, graph, profile)])
    context.warn(warning);
  return { graph, device };
}

function hasBackward({ nodes }: Graph): boolean {
  return nodes.some(({ notes }) => notes.phase === 'backward');
}

/** What was made of a forward pass of another exporter. */
function forwardNote(location: string, isCompleted: boolean): Diagnostic {
  return {
    severity: isCompleted ? 'info' : 'warning',
    code: 'TF-OVERLAP-003',
    subject: 'moe-overlap',
    expected: 'a whole training step',
    actual: isCompleted
      ? 'a forward pass: its backward pass, all-reduces of dense gradients and SGD with momentum were added'
      : 'a forward pass without a loss: it alone is planned',
    location,
    ...(isCompleted ? {} : { hints: ['Export the loss, one floating-point number, as an output.'] }),
  };
}

/** A profile in JSON, or a log of nccl-tests. */
function profileFrom(text: string, numDevices: number): ReturnType<typeof parseCostsFile> {
  if (text.trimStart().startsWith('{')) return parseCostsFile(text, numDevices);
  return { device: deviceFromNcclLog(text, numDevices), opTimes: {} };
}

/** What a JSON graph states itself, and times that no operation asks for. */
function idleOptions(
  { graph: file, gate, batch }: InputParams,
  graph: OverlapGraph,
  profile: Pick<ReturnType<typeof parseCostsFile>, 'opTimes'> | undefined,
): Diagnostic[] {
  const isJson = file !== '' && extname(file) !== '.onnx';
  const warning = (location: string, expected: string, actual: string): Diagnostic => ({
    severity: 'warning',
    code: 'TF-OVERLAP-003',
    subject: 'moe-overlap',
    expected,
    actual,
    location,
  });
  const found: Diagnostic[] = [];
  if (isJson && gate !== 'switch' && gate !== graph.gate) {
    found.push(
      warning('--gate', 'the gate that the graph states', `${gate}, and ${graph.gate} in the graph, which counts`),
    );
  }
  if (isJson && batch !== DEFAULT_BATCH && batch !== graph.batch) {
    found.push(
      warning('--batch', 'the batch that the graph states', `${batch}, and ${graph.batch} in the graph, which counts`),
    );
  }
  if (!isJson && Object.keys(profile?.opTimes ?? {}).length > 0) {
    found.push(
      warning('--costs', 'times of operations beside a JSON graph with "costKey"', 'another graph: they are not used'),
    );
  }
  return found;
}

/** @throws TF-OVERLAP-003 on a bandwidth between nodes where the costs do not depend on it */
function refuseIdleBandwidth({ bandwidth, costs, devices }: InputParams): void {
  const isOneNode = devices <= DEVICES_PER_NODE;
  if (bandwidth === 1 || (costs === '' && !isOneNode)) return;
  throw overlapError('TF-OVERLAP-003', {
    subject: 'moe-overlap',
    expected: 'a bandwidth between nodes where it counts',
    actual: costs === '' ? `${devices} devices, all in one node` : 'a profile, which holds the times of its own link',
    location: '--bandwidth',
    hints: [
      costs === ''
        ? `Use more than ${DEVICES_PER_NODE} devices.`
        : 'Leave out --costs, or give a profile of that link.',
    ],
  });
}
