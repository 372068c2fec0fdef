/** Gaussian clouds as PLY, the layout of 3D Gaussian splats: f_rest is channel-major, scales are logs, rotations (w, x, y, z). */
import {
  readPly,
  writePly,
  isPlyList,
  type PlyArray,
  type SinkOutput,
  type SourceInput,
  type WriteOptions,
} from '@tenfold/core/data';
import { createCloud } from '../cloud.ts';
import { shCoefficientCount } from '../splat/spherical-harmonics.ts';
import type { GaussianCloud } from '../types.ts';
import { isPackedPly, unpackCloud } from './packed-ply.ts';
import { viewError } from '../view-errors.ts';

export type SplatMode = 'default' | 'mip' | '2dgs';

/** @param mode  written as comment, so that viewers choose their filter */
export async function writeCloudPly(
  output: SinkOutput,
  cloud: GaussianCloud,
  { mode = 'default', ...options }: WriteOptions & { readonly mode?: SplatMode } = {},
): Promise<void> {
  const { count, means, quats, logScales, opacityLogits, sh, shDegree } = cloud;
  const numRest = shCoefficientCount(shDegree) - 1;
  const stride = 3 * (numRest + 1);
  const column = (of: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => of(i));
  const columns = new Map<string, Float32Array>();
  ['x', 'y', 'z'].forEach((name, k) =>
    columns.set(
      name,
      column((i) => means[3 * i + k]),
    ),
  );
  for (const name of ['nx', 'ny', 'nz']) columns.set(name, new Float32Array(count));
  for (let c = 0; c < 3; c++)
    columns.set(
      `f_dc_${c}`,
      column((i) => sh[stride * i + c]),
    );
  for (let c = 0; c < 3; c++) {
    for (let k = 1; k <= numRest; k++)
      columns.set(
        `f_rest_${c * numRest + k - 1}`,
        column((i) => sh[stride * i + 3 * k + c]),
      );
  }
  columns.set(
    'opacity',
    column((i) => opacityLogits[i]),
  );
  for (let k = 0; k < (mode === '2dgs' ? 2 : 3); k++)
    columns.set(
      `scale_${k}`,
      column((i) => logScales[3 * i + k]),
    );
  for (let k = 0; k < 4; k++)
    columns.set(
      `rot_${k}`,
      column((i) => quats[4 * i + k]),
    );
  await writePly(
    output,
    { comments: [`SplatRenderMode: ${mode}`], elements: [{ name: 'vertex', count, columns }] },
    options,
  );
}

/** @throws TF-VIEW-005 if columns are missing or do not make a degree; TF-DATA-* if it is no PLY */
export async function readCloudPly(
  input: SourceInput,
): Promise<{ readonly cloud: GaussianCloud; readonly mode: SplatMode; readonly numDropped: number }> {
  const { elements, comments } = await readPly(input);
  if (isPackedPly(elements)) {
    const cloud = unpackCloud(elements, typeof input === 'string' ? input : 'the PLY data');
    return { cloud, mode: 'default', numDropped: 0 };
  }
  const vertex = elements.find(({ name }) => name === 'vertex');
  const modeText = comments
    .find((comment) => comment.startsWith('SplatRenderMode:'))
    ?.split(':')[1]
    ?.trim();
  const columnOf = (name: string): PlyArray => {
    const column = vertex?.columns.get(name);
    if (column !== undefined && !isPlyList(column)) return column;
    throw viewError('TF-VIEW-005', {
      subject: 'readCloudPly',
      expected: `a column "${name}" of element "vertex"`,
      actual: vertex ? `columns ${[...vertex.columns.keys()].slice(0, 8).join(', ')} …` : 'no element "vertex"',
      location: typeof input === 'string' ? input : 'the PLY data',
    });
  };
  const numRest = [...(vertex?.columns.keys() ?? [])].filter((name) => name.startsWith('f_rest_')).length;
  const degree = Math.sqrt(numRest / 3 + 1) - 1;
  if (![0, 1, 2, 3].includes(degree)) {
    throw viewError('TF-VIEW-005', {
      subject: 'readCloudPly',
      expected: '0, 9, 24 or 45 columns f_rest_*',
      actual: `${numRest}`,
      location: typeof input === 'string' ? input : 'the PLY data',
    });
  }
  const isFlat = vertex?.columns.has('scale_2') === false;
  const sources = [0, 1, 2].map((k) => columnOf(['x', 'y', 'z'][k]!));
  const quatColumns = [0, 1, 2, 3].map((k) => columnOf(`rot_${k}`));
  const scaleColumns = [0, 1, ...(isFlat ? [] : [2])].map((k) => columnOf(`scale_${k}`));
  const opacity = columnOf('opacity');
  const constants = [0, 1, 2].map((c) => columnOf(`f_dc_${c}`));
  const rest = Array.from({ length: numRest }, (_, k) => columnOf(`f_rest_${k}`));
  // Rows without a rotation or with numbers that are not finite cannot be drawn.
  const rows: number[] = [];
  for (let i = 0; i < vertex!.count; i++) {
    const norm = Math.hypot(...quatColumns.map((column) => column[i]));
    const isFinite = [...sources, ...scaleColumns, opacity, ...constants].every((column) => Number.isFinite(column[i]));
    if (norm > 0 && Number.isFinite(norm) && isFinite) rows.push(i);
  }
  const cloud = createCloud(rows.length, degree);
  const perChannel = numRest / 3;
  const stride = 3 * (perChannel + 1);
  rows.forEach((i, r) => {
    for (let k = 0; k < 3; k++) {
      cloud.means[3 * r + k] = sources[k]![i];
      cloud.logScales[3 * r + k] = scaleColumns[k] ? scaleColumns[k][i] : FLAT_LOG_SCALE;
      cloud.sh[stride * r + k] = constants[k]![i];
      for (let b = 0; b < perChannel; b++) cloud.sh[stride * r + 3 * (b + 1) + k] = rest[k * perChannel + b]![i];
    }
    for (let k = 0; k < 4; k++) cloud.quats[4 * r + k] = quatColumns[k]![i];
    cloud.opacityLogits[r] = opacity[i];
  });
  const mode: SplatMode = isFlat ? '2dgs' : modeText === 'mip' || modeText === '2dgs' ? modeText : 'default';
  return { cloud, mode, numDropped: vertex!.count - rows.length };
}

/** The third axis of a flat splat, metres (log). */
const FLAT_LOG_SCALE = Math.log(1e-6);
