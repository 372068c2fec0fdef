/** The street from above: every camera as an arrow in the colour of its level, and the corridor in which views can be trusted. */
import type { ExperimentValue } from './results.ts';
import { LEVELS } from './results.ts';

/** Parts of 54 of the path's width. */
const MARGIN = 3;
const WEDGE = 2.2;
const BACK_TURN = 2.4;
const BACK_SHARE = 0.55;

export function CameraMap({ value: { cameras, trust } }: { readonly value: ExperimentValue }) {
  const [across, along] = groundAxes(cameras);
  const places = cameras.map((camera) => ({
    camera,
    x: along.reduce((sum, a, k) => sum + a * camera.center[k]!, 0),
    y: across.reduce((sum, a, k) => sum + a * camera.center[k]!, 0),
    angle: Math.atan2(dot(across, camera.forward), dot(along, camera.forward)),
  }));
  const xs = places.map(({ x }) => x);
  const ys = places.map(({ y }) => y);
  // Of a drive through the town or of a few steps, and in whatever unit: marks follow the width of the path.
  const span = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const scale = Math.max(1e-6, span / 54);
  const [left, right] = [Math.min(...xs) - MARGIN * scale, Math.max(...xs) + MARGIN * scale];
  const [low, high] = [Math.min(...ys) - MARGIN * scale, Math.max(...ys) + MARGIN * scale];
  const train = places.filter(({ camera }) => camera.level === 'train');
  const radius = trust?.radiusM ?? 0;
  return (
    <figure className="view-map">
      <svg
        viewBox={`${left} ${-high} ${right - left} ${high - low}`}
        role="img"
        aria-label="Cameras from above, coloured by level"
      >
        {radius > 0 && (
          <g className="view-map-trust">
            {train.map(({ camera, x, y }) => (
              <circle key={camera.name} cx={x} cy={-y} r={radius} />
            ))}
          </g>
        )}
        {LEVELS.map(({ level, color }) => (
          <g key={level} fill={color} className={level === 'train' ? 'is-train' : undefined}>
            {places
              .filter(({ camera }) => camera.level === level)
              .map(({ camera, x, y, angle }) => (
                <path key={camera.name} d={wedge(x, -y, -angle, WEDGE * scale)}>
                  <title>{`${camera.name}${camera.psnr === null ? '' : ` · ${camera.psnr.toFixed(1)} dB`}`}</title>
                </path>
              ))}
          </g>
        ))}
      </svg>
      <figcaption className="view-legend">
        {LEVELS.filter(({ level }) => cameras.some((camera) => camera.level === level)).map(
          ({ level, title, color }) => (
            <span key={level}>
              <i style={{ background: color }} />
              {title}
            </span>
          ),
        )}
        {radius > 0 && (
          <span>
            <i className="view-legend-trust" />
            within the trust radius
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** Axes of the ground, the longer one second: from the mean down axis of the cameras. */
function groundAxes(cameras: ExperimentValue['cameras']): readonly [readonly number[], readonly number[]] {
  const down = [0, 1, 2].map((k) => cameras.reduce((sum, camera) => sum + camera.down[k]!, 0) / cameras.length);
  const length = Math.hypot(...down);
  const up = down.map((value) => -value / length);
  const seed = Math.abs(up[0]!) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  const first = unit(seed.map((value, k) => value - dot(seed, up) * up[k]!));
  const second = [
    up[1]! * first[2]! - up[2]! * first[1]!,
    up[2]! * first[0]! - up[0]! * first[2]!,
    up[0]! * first[1]! - up[1]! * first[0]!,
  ];
  const spread = (axis: readonly number[]) => {
    const values = cameras.map((camera) => dot(axis, camera.center));
    return Math.max(...values) - Math.min(...values);
  };
  return spread(first) >= spread(second) ? [second, first] : [first.map((value) => -value), second];
}

/** An arrow head whose tip looks where the camera looks. */
function wedge(x: number, y: number, angle: number, size: number): string {
  const at = (turn: number, share: number) =>
    `${(x + share * size * Math.cos(angle + turn)).toFixed(2)} ${(y + share * size * Math.sin(angle + turn)).toFixed(2)}`;
  return `M${at(0, 1)}L${at(BACK_TURN, BACK_SHARE)}L${x.toFixed(2)} ${y.toFixed(2)}L${at(-BACK_TURN, BACK_SHARE)}Z`;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
