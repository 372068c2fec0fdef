/** The street: four lanes along x, a crossing street at x = 60 m, houses, trees, poles, parked cars; and the traffic of a traversal.
 *  World in metres, z up. Lane centres at y = ±1.75 and ±5.25, kerbs at ±7, pavements 2.5 m wide. */
import type { Rng } from '@tenfold/core/base';
import type { MaterialName, Solid, SolidKind } from './solids.ts';

export const STREET = {
  halfRoadM: 7,
  halfStreetM: 9.5,
  laneCentersM: [-5.25, -1.75, 1.75, 5.25],
  crossingXM: 60,
  startXM: -40,
  endXM: 160,
} as const;

const KERB_HEIGHT_M = 0.15;
const FRONT_GAP_M = 0.6;

type Vector = readonly [number, number, number];

interface SolidParts {
  readonly yawRad?: number;
  readonly salt?: number;
  readonly instanceId?: number;
  readonly isMoving?: boolean;
}

function solid(kind: SolidKind, material: MaterialName, center: Vector, half: Vector, parts: SolidParts = {}): Solid {
  return { kind, material, center, half, yawRad: 0, salt: 0, instanceId: 0, isMoving: false, ...parts };
}

/** Everything that stands still. Instance ids start at 1. */
export function createStaticStreet(rng: Rng): Solid[] {
  const solids: Solid[] = [];
  let instanceId = 0;
  const salt = () => rng.integer(1 << 20);
  const { halfRoadM, halfStreetM, crossingXM, startXM, endXM } = STREET;
  // Pavements: along the main street, cut at the crossing; and along the crossing street.
  const pavementHalf = (halfStreetM - halfRoadM) / 2;
  for (const side of [-1, 1]) {
    for (const [from, to] of [
      [startXM, crossingXM - halfRoadM],
      [crossingXM + halfRoadM, endXM],
    ] as const) {
      const middle = (from + to) / 2;
      solids.push(
        solid(
          'box',
          'kerb',
          [middle, side * (halfRoadM + pavementHalf), KERB_HEIGHT_M / 2],
          [(to - from) / 2, pavementHalf, KERB_HEIGHT_M / 2],
        ),
      );
    }
    for (const [from, to] of [
      [-100, -halfStreetM],
      [halfStreetM, 100],
    ] as const) {
      solids.push(
        solid(
          'box',
          'kerb',
          [crossingXM + side * (halfRoadM + pavementHalf), (from + to) / 2, KERB_HEIGHT_M / 2],
          [pavementHalf, (to - from) / 2, KERB_HEIGHT_M / 2],
        ),
      );
    }
  }
  // Houses along both streets.
  const addHouse = (x: number, y: number, halfX: number, halfY: number) => {
    const height = 8 + 17 * rng.uniform();
    solids.push(
      solid('box', 'facade', [x, y, height / 2], [halfX, halfY, height / 2], {
        salt: salt(),
        instanceId: ++instanceId,
      }),
    );
  };
  for (const side of [-1, 1]) {
    for (const [from, to] of [
      [startXM, crossingXM - halfStreetM - FRONT_GAP_M],
      [crossingXM + halfStreetM + FRONT_GAP_M, endXM],
    ] as const) {
      for (let x = from; x < to - 4;) {
        const width = Math.min(8 + 9 * rng.uniform(), to - x);
        const depth = 5 + 2 * rng.uniform();
        const setback = 0.5 + 1.2 * rng.uniform();
        addHouse(x + width / 2, side * (halfStreetM + setback + depth), width / 2 - 0.1, depth);
        x += width;
      }
    }
    for (const direction of [-1, 1]) {
      for (let y = halfStreetM + 16; y < 90;) {
        const width = 9 + 8 * rng.uniform();
        addHouse(crossingXM + side * (halfStreetM + 0.5 + 6), direction * (y + width / 2), 6, width / 2 - 0.1);
        y += width;
      }
    }
  }
  for (const end of [startXM - 6, endXM + 6]) addHouse(end, 0, 5, 14);
  for (const end of [-104, 104]) addHouse(crossingXM, end, 14, 5);
  // Trees, lamp posts and traffic lights on the pavements.
  for (let k = 0; k < 12; k++) {
    const x = startXM + 20 + 14 * k + 3 * rng.uniform();
    if (Math.abs(x - crossingXM) < halfStreetM + 3) continue;
    solids.push(...tree(x, (k % 2 === 0 ? 1 : -1) * (halfStreetM - 0.7), ++instanceId, rng));
  }
  for (let k = 0; k < 9; k++) {
    const x = startXM + 12 + 20 * k;
    if (Math.abs(x - crossingXM) < halfStreetM) continue;
    const y = (k % 2 === 0 ? -1 : 1) * (halfRoadM + 0.5);
    const id = ++instanceId;
    solids.push(solid('cylinder', 'metal', [x, y, 3], [0.09, 0.09, 3], { instanceId: id, salt: 7 }));
    solids.push(solid('box', 'lamp', [x, y - Math.sign(y) * 0.6, 5.9], [0.18, 0.7, 0.1], { instanceId: id }));
  }
  for (const sideX of [-1, 1]) {
    for (const sideY of [-1, 1]) {
      const [x, y] = [crossingXM + sideX * (halfRoadM + 0.6), sideY * (halfRoadM + 0.6)];
      const id = ++instanceId;
      solids.push(solid('cylinder', 'metal', [x, y, 1.7], [0.08, 0.08, 1.7], { instanceId: id, salt: 3 }));
      solids.push(solid('box', 'paint', [x, y, 3.1], [0.17, 0.17, 0.45], { instanceId: id, salt: 99 }));
    }
  }
  // Parked cars at the kerbs.
  for (let k = 0; k < 10; k++) {
    const x = startXM + 14 + 17 * k + 5 * rng.uniform();
    if (Math.abs(x - crossingXM) < halfStreetM + 4) continue;
    const y = (k % 3 === 0 ? -1 : 1) * (halfRoadM - 1.0);
    solids.push(...car(x, y, y > 0 ? Math.PI : 0, ++instanceId, salt(), false));
  }
  return solids;
}

