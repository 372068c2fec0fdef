/** ONNX files on disk. Node only: the file system is imported when called, so that the folder stays browser-safe. */
import { graphError } from '../graph-errors.ts';
import type { Graph } from '../types.ts';
import { bytesFromTensor, type ExternalDataPlace } from './onnx-tensors.ts';
import { readOnnx, type OnnxImport, type ReadOnnxOptions } from './read-onnx.ts';
import { writeOnnx, type ExternalData, type WriteOnnxOptions } from './write-onnx.ts';

/** Writes `path` and, above the threshold, a data file beside it; both under temporary names that are renamed at the end.
 *  Peak memory: the model file; external tensors are written one at a time.
 *  @throws TF-GRAPH-015 if a file is there and `force` is not set */
export async function writeOnnxFile(
  path: string,
  graph: Graph,
  { force = false, ...options }: WriteOnnxOptions & { readonly force?: boolean } = {},
): Promise<void> {
  const { access, rename, writeFile } = await import('node:fs/promises');
  const { basename, dirname, join } = await import('node:path');
  const exists = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  const { model, external } = writeOnnx(graph, { externalLocation: `${basename(path)}.data`, ...options });
  const dataPath = external === undefined ? undefined : join(dirname(path), external.location);
  for (const file of [path, dataPath]) {
    if (file === undefined || force || !(await exists(file))) continue;
    throw graphError('TF-GRAPH-015', {
      subject: 'writeOnnxFile',
      expected: 'a new file',
      actual: `"${file}", which exists`,
    });
  }
  if (external !== undefined && dataPath !== undefined) {
    await writeParts(`${dataPath}.partial`, external);
    await rename(`${dataPath}.partial`, dataPath);
  }
  await writeFile(`${path}.partial`, model);
  await rename(`${path}.partial`, path);
}

async function writeParts(path: string, external: ExternalData): Promise<void> {
  const { open } = await import('node:fs/promises');
  await using file = await open(path, 'w');
  await file.truncate(external.byteLength);
  for (const { offset, tensor } of external.parts) {
    const bytes = bytesFromTensor(tensor);
    await file.write(bytes, 0, bytes.byteLength, offset);
  }
}

/** Reads `path` and the external data beside it.
 *  @throws TF-GRAPH-010 if the model or its data is damaged or missing, or its data lies outside the model's folder */
export async function readOnnxFile(path: string, options: Omit<ReadOnnxOptions, 'external'> = {}): Promise<OnnxImport> {
  const { closeSync, fstatSync, openSync, readSync } = await import('node:fs');
  const { readFile } = await import('node:fs/promises');
  const { dirname, isAbsolute, join, normalize } = await import('node:path');
  const model = await readFile(path);
  const open = new Map<string, number>();

  function external({ location, offset, length }: ExternalDataPlace): Uint8Array {
    const isOutside = isAbsolute(location) || normalize(location).startsWith('..');
    const broken = (actual: string, cause?: unknown) =>
      graphError('TF-GRAPH-010', {
        subject: 'readOnnxFile',
        expected: `external data "${location}" beside the model`,
        actual,
        location: path,
        hints: ['Copy the data file into the folder of the model.'],
        ...(cause === undefined ? {} : { cause }),
      });
    if (isOutside) throw broken('a place outside its folder');
    try {
      if (!open.has(location)) open.set(location, openSync(join(dirname(path), location), 'r'));
    } catch (cause) {
      throw broken('no such file', cause);
    }
    const file = open.get(location)!;
    const size = fstatSync(file).size;
    const byteLength = length ?? size - offset;
    if (offset + byteLength > size) throw broken(`${size} bytes where ${offset + byteLength} are needed`);
    const bytes = new Uint8Array(byteLength);
    for (let done = 0; done < byteLength;) done += readSync(file, bytes, done, byteLength - done, offset + done);
    return bytes;
  }

  try {
    return readOnnx(model, { ...options, external });
  } finally {
    for (const file of open.values()) closeSync(file);
  }
}
