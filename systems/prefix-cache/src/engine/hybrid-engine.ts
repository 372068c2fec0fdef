/** Inference of a Nemotron-H hybrid: every block x ← x + mixer(RMSNorm(x)), mixer Mamba-2, attention without positions or
 *  squared-ReLU MLP. Row-invariant (see kernels.ts): prefill in any cuts, decode and resumption from a checkpoint give the
 *  same bits. Each token's scan is sequential, in f32. */
import { flopsBetween } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import type { ModelProfile } from '../types.ts';
import type { HybridConfig } from './hybrid-config.ts';
import type { HybridLayer, HybridWeights, PackedMatrix } from './hybrid-weights.ts';
import { createKernels, type Kernels } from './kernels.ts';
import type { EngineBackend, SyncEngineSequence } from './types.ts';

const FLOAT_BYTES = 4;
const CHUNK_ROWS = 64;
const ROW_TILE = 4;
const PANEL = 8;
const BLEND_WIDTH = 16;

interface Scratch {
  readonly x: number;
  readonly normed: number;
  readonly wide: number;
  readonly mixed: number;
  readonly convolved: number;
  readonly scores: number;
  readonly logits: number;
}

export class HybridEngine implements EngineBackend<Float32Array, Float32Array> {
  readonly name: string;
  readonly profile: ModelProfile;
  readonly vocabulary: number;
  readonly maxTokens: number;
  readonly endToken: number;
  readonly maxSequences: number;
  readonly chunkTokens = CHUNK_ROWS;
  readonly kvCodec = {
    slice: (kv: Float32Array, start: number, end: number) => kv.slice(start * this.kvWidth, end * this.kvWidth),
    join: (a: Float32Array, b: Float32Array) => joined(a, b),
  };
  readonly stateCodec = FLOAT_CODEC;
  readonly kvBytes = FLOAT_CODEC;
  /** Floats of keys and values of a token, all attention layers. */
  readonly kvWidth: number;
  readonly stateFloats: number;
  /** FLOPs computed so far, by the profile. */
  computedFlops = 0;

  readonly #weights: HybridWeights;
  readonly #kernels: Kernels;
  readonly #scratch: Scratch;
  readonly #slots: number[] = [];
  readonly #slotFloats: number;

