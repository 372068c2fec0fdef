/** Einsum of any number of operands, contracted from left to right. */
import { parseEinsum } from '../../../graph/index.ts';
import { numel, stridesFromShape } from '../../../tensor/index.ts';
import { input, stringAttribute } from '../kernel-call.ts';
import type { Kernel } from '../kernel-call.ts';
import type { RefValue } from '../ref-value.ts';
import { referenceError } from '../reference-errors.ts';

/** Contracts two operands into the letters that are still needed. Loops run over output letters outside, summed inside. */
function contract(terms: readonly string[], values: readonly RefValue[], output: string): RefValue {
  const sizes = new Map<string, number>();
  terms.forEach((term, t) =>
    term
      .split('')
      .forEach((letter, axis) => sizes.set(letter, Math.max(sizes.get(letter) ?? 1, values[t]!.shape[axis]!))),
  );
  const summed = [...sizes.keys()].filter((letter) => !output.includes(letter)).join('');
  const order = output + summed;
  const shape = order.split('').map((letter) => sizes.get(letter)!);
  const strides = terms.map((term, t) => {
    const own = stridesFromShape(values[t]!.shape);
    return order.split('').map((letter) => {
      let stride = 0;
      term.split('').forEach((other, axis) => {
        if (other === letter && values[t]!.shape[axis]! > 1) stride += own[axis]!;
      });
      return stride;
    });
  });
  const outShape = shape.slice(0, output.length);
  const data = new Float64Array(numel(outShape));
  const numSummed = numel(shape.slice(output.length));
  const total = data.length * numSummed;
  const index = new Array<number>(order.length).fill(0);
  const offsets = terms.map(() => 0);
  for (let i = 0; i < total; i++) {
    let product = 1;
    for (let t = 0; t < terms.length; t++) product *= values[t]!.data[offsets[t]!]!;
    data[Math.floor(i / numSummed)]! += product;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      for (let t = 0; t < terms.length; t++) offsets[t]! += strides[t]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let t = 0; t < terms.length; t++) offsets[t]! -= strides[t]![axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype: values[0]!.dtype, shape: outShape, data };
}

export const einsum: Kernel = (call) => {
  const values = call.inputs.map((_, i) => input(call, i));
  const parsed = parseEinsum(
    stringAttribute(call, 'equation', ''),
    values.map((value) => value.shape),
  );
  if (typeof parsed === 'string') {
    throw referenceError('TF-REFERENCE-001', {
      subject: 'evaluateNode',
      expected: parsed,
      location: `node "${call.node.name}"`,
    });
  }
  const { inputs: operands, output } = parsed;
  let term = operands[0]!;
  let value = values[0]!;
  for (let i = 1; i < values.length; i++) {
    const isLast = i === values.length - 1;
    const later = operands.slice(i + 1).join('') + output;
    const kept = isLast
      ? output
      : [...new Set(term + operands[i]!)].filter((letter) => later.includes(letter)).join('');
    value = contract([term, operands[i]!], [value, values[i]!], kept);
    term = kept;
  }
  if (values.length === 1) value = contract([term], [value], output);
  return [value.data];
};
