/** FLOPs and bytes of prefixes from a profile. */
import type { ModelProfile } from '../types.ts';

/** Forward FLOPs of computing tokens [start, end) with the prefix [0, start) at hand. */
export function flopsBetween(profile: ModelProfile, start: number, end: number): number {
  return profile.linearFlops * (end - start) + profile.quadraticFlops * (end * end - start * start);
}

/** Bytes of `tokens` tokens with `states` checkpoints.
 *  @param stateTokens  lengths of the checkpoints' prefixes, summed; matters only if they hold keys and values */
export function bytesOf(profile: ModelProfile, tokens: number, states: number, stateTokens = 0): number {
  return (
    tokens * profile.kvBytesPerToken +
    states * profile.stateBytes +
    (profile.stateBytesPerToken === undefined ? 0 : stateTokens * profile.stateBytesPerToken)
  );
}

/** The same model with symbols of several tokens (hashed traces): one symbol costs as much as its tokens. */
export function profileOfSymbols(profile: ModelProfile, symbolTokens: number): ModelProfile {
  if (symbolTokens === 1) return profile;
  return {
    ...profile,
    kvBytesPerToken: profile.kvBytesPerToken * symbolTokens,
    linearFlops: profile.linearFlops * symbolTokens,
    quadraticFlops: profile.quadraticFlops * symbolTokens * symbolTokens,
  };
}
