/** Poses that cannot be right: a street is filmed upright, so a view whose up direction leans far from that of most views was registered wrongly.
 *  Structure from motion does so when the points that it could match lie close together. */
import type { PinholeCamera, Scene } from './types.ts';

export interface LeaningView {
  readonly name: string;
  /** From the up direction of the middlemost view, degrees. */
  readonly leanDeg: number;
}

export interface UprightScene {
  readonly scene: Scene;
  readonly leaning: readonly LeaningView[];
}

/** Takes views out of the splits that lean more than this. @param maxLeanDeg  180 takes none. Mutates: nothing. */
export function leaveOutLeaning(scene: Scene, maxLeanDeg: number): UprightScene {
  const ups = scene.frames.map(({ camera }) => upOf(camera));
  const sums = ups.map((up) => ups.reduce((sum, other) => sum + angleDeg(up, other), 0));
  const middle = ups[sums.indexOf(Math.min(...sums))];
  if (middle === undefined) return { scene, leaning: [] };
  const leaning = scene.frames
    .map(({ name }, index) => ({ name, leanDeg: angleDeg(ups[index]!, middle) }))
    .filter(({ leanDeg }) => leanDeg > maxLeanDeg);
  const out = new Set(leaning.map(({ name }) => name));
  if (out.size === 0) return { scene, leaning };
  const kept = (names: readonly string[]) => names.filter((name) => !out.has(name));
  return {
    scene: {
      ...scene,
      frames: scene.frames.filter(({ name }) => !out.has(name)),
      train: kept(scene.train),
      test: kept(scene.test),
    },
    leaning,
  };
}

function upOf({ rotation }: PinholeCamera): readonly [number, number, number] {
  return [-rotation[3], -rotation[4], -rotation[5]];
}

function angleDeg(a: readonly number[], b: readonly number[]): number {
  const cos = a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  return (Math.acos(Math.min(1, Math.max(-1, cos))) * 180) / Math.PI;
}
