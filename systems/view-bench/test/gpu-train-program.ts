/** Trains small scenes on the GPU and on the CPU and prints one JSON line a case. A process of its own, like gpu-program.ts. */
import { createRng } from '@tenfold/core/base';
import { scaledIntrinsics } from '../src/camera.ts';
import { openGpuDevice } from '../src/gpu/device.ts';
import { trainOnGpu } from '../src/gpu/gpu-trainer.ts';
import type { GpuTrainOptions } from '../src/gpu/workbench.ts';
import { findNodeGpu } from '../src/gpu/node-gpu.ts';
import { renderCloud } from '../src/splat/render.ts';
import { createTeacherScene } from '../src/train/teacher.ts';
import { trainCloud, type TrainOptions } from '../src/train/trainer.ts';
import { PARAMETER_KINDS, type Frame, type Reals } from '../src/types.ts';

const SEED = 3;
const { device, adapterName } = await openGpuDevice(await findNodeGpu());
const scene = createTeacherScene(5, 60);
/** Photographs of half the size, which a driver without a GPU can bear. */
const train: readonly Frame[] = scene.train.slice(0, 6).map((frame) => {
  const camera = { ...frame.camera, ...scaledIntrinsics(frame.camera, 32, 24) };
  const data = Float32Array.from(renderCloud(scene.teacher, camera).rgb, (value) => Math.min(1, value));
  return { ...frame, camera, image: { widthPx: 32, heightPx: 24, data } };
});
/** A third of the pixels does not count. */
const masked: readonly Frame[] = train.map((frame) => ({
  ...frame,
  staticMask: Uint8Array.from({ length: 32 * 24 }, (_, p) => (p % 32 < 11 ? 0 : 1)),
}));
/** Round Gaussians have no gradient by their rotation, and Adam would make steps of rounding: these are not round. */
const student = scene.student;
const studentRng = createRng(1, 'student');
for (let k = 0; k < student.quats.length; k++) student.quats[k] = studentRng.normal();
for (let k = 0; k < student.logScales.length; k++) student.logScales[k] += 0.5 * studentRng.normal();

function relativeError(wanted: Reals, found: Reals, base?: Reals): number {
  let [squares, differences] = [0, 0];
  wanted.forEach((value, k) => {
    squares += (value - (base?.[k] ?? 0)) ** 2;
    differences += (value - found[k]) ** 2;
  });
  return squares === 0 ? Math.sqrt(differences) : Math.sqrt(differences / squares);
}

async function compare(name: string, frames: readonly Frame[], options: TrainOptions): Promise<void> {
  const cpu = await trainCloud(student, frames, options, createRng(SEED));
  const gpu = await trainOnGpu(device, student, frames, { ...options, pairCapacity: 640 }, createRng(SEED));
  const isSameSize = cpu.cloud.count === gpu.cloud.count;
  const errors = (hasBase: boolean) =>
    Object.fromEntries(
      PARAMETER_KINDS.map((kind) => [
        kind,
        isSameSize ? relativeError(cpu.cloud[kind], gpu.cloud[kind], hasBase ? student[kind] : undefined) : NaN,
      ]),
    );
  console.log(
    JSON.stringify({
      kind: 'compare',
      name,
      counts: [cpu.cloud.count, gpu.cloud.count],
      grown: [cpu.numGrown, gpu.numGrown],
      losses: [cpu.losses.at(-1), gpu.losses.at(-1)],
      lossError: Math.max(...cpu.losses.map((loss, k) => Math.abs(gpu.losses[k] - loss) / loss)),
      parameters: errors(false),
      exposures: cpu.exposures ? relativeError(cpu.exposures, gpu.exposures!) : undefined,
      updates: options.numSteps === 1 ? errors(true) : undefined,
    }),
  );
}

console.log(JSON.stringify({ kind: 'adapter', adapterName, hasSubgroups: device.features.has('subgroups') }));
const one = { numSteps: 1, degreeEvery: 1 } as const;
await compare('a step', train, one);
await compare('a step with masks', masked, one);
await compare('a step of the released loss with masks', masked, { ...one, loss: 'euvs-released' });
await compare('a step of L1 alone', train, { ...one, ssimWeight: 0 });
await compare('a step, antialiased, over grey', train, {
  ...one,
  isAntialiased: true,
  background: [0.4, 0.5, 0.6],
});
await compare('three steps with exposure', masked, { numSteps: 3, degreeEvery: 1, hasExposure: true });
const thirty = { numSteps: 30, degreeEvery: 10, refineStart: 10, refineEvery: 10, refineEnd: 25, cap: 100 } as const;
await compare('thirty steps with growth and a reset', masked, {
  ...thirty,
  opacityResetEvery: 15,
  gradientThreshold: 1e-4,
});

const twelve = { ...thirty, numSteps: 12, refineStart: 5, refineEvery: 5, refineEnd: 11, pairCapacity: 640 } as const;
const run = (options: GpuTrainOptions) => trainOnGpu(device, student, train, options, createRng(SEED));
const isSame = (a: Awaited<ReturnType<typeof run>>, b: typeof a) =>
  PARAMETER_KINDS.every((kind) => a.cloud[kind].every((value, k) => value === b.cloud[kind][k])) &&
  a.losses.every((loss, k) => loss === b.losses[k]);
const plenty = await run(twelve);
console.log(
  JSON.stringify({
    kind: 'little room',
    isSame: isSame(plenty, await run({ ...twelve, pairCapacity: 16 })),
    count: plenty.cloud.count,
  }),
);
const mcmc = await run({ ...twelve, strategy: 'mcmc' });
console.log(
  JSON.stringify({
    kind: 'mcmc',
    isSame: isSame(mcmc, await run({ ...twelve, strategy: 'mcmc' })),
    count: mcmc.cloud.count,
    first: mcmc.losses[0],
    last: mcmc.losses.at(-1),
  }),
);
device.destroy();