/** Moving cars and walkers of a traversal at a time; another traffic for every traversal.
 *  @param firstId  instance ids start here @param keepClear  places (x, y) at this time that no car may cover */
export function createTraffic(
  rng: Rng,
  timeSec: number,
  firstId: number,
  keepClear: readonly (readonly [number, number])[],
): Solid[] {
  const solids: Solid[] = [];
  for (let k = 0; k < 10; k++) {
    const lane = STREET.laneCentersM[rng.integer(4)]!;
    const direction = lane < 0 ? 1 : -1;
    const speed = 5 + 7 * rng.uniform();
    const start = STREET.startXM + 180 * rng.uniform();
    const salt = rng.integer(1 << 20);
    const span = STREET.endXM - STREET.startXM;
    const x = STREET.startXM + ((((start - STREET.startXM + direction * speed * timeSec) % span) + span) % span);
    if (keepClear.some(([cx, cy]) => Math.abs(cy - lane) < 2.6 && Math.abs(cx - x) < 6)) continue;
    solids.push(...car(x, lane, direction > 0 ? 0 : Math.PI, firstId + k, salt, true));
  }
  for (let k = 0; k < 4; k++) {
    const side = rng.uniform() < 0.5 ? -1 : 1;
    const x = STREET.startXM + 30 + 140 * rng.uniform() + 1.3 * timeSec * side;
    const y = side * (STREET.halfRoadM + 0.9 + rng.uniform());
    const [id, salt] = [firstId + 20 + k, rng.integer(1 << 20)];
    solids.push(solid('ellipsoid', 'cloth', [x, y, 0.95], [0.22, 0.28, 0.8], { instanceId: id, salt, isMoving: true }));
    solids.push(solid('ellipsoid', 'skin', [x, y, 1.78], [0.13, 0.13, 0.16], { instanceId: id, salt, isMoving: true }));
  }
  return solids;
}

function tree(x: number, y: number, instanceId: number, rng: Rng): Solid[] {
  const height = 3.2 + rng.uniform();
  const parts = { instanceId, salt: rng.integer(1 << 20) };
  const crown = Array.from({ length: 60 }, () => {
    const [a, r, z] = [2 * Math.PI * rng.uniform(), 1.5 * Math.sqrt(rng.uniform()), 1.3 * (2 * rng.uniform() - 1)];
    const size = 0.25 + 0.3 * rng.uniform();
    const center: Vector = [x + r * Math.cos(a), y + r * Math.sin(a), height + 1.2 + z];
    return solid('ellipsoid', 'leaves', center, [size, size, 0.8 * size], { ...parts, salt: rng.integer(1 << 20) });
  });
  return [solid('cylinder', 'bark', [x, y, height / 2], [0.16, 0.16, height / 2], parts), ...crown];
}

function car(x: number, y: number, yawRad: number, instanceId: number, salt: number, isMoving: boolean): Solid[] {
  const parts = { instanceId, salt, isMoving, yawRad };
  const [cos, sin] = [Math.cos(yawRad), Math.sin(yawRad)];
  const at = (along: number, across: number, z: number): Vector => [
    x + cos * along - sin * across,
    y + sin * along + cos * across,
    z,
  ];
  return [
    solid('box', 'paint', at(0, 0, 0.65), [2.1, 0.9, 0.35], parts),
    solid('box', 'glass', at(-0.2, 0, 1.25), [1.15, 0.8, 0.28], parts),
    solid('box', 'paint', at(-0.2, 0, 1.55), [1.0, 0.76, 0.04], parts),
    ...[-1.3, 1.3].flatMap((along) =>
      [-0.85, 0.85].map((across) =>
        solid('ellipsoid', 'tyre', at(along, across, 0.33), [0.33, 0.12, 0.33], { ...parts, yawRad: 0 }),
      ),
    ),
  ];
}
