/** Compositing beside a naive loop that evaluates every listed Gaussian at every pixel of its tile, forward and backward, on the case of
 *  the room's specification: 20,000 Gaussians, 256 × 186 pixels. Also both passes by SIMD beside the same in scalar JavaScript, and sorting
 *  and listing, which have no peer here. */
import { createRng, median } from '@tenfold/core/base';
import type { BenchRow } from '@tenfold/core/report';
import { createCloud } from '../src/cloud.ts';
import {
  compositePart,
  compositePartScalar,
  compositeTiles,
  createComposite,
  type CompositeInput,
} from '../src/splat/composite.ts';
import {
  addCompositeGradient,
  addCompositeGradientScalar,
  compositeGradient,
  createProjectionGradient,
} from '../src/splat/composite-gradient.ts';
import { renderCloud } from '../src/splat/render.ts';
import { createTileLists } from '../src/splat/tile-lists.ts';
import { createAdamState } from '../src/train/adam.ts';
import { createStepBuffers, sharedCloud, type StepOrder } from '../src/train/step-state.ts';
import { createStepCrew } from '../src/train/step-crew.ts';
import { createSharedFloats } from '../src/reals.ts';
import { naiveForwardBackward } from './naive-compositing.ts';

const CAMERA = {
  widthPx: 256,
  heightPx: 186,
  fx: 220,
  fy: 220,
  cx: 128,
  cy: 93,
  rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
  translation: new Float64Array(3),
};
const COUNT = 20_000;
const ROUNDS = 5;

export async function bench(): Promise<BenchRow[]> {
  const rng = createRng(1, 'bench');
  const cloud = createCloud(COUNT, 0);
  for (let i = 0; i < COUNT; i++) {
    const z = 2 + 8 * rng.uniform();
    cloud.means.set([z * 1.1 * (rng.uniform() - 0.5), z * 0.8 * (rng.uniform() - 0.5), z], 3 * i);
    for (let k = 0; k < 4; k++) cloud.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) cloud.logScales[3 * i + k] = Math.log(0.004 * z) + 1.2 * rng.normal();
    cloud.opacityLogits[i] = rng.normal() - 1;
  }
  const rendering = renderCloud(cloud, CAMERA);
  const { input } = rendering;
  const gradient = Float32Array.from(rendering.rgb, () => rng.normal());
  const numPixels = CAMERA.widthPx * CAMERA.heightPx;
  const crewed = await createCrewedPasses(cloud, input, gradient);
  const single: number[] = [];
  const double: number[] = [];
  const naive: number[] = [];
  const passes = { forward: [] as number[], backward: [] as number[] };
  const scalarPasses = { forward: [] as number[], backward: [] as number[] };
  const lists: number[] = [];
  const sorts: number[] = [];
  let checksum = 0;
  let numNaive = 0;
  for (let round = 0; round < ROUNDS; round++) {
    single.push(timeOf(() => (checksum += compositeGradient(input, compositeTiles(input), { rgb: gradient }).uv[0])));
    const start = performance.now();
    await crewed.run();
    double.push(performance.now() - start);
    const image = createComposite(input.projection.uv, numPixels, 0);
    const sums = createProjectionGradient(input.projection.uv, COUNT, 0);
    const byColor = { rgb: gradient };
    scalarPasses.forward.push(timeOf(() => compositePartScalar(input, image, 0, 1)));
    scalarPasses.backward.push(timeOf(() => addCompositeGradientScalar(input, image, byColor, sums, 0, 1)));
    passes.forward.push(timeOf(() => compositePart(input, image, 0, 1)));
    passes.backward.push(timeOf(() => addCompositeGradient(input, image, byColor, sums, 0, 1)));
    checksum += sums.uv[0];
    naive.push(timeOf(() => (numNaive = naiveForwardBackward(input, gradient).numEvaluations)));
    lists.push(
      timeOf(() => (checksum += createTileLists(input.projection, CAMERA.widthPx, CAMERA.heightPx).ids.length)),
    );
    const keys = pairKeys(input);
    sorts.push(timeOf(() => (checksum += keys.sort()[0])));
  }
  await crewed.close();
  const exact = naiveForwardBackward(input, gradient);
  const worst = exact.rgb.reduce((most, value, k) => Math.max(most, Math.abs(value - rendering.rgb[k])), 0);
  if (worst > 1e-5 || !Number.isFinite(checksum)) throw new Error(`the naive loop draws another image: ${worst}`);
  const peer = median(naive);
  const rows = [
    {
      name: `forward and backward, one thread (${input.lists.ids.length} pairs, ${numPixels} pixels)`,
      ours: median(single),
    },
    { name: 'forward and backward, two threads', ours: median(double) },
  ].map(({ name, ours }) => ({
    name,
    ours,
    peer,
    unit: 'ms',
    ratio: peer / ours,
    note: `${(numNaive / 1e6).toFixed(1)} M naive evaluations, ours worth ${(numNaive / ours / 1e3).toFixed(0)} M/s`,
  }));
  const bySimd = (['forward', 'backward'] as const).map((pass) => ({
    name: `${pass} by SIMD, one thread`,
    ours: median(passes[pass]),
    peer: median(scalarPasses[pass]),
    unit: 'ms',
    ratio: median(scalarPasses[pass]) / median(passes[pass]),
    note: 'peer: ours in scalar JavaScript, float64, which machines without SIMD run',
  }));
  const sorted = median(sorts);
  return [
    ...rows,
    ...bySimd,
    {
      name: 'sort by depth and list by tiles',
      ours: median(lists),
      peer: sorted,
      unit: 'ms',
      ratio: sorted / median(lists),
      note: 'peer: one native sort of (tile, depth) keys, without making them',
    },
  ];
}

