/** Groups prims into kernels. Units run in the order of their index. A prim may join any unit that comes no earlier than
 *  what it reads, has the same number of elements and already touches one of its values: so chains fuse with their
 *  producers, and updates that share a gradient with each other. A unit with reductions runs one workgroup per row. */
import type { ValueId } from '../../graph/index.ts';
import { numel } from '../../tensor/index.ts';
import type { LoweredGraph } from './lower-to-prims.ts';
import { readsOf } from './prims.ts';
import type { Access, MapPrim, Prim, PrimValue, ReducePrim } from './prims.ts';

export interface FusedUnit {
  readonly kind: 'fused';
  readonly index: number;
  readonly prims: (MapPrim | ReducePrim)[];
  /** Elements of a full value. */
  readonly size: number;
  /** Elements of a row, once there is a reduction. */
  width?: number;
  /** Roots made here: one element each, or one per row. */
  readonly made: Map<ValueId, 'full' | 'row'>;
  /** Roots read from memory. */
  readonly read: Set<ValueId>;
  /** Roots that later units or the caller read. */
  outputs: readonly ValueId[];
}

export interface SoloUnit {
  readonly kind: 'solo';
  readonly index: number;
  readonly prim: Exclude<Prim, MapPrim | ReducePrim>;
}

export type Unit = FusedUnit | SoloUnit;

/** A unit with few rows leaves most of a device idle; such reductions stay alone unless rows are short. */
const FEW_ROWS = 32;
const SHORT_ROW = 4096;

