/** PLY files as columns: ascii, binary little and big endian; scalars and lists. Used for point clouds and Gaussian splats. */
import { createByteCursor } from './byte-cursor.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { dataError, truncatedError } from './data-errors.ts';
import { withSource } from './file-source.ts';
import { PLY_SUBJECT, PLY_TYPES, readPlyHeader } from './ply-header.ts';
import type { PlyArray, PlyElementHeader, PlyFormat, PlyHeader, PlyProperty, PlyScalarType } from './ply-header.ts';
import type { ByteSource, SourceInput } from './types.ts';

/** List p is values [offsets[p], offsets[p + 1]). */
export interface PlyListColumn {
  readonly offsets: Uint32Array;
  readonly values: PlyArray;
}

export type PlyColumn = PlyArray | PlyListColumn;

export interface PlyElement {
  readonly name: string;
  readonly count: number;
  /** By property name, in file order; the array's class is the property's type. */
  readonly columns: ReadonlyMap<string, PlyColumn>;
}

export interface PlyFile {
  readonly format: PlyFormat;
  readonly comments: readonly string[];
  readonly elements: readonly PlyElement[];
}

/** Rows decoded per read of the file. */
const ROWS_PER_CHUNK = 1 << 14;

/** All elements of a file.
 *  Cost: memory of the columns plus one chunk of rows; with lists or ascii, plus the file.
 *  @throws TF-DATA-002 … 006, 010, 011 if it is not PLY, is cut or damaged */
export async function readPly(input: SourceInput): Promise<PlyFile> {
  return withSource(input, async (source) => {
    const header = await readPlyHeader(source);
    const { format, comments } = header;
    const elements = format === 'ascii' ? await readAscii(source, header) : await readBinary(source, header);
    return { format, comments, elements };
  });
}

/** Whether a column holds lists of values (with `offsets`) and not one value a row. */
export function isPlyList(column: PlyColumn): column is PlyListColumn {
  return 'offsets' in column;
}

async function readBinary(source: ByteSource, header: PlyHeader): Promise<PlyElement[]> {
  const elements: PlyElement[] = [];
  let position = header.dataStart;
  for (const element of header.elements) {
    const isFixed = element.properties.every((property) => property.countType === undefined);
    const minEnd = position + element.count * minRowBytes(element);
    if (minEnd > source.byteLength) {
      throw truncatedError(PLY_SUBJECT, `element "${element.name}"`, { start: position, end: minEnd }, source);
    }
    const isLittleEndian = header.format === 'binary_little_endian';
    if (isFixed) {
      elements.push(await readFixedRows(source, position, element, isLittleEndian));
      position = minEnd;
    } else {
      const bytes = await source.read(position, source.byteLength);
      const cursor = createByteCursor(bytes, { subject: PLY_SUBJECT, fileName: source.name, isLittleEndian });
      elements.push(readListRows(cursor, element, isLittleEndian));
      position += cursor.position;
    }
  }
  if (position !== source.byteLength) throw leftOver(source, position);
  return elements;
}

/** Rows of constant size: read in chunks, each property by a tight loop with a constant stride. */
async function readFixedRows(
  source: ByteSource,
  start: number,
  element: PlyElementHeader,
  isLittleEndian: boolean,
): Promise<PlyElement> {
  const { count, properties } = element;
  const rowBytes = minRowBytes(element);
  const arrays = properties.map(({ type }) => new PLY_TYPES[type].ArrayType(count));
  const chunk = new Uint8Array(Math.min(count, ROWS_PER_CHUNK) * rowBytes);
  for (let row = 0; row < count; row += ROWS_PER_CHUNK) {
    const numRows = Math.min(ROWS_PER_CHUNK, count - row);
    const bytes = chunk.subarray(0, numRows * rowBytes);
    await source.readInto(bytes, start + row * rowBytes);
    let offset = 0;
    for (const [p, { type }] of properties.entries()) {
      decodeColumn(bytes, { type, offset, rowBytes, isLittleEndian }, arrays[p], row, numRows);
      offset += PLY_TYPES[type].numBytes;
    }
  }
  return elementFromArrays(element, arrays);
}

interface ColumnLayout {
  readonly type: PlyScalarType;
  readonly offset: number;
  readonly rowBytes: number;
  readonly isLittleEndian: boolean;
}

