/** Which views show the same as a view: near it, and looking the same way. */
import { cameraCenter } from '../splat/project.ts';
import type { Frame } from '../types.ts';

/** Views that turn by more than 32° show something else. */
const MAX_TURN_COS = 0.85;

/** Indices of the nearest other frames that look the same way. */
export function nearestFrames({ name, camera }: Frame, frames: readonly Frame[], count: number): readonly number[] {
  const center = cameraCenter(camera);
  return frames
    .map((other, index) => {
      const there = cameraCenter(other.camera);
      let cos = 0;
      for (let k = 6; k < 9; k++) cos += camera.rotation[k] * other.camera.rotation[k];
      return { index, cos, isSelf: other.name === name, distance: Math.hypot(...center.map((v, k) => v - there[k]!)) };
    })
    .filter(({ isSelf, cos, distance }) => !isSelf && cos > MAX_TURN_COS && distance > 0)
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ index }) => index);
}
