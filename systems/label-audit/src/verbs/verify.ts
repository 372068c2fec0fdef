/** verify: the theory of the potential, checked by minimising it. */
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { descend } from '../pemm/descend.ts';
import { potentialMinimum } from '../pemm/potential.ts';

interface VerifyParams {
  readonly classes: number;
  readonly width: number;
  readonly starts: number;
}

export async function run({ classes, width, starts }: VerifyParams, context: VerbContext): Promise<VerbResult> {
  const bound = 2 * potentialMinimum().energy;
  const energies: number[] = [];
  let best: ReturnType<typeof descend> | undefined;
  for (let start = 0; start < starts; start++) {
    context.progress({ phase: 'descending', done: start, total: starts });
    const rng = context.rng.fork(`start ${start}`);
    const centres = Float64Array.from({ length: classes * width }, () => (2 * rng.uniform() - 1) / Math.sqrt(width));
    const found = descend(centres, classes);
    energies.push(found.energy);
    if (best === undefined || found.energy < best.energy) best = found;
  }
  const { distances, energy } = best!;
  const isSimplex = width >= classes;
  const isReached = energy - bound < 1e-5;
  const ok = energy >= bound - 1e-9 && isReached === isSimplex;
  return {
    ok,
    value: {
      bound,
      energy,
      energies,
      smallestDistance: Math.min(...distances),
      largestDistance: Math.max(...distances),
    },
    report: {
      title: `Rest of ${classes} centres in ${width} dimensions`,
      verdict: {
        tone: ok ? 'good' : 'bad',
        text: isReached
          ? `The bound −8/27 is reached: origin and centres form a regular simplex with edge ${(distances.reduce((a, b) => a + b) / distances.length).toFixed(4)}.`
          : `Lowest energy found ${energy.toFixed(6)}, above the bound ${bound.toFixed(6)}${isSimplex ? '' : `: a simplex of ${classes + 1} points needs ${classes} dimensions`}.`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'energy', value: energy, format: 'number', digits: 6 },
            { label: 'bound', value: bound, format: 'number', digits: 6 },
            { label: 'smallest distance', value: Math.min(...distances), format: 'number', digits: 4 },
            { label: 'largest distance', value: Math.max(...distances), format: 'number', digits: 4 },
          ],
        },
        {
          kind: 'plot',
          caption: 'Distances at rest: norms and pairs',
          mark: 'histogram',
          x: { label: 'distance' },
          y: { label: 'count' },
          series: [{ name: 'distances', points: distances.map((x) => ({ x, y: 1 })) }],
        },
      ],
    },
  };
}
