/** Tokenisers in Hugging Face's layout, through @huggingface/tokenizers. */
import { Tokenizer } from '@huggingface/tokenizers';
import { nnError } from '../nn-errors.ts';

export interface TextTokenizer {
  /** @param options.specialTokens  add those that the tokeniser wraps texts in; default true */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[];
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  readonly vocabularySize: number;
}

/** Opens `tokenizer.json` and, if there, `tokenizer_config.json` of a folder.
 *  @throws TF-NN-006 if they are missing or damaged */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const { readFile } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const read = async (name: string, fallback?: string): Promise<unknown> => {
    const path = join(folder, name);
    try {
      return JSON.parse(
        await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (fallback !== undefined && error.code === 'ENOENT') return fallback;
          throw error;
        }),
      );
    } catch (cause) {
      throw nnError('TF-NN-006', {
        subject: 'loadTokenizer',
        expected: `${name} to be readable JSON`,
        actual: (cause as Error).message,
        location: path,
        cause,
      });
    }
  };
  return tokenizerFromJson(await read('tokenizer.json'), await read('tokenizer_config.json', '{}'));
}

/** A tokeniser from the two files' content. */
export function tokenizerFromJson(tokenizer: unknown, config: unknown = {}): TextTokenizer {
  const inner = new Tokenizer(tokenizer as object, config as object);
  const vocabulary = (tokenizer as { model?: { vocab?: object | readonly unknown[] } }).model?.vocab ?? {};
  const added = (tokenizer as { added_tokens?: readonly { id: number }[] }).added_tokens ?? [];
  const size = Array.isArray(vocabulary) ? vocabulary.length : Object.keys(vocabulary).length;
  const vocabularySize = added.reduce((largest, { id }) => Math.max(largest, id + 1), size);
  return {
    encode: (text, { specialTokens = true } = {}) => inner.encode(text, { add_special_tokens: specialTokens }).ids,
    decode: (ids, { skipSpecialTokens = true } = {}) =>
      inner.decode([...ids], { skip_special_tokens: skipSpecialTokens }),
    vocabularySize,
  };
}
