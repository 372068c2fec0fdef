/** Depth hypotheses chosen together: gaps are filled from both sides, outliers overruled, edges kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseHypotheses } from '../src/train/smooth-hypotheses.ts';

const [WIDTH, HEIGHT, NUM_DEPTHS] = [24, 12, 16];

/** Correlations with a clear best hypothesis at every pixel, −1 everywhere where it is null. */
function scoresOf(bestAt: (x: number, y: number) => number | null): Float32Array[] {
  return Array.from({ length: NUM_DEPTHS }, (_, k) =>
    Float32Array.from({ length: WIDTH * HEIGHT }, (_, p) => {
      const best = bestAt(p % WIDTH, Math.floor(p / WIDTH));
      return best === null ? -1 : Math.max(0, 0.9 - 0.3 * Math.abs(k - best));
    }),
  );
}

const flat = new Float32Array(WIDTH * HEIGHT).fill(0.5);

test('pixels without texture take the depth of what surrounds them', () => {
  const chosen = chooseHypotheses(
    scoresOf((x, y) => (x > 8 && x < 14 && y > 3 && y < 9 ? null : 6)),
    flat,
    WIDTH,
    HEIGHT,
  );
  for (const k of chosen) assert.ok(Math.abs(k - 6) < 0.2, `${k}`);
});

test('a pixel that alone says otherwise is overruled', () => {
  const chosen = chooseHypotheses(
    scoresOf((x, y) => (x === 10 && y === 5 ? 14 : 6)),
    flat,
    WIDTH,
    HEIGHT,
  );
  assert.ok(Math.abs(chosen[5 * WIDTH + 10] - 6) < 0.2);
});

test('depths jump where the photograph has an edge, and nowhere else', () => {
  const grey = Float32Array.from(flat, (_, p) => (p % WIDTH < 12 ? 0.2 : 0.8));
  const chosen = chooseHypotheses(
    scoresOf((x) => (x < 12 ? 3 : 11)),
    grey,
    WIDTH,
    HEIGHT,
  );
  for (let p = 0; p < chosen.length; p++) assert.equal(Math.round(chosen[p]), p % WIDTH < 12 ? 3 : 11);
});

test('a slanted surface keeps its fractions', () => {
  const chosen = chooseHypotheses(
    scoresOf((x) => 4 + x / 6),
    flat,
    WIDTH,
    HEIGHT,
  );
  for (let x = 3; x < WIDTH - 3; x++) assert.ok(Math.abs(chosen[6 * WIDTH + x] - (4 + x / 6)) < 0.5, `${x}`);
});