  constructor(
    weights: HybridWeights,
    profile: ModelProfile,
    { maxSequences = 4 }: { readonly maxSequences?: number } = {},
  ) {
    const { config } = weights;
    const count = (letter: string): number => Array.from(config.pattern).filter((kind) => kind === letter).length;
    this.name = profile.name;
    this.profile = profile;
    this.vocabulary = config.vocabulary;
    this.maxTokens = config.maxTokens;
    this.endToken = config.endToken;
    this.maxSequences = maxSequences;
    this.#weights = weights;
    this.kvWidth = count('*') * 2 * config.attentionHeads * config.attentionWidth;
    this.stateFloats = count('M') * (config.inner * config.stateWidth + (config.convTaps - 1) * channelsOf(config));
    this.#slotFloats = this.stateFloats + config.maxTokens * this.kvWidth;
    let end = weights.packed.length;
    const take = (floats: number): number => {
      const at = end;
      end += Math.ceil(floats / PANEL) * PANEL;
      return at * FLOAT_BYTES;
    };
    const wide = Math.max(config.inner + channelsOf(config) + config.heads, config.hidden, 3 * this.kvWidth);
    this.#scratch = {
      x: take(CHUNK_ROWS * config.width),
      normed: take(CHUNK_ROWS * config.width),
      wide: take(CHUNK_ROWS * wide),
      mixed: take(CHUNK_ROWS * Math.max(config.inner, config.width)),
      convolved: take(channelsOf(config)),
      scores: take(config.maxTokens),
      logits: take(config.vocabulary),
    };
    for (let i = 0; i < maxSequences; i++) this.#slots.push(take(this.#slotFloats) / FLOAT_BYTES);
    this.#kernels = createKernels(end * FLOAT_BYTES);
    this.#kernels.floats.set(weights.packed);
  }

  /** @throws TF-PREFIX-008 if all sequences are open */
  open(): SyncEngineSequence<Float32Array, Float32Array> {
    const slot = this.#slots.pop();
    if (slot === undefined)
      throw prefixError('TF-PREFIX-008', {
        subject: 'HybridEngine.open',
        expected: `at most ${this.maxSequences} open sequences`,
      });
    const { floats } = this.#kernels;
    const state = floats.subarray(slot, slot + this.stateFloats);
    const kvStart = slot + this.stateFloats;
    const logits = new Float32Array(this.vocabulary);
    const { kvWidth } = this;
    const assertRange = this.#assertRange.bind(this);
    const forward = this.#forward.bind(this);
    const release = (): void => void this.#slots.push(slot);
    let length = 0;
    state.fill(0);
    return {
      get length() {
        return length;
      },
      logits,
      restore(tokens, from, kv) {
        state.set(from);
        let at = kvStart;
        for (const part of kv) {
          floats.set(part, at);
          at += part.length;
        }
        length = tokens.length;
      },
      extend(tokens, end) {
        assertRange(tokens, length, end);
        while (length < end) {
          const rows = Math.min(CHUNK_ROWS, end - length);
          forward(tokens, length, rows, slot, length + rows === end ? logits : undefined);
          length += rows;
        }
      },
      snapshot: () => state.slice(),
      kvOf: (start, end) => floats.slice(kvStart + start * kvWidth, kvStart + end * kvWidth),
      close() {
        if (length >= 0) release();
        length = -1;
      },
    };
  }

  #assertRange(tokens: Int32Array, start: number, end: number): void {
    if (end > this.maxTokens || start >= end)
      throw prefixError('TF-PREFIX-008', {
        subject: 'HybridEngine.extend',
        expected: `1 to ${this.maxTokens} tokens`,
        actual: String(end),
      });
    for (let i = start; i < end; i++) {
      if (tokens[i]! >= 0 && tokens[i]! < this.vocabulary) continue;
      throw prefixError('TF-PREFIX-008', {
        subject: 'HybridEngine.extend',
        expected: `token ids below ${this.vocabulary}`,
        actual: String(tokens[i]),
        location: `position ${i}`,
      });
    }
  }

  #forward(tokens: Int32Array, start: number, rows: number, slot: number, logits: Float32Array | undefined): void {
    const { config, layers, embeddings, finalNorm, head } = this.#weights;
    const { floats } = this.#kernels;
    const scratch = this.#scratch;
    const { width } = config;
    const x = scratch.x / FLOAT_BYTES;
    this.computedFlops += flopsBetween(this.profile, start, start + rows);
    for (let row = 0; row < rows; row++) {
      const token = tokens[start + row]!;
      floats.set(embeddings.subarray(token * width, (token + 1) * width), x + row * width);
    }
    let stateAt = slot;
    let attentionIndex = 0;
    for (const layer of layers) {
      for (let row = 0; row < rows; row++)
        normalise(
          floats,
          x + row * width,
          scratch.normed / FLOAT_BYTES + row * width,
          width,
          layer.norm,
          config.epsilon,
        );
      if (layer.kind === 'mamba') stateAt = this.#mamba(layer, rows, stateAt);
      else if (layer.kind === 'attention') this.#attention(layer, start, rows, slot, attentionIndex++);
      else this.#mlp(layer, rows);
      const mixed = scratch.mixed / FLOAT_BYTES;
      for (let i = 0; i < rows * width; i++) floats[x + i] = floats[x + i]! + floats[mixed + i]!;
    }
    if (logits === undefined) return;
    normalise(floats, x + (rows - 1) * width, scratch.normed / FLOAT_BYTES, width, finalNorm, config.epsilon);
    this.#multiply(scratch.normed, head, scratch.logits, 1);
    logits.set(floats.subarray(scratch.logits / FLOAT_BYTES, scratch.logits / FLOAT_BYTES + config.vocabulary));
  }

  /** y[rows, outputs] = x[rows, inputs] · Wᵀ */
  #multiply(x: number, { offset, inputs, outputs }: PackedMatrix, y: number, rows: number, yWidth = outputs): void {
    const { tile4, tile1 } = this.#kernels;
    const kBytes = inputs * FLOAT_BYTES;
    const yStride = yWidth * FLOAT_BYTES;
    const tiled = rows - (rows % ROW_TILE);
    for (let panel = 0; panel < outputs; panel += PANEL) {
      const w = (offset + panel * inputs) * FLOAT_BYTES;
      const column = y + panel * FLOAT_BYTES;
      for (let row = 0; row < tiled; row += ROW_TILE)
        tile4(x + row * kBytes, w, column + row * yStride, kBytes, kBytes, yStride);
      for (let row = tiled; row < rows; row++) tile1(x + row * kBytes, w, column + row * yStride, kBytes);
    }
  }

  /** @returns where the next layer's state starts, in floats */
  #mamba(layer: Extract<HybridLayer, { kind: 'mamba' }>, rows: number, stateAt: number): number {
    const { config } = this.#weights;
    const { floats, scan } = this.#kernels;
    const scratch = this.#scratch;
    const { inner, stateWidth, heads, headWidth, convTaps } = config;
    const channels = channelsOf(config);
    const projected = inner + channels + heads;
    const history = stateAt + inner * stateWidth;
    const [wide, convolved, mixed] = [scratch.wide, scratch.convolved, scratch.mixed].map((at) => at / FLOAT_BYTES);
    this.#multiply(scratch.normed, layer.inProj, scratch.wide, rows);
    for (let row = 0; row < rows; row++) {
      const gate = wide! + row * projected;
      const source = gate + inner;
      convolve(floats, source, history, convolved!, layer.conv, layer.convBias, channels, convTaps);
      const y = mixed! + row * inner;
      for (let head = 0; head < heads; head++) {
        const raw = floats[source + channels + head]! + layer.dtBias[head]!;
        const dt = Math.fround(raw > 20 ? raw : Math.log1p(Math.exp(raw)));
        const a = Math.fround(Math.exp(layer.decay[head]! * dt));
        scan(
          (stateAt + head * headWidth * stateWidth) * FLOAT_BYTES,
          (convolved! + head * headWidth) * FLOAT_BYTES,
          (convolved! + inner) * FLOAT_BYTES,
          (convolved! + inner + stateWidth) * FLOAT_BYTES,
          (y + head * headWidth) * FLOAT_BYTES,
          a,
          dt,
          layer.skip[head]!,
          headWidth * FLOAT_BYTES,
          stateWidth * FLOAT_BYTES,
        );
      }
      for (let i = 0; i < inner; i++) floats[y + i] = floats[y + i]! * silu(floats[gate + i]!);
      normalise(floats, y, y, inner, layer.gateNorm, config.epsilon);
    }
    // The gated rows are read where the product is written: it goes through the wide buffer.
    this.#multiply(scratch.mixed, layer.outProj, scratch.wide, rows);
    floats.copyWithin(mixed!, wide!, wide! + rows * config.width);
    return history + (convTaps - 1) * channels;
  }

  #attention(
    layer: Extract<HybridLayer, { kind: 'attention' }>,
    start: number,
    rows: number,
    slot: number,
    attentionIndex: number,
  ): void {
    const { config } = this.#weights;
    const { floats, dots, blend } = this.#kernels;
    const scratch = this.#scratch;
    const { attentionHeads, attentionWidth } = config;
    const size = attentionHeads * attentionWidth;
    const stride = this.kvWidth * FLOAT_BYTES;
    const keys = (slot + this.stateFloats + attentionIndex * 2 * size) * FLOAT_BYTES;
    const values = keys + size * FLOAT_BYTES;
    const written = start * stride;
    this.#multiply(scratch.normed, layer.q, scratch.wide, rows);
    this.#multiply(scratch.normed, layer.k, keys + written, rows, this.kvWidth);
    this.#multiply(scratch.normed, layer.v, values + written, rows, this.kvWidth);
    const scores = scratch.scores / FLOAT_BYTES;
    const scale = Math.fround(1 / Math.sqrt(attentionWidth));
    for (let row = 0; row < rows; row++) {
      const count = start + row + 1;
      for (let head = 0; head < attentionHeads; head++) {
        const column = head * attentionWidth * FLOAT_BYTES;
        const query = scratch.wide + row * size * FLOAT_BYTES + column;
        dots(query, keys + column, scratch.scores, count * FLOAT_BYTES, stride, attentionWidth * FLOAT_BYTES);
        softmax(floats, scores, count, scale);
        for (let part = 0; part < attentionWidth; part += BLEND_WIDTH) {
          const offset = column + part * FLOAT_BYTES;
          blend(
            scratch.scores,
            values + offset,
            scratch.mixed + row * size * FLOAT_BYTES + offset,
            count * FLOAT_BYTES,
            stride,
          );
        }
      }
    }
    this.#multiply(scratch.mixed, layer.o, scratch.wide, rows);
    floats.copyWithin(
      scratch.mixed / FLOAT_BYTES,
      scratch.wide / FLOAT_BYTES,
      scratch.wide / FLOAT_BYTES + rows * config.width,
    );
  }

  #mlp(layer: Extract<HybridLayer, { kind: 'mlp' }>, rows: number): void {
    const { floats } = this.#kernels;
    const scratch = this.#scratch;
    this.#multiply(scratch.normed, layer.up, scratch.wide, rows);
    const wide = scratch.wide / FLOAT_BYTES;
    for (let i = wide; i < wide + rows * layer.up.outputs; i++) {
      const value = floats[i]!;
      floats[i] = value > 0 ? value * value : 0;
    }
    this.#multiply(scratch.wide, layer.down, scratch.mixed, rows);
  }
}

