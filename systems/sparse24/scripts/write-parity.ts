/** Writes what gpu_check.py compares with: a token row and our logits of the dense and of the masked model.
 *  Usage: node write-parity.ts <model folder> <mask24.safetensors> <output.safetensors> */
import { buildInference, i64, llama } from '@tenfold/core/nn';
import { openBackend } from '@tenfold/core/runtime';
import { writeSafetensors } from '@tenfold/core/data';
import type { Tensor } from '@tenfold/core/tensor';
import { createRng } from '@tenfold/core/base';
import { maskedParameters, openModel, readMaskFile, sampleRows } from '../src/index.ts';

const [folder, maskFile, output] = process.argv.slice(2) as [string, string, string];
const LENGTH = 96;

const model = await openModel(folder);
const [row] = await sampleRows(model, { numRows: 1, length: LENGTH, rng: createRng(3, 'parity') });
const masks = await readMaskFile(maskFile, { shapeOf: (name) => model.parameters[name]?.shape });
const { graph } = buildInference({
  model: llama(model.config),
  inputs: { tokens: i64(1, LENGTH) },
  outputs: ['logits'],
});
const engine = await openBackend('cpu');
const session = await engine.createSession(
  graph,
  Object.fromEntries(graph.states.map(({ name }) => [name, model.parameters[name]!])),
);
const tokens: Tensor = { dtype: 'int64', shape: [1, LENGTH], data: BigInt64Array.from(row!, BigInt) };
const { logits: dense } = await session.run({ tokens });
for (const [name, value] of Object.entries(maskedParameters(model, masks))) await session.writeState(name, value);
const { logits: masked } = await session.run({ tokens });
await session.dispose();
await writeSafetensors(
  output,
  [
    ['tokens', tokens],
    ['dense', dense!],
    ['masked', masked!],
  ],
  { force: true },
);
