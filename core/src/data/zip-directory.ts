/** The directory at the end of a zip: which members it has and their checksums, which the decompressor does not check.
 *  Source: PKWARE APPNOTE.TXT 4.3.12 (central directory) and 4.3.16 (its end record). */
import type { ByteSource } from './types.ts';

const END_RECORD_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;
const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
/** Stands in the 32-bit fields of archives whose real figures are in their ZIP64 record. */
const IN_ZIP64 = 0xffffffff;

/** CRC-32 by member name; 'missing' if there is no end record, 'damaged' if the directory contradicts itself,
 *  'zip64' if it is too large for the plain records (then nothing is checked). */
export async function readZipDirectory(
  source: ByteSource,
): Promise<ReadonlyMap<string, number> | 'missing' | 'damaged' | 'zip64'> {
  const tailStart = Math.max(0, source.byteLength - END_RECORD_BYTES - MAX_COMMENT_BYTES);
  const tail = viewOf(await source.read(tailStart, source.byteLength));
  let at = tail.byteLength - END_RECORD_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END_SIGNATURE) at--;
  if (at < 0) return 'missing';
  const numMembers = tail.getUint16(at + 10, true);
  const [size, start] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  if (start === IN_ZIP64) return 'zip64';
  if (start + size > tailStart + at) return 'damaged';
  const directory = await source.read(start, start + size);
  return parseEntries(directory, numMembers) ?? 'damaged';
}

function parseEntries(directory: Uint8Array, numMembers: number): Map<string, number> | undefined {
  const view = viewOf(directory);
  const checksums = new Map<string, number>();
  let at = 0;
  for (let member = 0; member < numMembers; member++) {
    if (at + ENTRY_BYTES > view.byteLength || view.getUint32(at, true) !== ENTRY_SIGNATURE) return undefined;
    const nameStart = at + ENTRY_BYTES;
    const nameEnd = nameStart + view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(directory.subarray(nameStart, nameEnd));
    checksums.set(name, view.getUint32(at + 16, true));
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return at === view.byteLength ? checksums : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const CRC32_POLYNOMIAL = 0xedb88320;
const CRC32_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32_POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32 (IEEE 802.3), unsigned. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC32_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