/** A number a pair whose order is that of tiles, then depth; shuffled as Gaussians come. */
function pairKeys({ lists, projection }: CompositeInput): Float64Array {
  const keys = new Float64Array(lists.ids.length);
  for (let tile = 0; tile + 1 < lists.starts.length; tile++) {
    for (let p = lists.starts[tile]; p < lists.starts[tile + 1]; p++)
      keys[p] = tile * 1e4 + projection.depths[lists.ids[p]];
  }
  return createRng(2, 'keys').shuffle(keys);
}

/** The two tile phases of a training step in two worker threads. */
async function createCrewedPasses(
  cloud: Parameters<typeof sharedCloud>[0],
  input: CompositeInput,
  gradient: Float32Array,
) {
  const shared = sharedCloud(cloud);
  const crew = createStepCrew(2);
  const buffers = createStepBuffers(shared, createAdamState(shared), 2);
  crew.use(buffers);
  const numPixels = CAMERA.widthPx * CAMERA.heightPx;
  const imageGradient = createSharedFloats(3 * numPixels);
  imageGradient.set(gradient);
  const options = renderCloud(cloud, CAMERA).options;
  const order: StepOrder = {
    step: 1,
    camera: CAMERA,
    options,
    lists: input.lists,
    image: {
      rgb: createSharedFloats(3 * numPixels),
      transmittance: createSharedFloats(numPixels),
      extra: createSharedFloats(0),
      lasts: new Uint32Array(new SharedArrayBuffer(4 * numPixels)),
    },
    shown: createSharedFloats(0),
    target: createSharedFloats(0),
    loss: { ssimWeight: 0, profile: 'correct' },
    numOpen: numPixels,
    imageGradient,
    rates: { means: 0, quats: 0, logScales: 0, opacityLogits: 0, shConstant: 0, shRest: 0 },
    isAbsolute: false,
    isRegularised: false,
  };
  crew.begin(order);
  await crew.run('project');
  crew.begin({ ...order, lists: createTileLists(buffers.projection, CAMERA.widthPx, CAMERA.heightPx, true) });
  return {
    async run() {
      await crew.run('composite');
      await crew.run('backward');
    },
    close: () => crew[Symbol.asyncDispose](),
  };
}

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
