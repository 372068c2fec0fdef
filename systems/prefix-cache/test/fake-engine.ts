/** An engine without weights: states and keys are hashes of the tokens before them, logits follow from the state alone. */
import { extendHash, PREFIX_SEED } from '../src/cache/prefix-hashes.ts';
import type { EngineBackend } from '../src/engine/types.ts';

const VOCABULARY = 64;

export function createFakeEngine(maxSequences = 4): EngineBackend<number, number[]> & { computed: number } {
  let numOpen = 0;
  const engine = {
    name: 'fake',
    profile: { name: 'fake', stateBytes: 400, kvBytesPerToken: 1, linearFlops: 10, quadraticFlops: 1 },
    vocabulary: VOCABULARY,
    maxTokens: 4096,
    endToken: 0,
    maxSequences,
    chunkTokens: 32,
    computed: 0,
    kvCodec: {
      slice: (kv: number[], start: number, end: number) => kv.slice(start, end),
      join: (a: number[], b: number[]) => [...a, ...b],
    },
    stateCodec: textCodec<number>(),
    kvBytes: textCodec<number[]>(),
    open() {
      if (++numOpen > maxSequences) throw new Error('too many open sequences');
      const logits = new Float32Array(VOCABULARY);
      let state = PREFIX_SEED;
      let kv: number[] = [];
      let isOpen = true;
      return {
        get length() {
          return kv.length;
        },
        logits,
        restore(tokens: Int32Array, from: number, parts: readonly number[][]) {
          state = from;
          kv = parts.flat();
          if (kv.length !== tokens.length) throw new Error('keys do not cover the prefix');
        },
        extend(tokens: Int32Array, end: number) {
          for (let i = kv.length; i < end; i++) {
            state = extendHash(state, tokens[i]!);
            kv.push(state);
            engine.computed++;
          }
          for (let i = 0; i < VOCABULARY; i++) logits[i] = (extendHash(state, i) >>> 8) / 1e6;
        },
        snapshot: () => state,
        kvOf: (start: number, end: number) => kv.slice(start, end),
        close() {
          if (isOpen) numOpen--;
          isOpen = false;
        },
      };
    },
  };
  return engine;
}

export const FAKE_TOKENIZER = {
  vocabularySize: VOCABULARY,
  encode: (text: string) => Array.from(text, (letter) => 1 + (letter.codePointAt(0)! % (VOCABULARY - 1))),
  decode: (ids: readonly number[]) => ids.map((id) => String.fromCodePoint(0x40 + id)).join(''),
};

function textCodec<Value>() {
  return {
    toBytes: (value: Value) => new TextEncoder().encode(JSON.stringify(value)),
    fromBytes: (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Value,
  };
}
