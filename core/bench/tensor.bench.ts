/** Codecs, comparison and box copies against what the engine offers. */
import { createRng } from '../src/base/index.ts';
import {
  castTensor,
  compareTensors,
  copyBox,
  createTensor,
  decodeFloats,
  encodeFloats,
  relativeFrobeniusError,
} from '../src/tensor/index.ts';
import { sideBySide } from './side-by-side.ts';
import type { BenchRow } from '../src/report/index.ts';

const NUM_ELEMENTS = 1 << 22;
const MILLION = 1e6;

export async function bench(): Promise<BenchRow[]> {
  const rng = createRng(1, 'tensor bench');
  const source = createTensor('float32', [2048, 2048]);
  for (let i = 0; i < NUM_ELEMENTS; i++) source.data[i] = rng.normal();
  const floats = source.data;
  const decoded = new Float32Array(NUM_ELEMENTS);
  const bf16 = castTensor(source, 'bfloat16');
  const [f16, e4m3] = [encodeFloats('float16', floats), encodeFloats('float8e4m3fn', floats)];
  const engineF16 = new Float16Array(floats);
  const engineTarget = new Float16Array(NUM_ELEMENTS);
  const [bits16, bits8] = [new Uint16Array(NUM_ELEMENTS), new Uint8Array(NUM_ELEMENTS)];
  const engine = (target: Float32Array | Float16Array, from: Float32Array | Float16Array) => {
    target.set(from);
    return target;
  };
  const common = { work: NUM_ELEMENTS / MILLION, unit: 'M elements/s' };
  const target = createTensor('float32', [2048, 2048]);
  const half = castTensor(castTensor(source, 'bfloat16'), 'float32');
  const box = { source, target, sourceStart: [64, 128], targetStart: [0, 64], size: [1900, 1800] };
  return [
    await sideBySide({
      ...common,
      name: 'bfloat16 → float32',
      ours: () => decodeFloats('bfloat16', bf16.data, decoded),
      peer: () => engine(decoded, floats),
      note: 'peer: copy of as many float32',
    }),
    await sideBySide({
      ...common,
      name: 'float32 → bfloat16',
      ours: () => encodeFloats('bfloat16', floats, bits16),
      peer: () => engine(decoded, floats),
      note: 'peer: copy of as many float32',
    }),
    await sideBySide({
      ...common,
      name: 'float16 → float32',
      ours: () => decodeFloats('float16', f16, decoded),
      peer: () => engine(decoded, engineF16),
      note: 'peer: Float16Array of the engine',
    }),
    await sideBySide({
      ...common,
      name: 'float32 → float16',
      ours: () => encodeFloats('float16', floats, bits16),
      peer: () => engine(engineTarget, floats),
      note: 'peer: Float16Array of the engine',
    }),
    await sideBySide({
      ...common,
      name: 'float8e4m3fn → float32',
      ours: () => decodeFloats('float8e4m3fn', e4m3, decoded),
    }),
    await sideBySide({
      ...common,
      name: 'float32 → float8e4m3fn',
      ours: () => encodeFloats('float8e4m3fn', floats, bits8),
    }),
    await sideBySide({
      ...common,
      name: 'compareTensors, float32 pair',
      ours: () => compareTensors(half, source),
      note: 'all figures',
    }),
    await sideBySide({
      ...common,
      name: 'relativeFrobeniusError, bfloat16 pair',
      ours: () => relativeFrobeniusError(bf16, bf16),
    }),
    await sideBySide({
      name: 'copyBox [1900, 1800] of [2048, 2048] float32',
      work: (1900 * 1800) / MILLION,
      unit: 'M elements/s',
      ours: () => {
        copyBox(box);
        return target;
      },
      peer: () => {
        target.data.set(floats.subarray(0, 1900 * 1800));
        return target;
      },
      note: 'peer: one dense copy of as many',
    }),
  ];
}
