/** Placements lowered to boxes. Each dimension keeps a list of intervals (the local order of what a rank owns); every
 *  placement cuts that list further, in the order listed, so `cp:Z(0), tp:S(0)` is sequence parallelism inside zigzag. */
import { traceError } from '../trace-check-errors.ts';
import type { Box, Placement } from '../types.ts';
import { runsOfBox } from './box-runs.ts';

/** One axis with its placement; `index` of `size` is this rank's coordinate. */
export interface AxisPlacement {
  readonly axis: string;
  readonly index: number;
  readonly size: number;
  readonly placement: Placement;
}

export interface Lowered {
  readonly local: readonly number[];
  readonly boxes: readonly Box[];
  readonly flat: boolean;
  readonly partial: readonly string[];
  readonly partialMean: boolean;
  readonly placements: Readonly<Record<string, string>>;
}

type DimPlacement = Extract<Placement, { readonly dim: number }>;

interface Interval {
  readonly start: number;
  readonly length: number;
}

/** Reads `R`, `O`, `F`, `S(0)`, `S(0,2)`, `Z(0)`, `G(0,2)`, `P(sum)`, `P(mean)`. @throws TF-TRACE-012 */
export function parsePlacement(text: string): Placement {
  const match = /^([ROF])$|^([SZ])\((\d+)\)$|^([GS])\((\d+),(\d+)\)$|^P\((sum|mean)\)$/.exec(text.trim());
  if (!match)
    throw traceError('TF-TRACE-012', {
      subject: 'parsePlacement',
      expected: 'R, O, F, S(dim), S(dim,parts), Z(dim), G(dim,parts), P(sum) or P(mean)',
      actual: JSON.stringify(text),
    });
  if (match[1]) return { kind: match[1] as 'R' };
  if (match[2]) return { kind: match[2] as 'S', dim: Number(match[3]) };
  if (match[4]) return { kind: match[4] as 'G', dim: Number(match[5]), parts: Number(match[6]) };
  return { kind: 'P', reduction: match[7] as 'sum' };
}

export function formatPlacement(placement: Placement): string {
  if (placement.kind === 'P') return `P(${placement.reduction})`;
  if (!('dim' in placement)) return placement.kind;
  const parts = 'parts' in placement && placement.parts !== undefined ? `,${placement.parts}` : '';
  return `${placement.kind}(${placement.dim}${parts})`;
}

/** @param global  logical shape
 *  @param axes  placements in nesting order
 *  @param padded  stored sizes where they exceed the logical ones (vocabulary): padding is in no box
 *  @throws TF-TRACE-015 if a split does not come out even
 *  Cost: O(boxes). */
export function lowerPlacements(
  global: readonly number[],
  axes: readonly AxisPlacement[],
  padded: readonly number[] = global,
): Lowered {
  let dims: Interval[][] = padded.map((length) => [{ start: 0, length }]);
  const partial: string[] = [];
  let partialMean = false;
  let flat: AxisPlacement | undefined;
  const placements: Record<string, string> = {};
  for (const each of axes) {
    const { placement, index, size, axis } = each;
    placements[axis] = formatPlacement(placement);
    if (placement.kind === 'P' && size > 1) {
      partial.push(axis);
      partialMean ||= placement.reduction === 'mean';
    } else if (placement.kind === 'F') flat = each;
    else if (placement.kind === 'S' || placement.kind === 'Z' || placement.kind === 'G') {
      const { dim } = placement;
      if (dim >= dims.length) throw unevenError(axis, `dimension ${dim} of a tensor of rank ${dims.length}`);
      dims = dims.map((intervals, d) => (d === dim ? cut(intervals, placement, index, size, axis) : intervals));
    }
  }
  const local = dims.map((intervals) => intervals.reduce((sum, { length }) => sum + length, 0));
  const boxes = product(dims, global);
  if (!flat) return { local, boxes, flat: false, partial, partialMean, placements };
  return { ...flatRange(boxes, local, global, flat), flat: true, partial, partialMean, placements };
}

