/** Softmax and norms by reductions. */
import { castTensor, numel } from '../../../tensor/index.ts';
import type { ValueId } from '../../../graph/index.ts';
import type { Expansion } from './expansion.ts';

/** s = x − max x;  log softmax = s − log Σ exp s. */
export function rewriteLogSoftmax({ node, valueOf, add, finish }: Expansion): void {
  const [x] = node.inputs;
  const axis = node.attributes['axis'] as number;
  const { shape } = valueOf(x);
  const reduced = shape.map((size, i) => (i === axis ? 1 : size));
  const reduce = { axes: [axis], keepdims: 1 };
  const shifted = add('Sub', [x, add('ReduceMax', [x], { shape: reduced }, reduce)], { shape });
  const sum = add('ReduceSum', [add('Exp', [shifted], { shape })], { shape: reduced }, reduce);
  finish('Sub', [shifted, add('Log', [sum], { shape: reduced })]);
}

/** Groups become the channels of an InstanceNormalization with unit scale. */
export function rewriteGroupNorm({ node, valueOf, add, finish, constant }: Expansion): void {
  const [x, scale, bias] = node.inputs;
  const { num_groups: groups, epsilon } = node.attributes as { num_groups: number; epsilon: number };
  const { shape, dtype } = valueOf(x);
  const [batch, channels] = shape;
  const grouped = [batch, groups, numel(shape) / (batch * groups)];
  const filled = (value: number): ValueId =>
    constant(castTensor({ dtype: 'float32', shape: [groups], data: new Float32Array(groups).fill(value) }, dtype));
  const flat = add('Reshape', [x], { shape: grouped }, { shape: grouped });
  const normal = add('InstanceNormalization', [flat, filled(1), filled(0)], { shape: grouped }, { epsilon });
  const restored = add('Reshape', [normal], { shape }, { shape });
  const perChannel = [1, channels, ...shape.slice(2).map(() => 1)];
  const standing = (id: ValueId): ValueId => add('Reshape', [id], { shape: perChannel }, { shape: perChannel });
  const scaled = add('Mul', [restored, standing(scale)], { shape });
  finish('Add', [scaled, standing(bias)]);
}

/** Training form by reductions; the inference form has a kernel. */
export function rewriteBatchNorm({ node, valueOf, add, addWithOutputs, finish, scalar }: Expansion): void {
  const { epsilon, momentum, training_mode: isTraining } = node.attributes as Record<string, number>;
  if (isTraining !== 1) {
    addWithOutputs(node.op, node.inputs, node.outputs, node.attributes);
    return;
  }
  const [x, scale, bias, oldMean, oldVariance] = node.inputs;
  const { shape, dtype } = valueOf(x);
  const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const perChannel = shape.map((size, axis) => (axis === 1 ? size : 1));
  const standing = (id: ValueId): ValueId => add('Reshape', [id], { shape: perChannel }, { shape: perChannel });
  const mean = add('ReduceMean', [x], { shape: perChannel }, { axes, keepdims: 1 });
  const centred = add('Sub', [x, mean], { shape });
  const squares = add('Mul', [centred, centred], { shape });
  const variance = add('ReduceMean', [squares], { shape: perChannel }, { axes, keepdims: 1 });
  const widened = add('Add', [variance, scalar(epsilon, dtype)], { shape: perChannel });
  const deviation = add('Sqrt', [widened], { shape: perChannel });
  const gain = add('Div', [standing(scale), deviation], { shape: perChannel });
  finish('Add', [add('Mul', [centred, gain], { shape }), standing(bias)]);
  const blend = (old: ValueId, batch: ValueId, output: number): void => {
    if (node.outputs.length <= output) return;
    const channels = [shape[1]];
    const flat = add('Reshape', [batch], { shape: channels }, { shape: channels });
    const kept = add('Mul', [old, scalar(momentum, dtype)], { shape: channels });
    finish('Add', [kept, add('Mul', [flat, scalar(1 - momentum, dtype)], { shape: channels })], {}, output);
  };
  blend(oldMean, mean, 1);
  blend(oldVariance, variance, 2);
}
