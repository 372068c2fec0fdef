/** The package sharp where it is installed, else decoders without native parts. */
import type { ImageCodec } from './image-codec.ts';

let chosen: Promise<ImageCodec> | undefined;

/** Sharp if it loads, which is tried once; else the plain codec. */
export function findImageCodec(): Promise<ImageCodec> {
  chosen ??= loadSharpCodec().catch(loadPlainCodec);
  return chosen;
}

async function loadSharpCodec(): Promise<ImageCodec> {
  const [{ default: sharp }, { createSharpCodec }] = await Promise.all([import('sharp'), import('./sharp-codec.ts')]);
  return createSharpCodec(sharp);
}

async function loadPlainCodec(): Promise<ImageCodec> {
  return (await import('./plain-codec.ts')).plainCodec;
}
