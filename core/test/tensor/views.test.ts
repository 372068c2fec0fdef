import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  broadcastView,
  copyBox,
  createTensor,
  formatTensor,
  indicesFromOffset,
  numel,
  reshapeTensor,
  sliceView,
  stridesFromShape,
  tensorFromArray,
  tensorFromView,
  transposeView,
  viewFromTensor,
} from '../../src/tensor/index.ts';

const counting = (shape: number[]) =>
  tensorFromArray(
    'int32',
    shape,
    Int32Array.from({ length: numel(shape) }, (_, i) => i + 1),
  );

test('slices, transposes and broadcasts share memory and materialise as expected', () => {
  const tensor = counting([2, 3]); // [[1, 2, 3], [4, 5, 6]]
  const view = viewFromTensor(tensor);
  assert.equal(view.data, tensor.data);
  const odd = sliceView(view, 1, { step: 2 });
  assert.deepEqual([...tensorFromView(odd).data], [1, 3, 4, 6]);
  assert.deepEqual([...tensorFromView(sliceView(view, 0, { start: -1 })).data], [4, 5, 6]);
  const transposed = tensorFromView(transposeView(view, [1, 0]));
  assert.deepEqual(transposed.shape, [3, 2]);
  assert.deepEqual([...transposed.data], [1, 4, 2, 5, 3, 6]);
  const repeated = broadcastView(sliceView(view, 0, { end: 1 }), [2, 2, 3]);
  assert.deepEqual([...tensorFromView(repeated).data], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
});

test('a scalar and an empty view materialise', () => {
  assert.deepEqual([...tensorFromView(viewFromTensor(counting([]))).data], [1]);
  assert.deepEqual(tensorFromView(sliceView(viewFromTensor(counting([2, 3])), 1, { end: 0 })).shape, [2, 0]);
});

test('copyBox moves exactly the box, element for element, for any shapes and places', () => {
  const axis = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 40 }), fc.nat(3), fc.nat(3), fc.nat(3));
  fc.assert(
    fc.property(fc.array(axis, { minLength: 0, maxLength: 3 }), (axes) => {
      const size = axes.map(([, extent]) => extent);
      const sourceStart = axes.map(([start]) => start);
      const targetStart = axes.map(([, , start]) => start);
      const source = counting(axes.map(([start, extent, , slack]) => start + extent + slack));
      const target = createTensor(
        'int32',
        axes.map(([, extent, start, , slack]) => start + extent + slack),
      );
      copyBox({ source, sourceStart, target, targetStart, size });
      const strides = stridesFromShape(source.shape);
      target.data.forEach((value, offset) => {
        const indices = indicesFromOffset(offset, target.shape);
        const inBox = indices.every((i, a) => i >= targetStart[a] && i < targetStart[a] + size[a]);
        const from = indices.reduce((sum, i, a) => sum + (i - targetStart[a] + sourceStart[a]) * strides[a], 0);
        assert.equal(value, inBox ? source.data[from] : 0);
      });
    }),
    { numRuns: 60 },
  );
});

test('a box that leaves a tensor, and a box between dtypes, are refused', () => {
  const source = counting([2, 3]);
  assert.throws(() => copyBox({ source, target: counting([2, 3]), size: [2, 2], targetStart: [0, 2] }), {
    message: 'copyBox: a box inside the target [2, 3], got start [0, 2], size [2, 2]. TF-TENSOR-003',
  });
  assert.throws(() => copyBox({ source, target: createTensor('float32', [2, 3]), size: [1, 1] }), {
    message: 'copyBox: source and target of one dtype and rank 2, got int32 [2, 3] and float32 [2, 3]. TF-TENSOR-002',
  });
});

test('wrong slices, permutations, broadcasts and shapes are refused with their place', () => {
  const view = viewFromTensor(counting([2, 3]));
  assert.throws(() => sliceView(view, 1, { start: 2, end: 1 }), {
    message: 'sliceView: 0 ≤ start ≤ end ≤ 3 and a whole step ≥ 1, got 2:1:1 (axis 1 of [2, 3]). TF-TENSOR-003',
  });
  assert.throws(() => sliceView(view, 2, {}), { message: 'sliceView: an axis of [2, 3], got 2. TF-TENSOR-003' });
  assert.throws(() => transposeView(view, [0, 0]), {
    message: 'transposeView: each axis of [2, 3] once, got [0, 0]. TF-TENSOR-003',
  });
  assert.throws(() => broadcastView(view, [2, 4]), {
    message: 'broadcastView: a shape that broadcasts to [2, 4], got [2, 3]. TF-TENSOR-002',
  });
  assert.throws(() => reshapeTensor(counting([2, 3]), [4]), {
    message: 'reshapeTensor: a shape of 6 elements for [2, 3], got [4]. TF-TENSOR-001',
  });
});

test('printing shortens long axes and decodes narrow floats', () => {
  assert.equal(formatTensor(counting([2, 3])), 'i32[2, 3] [[1, 2, 3], [4, 5, 6]]');
  assert.equal(formatTensor(counting([100]), { maxPerAxis: 4 }), 'i32[100] [1, 2, …, 99, 100]');
  assert.equal(formatTensor(tensorFromArray('bfloat16', [2], Uint16Array.of(0x3fc0, 0x8000))), 'bf16[2] [1.5, -0]');
  assert.equal(formatTensor(tensorFromArray('float64', [], Float64Array.of(Math.PI))), 'f64[] 3.142');
  assert.equal(formatTensor(tensorFromArray('bool', [2], Uint8Array.of(0, 1))), 'bool[2] [false, true]');
  assert.equal(formatTensor(counting([0, 2])), 'i32[0, 2] []');
});
