/** A model above ONNX's limit for one file: written with the default settings, its weights go beside it; ONNX Runtime opens it
 *  and computes what the graph says. Usage: node core/bench/large-onnx.ts (needs 3 GiB of memory and 1.3 GiB of disk) */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { createGraphBuilder, writeOnnxFile } from '../src/graph/index.ts';

const WIDTH = 16_384;
const ROWS = 20_480; // 1.25 GiB of f32

const g = createGraphBuilder('large');
g.output(g.matMul(g.input('x', 'float32', [1, ROWS]), g.parameter('w', [ROWS, WIDTH])), 'y');
const data = new Float32Array(ROWS * WIDTH);
for (let i = 0; i < data.length; i++) data[i] = (i % 1021) / 1021;
const folder = mkdtempSync(join(tmpdir(), 'tenfold-large-'));
try {
  const path = join(folder, 'model.onnx');
  const start = performance.now();
  await writeOnnxFile(path, g.finish(), { stateValues: { w: { dtype: 'float32', shape: [ROWS, WIDTH], data } } });
  const written = performance.now();
  const session = await InferenceSession.create(path);
  // A row of w at a time: x picks one.
  const picked = 12_345;
  const x = Float32Array.from({ length: ROWS }, (_, i) => (i === picked ? 1 : 0));
  const { y } = await session.run({ x: new OrtTensor('float32', x, [1, ROWS]) });
  const row = data.subarray(picked * WIDTH, (picked + 1) * WIDTH);
  const isEqual = (y.data as Float32Array).every((value, i) => value === row[i]);
  await session.release();
  console.log(
    JSON.stringify({
      modelBytes: statSync(path).size,
      dataBytes: statSync(`${path}.data`).size,
      writeSec: (written - start) / 1e3,
      openAndRunSec: (performance.now() - written) / 1e3,
      isEqual,
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}
