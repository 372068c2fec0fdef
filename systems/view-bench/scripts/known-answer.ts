/** The known-answer training that the README quotes, for several seeds.  node scripts/known-answer.ts [seed …] */
import { createRng } from '@tenfold/core/base';
import { computePsnr } from '../src/metrics/image-metrics.ts';
import { renderCloud } from '../src/splat/render.ts';
import { createTeacherScene, TEACHER_TRAINING } from '../src/train/teacher.ts';
import { trainCloud } from '../src/train/trainer.ts';

const seeds = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1, 2, 3];
for (const seed of seeds) {
  const scene = createTeacherScene(seed);
  const { cloud } = await trainCloud(scene.student, scene.train, TEACHER_TRAINING, createRng(1));
  const rows = (['train', 'interpolated', 'translated', 'rotated'] as const).map((key) => {
    const values = scene[key].map(({ camera, image }) =>
      computePsnr({ ...image, data: Float32Array.from(renderCloud(cloud, camera).rgb) }, image),
    );
    return `${key} ${(values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(1)}`;
  });
  console.log(`seed ${seed}: ${rows.join(', ')} dB`);
}
