/** Uploads: streamed into the home folder under a limit, to a temporary name and then renamed. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes, makeFolder } from '@tenfold/core/base';
import { studioError } from './studio-errors.ts';

export interface StoredUpload {
  readonly name: string;
  readonly byteLength: number;
  readonly path: string;
}

const MAX_NAME_LENGTH = 120;

/** A name that cannot leave its folder: letters, digits, dot, dash and underscore; never a leading dot. */
export function safeFileName(name: string): string {
  const base = name.split(/[/\\]/).pop() ?? '';
  const safe = base
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '')
    .slice(-MAX_NAME_LENGTH);
  return safe || 'file';
}

/** Stores a body. @throws TF-STUDIO-004 as soon as it is longer than the limit; nothing is kept then */
export async function storeUpload(options: {
  readonly home: string;
  readonly name: string;
  readonly body: ReadableStream<Uint8Array>;
  readonly maxBytes: number;
}): Promise<StoredUpload> {
  const name = safeFileName(options.name);
  const folder = join(options.home, 'uploads', randomBytes(6).toString('hex'));
  makeFolder(folder);
  const path = join(folder, name);
  const file = await open(`${path}.part`, 'wx');
  let byteLength = 0;
  try {
    for await (const chunk of options.body) {
      byteLength += chunk.byteLength;
      if (byteLength > options.maxBytes) throw uploadTooLarge(name, options.maxBytes);
      await file.write(chunk);
    }
    await file.close();
    await rename(`${path}.part`, path);
    return { name, byteLength, path };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export function uploadTooLarge(name: string, maxBytes: number): Error {
  return studioError('TF-STUDIO-004', {
    subject: 'upload',
    expected: `"${name}" to have at most ${formatBytes(maxBytes)}`,
    actual: 'more',
    hints: ['Name a file on this machine instead.'],
  });
}
