/** Lines of a file in constant memory. An endless line is reported by number and skipped; one that is not UTF-8 is
 *  reported and read as Windows-1252, so that nothing is lost. */
import { closeSync, openSync, readSync } from 'node:fs';

export interface Line {
  readonly number: number;
  /** Empty where `fault` is set. */
  readonly text: string;
  readonly fault?: string;
  /** What is odd about a line that was read all the same. */
  readonly remark?: string;
}

/** How bytes that are not UTF-8 were read. */
export const OTHER_ENCODING = 'bytes that are not UTF-8; read as Windows-1252';
const CHUNK_BYTES = 1 << 20;
const DEFAULT_MAX_LINE_BYTES = 16 << 20;
const NEWLINE = 10;

/** @param options.maxLineBytes  longer lines are skipped and reported, default 16 MiB */
export function* linesOfFile(
  file: string,
  { maxLineBytes = DEFAULT_MAX_LINE_BYTES }: { readonly maxLineBytes?: number } = {},
): Generator<Line> {
  const handle = openSync(file, 'r');
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let parts: Buffer[] = [];
    let length = 0;
    let skipped = 0;
    let number = 0;
    const finish = (): Line => {
      number++;
      const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      const tooLong = skipped;
      parts = [];
      length = 0;
      skipped = 0;
      if (tooLong > 0) return { number, text: '', fault: `a line of ${tooLong} bytes` };
      try {
        const text = decoder.decode(bytes);
        return { number, text: text.endsWith('\r') ? text.slice(0, -1) : text };
      } catch {
        const text = new TextDecoder('windows-1252').decode(bytes).replace(/\r$/, '');
        return { number, text, remark: OTHER_ENCODING };
      }
    };
    for (;;) {
      const numRead = readSync(handle, chunk, 0, CHUNK_BYTES, null);
      if (numRead === 0) break;
      let from = 0;
      for (;;) {
        const at = chunk.indexOf(NEWLINE, from);
        const end = at < 0 || at >= numRead ? numRead : at;
        const size = end - from;
        if (skipped > 0 || length + size > maxLineBytes) {
          skipped = (skipped || length) + size;
          parts = [];
        } else if (size > 0) parts.push(Buffer.from(chunk.subarray(from, end)));
        length += size;
        if (end === numRead) break;
        yield finish();
        from = end + 1;
      }
    }
    if (length > 0) yield finish();
  } finally {
    closeSync(handle);
  }
}

/** The first bytes of a file as text, to tell its format. */
export function headOfFile(file: string, numBytes = 65_536): string {
  const handle = openSync(file, 'r');
  try {
    const head = Buffer.alloc(numBytes);
    return head.toString('latin1', 0, readSync(handle, head, 0, numBytes, 0));
  } finally {
    closeSync(handle);
  }
}
