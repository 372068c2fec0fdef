/** FNV-1a step over a 32-bit value: a short fingerprint of the branch decisions of a search. */
export function hashStep(hash: number, value: number): number {
  let h = hash;
  for (let shift = 0; shift < 32; shift += 8) h = Math.imul(h ^ ((value >>> shift) & 0xff), 0x01000193);
  return h;
}
