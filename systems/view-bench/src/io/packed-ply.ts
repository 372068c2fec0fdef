/** The packed PLY of SuperSplat: chunks of 256 Gaussians with their ranges, and 16 bytes a Gaussian; harmonics beyond the first in 8 bits.
 *  Position and log scale 11-10-11 bits, rotation 2 + 3 × 10 bits (the largest component left out), colour and opacity 4 × 8 bits. */
import {
  isPlyList,
  writePly,
  type PlyArray,
  type PlyElement,
  type SinkOutput,
  type WriteOptions,
} from '@tenfold/core/data';
import { createCloud } from '../cloud.ts';
import { logitFromProbability, sigmoid } from '../reals.ts';
import { SH_C0, shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud } from '../types.ts';
import { viewError } from '../view-errors.ts';

const CHUNK = 256;
const MAX_LOG_SCALE = 20;
const SH_RANGE = 8;
const MIN_OPACITY = 1 / 512;
/** Ranges of a chunk in the order of the file. */
const RANGES = [
  ['x', 'y', 'z'],
  ['scale_x', 'scale_y', 'scale_z'],
  ['r', 'g', 'b'],
] as const;

/** Packs a cloud. Rows are ordered along a space-filling curve, so that chunks are compact. Mutates: nothing. */
export async function writePackedPly(
  output: SinkOutput,
  cloud: GaussianCloud,
  options: WriteOptions = {},
): Promise<void> {
  const { count, shDegree, means, quats, logScales, opacityLogits, sh } = cloud;
  const order = curveOrder(cloud);
  const numChunks = Math.ceil(count / CHUNK);
  const numRest = shCoefficientCount(shDegree) - 1;
  const stride = 3 * (numRest + 1);
  const ranges = new Map<string, Float32Array>();
  for (const names of RANGES) {
    for (const end of ['min', 'max'])
      for (const name of names) ranges.set(`${end}_${name}`, new Float32Array(numChunks));
  }
  const packed = new Map(
    ['position', 'rotation', 'scale', 'color'].map((name) => [`packed_${name}`, new Uint32Array(count)]),
  );
  const valuesOf = [
    (i: number, k: number) => means[3 * i + k],
    (i: number, k: number) => Math.min(MAX_LOG_SCALE, Math.max(-MAX_LOG_SCALE, logScales[3 * i + k])),
    (i: number, k: number) => 0.5 + SH_C0 * sh[stride * i + k],
  ] as const;
  for (let chunk = 0; chunk < numChunks; chunk++) {
    const rows = order.subarray(chunk * CHUNK, Math.min(count, (chunk + 1) * CHUNK));
    const shares = RANGES.map((names, group) =>
      names.map((name, k) => {
        let [low, high] = [Infinity, -Infinity];
        for (const i of rows) {
          low = Math.min(low, valuesOf[group]!(i, k));
          high = Math.max(high, valuesOf[group]!(i, k));
        }
        ranges.get(`min_${name}`)![chunk] = low;
        ranges.get(`max_${name}`)![chunk] = high;
        return (i: number) => (high > low ? (valuesOf[group]!(i, k) - low) / (high - low) : 0);
      }),
    );
    rows.forEach((i, place) => {
      const r = chunk * CHUNK + place;
      const [position, scale, color] = shares;
      packed.get('packed_position')![r] = pack(
        position!.map((of) => of(i)),
        [11, 10, 11],
      );
      packed.get('packed_scale')![r] = pack(
        scale!.map((of) => of(i)),
        [11, 10, 11],
      );
      packed.get('packed_color')![r] = pack([...color!.map((of) => of(i)), sigmoid(opacityLogits[i])], [8, 8, 8, 8]);
      packed.get('packed_rotation')![r] = packRotation([0, 1, 2, 3].map((k) => quats[4 * i + k]));
    });
  }
  const rest = new Map<string, Uint8Array>();
  for (let c = 0; c < 3; c++) {
    for (let k = 1; k <= numRest; k++) {
      const values = Uint8Array.from(order, (i) =>
        Math.min(255, Math.max(0, Math.floor((sh[stride * i + 3 * k + c] / SH_RANGE + 0.5) * 256))),
      );
      rest.set(`f_rest_${c * numRest + k - 1}`, values);
    }
  }
  const elements: PlyElement[] = [
    { name: 'chunk', count: numChunks, columns: ranges },
    { name: 'vertex', count, columns: packed },
    ...(numRest > 0 ? [{ name: 'sh', count, columns: rest }] : []),
  ];
  await writePly(output, { comments: ['Packed Gaussians'], elements }, options);
}

export function isPackedPly(elements: readonly PlyElement[]): boolean {
  return elements.some(({ name, columns }) => name === 'vertex' && columns.has('packed_position'));
}

