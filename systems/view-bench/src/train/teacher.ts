/** Known-answer scenes: images of random Gaussians, and a student that starts near them. */
import { createRng } from '@tenfold/core/base';
import { createCloud } from '../cloud.ts';
import { levelCamera } from '../camera.ts';
import { logitFromProbability } from '../reals.ts';
import { renderCloud } from '../splat/render.ts';
import type { Frame, GaussianCloud, PinholeCamera } from '../types.ts';
import type { TrainOptions } from './trainer.ts';

export interface TeacherScene {
  readonly teacher: GaussianCloud;
  readonly student: GaussianCloud;
  readonly train: readonly Frame[];
  readonly interpolated: readonly Frame[];
  readonly translated: readonly Frame[];
  readonly rotated: readonly Frame[];
}

const INTRINSICS = { widthPx: 64, heightPx: 48, fx: 48, fy: 48, cx: 32, cy: 24 };
const LANE_OFFSETS = [-0.6, 0.6] as const;
const NUM_STOPS = 6;
const STEP_FORWARD = 0.35;
const FIRST_FORWARD = -1.5;
const FAR_LANE = 1.6;
const TURN_RAD = (34 * Math.PI) / 180;

/** How a student is trained. Degree 1 is on from the first step and learns fast enough: coefficients of the teacher are drawn from
 *  N(0, 0.15²), and at a twentieth of the constant's rate over half of the steps none could travel farther than 0.15. */
export const TEACHER_TRAINING: TrainOptions = {
  numSteps: 1200,
  strategy: 'fixed',
  ssimWeight: 0.2,
  rates: { means: 8e-4, quats: 2e-3, logScales: 1e-2, shConstant: 5e-3, shRest: 2.5e-3, opacityLogits: 0.05 },
  degreeEvery: 1,
  opacityResetEvery: Infinity,
};

/** Two lanes of six views each of random Gaussians of degree 1. Tests stand half a step further; `rotated` turns outwards. */
export function createTeacherScene(seed: number, count = 150): TeacherScene {
  const rng = createRng(seed, 'teacher');
  const teacher = createCloud(count, 1);
  const student = createCloud(count, 1);
  const between = (low: number, high: number) => low + (high - low) * rng.uniform();
  for (let i = 0; i < count; i++) {
    // World here: x right, z up, y forward; the lanes run along y.
    const mean = [between(-2.5, 2.5), between(2.5, 6.5), between(-1.2, 1.2)];
    teacher.means.set(mean, 3 * i);
    student.means.set(
      mean.map((value) => value + 0.05 * rng.normal()),
      3 * i,
    );
    for (let k = 0; k < 4; k++) teacher.quats[4 * i + k] = rng.normal();
    for (let k = 0; k < 3; k++) {
      teacher.logScales[3 * i + k] = Math.log(between(0.08, 0.33));
      student.logScales[3 * i + k] = Math.log(0.12);
      teacher.sh[12 * i + k] = between(-1.3, 1.3);
      for (let c = 1; c < 4; c++) teacher.sh[12 * i + 3 * c + k] = 0.15 * rng.normal();
    }
    student.quats[4 * i] = 1;
    teacher.opacityLogits[i] = logitFromProbability(between(0.4, 0.95));
    student.opacityLogits[i] = logitFromProbability(0.1);
  }
  const frame = (name: string, camera: PinholeCamera): Frame => ({
    name,
    camera,
    image: {
      widthPx: camera.widthPx,
      heightPx: camera.heightPx,
      data: Float32Array.from(renderCloud(teacher, camera).rgb),
    },
  });
  const views = (label: string, lanes: readonly number[], shift: number, turnRad = 0) =>
    lanes.flatMap((lane) =>
      Array.from({ length: NUM_STOPS }, (_, stop) =>
        frame(
          `${label}-${lane}-${stop}`,
          levelCamera(
            INTRINSICS,
            [lane, FIRST_FORWARD + STEP_FORWARD * (stop + shift), 0],
            Math.PI / 2 - Math.sign(lane) * turnRad,
          ),
        ),
      ),
    );
  return {
    teacher,
    student,
    train: views('train', LANE_OFFSETS, 0),
    interpolated: views('interpolated', LANE_OFFSETS, 0.5),
    translated: views('translated', [FAR_LANE], 0.5),
    rotated: views('rotated', LANE_OFFSETS, 0.5, TURN_RAD),
  };
}
