/** Folders in Hugging Face's layout: config.json beside safetensors. */
import { openSafetensors } from '../../data/index.ts';
import type { StateValues } from '../../runtime/index.ts';
import { castTensor, equalShapes, formatShape } from '../../tensor/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { createGraphBuilder } from '../../graph/index.ts';
import { createNet } from '../net.ts';
import type { Model, StateSpec } from '../net.ts';
import { nnError } from '../nn-errors.ts';

/** The parameters of a decoder, by name. */
export function parametersOf(decoder: Model): ReadonlyMap<string, StateSpec> {
  const g = createGraphBuilder(`${decoder.name}.parameters`);
  const net = createNet(g);
  decoder.forward(net, { tokens: g.input('tokens', 'int64', [1, 1]) });
  return net.states;
}

/** Reads config.json. @throws TF-NN-006 if it is missing or no JSON */
export async function readConfig(folder: string): Promise<{ json: unknown; path: string }> {
  const { readFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const path = join(folder, 'config.json');
  try {
    return { json: JSON.parse(await readFile(path, 'utf8')), path };
  } catch (cause) {
    throw nnError('TF-NN-006', {
      subject: 'readConfig',
      expected: 'a config.json that holds JSON',
      actual: (cause as Error).message,
      location: path,
      cause,
    });
  }
}

/** The weights of a folder as f32.
 *  @throws TF-NN-003 naming the first that is missing or misshapen */
export async function readParameters(folder: string, specs: ReadonlyMap<string, StateSpec>): Promise<StateValues> {
  const reader = await openSafetensors(folder);
  try {
    const parameters: Record<string, Tensor> = {};
    for (const [name, { shape }] of specs) {
      const entry = reader.entries.get(name);
      if (entry === undefined || !equalShapes(entry.shape, shape)) {
        throw nnError('TF-NN-003', {
          subject: 'readParameters',
          expected: `"${name}" ${formatShape(shape)}`,
          actual: entry === undefined ? 'no such tensor' : formatShape(entry.shape),
          location: folder,
          hints: ['Check that config.json belongs to these weights.'],
        });
      }
      const tensor = await reader.read(name);
      parameters[name] = tensor.dtype === 'float32' ? tensor : castTensor(tensor, 'float32');
    }
    return parameters;
  } finally {
    await reader.close();
  }
}
