/** The measurements that the README quotes: levels, seen/unseen split and trust radius on the street, for the correct and the released loss.
 *  node scripts/level-study.ts [steps] [width] */
import { createRng } from '@tenfold/core/base';
import { runExperiment } from '../src/bench/experiment.ts';
import { openPerceptualMetric } from '../src/metrics/lpips.ts';
import { DEFAULT_STREET } from '../src/street/street-options.ts';
import { createStreetScene } from '../src/street/street-scene.ts';
import { trainingFromParams } from '../src/verbs/train-params.ts';

const steps = Number(process.argv[2] ?? 1500);
const widthPx = Number(process.argv[3] ?? 160);
const scene = await createStreetScene({
  ...DEFAULT_STREET,
  widthPx,
  heightPx: Math.round(widthPx / 1.6),
  numStops: 16,
  cameras: 'front',
});
await using perceptual = await openPerceptualMetric(process.env['TENFOLD_DATA']);
console.log(
  `${scene.frames.length} frames, ${scene.train.length} for training, ${scene.points.colors.length / 3} points, ${steps} steps`,
);
const base = {
  steps,
  cap: 25_000,
  degree: 2,
  ssimWeight: 0.2,
  exposure: false,
  antialiased: false,
  extent: 24,
  threads: 2,
} as const;
for (const loss of ['correct', 'euvs-released'] as const) {
  const before = process.cpuUsage();
  const started = performance.now();
  const result = await runExperiment(
    scene,
    { ...trainingFromParams({ ...base, strategy: 'adaptive', loss }), profile: 'correct', perceptual },
    createRng(0, 'training'),
  );
  const { user, system } = process.cpuUsage(before);
  console.log(
    `\nloss ${loss}: ${result.training.cloud.count} Gaussians, ${((performance.now() - started) / 1000).toFixed(0)} s, CPU ${((user + system) / 1e6).toFixed(0)} s`,
  );
  for (const row of result.levels) console.log(JSON.stringify(row));
  console.log(JSON.stringify(result.trust));
}
