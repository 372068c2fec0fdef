/** The PLY header: format, elements, properties. Source: Turk, "The PLY Polygon File Format", 1994. */
import { dataError, TRUNCATED_HINT } from './data-errors.ts';
import type { ByteSource } from './types.ts';

export type PlyFormat = 'ascii' | 'binary_little_endian' | 'binary_big_endian';
export type PlyScalarType = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'float32' | 'float64';
export type PlyArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

export interface PlyProperty {
  readonly name: string;
  readonly type: PlyScalarType;
  /** Set for lists: the type of the count before each list. */
  readonly countType: PlyScalarType | undefined;
}

export interface PlyElementHeader {
  readonly name: string;
  readonly count: number;
  readonly properties: readonly PlyProperty[];
}

export interface PlyHeader {
  readonly format: PlyFormat;
  readonly comments: readonly string[];
  readonly elements: readonly PlyElementHeader[];
  readonly dataStart: number;
}

type DataViewGetter = `get${'Int8' | 'Uint8' | 'Int16' | 'Uint16' | 'Int32' | 'Uint32' | 'Float32' | 'Float64'}`;

/** One row a scalar type: names in headers (the first is written), size, array class, DataView reader. */
export const PLY_TYPES = {
  int8: { names: ['char', 'int8'], numBytes: 1, ArrayType: Int8Array, getter: 'getInt8' },
  uint8: { names: ['uchar', 'uint8'], numBytes: 1, ArrayType: Uint8Array, getter: 'getUint8' },
  int16: { names: ['short', 'int16'], numBytes: 2, ArrayType: Int16Array, getter: 'getInt16' },
  uint16: { names: ['ushort', 'uint16'], numBytes: 2, ArrayType: Uint16Array, getter: 'getUint16' },
  int32: { names: ['int', 'int32'], numBytes: 4, ArrayType: Int32Array, getter: 'getInt32' },
  uint32: { names: ['uint', 'uint32'], numBytes: 4, ArrayType: Uint32Array, getter: 'getUint32' },
  float32: { names: ['float', 'float32'], numBytes: 4, ArrayType: Float32Array, getter: 'getFloat32' },
  float64: { names: ['double', 'float64'], numBytes: 8, ArrayType: Float64Array, getter: 'getFloat64' },
} as const satisfies Readonly<
  Record<
    PlyScalarType,
    {
      names: readonly [written: string, alias: string];
      numBytes: number;
      ArrayType: { new (length: number): PlyArray };
      getter: DataViewGetter;
    }
  >
>;

const TYPE_FROM_NAME = new Map<string, PlyScalarType>(
  (Object.keys(PLY_TYPES) as PlyScalarType[]).flatMap((type) => PLY_TYPES[type].names.map((name) => [name, type])),
);
const FORMATS: readonly string[] = ['ascii', 'binary_little_endian', 'binary_big_endian'] satisfies PlyFormat[];
/** Headers are short; this bounds the search for their end. */
const MAX_HEADER_BYTES = 1 << 20;
const HEADER_CHUNK_BYTES = 1 << 14;

export const PLY_SUBJECT = 'readPly';

/** Reads and checks the header. @throws TF-DATA-002, 003, 004, 006, 011 */
export async function readPlyHeader(source: ByteSource): Promise<PlyHeader> {
  const { text, dataStart } = await readHeaderText(source);
  const lines = text.split(/\r?\n/);
  let format: PlyFormat | undefined;
  const comments: string[] = [];
  const elements: { name: string; count: number; properties: PlyProperty[] }[] = [];
  for (const [i, line] of lines.entries()) {
    const at = (code: 'TF-DATA-004' | 'TF-DATA-006', expected: string) =>
      dataError(code, {
        subject: PLY_SUBJECT,
        expected,
        actual: `"${line.trim().slice(0, 80)}"`,
        location: `${source.name}:${i + 1}`,
      });
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === 'comment' || keyword === 'obj_info') comments.push(line.trim().slice(keyword.length + 1));
    else if (keyword === 'format') {
      if (!FORMATS.includes(words[0])) throw at('TF-DATA-006', `a format of ${FORMATS.join(', ')}`);
      format = words[0] as PlyFormat;
    } else if (keyword === 'element') {
      const count = Number(words[1]);
      if (words.length !== 2 || !Number.isSafeInteger(count) || count < 0) {
        throw at('TF-DATA-004', 'an element: name and a count');
      }
      elements.push({ name: words[0], count, properties: [] });
    } else if (keyword === 'property') {
      const property = parseProperty(words);
      const { properties } = elements.at(-1) ?? {};
      if (!property || !properties)
        throw at('TF-DATA-004', 'a property of an element: [list count-type] type and name');
      properties.push(property);
    } else if (i > 0 && keyword !== '') throw at('TF-DATA-004', 'comment, format, element or property');
  }
  if (format === undefined) {
    throw dataError('TF-DATA-004', { subject: PLY_SUBJECT, expected: 'a format line', location: source.name });
  }
  for (const { name, count, properties } of elements) {
    if (properties.length > 0 || count === 0) continue;
    throw dataError('TF-DATA-004', {
      subject: PLY_SUBJECT,
      expected: `properties for the ${count} rows of element "${name}"`,
      actual: 'none',
      location: source.name,
    });
  }
  return { format, comments, elements, dataStart };
}

function parseProperty(words: readonly string[]): PlyProperty | undefined {
  const isList = words[0] === 'list';
  const [typeName, name] = words.slice(isList ? 2 : 0);
  const type = TYPE_FROM_NAME.get(typeName);
  const countType = isList ? TYPE_FROM_NAME.get(words[1]) : undefined;
  const isWhole = words.length === (isList ? 4 : 2) && type !== undefined && (!isList || countType !== undefined);
  return isWhole ? { name, type, countType } : undefined;
}

/** The text up to `end_header` and where the data begin. */
async function readHeaderText(source: ByteSource): Promise<{ text: string; dataStart: number }> {
  const begin = new TextDecoder('latin1').decode(await source.read(0, Math.min(4, source.byteLength)));
  if (!/^ply(\r?\n|\r|$)/.test(begin) || begin.length === 0) {
    throw dataError('TF-DATA-002', {
      subject: PLY_SUBJECT,
      expected: 'a PLY file (its first line is "ply")',
      actual: begin.length === 0 ? 'an empty file' : `"${begin}"`,
      location: source.name,
      hints: ['Check that the right file was given.'],
    });
  }
  const limit = Math.min(source.byteLength, MAX_HEADER_BYTES);
  for (let end = Math.min(HEADER_CHUNK_BYTES, limit); ; end = Math.min(limit, 2 * end)) {
    const text = new TextDecoder('latin1').decode(await source.read(0, end));
    const match = /\nend_header[ \t]*(\r?\n)/.exec(text);
    if (match) return { text: text.slice(0, match.index), dataStart: match.index + match[0].length };
    if (end < limit) continue;
    const isCut = limit === source.byteLength;
    throw dataError(isCut ? 'TF-DATA-003' : 'TF-DATA-011', {
      subject: PLY_SUBJECT,
      expected: isCut ? `"end_header" within the ${limit} bytes of the file` : `a header of at most ${limit} bytes`,
      actual: isCut ? 'none' : 'more',
      location: source.name,
      hints: isCut ? [TRUNCATED_HINT] : [],
    });
  }
}
