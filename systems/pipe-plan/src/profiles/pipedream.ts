/** PipeDream's graph.txt: a line a node with measured times and sizes, a line an edge. */
import { pipeError } from '../pipe-errors.ts';
import type { DiffusionModel } from '../types.ts';
import { chainModel, type RawNode } from './chain-model.ts';

const PIPEDREAM_NODE =
  /^(?:\t)?(node\d+) -- (.*) -- forward_compute_time=([\d.]+), backward_compute_time=([\d.]+), activation_size=(\[[^\]]*\]|[\d.]+), parameter_size=([\d.]+)/;
const PIPEDREAM_EDGE = /^\t(node\d+) -- (node\d+)$/;
const DEFAULT_PROFILED_BATCH = 64;

/** @throws TF-PIPE-001 naming file and line */
export function readPipeDream(text: string, file: string, profiledBatch = DEFAULT_PROFILED_BATCH): DiffusionModel {
  const nodes: RawNode[] = [];
  const edges: [string, string][] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const edge = PIPEDREAM_EDGE.exec(line);
    if (edge) {
      edges.push([edge[1]!, edge[2]!]);
      return;
    }
    const node = PIPEDREAM_NODE.exec(line);
    if (!node)
      throw pipeError('TF-PIPE-001', {
        subject: 'readModel',
        expected: 'a line "nodeN -- name -- forward_compute_time=…" or a tab and "nodeN -- nodeM"',
        actual: JSON.stringify(line.slice(0, 60)),
        location: `${file}:${index + 1}`,
      });
    const [, id, name, forward, backward, activation, parameter] = node;
    const sizes = activation!.replace(/[[\]]/g, '').split(/[;,]/).map(Number);
    const outputBytes = sizes.reduce((sum, size) => sum + size, 0);
    nodes.push({
      id: id!,
      name: `${id!} ${name!.split('(')[0]!}`,
      forwardMs: Number(forward),
      backwardMs: Number(backward),
      outputBytes,
      activationBytes: outputBytes,
      paramBytes: Number(parameter),
    });
  });
  return chainModel(nodes, edges, {
    file,
    batch: profiledBatch,
    origin: `PipeDream profile ${file}, times at ${profiledBatch} samples`,
  });
}
