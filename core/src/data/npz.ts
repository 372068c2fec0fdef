/** NumPy's .npz: a zip of .npy members (numpy.savez, numpy.savez_compressed). Unzipped by fflate, member after member. */
import type { Tensor } from '../tensor/index.ts';
import { createMemorySink, sourceFromBytes } from './memory-source.ts';
import { dataError, TRUNCATED_HINT } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import { readNpy, writeNpy } from './npy.ts';
import type { ByteSource, SinkOutput, SourceInput, WriteOptions } from './types.ts';
import { crc32, readZipDirectory } from './zip-directory.ts';

const SUBJECT = 'readNpz';
const ZIP_MAGIC = [0x50, 0x4b] as const; // PK
/** Refuses to decompress beyond this, so that a small file cannot fill the memory. */
const DEFAULT_MAX_BYTES = 2 ** 33;

/** All arrays by name (without `.npy`). Memory grows only as data really arrives.
 *  @param options.maxBytes  most bytes that all members may have after decompression; default 8 GiB
 *  @throws TF-DATA-002 … 006 if it is not a zip of .npy members, is cut or damaged; -011 above maxBytes */
export async function readNpz(
  input: SourceInput,
  options: { readonly maxBytes?: number } = {},
): Promise<Map<string, Tensor>> {
  return withSource(input, async (source) => {
    await assertZip(source);
    const directory = await readZipDirectory(source);
    if (directory === 'missing') throw noDirectory(source);
    if (directory === 'damaged') throw damaged(source.name, "a zip's directory", 'a damaged one');
    const members = await unzip(source, options.maxBytes ?? DEFAULT_MAX_BYTES);
    if (directory !== 'zip64') assertComplete(members, directory, source.name);
    const tensors = new Map<string, Tensor>();
    for (const [name, bytes] of members) {
      tensors.set(name.replace(/\.npy$/, ''), await readNpy(sourceFromBytes(bytes, `${source.name}/${name}`)));
    }
    return tensors;
  });
}

/** Writes arrays by name. @param options.compress  deflate the members; default false as numpy.savez */
export async function writeNpz(
  output: SinkOutput,
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  options: WriteOptions & { readonly compress?: boolean } = {},
): Promise<void> {
  const { Zip, ZipDeflate, ZipPassThrough } = await import('fflate');
  await withSink(output, options, async (sink) => {
    const pending: Uint8Array[] = [];
    const zip = new Zip((error, chunk) => {
      if (error) throw error;
      pending.push(chunk);
    });
    const flush = async () => {
      for (const chunk of pending.splice(0)) await sink.write(chunk);
    };
    for (const [name, tensor] of tensors) {
      const member = options.compress ? new ZipDeflate(`${name}.npy`) : new ZipPassThrough(`${name}.npy`);
      const memory = createMemorySink();
      await writeNpy(memory, tensor);
      zip.add(member);
      member.push(memory.bytes(), true);
      await flush();
    }
    zip.end();
    await flush();
  });
}

async function unzip(source: ByteSource, maxBytes: number): Promise<Map<string, Uint8Array>> {
  const { Unzip, UnzipInflate } = await import('fflate');
  const members = new Map<string, Uint8Array>();
  const open = new Set<string>();
  let numBytes = 0;
  let tooLarge: Error | undefined;
  const unzipper = new Unzip((file) => {
    const chunks: Uint8Array[] = [];
    open.add(file.name);
    file.ondata = (error, chunk, isFinal) => {
      if (error) throw error;
      numBytes += chunk.length;
      if (numBytes > maxBytes) throw (tooLarge = beyondLimit(source.name, maxBytes));
      chunks.push(Uint8Array.from(chunk));
      if (!isFinal) return;
      open.delete(file.name);
      members.set(file.name, joinChunks(chunks));
    };
    file.start();
  });
  unzipper.register(UnzipInflate);
  try {
    for await (const chunk of source.stream()) unzipper.push(Uint8Array.from(chunk));
    unzipper.push(new Uint8Array(0), true);
  } catch (cause) {
    if (cause === tooLarge) throw cause;
    throw damaged(source.name, 'an undamaged zip', String((cause as Error).message), cause);
  }
  for (const name of open) throw damaged(source.name, `member "${name}" up to its end`, 'a part of it');
  return members;
}

function beyondLimit(fileName: string, maxBytes: number): Error {
  return dataError('TF-DATA-011', {
    subject: SUBJECT,
    expected: `at most ${maxBytes} bytes after decompression`,
    actual: 'more',
    location: fileName,
    hints: ['Raise maxBytes if the file is right.'],
  });
}

async function assertZip(source: ByteSource): Promise<void> {
  const begin = await source.read(0, Math.min(source.byteLength, 2));
  if (begin[0] === ZIP_MAGIC[0] && begin[1] === ZIP_MAGIC[1]) return;
  throw dataError('TF-DATA-002', {
    subject: SUBJECT,
    expected: 'a .npz file (a zip, it begins with PK)',
    actual: begin.length === 0 ? 'an empty file' : 'another beginning',
    location: source.name,
    hints: ['Save it by numpy.savez.'],
  });
}

/** Every member of the directory is there with its checksum. */
function assertComplete(
  members: ReadonlyMap<string, Uint8Array>,
  checksums: ReadonlyMap<string, number>,
  fileName: string,
): void {
  for (const [name, checksum] of checksums) {
    const bytes = members.get(name);
    if (!bytes) throw damaged(fileName, `member "${name}", which the directory lists`, 'none of that name');
    const actual = crc32(bytes);
    if (actual === checksum) continue;
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    throw damaged(fileName, `checksum ${hex(checksum)} of member "${name}"`, hex(actual));
  }
  for (const name of members.keys()) {
    if (!checksums.has(name)) throw damaged(fileName, 'only the members that the directory lists', `"${name}"`);
  }
}

function noDirectory(source: ByteSource): Error {
  return dataError('TF-DATA-003', {
    subject: SUBJECT,
    expected: `the zip's directory within the ${source.byteLength} bytes of the file`,
    actual: 'none',
    location: source.name,
    hints: [TRUNCATED_HINT],
  });
}

function damaged(fileName: string, expected: string, actual: string, cause?: unknown): Error {
  return dataError('TF-DATA-004', {
    subject: SUBJECT,
    expected,
    actual,
    location: fileName,
    hints: ['The file is damaged; copy it again.'],
    cause,
  });
}

function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
