/** Solids that the street is built of, and the nearest hit of a ray with many of them through a bounding volume hierarchy. */

export type SolidKind = 'box' | 'ellipsoid' | 'cylinder';

export type MaterialName =
  | 'ground'
  | 'kerb'
  | 'facade'
  | 'bark'
  | 'leaves'
  | 'metal'
  | 'lamp'
  | 'paint'
  | 'glass'
  | 'tyre'
  | 'cloth'
  | 'skin';

/** Upright solid: a box turned by yaw, an ellipsoid or a cylinder along z. */
export interface Solid {
  readonly kind: SolidKind;
  /** metres */ readonly center: readonly [number, number, number];
  /** Half sizes or radii, metres; a cylinder uses the first as radius and the third as half height. */
  readonly half: readonly [number, number, number];
  readonly yawRad: number;
  readonly material: MaterialName;
  /** Tints and seeds the texture. */ readonly salt: number;
  /** Objects of several solids share an id. 0 is the ground. */ readonly instanceId: number;
  readonly isMoving: boolean;
}

/** The nearest hit found so far; reused. */
export interface Hit {
  distance: number;
  /** −1: none */ solid: number;
  nx: number;
  ny: number;
  nz: number;
}

export interface SolidTree {
  readonly solids: readonly Solid[];
  /** Lowers `hit` to the nearest hit nearer than hit.distance. Mutates: hit. */
  intersect(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, hit: Hit): void;
  /** True if anything is nearer than `reach`. */
  isBlocked(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, reach: number): boolean;
}

const KIND_NUMBER: Readonly<Record<SolidKind, number>> = { box: 0, ellipsoid: 1, cylinder: 2 };
const MAX_LEAF = 2;
/** Hits nearer than this are the surface that the ray starts at, metres. */
const MIN_DISTANCE = 1e-4;

/** Cost: O(n log n) to build, O(log n) a ray. */
export function createSolidTree(solids: readonly Solid[]): SolidTree {
  const n = solids.length;
  const kinds = Uint8Array.from(solids, ({ kind }) => KIND_NUMBER[kind]);
  // center, half, cos, sin
  const shape = new Float64Array(8 * n);
  const bounds = new Float64Array(6 * n);
  solids.forEach(({ center, half, yawRad, kind }, i) => {
    const [cos, sin] = [Math.cos(yawRad), Math.sin(yawRad)];
    shape.set([...center, ...half, cos, sin], 8 * i);
    const isTurned = kind === 'box';
    const reachX = isTurned ? Math.abs(cos) * half[0] + Math.abs(sin) * half[1] : half[0];
    const reachY = isTurned
      ? Math.abs(sin) * half[0] + Math.abs(cos) * half[1]
      : kind === 'cylinder'
        ? half[0]
        : half[1];
    bounds.set(
      [
        center[0] - reachX,
        center[1] - reachY,
        center[2] - half[2],
        center[0] + reachX,
        center[1] + reachY,
        center[2] + half[2],
      ],
      6 * i,
    );
  });
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  // A node: six bounds; first child or first solid; number of solids (0 = inner).
  const nodeBounds: number[] = [];
  const nodeFirst: number[] = [];
  const nodeCount: number[] = [];
  const nodeAxis: number[] = [];
  const build = (start: number, end: number): number => {
    const node = nodeFirst.length;
    const box = [Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity];
    for (let j = start; j < end; j++) {
      for (let k = 0; k < 3; k++) {
        box[k] = Math.min(box[k], bounds[6 * order[j] + k]);
        box[3 + k] = Math.max(box[3 + k], bounds[6 * order[j] + 3 + k]);
      }
    }
    nodeBounds.push(...box);
    nodeFirst.push(start);
    nodeCount.push(end - start);
    nodeAxis.push(0);
    if (end - start <= MAX_LEAF) return node;
    const spans = [0, 1, 2].map((k) => box[3 + k] - box[k]);
    const axis = spans.indexOf(Math.max(...spans));
    const middleOf = (i: number) => bounds[6 * i + axis] + bounds[6 * i + 3 + axis];
    order.subarray(start, end).sort((a, b) => middleOf(a) - middleOf(b) || a - b);
    const middle = (start + end) >> 1;
    nodeCount[node] = 0;
    nodeAxis[node] = axis;
    build(start, middle);
    nodeFirst[node] = build(middle, end);
    return node;
  };
  if (n > 0) build(0, n);
  const boxes = Float64Array.from(nodeBounds);
  const firsts = Int32Array.from(nodeFirst);
  const counts = Int32Array.from(nodeCount);
  const axes = Uint8Array.from(nodeAxis);
  const stack = new Int32Array(64);

  const walk = (
    ox: number,
    oy: number,
    oz: number,
    dx: number,
    dy: number,
    dz: number,
    hit: Hit,
    isAny: boolean,
  ): void => {
    if (n === 0) return;
    const ix = 1 / dx;
    const iy = 1 / dy;
    const iz = 1 / dz;
    let top = 0;
    stack[top++] = 0;
    while (top > 0) {
      const node = stack[--top];
      const b = 6 * node;
      let near = (boxes[b] - ox) * ix;
      let far = (boxes[b + 3] - ox) * ix;
      let low = Math.min(near, far);
      let high = Math.max(near, far);
      near = (boxes[b + 1] - oy) * iy;
      far = (boxes[b + 4] - oy) * iy;
      low = Math.max(low, Math.min(near, far));
      high = Math.min(high, Math.max(near, far));
      near = (boxes[b + 2] - oz) * iz;
      far = (boxes[b + 5] - oz) * iz;
      low = Math.max(low, Math.min(near, far));
      high = Math.min(high, Math.max(near, far));
      if (!(high >= low) || high < 0 || low > hit.distance) continue;
      const count = counts[node];
      if (count === 0) {
        // The child that the ray meets first is taken first.
        const axis = axes[node];
        const isForward = (axis === 0 ? dx : axis === 1 ? dy : dz) >= 0;
        stack[top++] = isForward ? firsts[node] : node + 1;
        stack[top++] = isForward ? node + 1 : firsts[node];
        continue;
      }
      const first = firsts[node];
      for (let j = first; j < first + count; j++) {
        intersectSolid(order[j], kinds, shape, ox, oy, oz, dx, dy, dz, hit);
        if (isAny && hit.solid >= 0) return;
      }
    }
  };
  const probe: Hit = { distance: 0, solid: -1, nx: 0, ny: 0, nz: 0 };
  return {
    solids,
    intersect: (ox, oy, oz, dx, dy, dz, hit) => walk(ox, oy, oz, dx, dy, dz, hit, false),
    isBlocked(ox, oy, oz, dx, dy, dz, reach) {
      probe.distance = reach;
      probe.solid = -1;
      walk(ox, oy, oz, dx, dy, dz, probe, true);
      return probe.solid >= 0;
    },
  };
}

