/** gguf: a hybrid model folder as one GGUF file, for llama.cpp and for `serve --model`. */
import { basename, resolve } from 'node:path';
import { formatBytes } from '@tenfold/core/base';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { hybridGguf } from '../gguf/hybrid-gguf.ts';
import { MODEL_FOLDER } from './trace-source.ts';

interface GgufParams {
  readonly model: string;
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export async function run(params: GgufParams, context: VerbContext): Promise<VerbResult> {
  const folder = params.model === '' ? MODEL_FOLDER : resolve(context.workingFolder, params.model);
  const name = basename(folder);
  const path = params.out === '' ? `${name}.gguf` : params.out;
  const bytes = await hybridGguf(folder, name);
  const [file] = writeOutputFiles([{ path, bytes }], { ...params, subject: 'gguf', context });
  const { path: written, byteLength, isWritten } = file!;
  return {
    ok: true,
    value: { path: written, byteLength },
    report: {
      title: `${name} as GGUF`,
      verdict: {
        tone: 'good',
        text: `${isWritten ? 'Written' : 'Would be written'}: ${written}, ${formatBytes(byteLength)}. Serve it with \`serve --model ${path}\`.`,
      },
      blocks: [],
    },
  };
}
