/** Compiled graphs on disk. Optimising a graph of 20,000 nodes takes the engine ten times as long as loading the result
 *  (measured: 13.5 s and 1.5 s), one of 1,300 nodes five times (0.16 and 0.03 s).
 *  The key covers the model, the engine's version and the processor, since some optimisations fit only that. */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-common';
import { makeFolder } from '../../base/index.ts';
import type { OrtApi } from '../engine/node-runtime.ts';

type Options = Ort.InferenceSession.SessionOptions;

/** Opens a session, from the folder if the same model was compiled before. A file that cannot be loaded is made anew. */
export async function openThroughCache(
  ort: OrtApi,
  model: Uint8Array,
  options: Options,
  folder: string,
): Promise<Ort.InferenceSession> {
  const path = join(folder, `${keyOf(ort, model, options)}.onnx`);
  if (existsSync(path)) {
    try {
      return await ort.InferenceSession.create(path, { ...options, graphOptimizationLevel: 'disabled' });
    } catch {
      rmSync(path, { force: true });
    }
  }
  makeFolder(folder);
  const part = `${path}.${process.pid}.part`;
  const session = await ort.InferenceSession.create(model, { ...options, optimizedModelFilePath: part });
  renameSync(part, path);
  return session;
}

function keyOf(ort: OrtApi, model: Uint8Array, { graphOptimizationLevel }: Options): string {
  const version = ort.env.versions.node ?? ort.env.versions.common;
  const place = [version, process.platform, process.arch, cpus()[0]?.model, graphOptimizationLevel].join('|');
  return createHash('sha256').update(place).update(model).digest('hex').slice(0, 32);
}