export function fuseUnits(lowered: LoweredGraph, options: { readonly maxBuffers: number }): Unit[] {
  const { values, prims, stored } = lowered;
  const units: Unit[] = [];
  const unitOf = new Map<ValueId, Unit>();
  const readers = new Map<ValueId, Prim[]>();
  const root = (id: ValueId): ValueId => values[id].root;
  for (const prim of prims) {
    for (const id of new Set(readsOf(prim).map(root))) {
      const known = readers.get(id);
      if (known === undefined) readers.set(id, [prim]);
      else known.push(prim);
    }
  }
  const kept = new Set([...stored.values()].map(root));
  const unitOfPrim = new Map<Prim, Unit>();

  const isNeededOutside = (id: ValueId, unit: Unit | undefined, joining?: Prim): boolean =>
    kept.has(id) || (readers.get(id) ?? []).some((reader) => reader !== joining && unitOfPrim.get(reader) !== unit);

  const countBuffers = (unit: FusedUnit, prim: MapPrim | ReducePrim): number => {
    const read = new Set(unit.read);
    for (const id of memoryReads(prim, values)) if (!unit.made.has(id)) read.add(id);
    let count = read.size;
    for (const id of [...unit.made.keys(), prim.out]) if (isNeededOutside(id, unit, prim)) count++;
    return count;
  };

  /** What the prim would be in the unit, if it can join. */
  const roleIn = (unit: Unit, prim: MapPrim | ReducePrim): 'full' | 'row' | undefined => {
    if (unit.kind === 'solo') return undefined;
    const size = numel(values[prim.kind === 'reduce' ? prim.input : prim.out].shape);
    if (prim.kind === 'reduce') {
      if (size !== unit.size || (unit.width ?? prim.width) !== prim.width) return undefined;
      if (unit.width === undefined && size / prim.width < FEW_ROWS && size > SHORT_ROW) return undefined;
      return (unit.made.get(root(prim.input)) ?? 'full') === 'full' ? 'row' : undefined;
    }
    const isReadable = (role: 'full' | 'row'): boolean =>
      prim.operands.every(({ value, access }) => {
        if (access.kind === 'at' && access.indices !== undefined && unit.made.has(root(access.indices))) return false;
        const made = unit.made.get(root(value));
        return made === undefined || values[value].splat !== undefined || reads(access, made, role, unit.width);
      });
    if (size === unit.size && isReadable('full')) return 'full';
    const isRow = unit.width !== undefined && size === unit.size / unit.width;
    const touchesRow = prim.operands.some(({ value }) => unit.made.get(root(value)) === 'row');
    return isRow && touchesRow && isReadable('row') ? 'row' : undefined;
  };

  const place = (prim: MapPrim | ReducePrim): FusedUnit => {
    let first = 0;
    for (const id of memoryReads(prim, values)) {
      const producer = unitOf.get(id);
      if (producer === undefined) continue;
      const joinable = roleIn(producer, prim) !== undefined;
      first = Math.max(first, joinable ? producer.index : producer.index + 1);
    }
    for (let index = first; index < units.length; index++) {
      const unit = units[index];
      if (unit.kind === 'solo' || roleIn(unit, prim) === undefined) continue;
      const touches = memoryReads(prim, values).some(
        (id) => unit.made.has(id) || (unit.read.has(id) && numel(values[id].shape) > 1),
      );
      if (touches && countBuffers(unit, prim) <= options.maxBuffers) return unit;
    }
    const size = numel(values[prim.kind === 'reduce' ? prim.input : prim.out].shape);
    const unit: FusedUnit = {
      kind: 'fused',
      index: units.length,
      prims: [],
      size,
      made: new Map(),
      read: new Set(),
      outputs: [],
    };
    units.push(unit);
    return unit;
  };

  /** Moves an earlier flat unit into this one, if nobody else has read it yet. */
  const takeIn = (unit: FusedUnit, earlier: Unit | undefined, prim: MapPrim | ReducePrim): void => {
    if (earlier === undefined || earlier === unit || earlier.kind === 'solo') return;
    if (earlier.width !== undefined || earlier.size !== unit.size) return;
    const own = [...earlier.made.keys()];
    const areReadersHere = own.every((id) =>
      (readers.get(id) ?? []).every((reader) => {
        const at = unitOfPrim.get(reader);
        return reader === prim || at === undefined || at === unit || at === earlier;
      }),
    );
    const areReadInPlace = [...unit.prims, prim].every(
      (reader) =>
        reader.kind === 'reduce' ||
        reader.operands.every(
          ({ value, access }) =>
            !earlier.made.has(root(value)) || (access.kind === 'full' && numel(values[reader.out].shape) === unit.size),
        ),
    );
    if (!areReadersHere || !areReadInPlace) return;
    const read = new Set([...earlier.read, ...unit.read].filter((id) => !earlier.made.has(id)));
    for (const id of memoryReads(prim, values)) if (!unit.made.has(id) && !earlier.made.has(id)) read.add(id);
    const written = [...own, ...unit.made.keys(), prim.out].filter(
      (id) =>
        kept.has(id) ||
        (readers.get(id) ?? []).some(
          (reader) => reader !== prim && unitOfPrim.get(reader) !== unit && unitOfPrim.get(reader) !== earlier,
        ),
    );
    if (read.size + written.length > options.maxBuffers) return;
    for (const id of unit.read) if (earlier.made.has(id)) unit.read.delete(id);
    for (const id of earlier.read) if (!unit.made.has(id)) unit.read.add(id);
    for (const moved of earlier.prims) {
      unitOf.set(moved.out, unit);
      unitOfPrim.set(moved, unit);
    }
    const madeHere = [...unit.made];
    unit.made.clear();
    for (const [id, made] of [...earlier.made, ...madeHere]) unit.made.set(id, made);
    unit.prims.unshift(...earlier.prims);
    earlier.prims.length = 0;
    earlier.made.clear();
    earlier.read.clear();
  };

  for (const prim of prims) {
    if (prim.kind !== 'map' && prim.kind !== 'reduce') {
      const unit: SoloUnit = { kind: 'solo', index: units.length, prim };
      units.push(unit);
      unitOf.set(prim.out, unit);
      unitOfPrim.set(prim, unit);
      continue;
    }
    const unit = place(prim);
    for (const id of memoryReads(prim, values)) takeIn(unit, unitOf.get(id), prim);
    const role = roleIn(unit, prim) ?? 'full';
    if (prim.kind === 'reduce') unit.width = prim.width;
    for (const id of memoryReads(prim, values)) if (!unit.made.has(id)) unit.read.add(id);
    unit.prims.push(prim);
    unit.made.set(prim.out, role);
    unitOf.set(prim.out, unit);
    unitOfPrim.set(prim, unit);
  }
  for (const unit of units) {
    if (unit.kind === 'fused') unit.outputs = [...unit.made.keys()].filter((id) => isNeededOutside(id, unit));
  }
  return units.filter((unit) => unit.kind === 'solo' || unit.prims.length > 0);
}

/** May a member with this role read a value made in its own unit? Only at its own place, or its own row's. */
function reads(access: Access, made: 'full' | 'row', role: 'full' | 'row', width: number | undefined): boolean {
  if (made === role) return access.kind === 'full' || (access.kind === 'scalar' && made === 'row');
  if (role === 'row') return false;
  return (access.kind === 'prefix' && access.divisor === width) || (access.kind === 'scalar' && made === 'row');
}

/** Roots that a prim reads, without known numbers. */
function memoryReads(prim: Prim, values: readonly PrimValue[]): ValueId[] {
  return readsOf(prim).flatMap((id) => (values[id].splat === undefined ? [values[id].root] : []));
}
