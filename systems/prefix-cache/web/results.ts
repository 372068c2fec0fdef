/** What the verbs of the page return. */
import type { Frame } from '../src/sim/playback.ts';

export type { Frame, FrameNode } from '../src/sim/playback.ts';

/** A tree to draw: of a frame of a replay, or of the chat's own cache. */
export type TreePicture = Pick<Frame, 'nodes' | 'victim'>;

export interface PlaybackResult {
  readonly policy: string;
  readonly capacityBytes: number;
  readonly frames: readonly Frame[];
}

export interface AskResult {
  readonly text: string;
  readonly history: readonly object[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly missReason: string;
  readonly ttftMs: number;
  readonly uncachedTtftMs?: number;
  readonly isByteEqual?: boolean;
  readonly cachedText: string;
  readonly newText: string;
  readonly tree: TreePicture;
}
