/** Where the class centres ended up: blocks for reports. */
import type { Block } from '@tenfold/core/report';
import { centreMap } from './pemm/centre-map.ts';
import type { CentreMap } from './pemm/centre-map.ts';
import { pairPotential, potentialMinimum } from './pemm/potential.ts';
import type { EpochLog } from './pemm/train.ts';

const CURVE = { from: 0.6, to: 3, points: 60 } as const;

/** What the page animates: per epoch the energy, the pair distances and the centres in a plane (the last is the origin). */
export interface GeometryJson {
  readonly epoch: number;
  readonly energy: number;
  readonly norms: readonly number[];
  readonly pairDistances: readonly number[];
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export function geometryJson(log: readonly EpochLog[]): GeometryJson[] {
  let previous: CentreMap | undefined;
  return log.flatMap(({ epoch, centres }) => {
    if (centres === undefined) return [];
    previous = centreMap(centres, previous);
    return [{ epoch, ...centres, points: previous.points }];
  });
}

/** Empty without a distance head. */
export function geometryBlocks(classNames: readonly string[], log: readonly EpochLog[]): Block[] {
  const last = log.at(-1)?.centres;
  if (last === undefined) return [];
  const numClasses = classNames.length;
  const map = centreMap(last);
  const minimum = potentialMinimum();
  const curve = Array.from({ length: CURVE.points }, (_, i) => {
    const r = CURVE.from + ((CURVE.to - CURVE.from) * i) / (CURVE.points - 1);
    return { x: r, y: pairPotential(r).energy };
  });
  const pairs: { x: number; y: number; label: string }[] = [];
  let at = 0;
  for (let i = 0; i < numClasses; i++) {
    for (let j = i + 1; j < numClasses; j++) {
      const r = last.pairDistances[at++];
      pairs.push({ x: r, y: pairPotential(r).energy, label: `${classNames[i]} – ${classNames[j]}` });
    }
  }
  return [
    {
      kind: 'figures',
      figures: [
        { label: 'energy of the centres', value: last.energy, format: 'number', digits: 4 },
        { label: 'lowest possible', value: 2 * minimum.energy, format: 'number', digits: 4 },
        { label: 'stable distance', value: minimum.distance, format: 'number', digits: 2 },
      ],
    },
    {
      kind: 'plot',
      caption: 'Energy of each pair of class centres on the curve E(r) = r⁻³ − r⁻²',
      mark: 'dot',
      x: { label: 'distance' },
      y: { label: 'energy' },
      series: [
        { name: 'pairs', points: pairs },
        { name: 'curve', points: curve },
      ],
      rules: [{ axis: 'x', value: minimum.distance, label: 'stable' }],
    },
    {
      kind: 'plot',
      caption: `Class centres in the plane that keeps ${(100 * map.explained).toFixed(0)} % of their distances`,
      mark: 'dot',
      x: { label: 'first axis' },
      y: { label: 'second axis' },
      series: map.points.map(({ x, y }, i) => ({
        name: classNames[i] ?? 'origin',
        points: [{ x, y, label: classNames[i] ?? 'origin' }],
      })),
    },
  ];
}

/** Loss terms and accuracies by epoch. */
export function learningBlocks(log: readonly EpochLog[]): Block[] {
  const terms = [...new Set(log.flatMap((entry) => Object.keys(entry.terms)))];
  const accuracies = [
    {
      name: 'held-out noisy labels',
      points: log.flatMap(({ epoch, validationAccuracy: y }) => (y === undefined ? [] : [{ x: epoch, y }])),
    },
    {
      name: 'known truth',
      points: log.flatMap(({ epoch, testAccuracy: y }) => (y === undefined ? [] : [{ x: epoch, y }])),
    },
  ].filter(({ points }) => points.length > 0);
  return [
    {
      kind: 'plot',
      caption: 'Loss by epoch',
      mark: 'line',
      x: { label: 'epoch' },
      y: { label: 'loss' },
      series: [
        { name: 'total', points: log.map(({ epoch, loss }) => ({ x: epoch, y: loss })) },
        ...terms.map((name) => ({ name, points: log.map((entry) => ({ x: entry.epoch, y: entry.terms[name] ?? 0 })) })),
      ],
    },
    ...(accuracies.length === 0
      ? []
      : [
          {
            kind: 'plot' as const,
            caption: 'Accuracy by epoch',
            mark: 'line' as const,
            x: { label: 'epoch' },
            y: { label: 'accuracy' },
            series: accuracies,
          },
        ]),
  ];
}