function cut(
  intervals: readonly Interval[],
  placement: DimPlacement,
  index: number,
  size: number,
  axis: string,
): Interval[] {
  const total = intervals.reduce((sum, { length }) => sum + length, 0);
  const numPieces = numPiecesOf(placement, size);
  if (placement.kind === 'S' && size % numPieces !== 0)
    throw unevenError(axis, `${size} ranks that share ${numPieces} parts`);
  if (total % numPieces !== 0) throw unevenError(axis, `${total} elements in ${numPieces} pieces`);
  const piece = total / numPieces;
  const chosen =
    placement.kind === 'Z'
      ? [index, 2 * size - 1 - index]
      : placement.kind === 'G'
        ? Array.from({ length: placement.parts }, (_, part) => part * size + index)
        : [Math.floor((index * numPieces) / size)];
  return size === 1 ? [...intervals] : mergeTouching(chosen.flatMap((at) => take(intervals, at * piece, piece)));
}

function numPiecesOf(placement: DimPlacement, size: number): number {
  if (placement.kind === 'Z') return 2 * size;
  if (placement.kind === 'G') return placement.parts * size;
  return size === 1 ? 1 : (placement.parts ?? size);
}

/** Elements [from, from + count) of the concatenated intervals. */
function take(intervals: readonly Interval[], from: number, count: number): Interval[] {
  const taken: Interval[] = [];
  let offset = 0;
  for (const { start, length } of intervals) {
    const low = Math.max(from, offset);
    const high = Math.min(from + count, offset + length);
    if (low < high) taken.push({ start: start + low - offset, length: high - low });
    offset += length;
  }
  return taken;
}

function mergeTouching(intervals: readonly Interval[]): Interval[] {
  const merged: { start: number; length: number }[] = [];
  for (const { start, length } of intervals) {
    const last = merged.at(-1);
    if (last && last.start + last.length === start) last.length += length;
    else merged.push({ start, length });
  }
  return merged;
}

/** Boxes are the products of one interval per dimension, cut at the logical size. */
function product(dims: readonly (readonly Interval[])[], global: readonly number[]): Box[] {
  let boxes: { g: number[]; n: number[]; l: number[] }[] = [{ g: [], n: [], l: [] }];
  dims.forEach((intervals, d) => {
    const grown: typeof boxes = [];
    for (const box of boxes) {
      let offset = 0;
      for (const { start, length } of intervals) {
        const inside = Math.min(length, global[d]! - start);
        if (inside > 0) grown.push({ g: [...box.g, start], n: [...box.n, inside], l: [...box.l, offset] });
        offset += length;
      }
    }
    boxes = grown;
  });
  return boxes;
}

/** A contiguous range of the flattened local tensor (ZeRO shards); the last range may be shorter. */
function flatRange(
  boxes: readonly Box[],
  local: readonly number[],
  global: readonly number[],
  { index, size }: AxisPlacement,
): { local: number[]; boxes: Box[] } {
  const numLocal = local.reduce((total, length) => total * length, 1);
  const each = Math.ceil(numLocal / size);
  return boxesOfLocalRange(
    boxes,
    local,
    global,
    Math.min(index * each, numLocal),
    Math.min((index + 1) * each, numLocal),
  );
}

/** Flat boxes of elements [start, end) of a flattened local tensor. */
export function boxesOfLocalRange(
  boxes: readonly Box[],
  local: readonly number[],
  global: readonly number[],
  start: number,
  end: number,
): { local: number[]; boxes: Box[] } {
  const flat: Box[] = [];
  for (const box of boxes) {
    const { starts, locals, length } = runsOfBox(box, global, local);
    for (let i = 0; i < starts.length; i++) {
      const low = Math.max(start, locals[i]!);
      const high = Math.min(end, locals[i]! + length);
      if (low < high) flat.push({ g: [starts[i]! + low - locals[i]!], n: [high - low], l: [low - start] });
    }
  }
  return { local: [end - start], boxes: flat };
}

function unevenError(axis: string, actual: string): Error {
  return traceError('TF-TRACE-015', {
    subject: 'lowerPlacements',
    expected: `a size that axis "${axis}" divides`,
    actual,
  });
}
