/** Graph: a 20,000-node training-like graph built, verified, printed, parsed, transformed, written and read. No peer does
 *  the same; the issue allows seconds for the whole. Reading is set against the protobuf decoding alone. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  cleanUp,
  costOfGraph,
  createGraphBuilder,
  fuseMatMul,
  mergeCommonSubexpressions,
  parseGraph,
  printGraph,
  readOnnx,
  removeDeadCode,
  verifyGraph,
  writeOnnx,
  type Graph,
} from '../src/graph/index.ts';
import { MODEL_SCHEMA } from '../src/graph/onnx/onnx-schema.ts';
import type { BenchRow } from '../src/report/index.ts';
import { sideBySide } from './side-by-side.ts';

const NUM_LAYERS = 4000;
const NODES_OF_LAYER = 5;
const NUM_NODES = NUM_LAYERS * NODES_OF_LAYER;

export async function bench(): Promise<BenchRow[]> {
  const graph = layeredGraph();
  const text = printGraph(graph);
  const { model } = writeOnnx(graph);
  const tasks: readonly (readonly [string, () => unknown, (() => unknown)?])[] = [
    ['build', layeredGraph],
    ['verify', () => verifyGraph(graph)],
    ['print', () => printGraph(graph)],
    ['parse', () => parseGraph(text)],
    ['FLOPs and bytes', () => costOfGraph(graph)],
    ['dead code', () => removeDeadCode(graph)],
    ['common subexpressions', () => mergeCommonSubexpressions(graph)],
    ['clean-up', () => cleanUp(graph)],
    ['FusedMatMul', () => fuseMatMul(graph)],
    ['write ONNX', () => writeOnnx(graph)],
    ['read ONNX', () => readOnnx(model), () => fromBinary(MODEL_SCHEMA, model)],
  ];
  const rows: BenchRow[] = [];
  for (const [what, ours, peer] of tasks) {
    const note = peer === undefined ? 'no peer' : 'peer: protobuf decoding of the same file alone';
    rows.push(
      await sideBySide({
        name: `20,000 nodes: ${what}`,
        ours,
        work: NUM_NODES,
        unit: 'nodes/s',
        note,
        ...(peer === undefined ? {} : { peer }),
      }),
    );
  }
  return rows;
}

function layeredGraph(): Graph {
  const g = createGraphBuilder('layers');
  let x = g.input('x', 'float32', [4, 4]);
  for (let layer = 0; layer < NUM_LAYERS; layer++) {
    x = g.scope(`layers.${layer}`, () => {
      const w = g.parameter(`layers.${layer}.w`, [4, 4]);
      return g.tanh(g.add(x, g.mul(g.matMul(x, g.transpose(w)), 0.5)));
    });
  }
  g.output(x, 'y');
  return g.finish();
}
