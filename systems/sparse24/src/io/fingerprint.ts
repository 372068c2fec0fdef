/** Which checkpoint is this? A hash of its weight files' lengths and of samples spread over them, so that a mask is not put
 *  over another model by mistake. Not a proof against intent: 4 KiB of every MiB are read. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const STRIDE = 2 ** 20;
const SAMPLE = 4096;
const HEX_DIGITS = 32;
/** Samples read at a time. */
const TOGETHER = 32;

/** @param folder  safetensors files in it; mask files are left out
 *  @returns 32 hexadecimal digits */
export async function fingerprintOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors') && name !== 'mask24.safetensors')
    .toSorted();
  const samples = Array.from({ length: TOGETHER }, () => new Uint8Array(SAMPLE));
  for (const name of files) {
    const file = await open(join(folder, name), 'r');
    try {
      const { size } = await file.stat();
      hash.update(`${name} ${size}\n`);
      for (let first = 0; first < size; first += TOGETHER * STRIDE) {
        const places = samples.map((sample, i) => ({ sample, at: first + i * STRIDE })).filter(({ at }) => at < size);
        const read = await Promise.all(places.map(({ sample, at }) => file.read(sample, 0, SAMPLE, at)));
        for (const { buffer, bytesRead } of read) hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }
  return hash.digest('hex').slice(0, HEX_DIGITS);
}
