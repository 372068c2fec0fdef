/** What operations of the block pass on: rows of tokens, dispatch buffers without padding, and places of tokens. */
import { like, type Floats } from './matrices.ts';

/** [tokens, width] */
export interface Rows {
  readonly kind: 'rows';
  readonly data: Floats;
  readonly width: number;
}

/** Rows by slot. Before the exchange a slot is an expert; behind it, a (source, local expert) pair. */
export interface Buffer {
  readonly kind: 'buffer';
  readonly data: Floats;
  readonly width: number;
  /** Rows per slot; rows of a slot lie together, slots in order. */
  readonly counts: Int32Array;
}

/** Expert and place of every token; place -1: dropped. */
export interface Places {
  readonly kind: 'places';
  readonly expert: Int32Array;
  readonly place: Int32Array;
  readonly counts: Int32Array;
}

export type Value = Rows | Buffer | Places;

export const numRows = ({ data, width }: Rows | Buffer): number => data.length / width;

/** Part `part` of `of`: tokens for rows, an even share of every slot for buffers. */
export function sliceValue(value: Value, part: number, of: number): Value {
  if (value.kind === 'rows') {
    const size = value.data.length / of;
    return { ...value, data: value.data.subarray(part * size, (part + 1) * size) };
  }
  if (value.kind === 'places') throw new Error('sliceValue: places are made in parts, never cut');
  const { counts, width } = value;
  const bounds = (count: number): [number, number] => [
    Math.floor((count * part) / of),
    Math.floor((count * (part + 1)) / of),
  ];
  const own = counts.map((count) => bounds(count)[1] - bounds(count)[0]);
  const data = like(value.data, own.reduce((sum, count) => sum + count, 0) * width);
  let from = 0;
  let to = 0;
  counts.forEach((count, slot) => {
    const [first, end] = bounds(count);
    data.set(value.data.subarray((from + first) * width, (from + end) * width), to * width);
    from += count;
    to += own[slot]!;
  });
  return { ...value, data, counts: own };
}

/** The whole from its parts: rows one after the other; each slot's rows in order of part; places moved behind the rows
 *  of earlier parts. */
export function mergeValues(parts: readonly Value[]): Value {
  const [first] = parts as [Value];
  if (first.kind === 'rows') {
    const data = like(
      first.data,
      parts.reduce((sum, part) => sum + (part as Rows).data.length, 0),
    );
    let at = 0;
    for (const part of parts as readonly Rows[]) {
      data.set(part.data, at);
      at += part.data.length;
    }
    return { ...first, data };
  }
  if (first.kind === 'places') return mergePlaces(parts as readonly Places[]);
  const { width } = first;
  const buffers = parts as readonly Buffer[];
  const counts = first.counts.map((_, slot) => buffers.reduce((sum, part) => sum + part.counts[slot]!, 0));
  const data = like(
    first.data,
    buffers.reduce((sum, part) => sum + part.data.length, 0),
  );
  const from = buffers.map(() => 0);
  let to = 0;
  for (let slot = 0; slot < counts.length; slot++) {
    buffers.forEach((part, index) => {
      const size = part.counts[slot]! * width;
      data.set(part.data.subarray(from[index]!, from[index]! + size), to);
      from[index]! += size;
      to += size;
    });
  }
  return { ...first, data, counts };
}

function mergePlaces(parts: readonly Places[]): Places {
  const counts = new Int32Array(parts[0]!.counts.length);
  const place: number[] = [];
  for (const part of parts) {
    part.place.forEach((at, token) => place.push(at < 0 ? -1 : at + counts[part.expert[token]!]!));
    part.counts.forEach((count, expert) => (counts[expert]! += count));
  }
  return {
    kind: 'places',
    expert: Int32Array.from(parts.flatMap(({ expert }) => [...expert])),
    place: Int32Array.from(place),
    counts,
  };
}
