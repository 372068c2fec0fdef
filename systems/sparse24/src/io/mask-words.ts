/** Masking stored bytes in place, whatever the float type: the order of magnitudes is the order of the bits without sign,
 *  so 16- and 32-bit floats are compared as integers and kept weights keep their bits. */
import { sparseError } from '../sparse-errors.ts';
import { CODE_BITS, KEPT_FIRST, KEPT_SECOND } from '../mask/mask24.ts';

export type StoredDtype = 'float32' | 'float16' | 'bfloat16';

export const SIGNLESS: Readonly<Record<StoredDtype, number>> = {
  float32: 0x7fffffff,
  float16: 0x7fff,
  bfloat16: 0x7fff,
};
/** Bits without sign from here on are infinities and NaN. */
const FIRST_NOT_FINITE: Readonly<Record<StoredDtype, number>> = {
  float32: 0x7f800000,
  float16: 0x7c00,
  bfloat16: 0x7f80,
};

export type Words = Uint16Array | Uint32Array;

export function wordsOf(bytes: Uint8Array, dtype: StoredDtype): Words {
  return dtype === 'float32'
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** Zeroes the two smallest of every four and notes what stayed.
 *  @param codes  [words / 4] written.   Mutates: words.
 *  @throws TF-SPARSE-002 naming the first weight that is not finite */
export function maskByMagnitude(
  words: Words,
  dtype: StoredDtype,
  codes: Uint8Array,
  location: { readonly name: string; readonly start: number },
): void {
  const signless = SIGNLESS[dtype];
  let largest = 0;
  for (let block = 0, at = 0; block < codes.length; block++, at += 4) {
    const a = words[at]! & signless;
    const b = words[at + 1]! & signless;
    const c = words[at + 2]! & signless;
    const d = words[at + 3]! & signless;
    // Each comparison is 0 or 1; a place stays if fewer than two others come before it (earlier places win ties).
    const ab = Number(a >= b);
    const ac = Number(a >= c);
    const ad = Number(a >= d);
    const bc = Number(b >= c);
    const bd = Number(b >= d);
    const cd = Number(c >= d);
    const keepA = Number(3 - ab - ac - ad < 2);
    const keepB = Number(ab + 2 - bc - bd < 2);
    const keepC = Number(ac + bc + 1 - cd < 2);
    words[at] = keepA * words[at]!;
    words[at + 1] = keepB * words[at + 1]!;
    words[at + 2] = keepC * words[at + 2]!;
    words[at + 3] = Number(keepA + keepB + keepC < 2) * words[at + 3]!;
    codes[block] = CODE_FROM_KEPT[keepA | (keepB << 1) | (keepC << 2)]!;
    const most = ab ? (ac ? (ad ? a : d) : cd ? c : d) : bc ? (bd ? b : d) : cd ? c : d;
    if (most > largest) largest = most;
  }
  if (largest >= FIRST_NOT_FINITE[dtype]) throw notFinite(words, dtype, location);
}

/** Index: which of the first three places stay (the fourth follows). */
const CODE_FROM_KEPT = Uint8Array.from({ length: 8 }, (_, kept) => {
  const isTwo = kept === 3 || kept === 5 || kept === 6;
  return Math.max(0, CODE_BITS.indexOf(isTwo ? kept : kept | 8));
});

/** Zeroes what the mask leaves out.  Mutates: words. */
export function maskByCodes(words: Words, codes: Uint8Array): void {
  for (let block = 0, at = 0; block < codes.length; block++, at += 4) {
    const first = at + KEPT_FIRST[codes[block]!]!;
    const second = at + KEPT_SECOND[codes[block]!]!;
    const [low, high] = [words[first]!, words[second]!];
    words[at] = words[at + 1] = words[at + 2] = words[at + 3] = 0;
    words[first] = low;
    words[second] = high;
  }
}

function notFinite(
  words: Words,
  dtype: StoredDtype,
  { name, start }: { readonly name: string; readonly start: number },
): Error {
  const at = words.findIndex((word: number) => (word & SIGNLESS[dtype]) >= FIRST_NOT_FINITE[dtype]);
  return sparseError('TF-SPARSE-002', {
    subject: 'mask',
    expected: 'finite weights',
    actual: 'NaN or infinity',
    location: `tensor "${name}", element ${start + at}`,
  });
}