const FLOAT_CODEC = {
  toBytes: (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  fromBytes: (bytes: Uint8Array) => new Float32Array(Uint8Array.from(bytes).buffer),
};

function channelsOf({ inner, stateWidth }: HybridConfig): number {
  return inner + 2 * stateWidth;
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/** to ← from / rms(from) · weight; may be in place. */
function normalise(
  floats: Float32Array,
  from: number,
  to: number,
  width: number,
  weight: Float32Array,
  epsilon: number,
): void {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += floats[from + i]! * floats[from + i]!;
  const scale = Math.fround(1 / Math.sqrt(sum / width + epsilon));
  for (let i = 0; i < width; i++) floats[to + i] = Math.fround(floats[from + i]! * scale) * weight[i]!;
}

/** Causal depthwise convolution of one token and SiLU; `history` holds the last taps − 1 inputs and moves on. */
function convolve(
  floats: Float32Array,
  source: number,
  history: number,
  to: number,
  weight: Float32Array,
  bias: Float32Array,
  channels: number,
  taps: number,
): void {
  const last = (taps - 1) * channels;
  for (let channel = 0; channel < channels; channel++) {
    let sum = bias[channel]!;
    for (let tap = 0; tap < taps - 1; tap++)
      sum += weight[channel * taps + tap]! * floats[history + tap * channels + channel]!;
    sum += weight[channel * taps + taps - 1]! * floats[source + channel]!;
    floats[to + channel] = silu(sum);
  }
  floats.copyWithin(history, history + channels, history + last);
  for (let channel = 0; channel < channels; channel++)
    floats[history + last - channels + channel] = floats[source + channel]!;
}

/** Softmax in place, in rising order of positions. */
function softmax(floats: Float32Array, at: number, count: number, scale: number): void {
  let most = -Infinity;
  for (let i = at; i < at + count; i++) if (floats[i]! > most) most = floats[i]!;
  let sum = 0;
  for (let i = at; i < at + count; i++) {
    const value = Math.fround(Math.exp((floats[i]! - most) * scale));
    floats[i] = value;
    sum += value;
  }
  const inverse = Math.fround(1 / sum);
  for (let i = at; i < at + count; i++) floats[i] = floats[i]! * inverse;
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
