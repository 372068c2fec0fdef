/** The class centres of the first fold, epoch by epoch: where they lie, and where each pair sits on the energy curve. */
import { Button, EmptyState, Panel, Slider, Stack } from '@tenfold/ui';
import { useEffect, useState } from 'react';
import type { GeometryJson } from '../src/geometry-report.ts';

const SIZE = 360;
const PAD = 34;
const CURVE = { low: 0.6, high: 3.2 } as const;
/** Energies that are drawn: from below the minimum −4/27 to a little above zero. */
const ENERGY = { low: -0.2, high: 0.3 } as const;
const STABLE = { distance: 1.5, energy: -4 / 27 } as const;
const NUM_COLOURS = 10;
const FRAME_MS = 450;

export function Centres({
  geometry,
  classNames,
}: {
  readonly geometry: readonly GeometryJson[] | undefined;
  readonly classNames: readonly string[];
}) {
  const numEpochs = geometry?.length ?? 0;
  const [shown, setShown] = useState(numEpochs);
  const [isPlaying, setIsPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => {
      if (shown >= numEpochs) setIsPlaying(false);
      else setShown(shown + 1);
    }, FRAME_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, shown, numEpochs]);
  const epoch = geometry?.[Math.min(shown, numEpochs) - 1];
  if (!geometry || !epoch) {
    return (
      <EmptyState title="No class centres">
        Probabilities from elsewhere have none. Audit a table, embeddings or images with the distance head to see them.
      </EmptyState>
    );
  }
  return (
    <Stack>
      <div className="audit-epoch">
        <Button
          icon={isPlaying ? 'pause' : 'play'}
          onClick={() => {
            if (!isPlaying && shown >= numEpochs) setShown(1);
            setIsPlaying(!isPlaying);
          }}
        >
          {isPlaying ? 'Pause' : 'Play training'}
        </Button>
        <Slider
          label={`Epoch of ${numEpochs}; energy of all centres ${epoch.energy.toFixed(4).replace('-', '−')}, lowest possible −0.2963`}
          min={1}
          max={Math.max(numEpochs, 2)}
          value={shown}
          onChange={(next) => setShown(Math.min(Math.max(next, 1), numEpochs))}
        />
      </div>
      <div className="audit-panels">
        <Panel title="Class centres in a plane">
          <CentreMapView points={epoch.points} extent={extentOf(geometry)} classNames={classNames} />
          <p className="audit-hint">
            Near centres are easily confused. The potential pushes them apart, the data pull them to their samples.
          </p>
        </Panel>
        <Panel title="Pairs on the energy curve">
          <EnergyCurve distances={epoch.pairDistances} norms={epoch.norms} classNames={classNames} />
          <p className="audit-hint">
            Left of 1.5 two centres repel, right of it they attract. Dots are pairs of classes, squares a class and the
            origin.
          </p>
        </Panel>
      </div>
    </Stack>
  );
}

function extentOf(geometry: readonly GeometryJson[]): number {
  return Math.max(...geometry.flatMap(({ points }) => points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)])), 1e-6);
}

function colourOf(classIndex: number): string {
  return `var(--series-${(classIndex % NUM_COLOURS) + 1})`;
}

function CentreMapView({
  points,
  extent,
  classNames,
}: {
  readonly points: GeometryJson['points'];
  readonly extent: number;
  readonly classNames: readonly string[];
}) {
  const scale = (value: number) => SIZE / 2 + (value / extent) * (SIZE / 2 - PAD);
  return (
    <svg
      className="audit-plot"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label="Map of the class centres and the origin"
    >
      {points.map(({ x, y }, i) => {
        const isOrigin = i === classNames.length;
        return (
          <g key={i} className="audit-point" style={{ transform: `translate(${scale(x)}px, ${scale(y)}px)` }}>
            {isOrigin ? (
              <path d="M-6 0H6M0 -6V6" className="audit-origin" />
            ) : (
              <circle r={7} style={{ fill: colourOf(i) }} />
            )}
            <text x={11} y={4} className={isOrigin ? undefined : 'audit-name'}>
              {isOrigin ? 'origin' : classNames[i]}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function EnergyCurve({
  distances,
  norms,
  classNames,
}: {
  readonly distances: readonly number[];
  readonly norms: readonly number[];
  readonly classNames: readonly string[];
}) {
  const energy = (r: number) => r ** -3 - r ** -2;
  const x = (r: number) => PAD + ((r - CURVE.low) / (CURVE.high - CURVE.low)) * (SIZE - 2 * PAD);
  const y = (e: number) =>
    SIZE - PAD - ((Math.min(e, ENERGY.high) - ENERGY.low) / (ENERGY.high - ENERGY.low)) * (SIZE - 2 * PAD);
  const first = 0.82; // E there is the upper edge
  const curve = Array.from({ length: 90 }, (_, i) => first + ((CURVE.high - first) * i) / 89);
  const inside = (r: number) => Math.min(Math.max(r, CURVE.low), CURVE.high);
  const pairs = classNames.flatMap((a, i) => classNames.slice(i + 1).map((b) => `${a} – ${b}`));
  return (
    <svg
      className="audit-plot"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label="Energy of every pair of centres against their distance"
    >
      <line x1={PAD} x2={SIZE - PAD} y1={y(0)} y2={y(0)} className="audit-rule" />
      <line x1={x(STABLE.distance)} x2={x(STABLE.distance)} y1={PAD} y2={SIZE - PAD} className="audit-rule" />
      <text x={x(STABLE.distance) + 5} y={PAD + 10}>
        at rest: 1.5
      </text>
      <text x={SIZE - PAD} y={y(0) - 5} textAnchor="end">
        energy 0
      </text>
      <polyline points={curve.map((r) => `${x(r)},${y(energy(r))}`).join(' ')} className="audit-curve" />
      {distances.map((r, i) => (
        <circle key={`pair ${i}`} cx={x(inside(r))} cy={y(energy(inside(r)))} r={4.5} className="audit-centre">
          <title>
            {pairs[i]}: distance {r.toFixed(2)}, energy {energy(r).toFixed(3)}
          </title>
        </circle>
      ))}
      {norms.map((r, i) => (
        <rect
          key={`norm ${i}`}
          x={x(inside(r)) - 4}
          y={y(energy(inside(r))) - 4}
          width={8}
          height={8}
          className="audit-norm"
        >
          <title>
            {classNames[i]} – origin: distance {r.toFixed(2)}, energy {energy(r).toFixed(3)}
          </title>
        </rect>
      ))}
      {[1, 2].map((tick) => (
        <text key={tick} x={x(tick)} y={SIZE - 14} textAnchor="middle">
          {tick}
        </text>
      ))}
      <text x={SIZE - PAD} y={SIZE - 14} textAnchor="end">
        distance
      </text>
    </svg>
  );
}
