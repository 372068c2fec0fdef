/** Opens a model to prune: a Hugging Face folder of a Llama-style decoder, or a llama2.c .bin with its tokenizer beside it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadLlamaFolder, loadTokenizer } from '@tenfold/core/nn';
import type { Tensor } from '@tenfold/core/tensor';
import { sparseError } from '../sparse-errors.ts';
import type { LoadedModel, TextTokenizer } from '../types.ts';
import { readLlama2c, readLlama2cTokenizer } from './llama2c.ts';

/** @throws TF-SPARSE-004 if the tokenizer knows more tokens than the embedding has rows; TF-NN-…, TF-DATA-… on the files */
export async function openModel(path: string): Promise<LoadedModel> {
  if (!existsSync(path)) {
    throw sparseError('TF-SPARSE-004', {
      subject: 'openModel',
      expected: 'a model folder or a llama2.c .bin',
      actual: 'nothing there',
      location: path,
    });
  }
  const model = statSync(path).isDirectory() ? await openFolder(path) : openBin(path);
  if (model.tokenizer.vocabSize > model.config.vocab_size) {
    throw sparseError('TF-SPARSE-004', {
      subject: 'openModel',
      expected: `a tokenizer of at most ${model.config.vocab_size} tokens, the rows of the embedding`,
      actual: String(model.tokenizer.vocabSize),
      location: path,
    });
  }
  return model;
}

async function openFolder(folder: string): Promise<LoadedModel> {
  const { config, parameters } = await loadLlamaFolder(folder);
  const inner = await loadTokenizer(folder);
  const json = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { bos_token_id?: number };
  const tokenizer: TextTokenizer = {
    vocabSize: inner.vocabularySize,
    startId: json.bos_token_id ?? 0,
    encode: (text) => inner.encode(text, { specialTokens: false }),
    decode: (ids) => inner.decode(ids),
  };
  return { config, parameters: parameters as Record<string, Tensor<'float32'>>, tokenizer, source: folder };
}

function openBin(path: string): LoadedModel {
  const { config, parameters } = readLlama2c(readFileSync(path), path);
  const folder = dirname(path);
  const name = [`tok${config.vocab_size}.bin`, 'tokenizer.bin'].find((file) => existsSync(join(folder, file)));
  if (name === undefined) {
    throw sparseError('TF-SPARSE-004', {
      subject: 'openModel',
      expected: `tok${config.vocab_size}.bin or tokenizer.bin beside the weights`,
      actual: 'neither',
      location: folder,
    });
  }
  const tokenizer = readLlama2cTokenizer(readFileSync(join(folder, name)), config.vocab_size, join(folder, name));
  return { config, parameters, tokenizer, source: path };
}
