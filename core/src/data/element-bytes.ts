/** The bytes of typed arrays and their order. */
import type { TensorData } from '../tensor/index.ts';

/** The bytes behind a typed array, not a copy. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Reverses the bytes of each element in place. @param elementBytes  1, 2, 4 or 8 */
export function swapBytesInPlace(bytes: Uint8Array, elementBytes: number): void {
  if (elementBytes === 1) return;
  for (let start = 0; start + elementBytes <= bytes.length; start += elementBytes) {
    for (let i = start, j = start + elementBytes - 1; i < j; i++, j--) {
      const swapped = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = swapped;
    }
  }
}
