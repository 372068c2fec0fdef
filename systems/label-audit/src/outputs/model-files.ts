/** A trained classifier as files: safetensors with all parameters, and ONNX from raw inputs to probabilities. */
import { createMemorySink, writeSafetensors } from '@tenfold/core/data';
import { createGraphBuilder, writeOnnx } from '@tenfold/core/graph';
import type { GraphValue } from '@tenfold/core/graph';
import { createNet, zeros } from '@tenfold/core/nn';
import type { OutputFile } from '@tenfold/core/system';
import type { Tensor } from '@tenfold/core/tensor';
import type { Scaling } from '../inputs/standardise.ts';
import { backboneFeatures } from '../pemm/backbones.ts';
import { logPrior } from '../pemm/distance-head.ts';
import type { TrainedClassifier, TrainOptions } from '../pemm/train.ts';

export interface ModelExport {
  readonly model: TrainedClassifier;
  readonly options: TrainOptions;
  /** Of one sample. */
  readonly inputShape: readonly number[];
  readonly classNames: readonly string[];
  readonly scaling?: Scaling;
  readonly inputNames?: readonly string[];
}

/** Names of the files of a model, in the order of `modelFiles`. */
export function modelFileNames(folder: string): string[] {
  return ['model.safetensors', 'model.onnx', 'model.json'].map((name) => `${folder}/${name}`);
}

/** @returns model.safetensors, model.onnx (any batch) and model.json below the folder */
export async function modelFiles(exported: ModelExport, folder: string): Promise<OutputFile[]> {
  const states = await exported.model.trainer.parameters();
  const sink = createMemorySink();
  await writeSafetensors(sink, Object.entries(states), { metadata: { classes: JSON.stringify(exported.classNames) } });
  const { options, classNames, inputShape, scaling, inputNames } = exported;
  const description = {
    classNames,
    input: { name: 'x', shape: ['batch', ...inputShape], ...(inputNames && { columns: inputNames }) },
    output: { name: 'probabilities', shape: ['batch', classNames.length] },
    backbone: options.backbone ?? 'mlp',
    head: options.head ?? 'distance',
    loss: options.loss ?? 'sce',
    ...(scaling && { scaling: { mean: [...scaling.mean], scale: [...scaling.scale], isInModel: true } }),
  };
  const contents = [sink.bytes(), inferenceOnnx(exported, states), `${JSON.stringify(description, null, 1)}\n`];
  return modelFileNames(folder).map((path, i) => ({ path, bytes: contents[i] }));
}

/** The distance head leaves as one Gemm with W = 2C, b = −‖c‖²: the ‖x‖² of every logit cancels in the softmax. */
function inferenceOnnx(exported: ModelExport, states: Readonly<Record<string, Tensor>>): Uint8Array {
  const { options, inputShape, scaling } = exported;
  const g = createGraphBuilder('pemm');
  const net = createNet(g, { isTraining: false });
  const raw = g.input('x', 'float32', [1, ...inputShape]);
  const x = scaling === undefined ? raw : g.mul(g.sub(raw, vector(scaling.mean)), vector(scaling.scale));
  const features = backboneFeatures(net, options.backbone ?? 'mlp', x);
  const { weight, bias } = linearHead(states, options);
  const head = net.in('head', () => ({
    weight: net.parameter('weight', weight.shape, zeros),
    bias: net.parameter('bias', bias.shape, zeros),
  }));
  g.output(g.softmax(g.gemm(features, head.weight, head.bias, { transB: 1 })), 'probabilities');
  const graph = net.finish();
  const stateValues = { ...states, 'head.weight': weight, 'head.bias': bias };
  return writeOnnx(graph, { stateValues, notes: false, batchName: 'batch' }).model;

  function vector(data: Float32Array): GraphValue {
    return g.constant({ dtype: 'float32', shape: [data.length], data });
  }
}

/** W = 2σC, b = log π − σ‖c‖² of the centres; a linear head as it is. */
function linearHead(
  states: Readonly<Record<string, Tensor>>,
  { headScale = 'one', prior }: TrainOptions,
): { weight: Tensor; bias: Tensor } {
  const centres = states['head.centres'];
  if (centres === undefined) return { weight: states['head.weight'], bias: states['head.bias'] };
  const [numClasses, width] = centres.shape as [number, number];
  const data = centres.data as Float32Array;
  const learned = states['head.log_scale'];
  const scale = headScale === 'sqrtd' ? 1 / Math.sqrt(width) : learned ? Math.exp(Number(learned.data[0])) : 1;
  const bias = prior === undefined ? new Float32Array(numClasses) : logPrior(prior);
  for (let at = 0; at < data.length; at++) bias[Math.floor(at / width)] -= scale * data[at] ** 2;
  return {
    weight: { dtype: 'float32', shape: [numClasses, width], data: data.map((c) => 2 * scale * c) },
    bias: { dtype: 'float32', shape: [numClasses], data: bias },
  };
}
