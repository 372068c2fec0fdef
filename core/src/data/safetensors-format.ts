/** The safetensors layout: u64 length of the header, a JSON header, then the tensors' bytes without gaps.
 *  Source: the format description of huggingface/safetensors. Checked as strictly as its own reader does: header at most 100 MB,
 *  ranges contiguous from 0 to the end of the file, range length = elements × size. */
import { bytesPerElement, numel } from '../tensor/index.ts';
import type { Dtype, Shape } from '../tensor/index.ts';
import { dataError, truncatedError } from './data-errors.ts';

export const SAFETENSORS_PREFIX_BYTES = 8;
const SAFETENSORS_MAX_HEADER_BYTES = 100_000_000;

const DTYPE_FROM_STORED: Readonly<Record<string, Dtype>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  I8: 'int8',
  U8: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  BOOL: 'bool',
};
export const STORED_FROM_DTYPE = Object.fromEntries(
  Object.entries(DTYPE_FROM_STORED).map(([stored, dtype]) => [dtype, stored]),
) as Readonly<Record<Dtype, string>>;

export interface SafetensorsEntry {
  readonly name: string;
  /** undefined for a stored dtype without a counterpart here (F4, F6, F8_E8M0, C64); such a tensor is listed but cannot be read. */
  readonly dtype: Dtype | undefined;
  readonly storedDtype: string;
  readonly shape: Shape;
  /** Bytes [start, end) of the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In file order. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

const SUBJECT = 'readSafetensors';

/** Length of the JSON header. @throws TF-DATA-002 if it cannot be one, TF-DATA-011 above 100 MB, TF-DATA-003 beyond the file */
export function safetensorsHeaderLength(
  prefix: Uint8Array,
  file: { readonly name: string; readonly byteLength: number },
): number {
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, SAFETENSORS_PREFIX_BYTES).getBigUint64(0, true));
  if (length > SAFETENSORS_MAX_HEADER_BYTES) {
    throw dataError('TF-DATA-011', {
      subject: SUBJECT,
      expected: `a header of at most ${SAFETENSORS_MAX_HEADER_BYTES} bytes`,
      actual: `${length}`,
      location: `${file.name}:0`,
      hints: ['This is probably not a safetensors file.'],
    });
  }
  const end = SAFETENSORS_PREFIX_BYTES + length;
  if (end > file.byteLength) {
    throw truncatedError(SUBJECT, 'the header', { start: SAFETENSORS_PREFIX_BYTES, end }, file);
  }
  return length;
}

/** Parses and checks the JSON header. @param dataStart  where tensor bytes begin in the file */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  dataStart: number,
  file: { readonly name: string; readonly byteLength: number },
): SafetensorsHeader {
  const { __metadata__: rawMetadata, ...tensors } = parseJsonObject(bytes, file.name);
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries((rawMetadata as object | undefined) ?? {})) metadata[key] = String(value);
  const entries = Object.entries(tensors).map(([name, raw]) => entryFromRaw(name, raw, dataStart, file.name));
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  let previousEnd = dataStart;
  let previousName = 'the header';
  for (const { name, start, end } of entries) {
    if (end > file.byteLength) throw truncatedError(SUBJECT, `tensor "${name}"`, { start, end }, file);
    if (start !== previousEnd) {
      throw dataError('TF-DATA-005', {
        subject: SUBJECT,
        expected: `tensor "${name}" to start at byte ${previousEnd}, where ${previousName} ends`,
        actual: `${start}`,
        location: file.name,
        hints: [start < previousEnd ? 'Two tensors overlap; write the file again.' : 'Write the file again.'],
      });
    }
    previousEnd = end;
    previousName = `"${name}"`;
  }
  if (previousEnd !== file.byteLength) {
    throw dataError('TF-DATA-005', {
      subject: SUBJECT,
      expected: `the file to end at byte ${previousEnd}, where ${previousName} ends`,
      actual: `${file.byteLength} bytes`,
      location: file.name,
      hints: ['Something was appended to it; copy it again.'],
    });
  }
  return { metadata, entries: new Map(entries.map((entry) => [entry.name, entry])) };
}

function parseJsonObject(bytes: Uint8Array, fileName: string): Record<string, unknown> {
  let cause: unknown;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (error) {
    cause = error;
  }
  throw dataError('TF-DATA-002', {
    subject: SUBJECT,
    expected: 'a header that is a JSON object',
    actual: cause ? 'text that is not JSON' : 'other JSON',
    location: `${fileName}:${SAFETENSORS_PREFIX_BYTES}`,
    hints: ['This is not a safetensors file, or its header is damaged.'],
    cause,
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function entryFromRaw(name: string, raw: unknown, dataStart: number, fileName: string): SafetensorsEntry {
  const { dtype: storedDtype, shape, data_offsets: offsets } = (raw ?? {}) as Record<string, unknown>;
  const fail = (expected: string, actual: unknown) =>
    dataError('TF-DATA-004', {
      subject: SUBJECT,
      expected: `tensor "${name}" to have ${expected}`,
      actual: String(JSON.stringify(actual)).slice(0, 80),
      location: fileName,
      hints: ['The header is damaged; copy or write the file again.'],
    });
  if (typeof storedDtype !== 'string') throw fail('a dtype', storedDtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw fail('a shape of non-negative integers', shape);
  const isRange = Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount) && offsets[0] <= offsets[1];
  if (!isRange) throw fail('data_offsets [start, end] with start ≤ end', offsets);
  const [start, end] = offsets as [number, number];
  const dtype = Object.hasOwn(DTYPE_FROM_STORED, storedDtype) ? DTYPE_FROM_STORED[storedDtype] : undefined;
  if (dtype) {
    const byteLength = numel(shape) * bytesPerElement(dtype);
    if (byteLength !== end - start) {
      throw fail(`${byteLength} bytes for ${storedDtype} [${shape.join(', ')}]`, end - start);
    }
  }
  return { name, dtype, storedDtype, shape, start: dataStart + start, end: dataStart + end };
}
