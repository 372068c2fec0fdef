/** Meshes: ranks on named axes. The first axis varies fastest:
 *  rank = c_0 + n_0·(c_1 + n_1·(c_2 + …)), so Megatron's order `tp-cp-ep-dp-pp` is written in that order. */
import { ranksError } from './ranks-errors.ts';

export interface MeshAxis {
  readonly name: string;
  readonly size: number;
}

/** Plain data, so that it travels to workers. */
export interface Mesh {
  /** Fastest first. */
  readonly axes: readonly MeshAxis[];
  readonly numRanks: number;
}

export interface MeshOptions {
  /** Axis names joined by `-`, fastest first; axes that it leaves out follow in the given order. */
  readonly order?: string;
}

/** @param axes  name → size, e.g. `{ tp: 2, dp: 4 }`; the written order is the rank order unless `order` says otherwise
 *  @throws TF-RANKS-001 on a size below 1 or an unknown or doubled name in `order` */
export function createMesh(axes: Readonly<Record<string, number>>, { order }: MeshOptions = {}): Mesh {
  const names = order === undefined ? [] : order.split('-');
  for (const [index, name] of names.entries()) {
    if (!(name in axes) || names.indexOf(name) !== index)
      throw meshError(`each of ${Object.keys(axes).join(', ')} at most once in the order`, JSON.stringify(order));
  }
  const ordered = [...names, ...Object.keys(axes).filter((name) => !names.includes(name))];
  let numRanks = 1;
  for (const name of ordered) {
    const size = axes[name]!;
    if (!Number.isInteger(size) || size < 1) throw meshError(`a size of 1 or more for axis "${name}"`, String(size));
    numRanks *= size;
  }
  return { axes: ordered.map((name) => ({ name, size: axes[name]! })), numRanks };
}

/** Coordinates of a rank by axis name. */
export function coordsOfRank(mesh: Mesh, rank: number): Readonly<Record<string, number>> {
  assertRank(mesh, rank);
  const coords: Record<string, number> = {};
  let rest = rank;
  for (const { name, size } of mesh.axes) {
    coords[name] = rest % size;
    rest = Math.floor(rest / size);
  }
  return coords;
}

/** Rank at coordinates; axes left out count as 0. @throws TF-RANKS-001 outside the mesh */
export function rankAtCoords(mesh: Mesh, coords: Readonly<Record<string, number>>): number {
  for (const name of Object.keys(coords)) sizeOfAxis(mesh, name);
  let rank = 0;
  let stride = 1;
  for (const { name, size } of mesh.axes) {
    const coord = coords[name] ?? 0;
    if (!Number.isInteger(coord) || coord < 0 || coord >= size)
      throw meshError(`a coordinate in 0..${size - 1} on axis "${name}"`, String(coord));
    rank += coord * stride;
    stride *= size;
  }
  return rank;
}

/** Ranks that differ from `rank` only on the given axes, in rank order. `'tp'`, or `['tp', 'cp']` for a joint group. */
export function ranksOfGroup(mesh: Mesh, rank: number, axes: string | readonly string[]): number[] {
  const varying = typeof axes === 'string' ? [axes] : axes;
  for (const name of varying) sizeOfAxis(mesh, name);
  const own = coordsOfRank(mesh, rank);
  const members: number[] = [];
  for (let other = 0; other < mesh.numRanks; other++) {
    const coords = coordsOfRank(mesh, other);
    if (mesh.axes.every(({ name }) => varying.includes(name) || coords[name] === own[name])) members.push(other);
  }
  return members;
}

/** All groups along the given axes, each rank in exactly one, by first rank. */
export function allGroups(mesh: Mesh, axes: string | readonly string[]): number[][] {
  const groups: number[][] = [];
  for (let rank = 0; rank < mesh.numRanks; rank++) {
    const members = ranksOfGroup(mesh, rank, axes);
    if (members[0] === rank) groups.push(members);
  }
  return groups;
}

/** Number of ranks along an axis.
 *  @throws TF-RANKS-001 if the mesh has no axis of that name */
export function sizeOfAxis(mesh: Mesh, name: string): number {
  const axis = mesh.axes.find((each) => each.name === name);
  if (!axis) throw meshError(`an axis of the mesh (${mesh.axes.map((each) => each.name).join(', ')})`, `"${name}"`);
  return axis.size;
}

function assertRank(mesh: Mesh, rank: number): void {
  if (!Number.isInteger(rank) || rank < 0 || rank >= mesh.numRanks)
    throw meshError(`a rank in 0..${mesh.numRanks - 1}`, String(rank));
}

function meshError(expected: string, actual: string): Error {
  return ranksError('TF-RANKS-001', { subject: 'mesh', expected, actual });
}