function intersectSolid(
  i: number,
  kinds: Uint8Array,
  shape: Float64Array,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  hit: Hit,
): void {
  const s = 8 * i;
  let px = ox - shape[s];
  let py = oy - shape[s + 1];
  const pz = oz - shape[s + 2];
  const hx = shape[s + 3];
  const hy = shape[s + 4];
  const hz = shape[s + 5];
  const cos = shape[s + 6];
  const sin = shape[s + 7];
  if (kinds[i] === 0) {
    // In the axes of the box.
    const lx = cos * px + sin * py;
    py = -sin * px + cos * py;
    px = lx;
    const ex = cos * dx + sin * dy;
    const ey = -sin * dx + cos * dy;
    const ax = (-hx - px) / ex;
    const bx = (hx - px) / ex;
    const ay = (-hy - py) / ey;
    const by = (hy - py) / ey;
    const az = (-hz - pz) / dz;
    const bz = (hz - pz) / dz;
    const nearX = Math.min(ax, bx);
    const nearY = Math.min(ay, by);
    const nearZ = Math.min(az, bz);
    const near = Math.max(nearX, nearY, nearZ);
    const far = Math.min(Math.max(ax, bx), Math.max(ay, by), Math.max(az, bz));
    if (!(far >= near) || near < MIN_DISTANCE || near >= hit.distance) return;
    hit.distance = near;
    hit.solid = i;
    if (near === nearZ) {
      hit.nx = hit.ny = 0;
      hit.nz = -Math.sign(dz);
    } else {
      const side = near === nearX ? -Math.sign(ex) : -Math.sign(ey);
      hit.nx = near === nearX ? cos * side : -sin * side;
      hit.ny = near === nearX ? sin * side : cos * side;
      hit.nz = 0;
    }
    return;
  }
  const isEllipsoid = kinds[i] === 1;
  const sx = 1 / hx;
  const sy = isEllipsoid ? 1 / hy : sx;
  const sz = isEllipsoid ? 1 / hz : 0;
  const a = (dx * sx) ** 2 + (dy * sy) ** 2 + (dz * sz) ** 2;
  const b = px * dx * sx * sx + py * dy * sy * sy + pz * dz * sz * sz;
  const c = (px * sx) ** 2 + (py * sy) ** 2 + (pz * sz) ** 2 - 1;
  const disc = b * b - a * c;
  if (!(disc > 0)) return;
  const t = (-b - Math.sqrt(disc)) / a;
  const z = pz + t * dz;
  if (t >= MIN_DISTANCE && t < hit.distance && (isEllipsoid || Math.abs(z) <= hz)) {
    hit.distance = t;
    hit.solid = i;
    const nx = (px + t * dx) * sx * sx;
    const ny = (py + t * dy) * sy * sy;
    const nz = z * sz * sz;
    const length = Math.hypot(nx, ny, nz);
    hit.nx = nx / length;
    hit.ny = ny / length;
    hit.nz = nz / length;
  }
  if (isEllipsoid) return;
  const capT = ((dz < 0 ? hz : -hz) - pz) / dz;
  if (!(capT >= MIN_DISTANCE) || capT >= hit.distance || Math.hypot(px + capT * dx, py + capT * dy) > hx) return;
  hit.distance = capT;
  hit.solid = i;
  hit.nx = hit.ny = 0;
  hit.nz = -Math.sign(dz);
}
