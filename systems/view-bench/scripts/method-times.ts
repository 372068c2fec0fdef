/** CPU time of a training step by each method, on the teacher scene in one thread.  node scripts/method-times.ts */
import { createRng } from '@tenfold/core/base';
import { SPLAT_METHODS } from '../src/splat/method.ts';
import { createTeacherScene } from '../src/train/teacher.ts';
import { trainCloud } from '../src/train/trainer.ts';

const NUM_STEPS = 250;
const scene = createTeacherScene(1, 400);
for (let round = 0; round < 2; round++) {
  for (const method of SPLAT_METHODS) {
    const before = process.cpuUsage();
    await trainCloud(scene.student, scene.train, { numSteps: NUM_STEPS, strategy: 'fixed', method }, createRng(1));
    console.log(`${method}: ${(process.cpuUsage(before).user / 1000 / NUM_STEPS).toFixed(1)} ms a step`);
  }
}
