/** Times of transfers and collectives on links of latency α (ms) and bandwidth β (bytes per second).
 *  n ranks, `bytes` per rank before the operation. Ring forms as in Thakur, Rabenseifner, Gropp 2005. */

export interface LinkCost {
  readonly latencyMs: number;
  readonly bytesPerSec: number;
}

/** α + bytes / β. */
export function transferMs({ latencyMs, bytesPerSec }: LinkCost, bytes: number): number {
  return latencyMs + (bytes / bytesPerSec) * 1000;
}

/** Ring all-reduce: 2(n−1)·α + 2(n−1)/n · bytes/β. 0 for one rank. */
export function allReduceMs(link: LinkCost, bytes: number, numRanks: number): number {
  return 2 * reduceScatterMs(link, bytes, numRanks);
}

/** Ring reduce-scatter of `bytes` per rank: (n−1)·α + (n−1)/n · bytes/β. */
export function reduceScatterMs(link: LinkCost, bytes: number, numRanks: number): number {
  return (numRanks - 1) * transferMs(link, bytes / numRanks);
}

/** Ring all-gather of a shard of `bytes` per rank: (n−1)·(α + bytes/β). */
export function allGatherMs(link: LinkCost, bytes: number, numRanks: number): number {
  return (numRanks - 1) * transferMs(link, bytes);
}

/** Pairwise all-to-all of `bytes` per rank: (n−1)·α + (n−1)/n · bytes/β; the own part stays. */
export function allToAllMs(link: LinkCost, bytes: number, numRanks: number): number {
  return (numRanks - 1) * transferMs(link, bytes / numRanks);
}

/** Binomial tree broadcast: ⌈log2 n⌉ · (α + bytes/β). */
export function broadcastMs(link: LinkCost, bytes: number, numRanks: number): number {
  return Math.ceil(Math.log2(numRanks)) * transferMs(link, bytes);
}
