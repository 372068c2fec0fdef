/** Writing PLY; property types follow the arrays' classes. */
import { dataError } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { isPlyList } from './ply.ts';
import type { PlyColumn, PlyElement, PlyFile } from './ply.ts';
import { PLY_TYPES } from './ply-header.ts';
import type { PlyArray, PlyFormat, PlyScalarType } from './ply-header.ts';
import { exactText } from './number-text.ts';
import type { ByteSink, SinkOutput, WriteOptions } from './types.ts';

const ROWS_PER_WRITE = 1 << 13;
/** Longest list that the count type uchar can announce. */
const MAX_UCHAR_LIST = 255;

/** Writes a file. @param ply.elements  columns of `count` values or lists each
 *  @throws TF-DATA-012 if a column has another length than its element */
export async function writePly(
  output: SinkOutput,
  ply: Omit<PlyFile, 'format' | 'comments'> & Partial<PlyFile>,
  options: WriteOptions = {},
): Promise<void> {
  const { format = 'binary_little_endian', comments = [], elements } = ply;
  for (const element of elements) assertLengths(element);
  await withSink(output, options, async (sink) => {
    await sink.write(new TextEncoder().encode(formatHeader(format, comments, elements)));
    for (const element of elements) {
      if (format === 'ascii') await writeAscii(sink, element);
      else await writeBinary(sink, element, format === 'binary_little_endian');
    }
  });
}

function formatHeader(format: PlyFormat, comments: readonly string[], elements: readonly PlyElement[]): string {
  const lines = ['ply', `format ${format} 1.0`, ...comments.map((comment) => `comment ${comment}`)];
  for (const { name, count, columns } of elements) {
    lines.push(`element ${name} ${count}`);
    for (const [property, column] of columns) {
      const [typeName] = PLY_TYPES[typeOf(isPlyList(column) ? column.values : column)].names;
      const prefix = isPlyList(column) ? `list ${PLY_TYPES[countTypeOf(column)].names[0]} ` : '';
      lines.push(`property ${prefix}${typeName} ${property}`);
    }
  }
  return `${lines.join('\n')}\nend_header\n`;
}

async function writeAscii(sink: ByteSink, { count, columns }: PlyElement): Promise<void> {
  for (let start = 0; start < count; start += ROWS_PER_WRITE) {
    let text = '';
    for (let row = start; row < Math.min(count, start + ROWS_PER_WRITE); row++) {
      const words: string[] = [];
      for (const column of columns.values()) {
        if (isPlyList(column)) {
          const list = column.values.subarray(column.offsets[row], column.offsets[row + 1]);
          words.push(`${list.length}`, ...Array.from(list, exactText));
        } else words.push(exactText(column[row]));
      }
      text += `${words.join(' ')}\n`;
    }
    await sink.write(new TextEncoder().encode(text));
  }
}

type Setter = `set${'Int8' | 'Uint8' | 'Int16' | 'Uint16' | 'Int32' | 'Uint32' | 'Float32' | 'Float64'}`;

async function writeBinary(sink: ByteSink, element: PlyElement, isLittleEndian: boolean): Promise<void> {
  const columns = [...element.columns.values()].map((column) => {
    const values = isPlyList(column) ? column.values : column;
    const type = typeOf(values);
    const offsets = isPlyList(column) ? column.offsets : undefined;
    const countType = isPlyList(column) ? countTypeOf(column) : undefined;
    return { values, offsets, countType, numBytes: PLY_TYPES[type].numBytes, setter: setterOf(type) };
  });
  for (let start = 0; start < element.count; start += ROWS_PER_WRITE) {
    const end = Math.min(element.count, start + ROWS_PER_WRITE);
    const numBytes = columns.reduce((sum, { offsets, countType, numBytes: width }) => {
      if (!offsets || !countType) return sum + (end - start) * width;
      return sum + (end - start) * PLY_TYPES[countType].numBytes + (offsets[end] - offsets[start]) * width;
    }, 0);
    const view = new DataView(new ArrayBuffer(numBytes));
    let at = 0;
    for (let row = start; row < end; row++) {
      for (const { values, offsets, countType, numBytes: width, setter } of columns) {
        const [from, to] = offsets ? [offsets[row], offsets[row + 1]] : [row, row + 1];
        if (countType) {
          view[setterOf(countType)](at, to - from, isLittleEndian);
          at += PLY_TYPES[countType].numBytes;
        }
        for (let i = from; i < to; i++, at += width) view[setter](at, values[i], isLittleEndian);
      }
    }
    await sink.write(new Uint8Array(view.buffer));
  }
}

function setterOf(type: PlyScalarType): Setter {
  return PLY_TYPES[type].getter.replace('get', 'set') as Setter;
}

function typeOf(values: PlyArray): PlyScalarType {
  return (Object.keys(PLY_TYPES) as PlyScalarType[]).find((type) => values instanceof PLY_TYPES[type].ArrayType)!;
}

/** uchar where it suffices, as most readers of faces expect. */
function countTypeOf({ offsets }: Extract<PlyColumn, { offsets: Uint32Array }>): PlyScalarType {
  for (let row = 0; row + 1 < offsets.length; row++) {
    if (offsets[row + 1] - offsets[row] > MAX_UCHAR_LIST) return 'uint32';
  }
  return 'uint8';
}

function assertLengths({ name, count, columns }: PlyElement): void {
  for (const [property, column] of columns) {
    const length = isPlyList(column) ? column.offsets.length - 1 : column.length;
    if (length === count) continue;
    throw dataError('TF-DATA-012', {
      subject: 'writePly',
      expected: `${count} values of property "${property}" for element "${name}"`,
      actual: `${length}`,
    });
  }
}
