/** The class centres of the first fold, epoch by epoch: where they lie, and where each pair sits on the energy curve. */
import { EmptyState, Panel, Row, Slider, Stack } from '@tenfold/ui';
import { useState } from 'react';
import type { GeometryJson } from '../src/geometry-report.ts';

const SIZE = 340;
const PAD = 34;
const CURVE = { low: 0.5, high: 3.2 } as const;
const STABLE = 1.5;

export function Centres({
  geometry,
  classNames,
}: {
  readonly geometry: readonly GeometryJson[] | undefined;
  readonly classNames: readonly string[];
}) {
  const [place, setPlace] = useState((geometry?.length ?? 1) - 1);
  const epoch = geometry?.[Math.min(place, geometry.length - 1)];
  if (!geometry || !epoch) {
    return (
      <EmptyState title="No class centres">Audit features or images with the distance head to see them.</EmptyState>
    );
  }
  return (
    <Stack>
      <Slider
        label={`Epoch ${epoch.epoch}, energy ${epoch.energy.toFixed(4)}`}
        min={0}
        max={geometry.length - 1}
        value={place}
        onChange={setPlace}
      />
      <Row>
        <Panel title="Centres in a plane">
          <CentreMapView points={epoch.points} extent={extentOf(geometry)} classNames={classNames} />
        </Panel>
        <Panel title="Pairs on the energy curve">
          <EnergyCurve distances={epoch.pairDistances} norms={epoch.norms} />
        </Panel>
      </Row>
    </Stack>
  );
}

function extentOf(geometry: readonly GeometryJson[]): number {
  return Math.max(...geometry.flatMap(({ points }) => points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)])), 1e-6);
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
          <g key={i} transform={`translate(${scale(x)} ${scale(y)})`}>
            {isOrigin ? (
              <path d="M-5 0H5M0 -5V5" className="audit-origin" />
            ) : (
              <circle r={5} className="audit-centre" />
            )}
            <text x={8} y={4}>
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
}: {
  readonly distances: readonly number[];
  readonly norms: readonly number[];
}) {
  const energy = (r: number) => r ** -3 - r ** -2;
  const x = (r: number) => PAD + ((r - CURVE.low) / (CURVE.high - CURVE.low)) * (SIZE - 2 * PAD);
  const y = (e: number) => SIZE - PAD - ((Math.min(e, 0.5) + 0.2) / 0.7) * (SIZE - 2 * PAD);
  const curve = Array.from({ length: 90 }, (_, i) => CURVE.low + ((CURVE.high - CURVE.low) * i) / 89);
  const inside = (r: number) => Math.min(Math.max(r, CURVE.low), CURVE.high);
  return (
    <svg
      className="audit-plot"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label="Energy of every pair of centres against their distance"
    >
      <line x1={x(STABLE)} x2={x(STABLE)} y1={PAD} y2={SIZE - PAD} className="audit-rule" />
      <text x={x(STABLE) + 4} y={PAD + 10}>
        stable 1.5
      </text>
      <polyline points={curve.map((r) => `${x(r)},${y(energy(r))}`).join(' ')} className="audit-curve" />
      {distances.map((r, i) => (
        <circle key={`pair ${i}`} cx={x(inside(r))} cy={y(energy(inside(r)))} r={3.5} className="audit-centre" />
      ))}
      {norms.map((r, i) => (
        <rect
          key={`norm ${i}`}
          x={x(inside(r)) - 3}
          y={y(energy(inside(r))) - 3}
          width={6}
          height={6}
          className="audit-norm"
        />
      ))}
      <text x={PAD} y={SIZE - 8}>
        distance {CURVE.low} to {CURVE.high}; dots pairs, squares with the origin
      </text>
    </svg>
  );
}