/** @throws TF-VIEW-005 if ranges, columns or rows are missing */
export function unpackCloud(elements: readonly PlyElement[], location: string): GaussianCloud {
  const columnOf = (name: string, columnName: string): PlyArray => {
    const element = elements.find((candidate) => candidate.name === name);
    const column = element?.columns.get(columnName);
    if (column !== undefined && !isPlyList(column)) return column;
    throw viewError('TF-VIEW-005', {
      subject: 'readCloudPly',
      expected: `a column "${columnName}" of element "${name}"`,
      actual: element ? `columns ${[...element.columns.keys()].slice(0, 8).join(', ')} …` : `no element "${name}"`,
      location,
    });
  };
  const words = (name: string) => columnOf('vertex', `packed_${name}`);
  const [positions, rotations, scales, colors] = ['position', 'rotation', 'scale', 'color'].map(words);
  const count = positions!.length;
  const shElement = elements.find(({ name }) => name === 'sh');
  const numColumns = [...(shElement?.columns.keys() ?? [])].filter((name) => name.startsWith('f_rest_')).length;
  const degree = Math.sqrt(numColumns / 3 + 1) - 1;
  const numChunks = columnOf('chunk', 'min_x').length;
  if (
    ![0, 1, 2, 3].includes(degree) ||
    numChunks !== Math.ceil(count / CHUNK) ||
    (shElement?.count ?? count) !== count
  ) {
    throw viewError('TF-VIEW-005', {
      subject: 'readCloudPly',
      expected: `${Math.ceil(count / CHUNK)} chunks and 0, 9, 24 or 45 harmonics for each of ${count} Gaussians`,
      actual: `${numChunks} chunks, ${numColumns} harmonics for ${shElement?.count ?? count}`,
      location,
    });
  }
  const hasColorRange = elements.some(({ name, columns }) => name === 'chunk' && columns.has('min_r'));
  const rangeOf = (names: readonly string[], isGiven: boolean) =>
    names.map((name) =>
      isGiven ? ([columnOf('chunk', `min_${name}`), columnOf('chunk', `max_${name}`)] as const) : undefined,
    );
  const [positionRange, scaleRange, colorRange] = RANGES.map((names, group) =>
    rangeOf(names, group < 2 || hasColorRange),
  );
  const between = (range: ReturnType<typeof rangeOf>[number], chunk: number, share: number) =>
    range ? range[0][chunk] + (range[1][chunk] - range[0][chunk]) * share : share;
  const cloud = createCloud(count, degree);
  const numRest = numColumns / 3;
  const stride = 3 * (numRest + 1);
  const rest = Array.from({ length: numColumns }, (_, k) => columnOf('sh', `f_rest_${k}`));
  for (let i = 0; i < count; i++) {
    const chunk = Math.floor(i / CHUNK);
    const position = unpack(positions![i], [11, 10, 11]);
    const scale = unpack(scales![i], [11, 10, 11]);
    const color = unpack(colors![i], [8, 8, 8, 8]);
    for (let k = 0; k < 3; k++) {
      cloud.means[3 * i + k] = between(positionRange![k], chunk, position[k]!);
      cloud.logScales[3 * i + k] = between(scaleRange![k], chunk, scale[k]!);
      cloud.sh[stride * i + k] = (between(colorRange![k], chunk, color[k]!) - 0.5) / SH_C0;
      for (let b = 0; b < numRest; b++) cloud.sh[stride * i + 3 * (b + 1) + k] = restValue(rest[k * numRest + b]![i]);
    }
    cloud.quats.set(unpackRotation(rotations![i]), 4 * i);
    cloud.opacityLogits[i] = logitFromProbability(Math.min(1 - MIN_OPACITY, Math.max(MIN_OPACITY, color[3]!)));
  }
  return cloud;
}

/** The two ends stand for the ends of the range, others for the middle of their step. */
function restValue(byte: number): number {
  return SH_RANGE * ((byte === 0 ? 0 : byte === 255 ? 1 : (byte + 0.5) / 256) - 0.5);
}

/** Shares 0..1 side by side in one word, the first in the highest bits. */
function pack(shares: readonly number[], bits: readonly number[]): number {
  return shares.reduce((word, share, k) => {
    const largest = 2 ** bits[k]! - 1;
    return word * (largest + 1) + Math.min(largest, Math.max(0, Math.round(share * largest)));
  }, 0);
}

function unpack(word: number, bits: readonly number[]): readonly number[] {
  let rest = word;
  return bits
    .toReversed()
    .map((width) => {
      const size = 2 ** width;
      const share = (rest % size) / (size - 1);
      rest = Math.floor(rest / size);
      return share;
    })
    .toReversed();
}

/** The index of the largest of (w, x, y, z) and the other three, which lie within ±√½. */
function packRotation(wxyz: readonly number[]): number {
  const norm = Math.hypot(...wxyz) || 1;
  const sizes = wxyz.map(Math.abs);
  const largest = sizes.indexOf(Math.max(...sizes));
  const sign = wxyz[largest]! < 0 ? -1 : 1;
  const others = wxyz.filter((_, k) => k !== largest).map((value) => (sign * value * Math.SQRT1_2) / norm + 0.5);
  return largest * 2 ** 30 + pack(others, [10, 10, 10]);
}

function unpackRotation(word: number): readonly number[] {
  const largest = Math.floor(word / 2 ** 30);
  const others = unpack(word % 2 ** 30, [10, 10, 10]).map((share) => (share - 0.5) * Math.SQRT2);
  const rest = Math.sqrt(Math.max(0, 1 - others.reduce((sum, value) => sum + value * value, 0)));
  return others.toSpliced(largest, 0, rest);
}

/** Rows along a Morton curve of 10 bits an axis. */
function curveOrder({ count, means }: GaussianCloud): Uint32Array {
  const bounds = [0, 1, 2].map((k) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < count; i++) {
      low = Math.min(low, means[3 * i + k]);
      high = Math.max(high, means[3 * i + k]);
    }
    return { low, size: high - low || 1 };
  });
  const keys = Uint32Array.from({ length: count }, (_, i) => {
    let key = 0;
    for (let k = 0; k < 3; k++) {
      const cell = Math.min(1023, Math.floor(((means[3 * i + k] - bounds[k]!.low) / bounds[k]!.size) * 1024));
      for (let bit = 0; bit < 10; bit++) key |= ((cell >> bit) & 1) << (3 * bit + k);
    }
    return key;
  });
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
}
