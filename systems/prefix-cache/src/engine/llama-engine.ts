/** llama.cpp behind the cache, through node-llama-cpp: any GGUF model, hybrids included. A checkpoint is the saved state of
 *  a sequence, keys and values in it, since llama.cpp saves and loads a sequence only as a whole; the cache counts its bytes
 *  by the prefix's length. Unlike the room's own engine it promises no byte-equality: sums depend on the batch. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TextTokenizer } from '@tenfold/core/nn';
import { prefixError } from '../prefix-errors.ts';
import type { ModelProfile } from '../types.ts';
import type { LlamaBinding, LlamaContext, LlamaModel, LlamaSequence } from './llama-binding.ts';
import type { EngineBackend, EngineSequence } from './types.ts';

const BINDING = 'node-llama-cpp';
const CHUNK_TOKENS = 256;
/** Lengths whose saved states tell what a state takes, and a token of it. */
const PROBE_TOKENS = [1, 65] as const;

export interface LlamaEngine extends EngineBackend<Uint8Array, undefined>, AsyncDisposable {
  readonly tokenizer: TextTokenizer;
}

/** @param path  GGUF file
 *  @throws TF-PREFIX-009 if node-llama-cpp is not installed, TF-PREFIX-007 if it cannot load the file */
export async function openLlamaEngine(
  path: string,
  { maxSequences = 2, contextTokens }: { readonly maxSequences?: number; readonly contextTokens?: number } = {},
): Promise<LlamaEngine> {
  const binding = await loadBinding();
  const llama = await binding.getLlama({ build: 'never', gpu: false, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: path }).catch((cause: unknown) => {
    throw prefixError('TF-PREFIX-007', {
      subject: 'openLlamaEngine',
      expected: 'a GGUF model that llama.cpp loads',
      actual: (cause as Error).message,
      location: path,
      cause,
    });
  });
  const maxTokens = Math.min(contextTokens ?? model.trainContextSize, model.trainContextSize);
  const context = await model.createContext({
    contextSize: maxTokens,
    sequences: maxSequences,
    batchSize: CHUNK_TOKENS,
    threads: availableParallelism(),
  });
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-llama-'));
  const files = stateFiles(folder);
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const profile = await measureProfile(model, context, files, basename(path).replace(/\.gguf$/, ''));
  const open = (): EngineSequence<Uint8Array, undefined> => openSequence(context, { vocabulary, files });
  return {
    name: profile.name,
    profile,
    vocabulary,
    maxTokens,
    endToken: model.tokens.eos ?? model.tokens.eot ?? -1,
    maxSequences,
    chunkTokens: CHUNK_TOKENS,
    kvCodec: { slice: () => undefined, join: () => undefined },
    stateCodec: { toBytes: (state) => state, fromBytes: (bytes) => Uint8Array.from(bytes) },
    kvBytes: { toBytes: () => new Uint8Array(0), fromBytes: () => undefined },
    tokenizer: {
      vocabularySize: vocabulary,
      encode: (text) => model.tokenize(text),
      decode: (ids) => (ids.length === 0 ? '' : model.detokenize(ids)),
    },
    open,
    async [Symbol.asyncDispose]() {
      await context.dispose();
      await model.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openSequence(
  context: LlamaContext,
  { vocabulary, files }: { readonly vocabulary: number; readonly files: StateFiles },
): EngineSequence<Uint8Array, undefined> {
  const sequence = context.getSequence();
  const logits = new Float32Array(vocabulary);
  return {
    get length() {
      return sequence.disposed ? 0 : sequence.nextTokenIndex;
    },
    logits,
    restore: (_tokens, state) => files.load(sequence, state),
    async extend(tokens, end) {
      const input = Array.from(tokens.subarray(sequence.nextTokenIndex, end));
      const last = input.pop()!;
      const results = await sequence.controlledEvaluate([...input, [last, { generateNext: { logits: true } }]]);
      logits.fill(-Infinity);
      for (const [token, logit] of results.at(-1)!.next.logits!) logits[token] = logit;
    },
    snapshot: () => files.save(sequence),
    kvOf: () => undefined,
    close: () => void sequence.dispose(),
  };
}

interface StateFiles {
  save(sequence: LlamaSequence): Promise<Uint8Array>;
  load(sequence: LlamaSequence, state: Uint8Array): Promise<void>;
}

/** llama.cpp writes and reads states of sequences as files. */
function stateFiles(folder: string): StateFiles {
  let next = 0;
  const through = async <Value>(use: (path: string) => Promise<Value>): Promise<Value> => {
    const path = join(folder, `state-${next++}`);
    try {
      return await use(path);
    } finally {
      await rm(path, { force: true });
    }
  };
  return {
    save: (sequence) =>
      through(async (path) => {
        await sequence.saveStateToFile(path);
        return readFile(path);
      }),
    load: (sequence, state) =>
      through(async (path) => {
        await writeFile(path, state);
        await sequence.loadStateFromFile(path, { acceptRisk: true });
      }),
  };
}

/** What checkpoints cost, measured: states of two lengths are saved. A token costs two FLOPs a weight; what attention adds
 *  with the length is not known from a GGUF file. */
async function measureProfile(
  model: LlamaModel,
  context: LlamaContext,
  files: StateFiles,
  name: string,
): Promise<ModelProfile> {
  const sequence = context.getSequence();
  const sizes: number[] = [];
  for (const length of PROBE_TOKENS) {
    await sequence.evaluateWithoutGeneratingNewTokens(
      Array.from({ length: length - sequence.nextTokenIndex }, (_, i) => 1 + i),
    );
    sizes.push((await files.save(sequence)).length);
  }
  await sequence.dispose();
  const stateBytesPerToken = Math.ceil((sizes[1]! - sizes[0]!) / (PROBE_TOKENS[1] - PROBE_TOKENS[0]));
  const numWeights = (model.fileInfo.fullTensorInfo ?? model.fileInfo.tensorInfo ?? []).reduce(
    (sum, { dimensions }) => sum + dimensions.reduce<number>((product, size) => product * Number(size), 1),
    0,
  );
  return {
    name,
    stateBytes: sizes[0]!,
    stateBytesPerToken,
    kvBytesPerToken: 0,
    linearFlops: 2 * Math.max(1, numWeights),
    quadraticFlops: 0,
  };
}

async function loadBinding(): Promise<LlamaBinding> {
  try {
    return (await import(BINDING)) as LlamaBinding;
  } catch (cause) {
    throw prefixError('TF-PREFIX-009', {
      subject: 'openLlamaEngine',
      expected: `the optional package ${BINDING}`,
      actual: (cause as Error).message,
      cause,
    });
  }
}
