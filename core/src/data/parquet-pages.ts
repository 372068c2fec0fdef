/** A look at the page headers of a Parquet file before it is decoded: the decoder believes their sizes and counts, so that a
 *  damaged header could send it back in circles or make it allocate without end.
 *  Source: parquet.thrift of apache/parquet-format (PageHeader and what it holds). */
import type { FileMetaData } from 'hyparquet';
import type { ByteSource } from './types.ts';

type ThriftFields = Readonly<Record<`field_${number}`, unknown>>;

/** No codec shrinks pages further: deflate 1032:1, snappy 22:1. */
export const MAX_COMPRESSION_RATIO = 1032;
const RATIO_SLACK_BYTES = 1024;
const MAX_HEADER_BYTES = 1 << 16;

const PAGE_TYPES = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const;

/** Complaint about the first page header that cannot be true, or undefined. Reads headers only.
 *  Checks: pages lie in their chunk; sizes are possible; values of data pages sum to the chunk's; dictionaries fit their bytes. */
export async function findImpossiblePage(
  source: ByteSource,
  metadata: FileMetaData,
): Promise<{ readonly expected: string; readonly actual: string } | undefined> {
  for (const [g, group] of metadata.row_groups.entries()) {
    for (const { meta_data: chunk } of group.columns) {
      if (!chunk) continue;
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const end = start + Number(chunk.total_compressed_size);
      const where = `column "${chunk.path_in_schema.join('.')}" in row group ${g}`;
      let numValues = 0;
      for (let at = start; at < end;) {
        const header = await readPageHeader(source, at, end);
        if (!header)
          return { expected: `page headers of ${where} that can be decoded`, actual: `others at byte ${at}` };
        const complaint = complaintAbout(header, end);
        if (complaint) return { expected: `${complaint} in the page of ${where}`, actual: `another at byte ${at}` };
        if (header.type !== PAGE_TYPES.dictionary) numValues += header.numValues;
        at = header.dataStart + header.compressedBytes;
      }
      if (numValues !== Number(chunk.num_values)) {
        return { expected: `${chunk.num_values} values in the pages of ${where}`, actual: `${numValues}` };
      }
    }
  }
  return undefined;
}

interface PageHeader {
  readonly type: number;
  readonly dataStart: number;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly numValues: number;
  /** Bytes of levels, version 2 only. */
  readonly levelBytes: number;
}

async function readPageHeader(source: ByteSource, at: number, chunkEnd: number): Promise<PageHeader | undefined> {
  const { deserializeTCompactProtocol } = await import('hyparquet/src/thrift.js');
  const bytes = await source.read(at, Math.min(chunkEnd, at + MAX_HEADER_BYTES));
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  let fields: ThriftFields;
  try {
    fields = deserializeTCompactProtocol(reader) as ThriftFields;
  } catch {
    return undefined;
  }
  const type = fields.field_1;
  const details = (fields.field_5 ?? fields.field_7 ?? fields.field_8 ?? {}) as ThriftFields;
  const levels = (fields.field_8 ?? {}) as ThriftFields;
  return {
    type: typeof type === 'number' ? type : -1,
    dataStart: at + reader.offset,
    uncompressedBytes: count(fields.field_2),
    compressedBytes: count(fields.field_3),
    numValues: count(details.field_1),
    levelBytes: fields.field_8 ? count(levels.field_5) + count(levels.field_6) : 0,
  };
}

/** -1 for anything that is not a number. */
function count(value: unknown): number {
  return typeof value === 'number' ? value : -1;
}

function complaintAbout(header: PageHeader, chunkEnd: number): string | undefined {
  const { type, dataStart, compressedBytes, uncompressedBytes, numValues, levelBytes } = header;
  const isKnown = type === PAGE_TYPES.data || type === PAGE_TYPES.dictionary || type === PAGE_TYPES.dataV2;
  if (!isKnown) return 'a data or dictionary page';
  if (compressedBytes < 0 || dataStart + compressedBytes > chunkEnd) return 'a size that stays inside the chunk';
  const mostBytes = compressedBytes * MAX_COMPRESSION_RATIO + RATIO_SLACK_BYTES;
  if (uncompressedBytes < 0 || uncompressedBytes > mostBytes) return 'a possible uncompressed size';
  if (levelBytes < 0 || levelBytes > compressedBytes) return 'levels that fit';
  const mostValues = type === PAGE_TYPES.dictionary ? uncompressedBytes : Infinity;
  if (numValues < 0 || numValues > mostValues) return 'a possible number of values';
  return undefined;
}
