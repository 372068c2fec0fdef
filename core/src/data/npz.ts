/** NumPy's .npz: a zip of .npy members (numpy.savez, numpy.savez_compressed). Unzipped by fflate, member after member. */
import type { Tensor } from '../tensor/index.ts';
import { createMemorySink, sourceFromBytes } from './memory-source.ts';
import { dataError, TRUNCATED_HINT } from './data-errors.ts';
import { withSink } from './file-sink.ts';
import { withSource } from './file-source.ts';
import { readNpy, writeNpy } from './npy.ts';
import type { ByteSource, SinkOutput, SourceInput, WriteOptions } from './types.ts';

const SUBJECT = 'readNpz';
const END_RECORD_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;
const END_SIGNATURE = [0x50, 0x4b, 0x05, 0x06] as const;
const NUM_MEMBERS_IN_ZIP64 = 0xffff;

/** All arrays by name (without `.npy`). Memory grows only as data really arrives.
 *  @throws TF-DATA-002 … 006 if it is not a zip of .npy members, is cut or damaged */
export async function readNpz(input: SourceInput): Promise<Map<string, Tensor>> {
  return withSource(input, async (source) => {
    const numMembers = await readNumMembers(source);
    const members = await unzip(source);
    if (numMembers !== NUM_MEMBERS_IN_ZIP64 && numMembers !== members.size) {
      throw damaged(source.name, `${numMembers} members as the directory says`, `${members.size}`);
    }
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

async function unzip(source: ByteSource): Promise<Map<string, Uint8Array>> {
  const { Unzip, UnzipInflate } = await import('fflate');
  const members = new Map<string, Uint8Array>();
  const open = new Set<string>();
  const unzipper = new Unzip((file) => {
    const chunks: Uint8Array[] = [];
    open.add(file.name);
    file.ondata = (error, chunk, isFinal) => {
      if (error) throw error;
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
    throw damaged(source.name, 'an undamaged zip', String((cause as Error).message), cause);
  }
  for (const name of open) throw damaged(source.name, `member "${name}" up to its end`, 'a part of it');
  return members;
}

/** The number of members from the record at the end, which a cut file lacks. */
async function readNumMembers(source: ByteSource): Promise<number> {
  const begin = await source.read(0, Math.min(source.byteLength, 2));
  if (begin.length < 2 || begin[0] !== END_SIGNATURE[0] || begin[1] !== END_SIGNATURE[1]) {
    throw dataError('TF-DATA-002', {
      subject: SUBJECT,
      expected: 'a .npz file (a zip, it begins with PK)',
      actual: begin.length === 0 ? 'an empty file' : 'another beginning',
      location: source.name,
      hints: ['Save it by numpy.savez.'],
    });
  }
  const start = Math.max(0, source.byteLength - END_RECORD_BYTES - MAX_COMMENT_BYTES);
  const tail = await source.read(start, source.byteLength);
  for (let at = tail.length - END_RECORD_BYTES; at >= 0; at--) {
    if (END_SIGNATURE.every((byte, i) => tail[at + i] === byte)) return tail[at + 10] | (tail[at + 11] << 8);
  }
  throw dataError('TF-DATA-003', {
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
