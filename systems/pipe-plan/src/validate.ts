/** What a model must obey before it is planned; every broken rule is named with its layer. */
import { createFrozenWork } from './fill/frozen-work.ts';
import { pipeError } from './pipe-errors.ts';
import type { DiffusionModel, LayerProfile, TimeTable } from './types.ts';

const LAYER_KINDS: ReadonlySet<string> = new Set(['trainable', 'gradThrough', 'frozen']);

/** @throws TF-PIPE-001, TF-PIPE-004 */
export function validateModel(model: DiffusionModel): void {
  if (model.backbones.length === 0) fail('at least one backbone', 'none', `model "${model.name}"`);
  for (const { name, layers, skips } of model.backbones) {
    if (layers.length === 0) fail('at least one layer', 'none', `backbone "${name}"`);
    for (const layer of layers) {
      checkLayer(layer, `backbone "${name}", layer "${layer.name}"`);
      if (layer.kind === 'frozen')
        fail('trainable or gradThrough layers in a backbone', 'frozen', `backbone "${name}", layer "${layer.name}"`);
    }
    for (const { from, to, bytesPerSample } of skips) {
      const where = `backbone "${name}", skip ${from} → ${to}`;
      if (!(from >= 0 && from < to && to < layers.length))
        fail('a skip from an earlier layer to a later one', `${from} → ${to} of ${layers.length} layers`, where);
      checkNumber(bytesPerSample, 'bytesPerSample', where);
    }
  }
  const numLayers = model.backbones[0]!.layers.length;
  for (const { id, layers, consumers = [] } of model.frozen) {
    if (layers.length === 0) fail('at least one layer', 'none', `frozen "${id}"`);
    for (const { layer, bytesPerSample } of consumers) {
      if (!(Number.isInteger(layer) && layer >= 0 && layer < numLayers))
        fail(`a consumer among layers 0 to ${numLayers - 1}`, String(layer), `frozen "${id}"`);
      checkNumber(bytesPerSample, 'bytesPerSample', `frozen "${id}", consumer ${layer}`);
    }
    for (const layer of layers) {
      const where = `frozen "${id}", layer "${layer.name}"`;
      checkLayer(layer, where);
      if (layer.kind !== 'frozen') fail('kind frozen in a frozen component', layer.kind, where);
    }
  }
  createFrozenWork(model.frozen);
}

function checkLayer(layer: LayerProfile, where: string): void {
  if (!LAYER_KINDS.has(layer.kind)) fail('kind trainable, gradThrough or frozen', `"${layer.kind}"`, where);
  checkTable(layer.forward, 'forward', where);
  if (layer.backward) checkTable(layer.backward, 'backward', where);
  else if (layer.kind !== 'frozen') fail('backward times for a layer that gradients pass', 'none', where);
  for (const field of ['paramBytes', 'gradBytes', 'activationBytesPerSample', 'outputBytesPerSample'] as const)
    checkNumber(layer[field], field, where);
}

function checkTable({ sizes, timesMs }: TimeTable, field: string, where: string): void {
  if (sizes.length !== timesMs.length || sizes.length < 2)
    fail(`two or more sizes with one time each in "${field}"`, `${sizes.length} sizes, ${timesMs.length} times`, where);
  sizes.forEach((size, k) => {
    if (!(size > (sizes[k - 1] ?? 0))) fail(`ascending sizes above 0 in "${field}"`, `[${sizes.join(', ')}]`, where);
    checkNumber(timesMs[k]!, `${field}.timesMs[${k}]`, where);
  });
}

function checkNumber(value: number, field: string, where: string): void {
  if (!(value >= 0 && value < Infinity)) fail(`a finite ${field} ≥ 0`, String(value), where);
}

function fail(expected: string, actual: string, location: string): never {
  throw pipeError('TF-PIPE-001', { subject: 'validateModel', expected, actual, location });
}
