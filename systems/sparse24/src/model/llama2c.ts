/** The llama2.c layout: one .bin of f32 weights behind seven int32 (dim, hidden, layers, heads, kv heads, vocab, context;
 *  a negative vocab means an untied head), and a tokenizer .bin of scored pieces.
 *  Weights come out under Hugging Face names; rows of q and k are permuted because llama2.c turns pairs (2i, 2i+1) and
 *  Hugging Face turns halves (i, i + D/2). */
import type { LlamaConfig } from '@tenfold/core/nn';
import type { Tensor } from '@tenfold/core/tensor';
import { sparseError } from '../sparse-errors.ts';
import type { TextTokenizer } from '../types.ts';

const HEADER_INTS = 7;
const BOS = 1;
const FIRST_BYTE_TOKEN = 3;
const WORD_START = /(?<=[^ ])(?= )/;

export interface Llama2cModel {
  readonly config: LlamaConfig;
  readonly parameters: Readonly<Record<string, Tensor<'float32'>>>;
}

/** @throws TF-SPARSE-008 if the sizes are absurd or the file ends early */
export function readLlama2c(bytes: Uint8Array, location: string): Llama2cModel {
  const refuse = (expected: string, actual: string) =>
    sparseError('TF-SPARSE-008', { subject: 'readLlama2c', expected, actual, location });
  if (bytes.length < HEADER_INTS * 4) throw refuse('a header of 28 bytes', `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [dim, hidden, layers, heads, kvHeads, signedVocab, context] = Array.from({ length: HEADER_INTS }, (_, i) =>
    view.getInt32(i * 4, true),
  ) as [number, number, number, number, number, number, number];
  const vocab = Math.abs(signedVocab);
  const isSane =
    [dim, hidden, layers, heads, kvHeads, vocab, context].every((size) => size > 0 && size < 1 << 20) &&
    dim % heads === 0 &&
    heads % kvHeads === 0;
  if (!isSane)
    throw refuse('sizes of a llama2.c model', [dim, hidden, layers, heads, kvHeads, signedVocab, context].join(', '));
  const headDim = dim / heads;
  const kvDim = headDim * kvHeads;
  let at = HEADER_INTS * 4;
  const take = (count: number): Float32Array => {
    if (at + count * 4 > bytes.length) throw refuse(`${at + count * 4} bytes`, `${bytes.length}`);
    const data = new Float32Array(Uint8Array.from(bytes.subarray(at, at + count * 4)).buffer); // a copy, aligned
    at += count * 4;
    return data;
  };
  const parameters: Record<string, Tensor<'float32'>> = {};
  const put = (name: string, shape: readonly number[], data: Float32Array): void => {
    parameters[name] = { dtype: 'float32', shape, data };
  };
  const perLayer = (suffix: string, shape: readonly number[], turn?: (data: Float32Array) => Float32Array): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    for (let layer = 0; layer < layers; layer++) {
      const data = take(count);
      put(`model.layers.${layer}.${suffix}`, shape, turn ? turn(data) : data);
    }
  };
  put('model.embed_tokens.weight', [vocab, dim], take(vocab * dim));
  perLayer('input_layernorm.weight', [dim]);
  perLayer('self_attn.q_proj.weight', [dim, dim], (data) => halvesFromPairs(data, heads, headDim, dim));
  perLayer('self_attn.k_proj.weight', [kvDim, dim], (data) => halvesFromPairs(data, kvHeads, headDim, dim));
  perLayer('self_attn.v_proj.weight', [kvDim, dim]);
  perLayer('self_attn.o_proj.weight', [dim, dim]);
  perLayer('post_attention_layernorm.weight', [dim]);
  perLayer('mlp.gate_proj.weight', [hidden, dim]);
  perLayer('mlp.down_proj.weight', [dim, hidden]);
  perLayer('mlp.up_proj.weight', [hidden, dim]);
  put('model.norm.weight', [dim], take(dim));
  take(context * headDim); // tables of cosines and sines
  if (signedVocab < 0) put('lm_head.weight', [vocab, dim], take(vocab * dim));
  const config: LlamaConfig = {
    vocab_size: vocab,
    hidden_size: dim,
    intermediate_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: signedVocab > 0,
  };
  return { config, parameters };
}

/** Row 2i of a head goes to i, row 2i+1 to i + D/2. */
function halvesFromPairs(data: Float32Array, heads: number, headDim: number, width: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < headDim; row++) {
      const target = (row >> 1) + (row & 1 ? headDim / 2 : 0);
      const from = (head * headDim + row) * width;
      turned.set(data.subarray(from, from + width), (head * headDim + target) * width);
    }
  }
  return turned;
}

/** A sentencepiece-style BPE tokenizer in llama2.c's file: merges the pair of best score until none is left.
 *  @throws TF-SPARSE-008 if the file ends early */
export function readLlama2cTokenizer(bytes: Uint8Array, vocabSize: number, location: string): TextTokenizer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: string[] = [];
  const scores: number[] = [];
  const decoder = new TextDecoder();
  for (let at = 4; pieces.length < vocabSize;) {
    const length = at + 8 <= bytes.length ? view.getInt32(at + 4, true) : -1;
    if (length < 0 || at + 8 + length > bytes.length) {
      throw sparseError('TF-SPARSE-008', {
        subject: 'readLlama2cTokenizer',
        expected: `${vocabSize} pieces`,
        actual: `${pieces.length}`,
        location,
      });
    }
    scores.push(view.getFloat32(at, true));
    pieces.push(decoder.decode(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
  const idOf = new Map(pieces.map((piece, id) => [piece, id]));
  const encoder = new TextEncoder();
  // Merging costs the square of the length; where no piece reaches over the start of a word, words are merged alone.
  const wordsStandAlone = !pieces.some((piece) => /[^ ] /.test(piece));
  const idsOfWord = new Map<string, readonly number[]>();
  const encodeWord = (word: string): number[] => {
    const ids: number[] = [];
    for (const character of word) {
      const id = idOf.get(character);
      if (id !== undefined) ids.push(id);
      else for (const byte of encoder.encode(character)) ids.push(byte + FIRST_BYTE_TOKEN);
    }
    mergePairs(ids, pieces, scores, idOf);
    return ids;
  };
  return {
    vocabSize,
    startId: BOS,
    encode(text) {
      if (text === '') return [];
      const ids: number[] = [];
      for (const word of wordsStandAlone ? ` ${text}`.split(WORD_START) : [` ${text}`]) {
        let known = idsOfWord.get(word);
        if (known === undefined) idsOfWord.set(word, (known = encodeWord(word)));
        for (const id of known) ids.push(id);
      }
      return ids;
    },
    decode(ids) {
      const out: number[] = [];
      ids.forEach((id, index) => {
        const piece = pieces[id] ?? '';
        const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
        const shown = index > 0 && ids[index - 1] === BOS && piece.startsWith(' ') ? piece.slice(1) : piece;
        if (byte) out.push(Number.parseInt(byte[1]!, 16));
        else if (id > 2) out.push(...encoder.encode(shown));
      });
      return decoder.decode(Uint8Array.from(out));
    },
  };
}

function mergePairs(
  ids: number[],
  pieces: readonly string[],
  scores: readonly number[],
  idOf: ReadonlyMap<string, number>,
): void {
  for (;;) {
    let best = Number.NEGATIVE_INFINITY;
    let place = -1;
    let merged = -1;
    for (let i = 0; i + 1 < ids.length; i++) {
      const id = idOf.get(pieces[ids[i]!]! + pieces[ids[i + 1]!]!);
      if (id !== undefined && scores[id]! > best) [best, place, merged] = [scores[id]!, i, id];
    }
    if (place < 0) return;
    ids.splice(place, 2, merged);
  }
}
