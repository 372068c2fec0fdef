/** Links: when a transfer that was issued at known times may finish. Nothing here moves data or sleeps.
 *
 *  A rank has one link out and one in; transfers on a link follow one another. Point to point: start when both sides
 *  have issued and both links are free, finish after α + bytes/β, links free after bytes/β. Collectives: start when all
 *  members have issued and all their links are free; they hold the links for the time of their algorithm
 *  (ring all-reduce 2(n−1)(α + B/(nβ)), tree 2⌈log2 n⌉(α + B/β), rank order 2(n−1)(α + B/β)). */

export interface LinkCost {
  readonly latencyMs: number;
  readonly bytesPerSec: number;
}

export interface Links {
  /** Between ranks of one node. */
  readonly intra: LinkCost;
  /** Between nodes; default: as intra. */
  readonly inter?: LinkCost;
  /** Consecutive ranks of a node; default: all ranks are on one node. */
  readonly ranksPerNode?: number;
}

export type TransferPattern =
  | { readonly kind: 'point-to-point'; readonly bytes: number }
  | { readonly kind: 'ring-all-reduce' | 'tree-all-reduce' | 'rank-order-all-reduce'; readonly bytes: number }
  | { readonly kind: 'all-gather' | 'reduce-scatter' | 'broadcast'; readonly bytes: number }
  /** Largest number of bytes that one rank sends to or receives from the others. */
  | { readonly kind: 'all-to-all'; readonly bytes: number }
  | { readonly kind: 'barrier' };

export interface TransferTime {
  readonly finishAfterMs: number;
  readonly linkBusyMs: number;
}

export function transferTime(links: Links, members: readonly number[], pattern: TransferPattern): TransferTime {
  const { latencyMs, bytesPerSec } = slowestLink(links, members);
  const n = members.length;
  const wireMs = (bytes: number): number => (bytes / bytesPerSec) * 1000;
  const hop = (bytes: number): number => latencyMs + wireMs(bytes);
  const levels = Math.ceil(Math.log2(n));
  const held = (ms: number): TransferTime => ({ finishAfterMs: ms, linkBusyMs: ms });
  if (n === 1) return held(0);
  switch (pattern.kind) {
    case 'point-to-point':
      return { finishAfterMs: hop(pattern.bytes), linkBusyMs: wireMs(pattern.bytes) };
    case 'ring-all-reduce':
      return held(2 * (n - 1) * hop(pattern.bytes / n));
    case 'tree-all-reduce':
      return held(2 * levels * hop(pattern.bytes));
    case 'rank-order-all-reduce':
      return held(2 * (n - 1) * hop(pattern.bytes));
    case 'all-gather':
      return held((n - 1) * hop(pattern.bytes));
    case 'reduce-scatter':
      return held((n - 1) * hop(pattern.bytes / n));
    case 'broadcast':
      return held(levels * hop(pattern.bytes));
    case 'all-to-all':
      return held((n - 1) * latencyMs + wireMs(pattern.bytes));
    case 'barrier':
      return held(levels * latencyMs);
  }
}

function slowestLink({ intra, inter = intra, ranksPerNode = Infinity }: Links, members: readonly number[]): LinkCost {
  const node = (rank: number): number => Math.floor(rank / ranksPerNode);
  return members.every((rank) => node(rank) === node(members[0]!)) ? intra : inter;
}