function decodeColumn(
  bytes: Uint8Array,
  { type, offset, rowBytes, isLittleEndian }: ColumnLayout,
  target: PlyArray,
  firstRow: number,
  numRows: number,
): void {
  const isAligned = rowBytes % 4 === 0 && offset % 4 === 0 && bytes.byteOffset % 4 === 0;
  if (type === 'float32' && isLittleEndian && isAligned) {
    const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const [at, step] = [offset / 4, rowBytes / 4];
    for (let i = 0; i < numRows; i++) target[firstRow + i] = floats[at + i * step];
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { getter } = PLY_TYPES[type];
  for (let i = 0; i < numRows; i++) target[firstRow + i] = view[getter](offset + i * rowBytes, isLittleEndian);
}

function readListRows(cursor: ByteCursor, element: PlyElementHeader, isLittleEndian: boolean): PlyElement {
  const builders = element.properties.map(columnBuilder(element.count));
  const readers = element.properties.map(({ type, countType, name }) => {
    const part = `property "${name}" of element "${element.name}"`;
    const { numBytes } = PLY_TYPES[type];
    return { part, type, countType, numBytes };
  });
  const scalar = (type: PlyScalarType, part: string) => {
    const bytes = cursor.take(PLY_TYPES[type].numBytes, part);
    return new DataView(bytes.buffer, bytes.byteOffset)[PLY_TYPES[type].getter](0, isLittleEndian);
  };
  for (let row = 0; row < element.count; row++) {
    for (const [p, { part, type, countType }] of readers.entries()) {
      const builder = builders[p];
      const length = countType === undefined ? 1 : scalar(countType, part);
      assertListLength(length, part, cursor.position);
      for (let i = 0; i < length; i++) builder.push(scalar(type, part));
      builder.endRow();
    }
  }
  return elementFromArrays(
    element,
    builders.map((builder) => builder.column()),
  );
}

async function readAscii(source: ByteSource, header: PlyHeader): Promise<PlyElement[]> {
  const text = new TextDecoder('latin1').decode(await source.read(header.dataStart, source.byteLength));
  const words = text.matchAll(/\S+/g);
  const next = (part: string): number => {
    const { done, value } = words.next();
    if (done) throw truncatedError(PLY_SUBJECT, part, { start: source.byteLength, end: source.byteLength + 1 }, source);
    const number = Number(value[0]);
    if (!Number.isNaN(number) || /^[+-]?nan$/i.test(value[0])) return number;
    const infinity = /^([+-]?)inf(inity)?$/i.exec(value[0]);
    if (infinity) return infinity[1] === '-' ? -Infinity : Infinity;
    throw dataError('TF-DATA-010', {
      subject: PLY_SUBJECT,
      expected: `a number for ${part}`,
      actual: `"${value[0].slice(0, 40)}"`,
      location: `${source.name}:${header.dataStart + value.index}`,
    });
  };
  const elements = header.elements.map((element) => {
    // Each value takes at least a digit and a separator.
    const minBytes = 2 * element.count * element.properties.length - 1;
    if (minBytes > text.length) {
      const range = { start: header.dataStart, end: header.dataStart + minBytes };
      throw truncatedError(PLY_SUBJECT, `element "${element.name}"`, range, source);
    }
    const builders = element.properties.map(columnBuilder(element.count));
    for (let row = 0; row < element.count; row++) {
      for (const [p, { name, countType }] of element.properties.entries()) {
        const part = `property "${name}" of element "${element.name}"`;
        const length = countType === undefined ? 1 : next(part);
        assertListLength(length, part);
        for (let i = 0; i < length; i++) builders[p].push(next(part));
        builders[p].endRow();
      }
    }
    return elementFromArrays(
      element,
      builders.map((builder) => builder.column()),
    );
  });
  const extra = words.next();
  if (!extra.done) throw leftOver(source, header.dataStart + extra.value.index);
  return elements;
}

interface ColumnBuilder {
  push(value: number): void;
  endRow(): void;
  column(): PlyColumn;
}

/** Scalars fill their array; lists grow by doubling, as their total length is not announced. */
function columnBuilder(count: number): (property: PlyProperty) => ColumnBuilder {
  return ({ type, countType }) => {
    const { ArrayType } = PLY_TYPES[type];
    let values: PlyArray = new ArrayType(countType === undefined ? count : 16);
    const offsets = new Uint32Array(countType === undefined ? 0 : count + 1);
    let [length, row] = [0, 0];
    return {
      push(value) {
        if (length === values.length) {
          const grown = new ArrayType(2 * length);
          grown.set(values);
          values = grown;
        }
        values[length++] = value;
      },
      endRow() {
        if (countType !== undefined) offsets[++row] = length;
      },
      column: () => (countType === undefined ? values : { offsets, values: values.slice(0, length) }),
    };
  };
}

function assertListLength(length: number, part: string, position?: number): void {
  if (Number.isInteger(length) && length >= 0) return;
  throw dataError('TF-DATA-010', {
    subject: PLY_SUBJECT,
    expected: `a list length that is a whole number for ${part}`,
    actual: `${length}`,
    ...(position === undefined ? {} : { location: `byte ${position} of the element's data` }),
  });
}

function minRowBytes({ properties }: PlyElementHeader): number {
  return properties.reduce((sum, { type, countType }) => sum + PLY_TYPES[countType ?? type].numBytes, 0);
}

function elementFromArrays({ name, count, properties }: PlyElementHeader, columns: readonly PlyColumn[]): PlyElement {
  return { name, count, columns: new Map(properties.map((property, p) => [property.name, columns[p]])) };
}

function leftOver(source: ByteSource, position: number): Error {
  return dataError('TF-DATA-005', {
    subject: PLY_SUBJECT,
    expected: `the file to end at byte ${position}, after its last element`,
    actual: `${source.byteLength} bytes`,
    location: source.name,
    hints: ['The counts in its header are damaged.'],
  });
}
