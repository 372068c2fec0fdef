/** A stream over whatever a reader was given, gzip undone on the way. */
import { openSource } from './file-source.ts';
import { gunzipStream, isGzip } from './gzip.ts';
import type { SourceInput } from './types.ts';

export interface OpenStream extends AsyncDisposable {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Opens a stream; to be bound by `await using`. */
export async function openStream(input: SourceInput, subject: string): Promise<OpenStream> {
  const source = await openSource(input);
  try {
    const chunks = (await isGzip(source)) ? gunzipStream(source, subject) : source.stream();
    return { name: source.name, chunks, [Symbol.asyncDispose]: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}
