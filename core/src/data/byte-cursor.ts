/** A cursor over binary records in memory: each read names its part, so that a cut file says what it lacks. */
import { dataError, truncatedError } from './data-errors.ts';

export interface ByteCursor {
  readonly position: number;
  readonly numLeft: number;
  u8(part: string): number;
  u16(part: string): number;
  u32(part: string): number;
  i32(part: string): number;
  /** As a number. @throws TF-DATA-004 from 2^53 on */
  u64(part: string): number;
  /** As a number; 2^64 − 1 becomes -1. @throws TF-DATA-004 from 2^53 on */
  u64OrNone(part: string): number;
  f32(part: string): number;
  f64(part: string): number;
  /** A view of the next bytes. */
  take(numBytes: number, part: string): Uint8Array;
  /** UTF-8 up to a NUL byte, which is skipped. */
  textUntilNul(part: string): string;
  /** A number of records as u64, checked against what the file can hold. @throws TF-DATA-003 if they cannot fit */
  count(part: string, minBytesPerRecord: number): number;
}

export interface CursorOptions {
  /** The reader's name for messages. */
  readonly subject: string;
  readonly fileName: string;
  readonly isLittleEndian: boolean;
}

/** Starts at the first byte. */
export function createByteCursor(bytes: Uint8Array, { subject, fileName, isLittleEndian }: CursorOptions): ByteCursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = { name: fileName, byteLength: bytes.length };
  let position = 0;
  const advance = (numBytes: number, part: string): number => {
    const start = position;
    if (numBytes > bytes.length - start) throw truncatedError(subject, part, { start, end: start + numBytes }, file);
    position += numBytes;
    return start;
  };
  const tooLarge = (part: string, value: bigint) =>
    dataError('TF-DATA-004', {
      subject,
      expected: `${part} below 2^53`,
      actual: `${value}`,
      location: `${fileName}:${position - 8}`,
    });
  const cursor: ByteCursor = {
    get position() {
      return position;
    },
    get numLeft() {
      return bytes.length - position;
    },
    u8: (part) => view.getUint8(advance(1, part)),
    u16: (part) => view.getUint16(advance(2, part), isLittleEndian),
    u32: (part) => view.getUint32(advance(4, part), isLittleEndian),
    i32: (part) => view.getInt32(advance(4, part), isLittleEndian),
    f32: (part) => view.getFloat32(advance(4, part), isLittleEndian),
    f64: (part) => view.getFloat64(advance(8, part), isLittleEndian),
    u64(part) {
      const value = view.getBigUint64(advance(8, part), isLittleEndian);
      if (value > Number.MAX_SAFE_INTEGER) throw tooLarge(part, value);
      return Number(value);
    },
    u64OrNone(part) {
      const at = advance(8, part);
      if (view.getBigInt64(at, isLittleEndian) === -1n) return -1;
      const value = view.getBigUint64(at, isLittleEndian);
      if (value > Number.MAX_SAFE_INTEGER) throw tooLarge(part, value);
      return Number(value);
    },
    take(numBytes, part) {
      const start = advance(numBytes, part);
      return bytes.subarray(start, start + numBytes);
    },
    textUntilNul(part) {
      const end = bytes.indexOf(0, position);
      if (end < 0) throw truncatedError(subject, part, { start: position, end: bytes.length + 1 }, file);
      const text = new TextDecoder().decode(bytes.subarray(position, end));
      position = end + 1;
      return text;
    },
    count(part, minBytesPerRecord) {
      const count = cursor.u64(`the number of ${part}`);
      const needed = count * minBytesPerRecord;
      if (needed > cursor.numLeft) {
        const range = { start: position, end: position + needed };
        throw truncatedError(subject, `the list of ${count} ${part}`, range, file);
      }
      return count;
    },
  };
  return cursor;
}
